// Our packets beside those of mqtt-packet, the codec that MQTT.js brings: what one writes the other reads.

import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Malformed,
  readAnswer,
  readConnack,
  readDisconnect,
  readPublish,
  readSuback,
  Type,
  writeAnswer,
  writeConnect,
  writeEmpty,
  writePublishHead,
  writeSubscribe,
} from '../../transport/packets.ts';

// biome-ignore lint/suspicious/noExplicitAny: whatever kind of packet
type Packet = any;
const theirs: {
  generate(packet: Packet, options: object): Buffer;
  parser(options: object): {
    on(event: string, call: (value: Packet) => void): void;
    parse(bytes: Buffer): number;
  };
} = createRequire(createRequire(import.meta.url).resolve('mqtt'))('mqtt-packet');

function parsed(bytes: Buffer, protocolVersion: 4 | 5): Packet {
  const parser = theirs.parser({ protocolVersion });
  const packets: Packet[] = [];
  parser.on('packet', packet => packets.push(packet));
  parser.on('error', error => {
    throw error;
  });
  expect(parser.parse(bytes)).toBe(0);
  expect(packets).toHaveLength(1);
  return packets[0];
}

/** First byte and body of one whole packet. */
function opened(bytes: Buffer): { first: number; body: Buffer } {
  let at = 1;
  while ((bytes[at++] as number) >= 0x80);
  return { first: bytes[0] as number, body: bytes.subarray(at) };
}

const generate = (packet: Packet, protocolVersion: 4 | 5) =>
  opened(theirs.generate(packet, { protocolVersion }));

const VERSIONS = [4, 5] as const;
const text = fc.string({ unit: 'grapheme', maxLength: 60 }).filter(each => !each.includes('\0'));

const name = text.filter(each => each !== '' && each !== '__proto__');

