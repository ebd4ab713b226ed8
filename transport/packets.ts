// MQTT's packets as far as a board needs them: those that it sends, written; those that a broker sends it, read. Both
// versions, MQTT 5 and 3.1.1 (level 4), which differ here by properties and reason codes.
//
//   first byte: type << 4 | flags       length: 1 to 4 bytes, 7 bits each       body
//
// Refuses what breaks the standard in a way that would make us misread: throws Malformed, and the connection ends.
// What it does not need it steps over, by the type of each property (MQTT 5, 2.2.2.2), never by trust in a length.

/** MQTT 5, 2.1.2. */
export const Type = {
  CONNECT: 1,
  CONNACK: 2,
  PUBLISH: 3,
  PUBACK: 4,
  PUBREC: 5,
  PUBREL: 6,
  PUBCOMP: 7,
  SUBSCRIBE: 8,
  SUBACK: 9,
  PINGREQ: 12,
  PINGRESP: 13,
  DISCONNECT: 14,
} as const;

export class Malformed extends Error {}

export interface Connect {
  clientId: string;
  keepalive: number;
  username: string | undefined;
  password: string | undefined;
  /** Retained, QoS 1. */
  will: { topic: string; payload: Buffer };
  /** MQTT 5. */
  packetBytesMax: number;
  receiveMax: number;
}

const RECEIVE_MAXIMUM = 0x21;
const MAXIMUM_PACKET_SIZE = 0x27;
const SERVER_KEEP_ALIVE = 0x13;

/** Bytes of a property's value; text and binary data have a length of two bytes before them, a pair has two texts. */
const PROPERTIES: Readonly<Record<number, number | 'varint' | 'text' | 'pair'>> = {
  1: 1,
  2: 4,
  3: 'text',
  8: 'text',
  9: 'text',
  11: 'varint',
  17: 4,
  18: 'text',
  [SERVER_KEEP_ALIVE]: 2,
  21: 'text',
  22: 'text',
  23: 1,
  24: 4,
  25: 1,
  26: 'text',
  28: 'text',
  31: 'text',
  [RECEIVE_MAXIMUM]: 2,
  34: 2,
  35: 2,
  36: 1,
  37: 1,
  38: 'pair',
  [MAXIMUM_PACKET_SIZE]: 4,
  40: 1,
  41: 1,
  42: 1,
};

export function writeConnect(connect: Connect, protocol: 4 | 5): Buffer {
  const { clientId, keepalive, username, password, will } = connect;
  const isNamed = username !== undefined || password !== undefined;
  // Clean start, a will of QoS 1, retained. 3.1.1 takes no password without a user name: an empty one then.
  const flags = 0x02 | 0x04 | 0x08 | 0x20 | (isNamed ? 0x80 : 0) | (password === undefined ? 0 : 0x40);
  const properties = Buffer.alloc(8);
  properties[0] = RECEIVE_MAXIMUM;
  properties.writeUInt16BE(connect.receiveMax, 1);
  properties[3] = MAXIMUM_PACKET_SIZE;
  properties.writeUInt32BE(connect.packetBytesMax, 4);
  return packet(Type.CONNECT << 4, [
    text('MQTT'),
    Buffer.from([protocol, flags, keepalive >> 8, keepalive & 0xff]),
    ...(protocol === 5 ? [Buffer.from([properties.length]), properties] : []),
    text(clientId),
    ...(protocol === 5 ? [Buffer.from([0])] : []),
    text(will.topic),
    data(will.payload),
    ...(isNamed ? [text(username ?? '')] : []),
    ...(password === undefined ? [] : [text(password)]),
  ]);
}

/** All at QoS 0. */
export function writeSubscribe(id: number, topics: readonly string[], protocol: 4 | 5): Buffer {
  const parts = [uint16(id), ...(protocol === 5 ? [Buffer.from([0])] : [])];
  for (const topic of topics) parts.push(text(topic), Buffer.from([0]));
  return packet((Type.SUBSCRIBE << 4) | 2, parts);
}

/** What stands before the payload of a PUBLISH; `id` makes it QoS 1 and retained. */
export function writePublishHead(
  topic: string,
  payloadBytes: number,
  protocol: 4 | 5,
  id: number | undefined,
): Buffer {
  const topicBytes = Buffer.byteLength(topic);
  const bodyBytes = 2 + topicBytes + (id === undefined ? 0 : 2) + (protocol === 5 ? 1 : 0) + payloadBytes;
  const lengthBytes = varintBytes(bodyBytes);
  const head = Buffer.allocUnsafe(1 + lengthBytes + bodyBytes - payloadBytes);
  head[0] = (Type.PUBLISH << 4) | (id === undefined ? 0 : 0x03);
  writeVarint(head, 1, bodyBytes);
  let at = head.writeUInt16BE(topicBytes, 1 + lengthBytes);
  at += head.write(topic, at);
  if (id !== undefined) at = head.writeUInt16BE(id, at);
  if (protocol === 5) head[at] = 0;
  return head;
}