describe.each(VERSIONS)('packets of level %d', protocol => {
  it('packets: any CONNECT -> they read what we meant', () => {
    const check = fc.property(
      name,
      fc.integer({ min: 1, max: 0xffff }),
      fc.option(name, { nil: undefined }),
      fc.option(name, { nil: undefined }),
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      (clientId, keepalive, username, password, payload) => {
        const will = { topic: 'toastbox/1/board/b1/status', payload: Buffer.from(payload) };
        const connect = {
          clientId,
          keepalive,
          username,
          password,
          will,
          packetBytesMax: 33_000,
          receiveMax: 8,
        };
        const packet = parsed(writeConnect(connect, protocol), protocol);
        expect(packet).toMatchObject({
          cmd: 'connect',
          protocolVersion: protocol,
          clean: true,
          clientId,
          keepalive,
          will: { ...will, qos: 1, retain: true },
        });
        // A password without a name is not allowed in 3.1.1: the name is empty then.
        expect(packet.username).toBe(username ?? (password === undefined ? undefined : ''));
        expect(packet.password?.toString()).toBe(password);
        if (protocol === 5)
          expect(packet.properties).toEqual({ maximumPacketSize: 33_000, receiveMaximum: 8 });
      },
    );
    fc.assert(check, { numRuns: 300, seed: 5 });
  });

  it('packets: PUBLISH of any length, SUBSCRIBE, answers, ping, goodbye -> they read what we meant', () => {
    const topic = 'toastbox/1/board/b1/up';
    for (const bytes of [0, 1, 99, 100, 101, 127, 128, 16_356, 16_383, 16_384, 32_768])
      for (const id of [undefined, 1, 0xffff]) {
        const payload = Buffer.alloc(bytes, 7);
        const head = writePublishHead(topic, bytes, protocol, id);
        expect(parsed(Buffer.concat([head, payload]), protocol)).toMatchObject({
          cmd: 'publish',
          topic,
          payload,
          dup: false,
          ...(id === undefined ? { qos: 0, retain: false } : { qos: 1, retain: true, messageId: id }),
        });
      }
    const subscribed = parsed(writeSubscribe(9, ['a', 'b/+/c'], protocol), protocol);
    expect(subscribed).toMatchObject({ cmd: 'subscribe', messageId: 9 });
    expect(subscribed.subscriptions).toMatchObject([
      { topic: 'a', qos: 0 },
      { topic: 'b/+/c', qos: 0 },
    ]);
    for (const [type, cmd] of [
      [Type.PUBACK, 'puback'],
      [Type.PUBREC, 'pubrec'],
      [Type.PUBCOMP, 'pubcomp'],
    ] as const)
      expect(parsed(writeAnswer(type, 300), protocol)).toMatchObject({ cmd, messageId: 300 });
    expect(parsed(writeEmpty(Type.PINGREQ), protocol)).toMatchObject({ cmd: 'pingreq' });
    expect(parsed(writeEmpty(Type.DISCONNECT), protocol)).toMatchObject({ cmd: 'disconnect' });
  });

  it('packets: any PUBLISH of theirs, with any properties -> we read it', () => {
    const properties = fc.record(
      {
        payloadFormatIndicator: fc.boolean(),
        messageExpiryInterval: fc.nat(0xffff_ffff),
        topicAlias: fc.integer({ min: 1, max: 0xffff }),
        responseTopic: text,
        correlationData: fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
        // None at all, and mqtt-packet writes a broken packet.
        userProperties: fc.dictionary(name, text, { minKeys: 1 }),
        subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
        contentType: text,
      },
      { requiredKeys: [] },
    );
    const check = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 0, max: 2 }),
      fc.boolean(),
      properties,
      (payload, qos, retain, some) => {
        const packet = {
          cmd: 'publish',
          topic: 'a/b',
          payload: Buffer.from(payload),
          qos,
          retain,
          messageId: 77,
        };
        const { first, body } = generate(protocol === 5 ? { ...packet, properties: some } : packet, protocol);
        expect(readPublish(first, body, protocol)).toEqual({
          topic: 'a/b',
          qos,
          id: qos === 0 ? 0 : 77,
          isRetained: retain,
          payload: Buffer.from(payload),
        });
      },
    );
    fc.assert(check, { numRuns: 500, seed: 6 });
  });

  it('packets: CONNACK, SUBACK, PUBACK -> we read them', () => {
    const accepted = { cmd: 'connack', sessionPresent: false, reasonCode: 0, returnCode: 0 };
    expect(readConnack(generate(accepted, protocol).body)).toEqual({
      code: 0,
      packetBytesMax: Number.POSITIVE_INFINITY,
      keepalive: undefined,
    });
    expect(readConnack(generate({ ...accepted, reasonCode: 0x87, returnCode: 5 }, protocol).body).code).toBe(
      protocol === 5 ? 0x87 : 5,
    );
    const granted = protocol === 5 ? [0, 0x87] : [0, 0x80];
    const suback = readSuback(generate({ cmd: 'suback', messageId: 3, granted }, protocol).body, protocol);
    expect(suback).toEqual({ id: 3, codes: Buffer.from(granted) });
    expect(readAnswer(generate({ cmd: 'puback', messageId: 4, reasonCode: 0 }, protocol).body)).toEqual({
      id: 4,
      code: 0,
    });
  });

  it('packets: cut at any byte, or any bytes -> read or malformed, and nothing else', () => {
    const readers = [
      readConnack,
      readAnswer,
      readDisconnect,
      (body: Buffer) => readSuback(body, protocol),
      (body: Buffer) => readPublish(0x30, body, protocol),
      (body: Buffer) => readPublish(0x32, body, protocol),
    ];
    const check = fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
      for (const read of readers)
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(Malformed);
        }
    });
    fc.assert(check, { numRuns: 5_000, seed: 7 });
    const packet = { cmd: 'publish', topic: 'a/b', payload: '', qos: 1, messageId: 77 };
    const { first, body } = generate(
      protocol === 5 ? { ...packet, properties: { responseTopic: 'x', userProperties: { a: 'b' } } } : packet,
      protocol,
    );
    for (let bytes = 0; bytes < body.length; bytes++)
      expect(() => readPublish(first, body.subarray(0, bytes), protocol)).toThrow(Malformed);
  });
});

describe('packets', () => {
  it('packets: a CONNACK with all that MQTT 5 has -> its bounds are found', () => {
    const properties = {
      sessionExpiryInterval: 1,
      receiveMaximum: 20,
      maximumQoS: 1,
      retainAvailable: true,
      maximumPacketSize: 100_000,
      assignedClientIdentifier: 'other',
      topicAliasMaximum: 3,
      reasonString: 'why not',
      userProperties: { a: 'b', c: 'd' },
      wildcardSubscriptionAvailable: true,
      subscriptionIdentifiersAvailable: true,
      sharedSubscriptionAvailable: true,
      serverKeepAlive: 17,
      responseInformation: 'r',
      serverReference: 's',
      authenticationMethod: 'm',
      authenticationData: Buffer.from('d'),
    };
    const { body } = generate({ cmd: 'connack', sessionPresent: false, reasonCode: 0, properties }, 5);
    expect(readConnack(body)).toEqual({ code: 0, packetBytesMax: 100_000, keepalive: 17 });
  });

  it('packets: the answer of a broker without MQTT 5 to a CONNECT of 5 -> its code', () => {
    expect(readConnack(Buffer.from([0, 1])).code).toBe(1);
  });

  it('packets: a will that has no room -> our mistake, thrown', () => {
    const will = { topic: 't', payload: Buffer.alloc(0x10000) };
    const connect = { clientId: 'c', keepalive: 1, username: undefined, password: undefined, will };
    expect(() => writeConnect({ ...connect, packetBytesMax: 1, receiveMax: 1 }, 5)).toThrow(RangeError);
  });
});