/** PUBACK, PUBREC and PUBCOMP: success, in both versions. */
export const writeAnswer = (type: number, id: number): Buffer => packet(type << 4, [uint16(id)]);

export const writeEmpty = (type: number): Buffer => Buffer.from([type << 4, 0]);

export interface Connack {
  code: number;
  /** Infinity if the broker does not say. */
  packetBytesMax: number;
  /** Seconds, if the broker wants another than ours. */
  keepalive: number | undefined;
}

/** A broker without MQTT 5 answers a CONNECT of 5 in its own way: with no properties. */
export function readConnack(body: Buffer): Connack {
  const reader = new Reader(body);
  reader.uint8();
  const connack: Connack = {
    code: reader.uint8(),
    packetBytesMax: Number.POSITIVE_INFINITY,
    keepalive: undefined,
  };
  if (!reader.isAtEnd)
    reader.properties((name, value) => {
      if (name === MAXIMUM_PACKET_SIZE) connack.packetBytesMax = value;
      if (name === SERVER_KEEP_ALIVE) connack.keepalive = value;
    });
  return connack;
}

export function readSuback(body: Buffer, protocol: 4 | 5): { id: number; codes: Buffer } {
  const reader = new Reader(body);
  const id = reader.uint16();
  if (protocol === 5) reader.properties();
  return { id, codes: reader.rest() };
}

/** PUBACK and PUBREL. The reason code is left out when it is 0. */
export function readAnswer(body: Buffer): { id: number; code: number } {
  const reader = new Reader(body);
  return { id: reader.uint16(), code: reader.isAtEnd ? 0 : reader.uint8() };
}

export const readDisconnect = (body: Buffer): number => body[0] ?? 0;

export interface Publish {
  topic: string;
  qos: number;
  id: number;
  isRetained: boolean;
  /** A view of the packet. */
  payload: Buffer;
}

export function readPublish(first: number, body: Buffer, protocol: 4 | 5): Publish {
  const reader = new Reader(body);
  const qos = (first >> 1) & 3;
  if (qos === 3) throw new Malformed('a PUBLISH of QoS 3');
  const topic = reader.text();
  const id = qos === 0 ? 0 : reader.uint16();
  if (protocol === 5) reader.properties();
  return { topic, qos, id, isRetained: (first & 1) === 1, payload: reader.rest() };
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Steps over so many bytes; where they began. */
  #step(bytes: number): number {
    const from = this.#at;
    if (bytes > this.#bytes.length - from) throw new Malformed('a packet that ends too soon');
    this.#at = from + bytes;
    return from;
  }

  uint8(): number {
    return this.#bytes[this.#step(1)] as number;
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#step(2));
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale <= 128 ** 3; scale *= 128) {
      const byte = this.uint8();
      value += (byte & 0x7f) * scale;
      if ((byte & 0x80) === 0) return value;
    }
    throw new Malformed('a number of more than four bytes');
  }

  text(): string {
    const bytes = this.uint16();
    const from = this.#step(bytes);
    return this.#bytes.toString('utf8', from, from + bytes);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#step(this.#bytes.length - this.#at));
  }

  /** Tells those of two and four bytes. */
  properties(take: (name: number, value: number) => void = () => {}): void {
    const bytes = this.varint();
    if (bytes > this.#bytes.length - this.#at) throw new Malformed('properties that end too late');
    const end = this.#at + bytes;
    while (this.#at < end) {
      const name = this.varint();
      const kind = PROPERTIES[name];
      if (kind === undefined) throw new Malformed(`a property ${name}`);
      if (kind === 'varint') this.varint();
      else if (typeof kind === 'string')
        for (let n = kind === 'pair' ? 2 : 1; n > 0; n--) this.#step(this.uint16());
      else {
        const from = this.#step(kind);
        if (kind > 1) take(name, this.#bytes.readUIntBE(from, kind));
      }
    }
    if (this.#at > end) throw new Malformed('a property that ends too late');
  }
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(1 + varintBytes(bytes));
  head[0] = first;
  writeVarint(head, 1, bytes);
  return Buffer.concat([head, ...parts]);
}

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

const text = (value: string): Buffer => data(Buffer.from(value));

function data(bytes: Buffer): Buffer {
  if (bytes.length > 0xffff) throw new RangeError(`${bytes.length} bytes where MQTT has room for 65535`);
  return Buffer.concat([uint16(bytes.length), bytes]);
}

const varintBytes = (value: number): number =>
  value < 128 ? 1 : value < 128 ** 2 ? 2 : value < 128 ** 3 ? 3 : 4;

function writeVarint(bytes: Buffer, at: number, value: number): void {
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes[at++] = (left % 128) | 0x80;
  bytes[at] = left;
}
