// A connection by MQTT.js: the gateway's, a board's over a WebSocket, and the twin that the board's own client is held
// to in test/transport. The only file that imports it, and it is loaded with the first connection: a board that has no
// use for it never has it in memory.
//
// MQTT.js is used for one connection at a time and thrown away with it: its reconnecting, resubscribing, offline
// queue, topic aliases and stores are not used (the stores hold one status at most). What it lacks is around it:
// wire.ts bounds what comes in and knows when memory may be used anew, keeper.ts reconnects.
//
// Cost, of anonymous memory at rest in Node 20: 4 MiB for the module as imported here (the whole package: 8), and
// 13 more unless `writeCache` is off: a table of all 65,536 two-byte numbers, each a Buffer.

import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { IClientOptions } from 'mqtt';
import { FRAME_BYTES_MAX } from '../protocol/limits.ts';
import { openSocket } from './endpoint.ts';
import type { Connection, ConnectionEvents } from './keeper.ts';
import {
  CONNECT_MS,
  deliver,
  endingOf,
  frameBytesFor,
  type Opening,
  PACKET_BYTES_MAX,
  PUBLISH_BYTES,
  RECEIVE_MAX,
  swallowed,
  unreadable,
  unwritable,
} from './opening.ts';
import { Wire } from './wire.ts';

// CommonJS is required, not imported: protocol/cbor.ts says why.
const require = createRequire(import.meta.url);

export function openMqttJs(opening: Opening, events: ConnectionEvents): Connection {
  const { endpoint, role, keeper } = opening;
  const socket = endpoint.isWeb ? openWebSocket(opening) : openSocket(endpoint);
  const wire = new Wire(socket, {
    packetBytesMax: PACKET_BYTES_MAX,
    oversized: 'swallow',
    onSwallow: () => swallowed(opening, events),
  });
  const { default: MqttClient } = require('mqtt/lib/client') as typeof import('mqtt/lib/client');
  const client = new MqttClient(() => wire, clientOptions(opening));

  let isThere = false; // the other end took the connection
  let isAnswered = false; // CONNACK came
  let isUp = false;
  let frameBytesMax = FRAME_BYTES_MAX;
  let why: unknown;
  const fail = (error: unknown) => {
    why ??= error;
    wire.destroy();
  };
  // A broker may send a retained message before SUBACK; either shows that the subscriptions stand.
  const rise = () => {
    if (isUp || wire.destroyed) return;
    isUp = true;
    events.up(frameBytesMax);
  };

  // A WebSocket does not tell; then only a spoken refusal leads to the older version.
  socket.once(endpoint.isTls ? 'secureConnect' : 'connect', () => {
    isThere = true;
  });
  client.on('error', fail);
  client.on('disconnect', packet => fail({ code: packet.reasonCode ?? 0 }));
  client.on('connect', connack => {
    isAnswered = true;
    const frameBytes = frameBytesFor(connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY);
    if (typeof frameBytes !== 'number') {
      fail(frameBytes);
      return;
    }
    frameBytesMax = frameBytes;
    client.subscribe(role.topics, { qos: 0 });
  });
  client.on('packetreceive', packet => {
    if (packet.cmd !== 'suback') return;
    const wrong = unreadable(role, packet.granted as number[]);
    if (wrong === undefined) rise();
    else fail(wrong);
  });
  client.on('message', (topic, payload, packet) => {
    rise();
    if (!wire.destroyed) deliver(opening, events, topic, payload, packet.retain);
  });
  wire.on('error', error => {
    why ??= error;
  });
  wire.once('close', () => {
    events.ended(endingOf(why, isThere, isAnswered), why ?? { code: 'ECONNRESET' });
  });

  return {
    publish(topic, payload, sent) {
      if (wire.destroyed) return false;
      const { queue } = keeper;
      if (wire.writableLength + PUBLISH_BYTES + payload.length > queue.bytesMax) {
        queue.drops++;
        return false;
      }
      client.publish(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength));
      queue.highWater = Math.max(queue.highWater, wire.writableLength);
      wire.afterWritten(sent);
      return true;
    },
    get waitingBytes() {
      return wire.writableLength;
    },
    announce(payload, done) {
      client.publish(role.statusTopic, payload, { qos: 1, retain: true }, error => {
        if (wire.destroyed) return;
        if (!error) done();
        // Without a reason code it only says that the connection ends, which has a reason of its own.
        else if (typeof (error as { code?: unknown }).code === 'number') fail(unwritable(role));
      });
    },
    finish: () => void client.end(),
    destroy: () => void wire.destroy(),
  };
}

/** One WebSocket message may hold several packets; a broker that sends more at once is cut off. */
const WEB_BYTES_MAX = 1024 * 1024;

/** MQTT.js brings `ws`; it is loaded only where a broker is reached through it, for it takes 1 MB. */
function openWebSocket({ endpoint, protocol }: Opening): Duplex {
  const { streamBuilder } = require('mqtt/lib/connect/ws') as typeof import('mqtt/lib/connect/ws');
  const { pem, isTls, host, port, path } = endpoint;
  const wsOptions = {
    maxPayload: WEB_BYTES_MAX,
    perMessageDeflate: false,
    handshakeTimeout: CONNECT_MS,
    ...pem,
  };
  return streamBuilder(undefined as never, {
    protocol: isTls ? 'wss' : 'ws',
    hostname: host.includes(':') ? `[${host}]` : host,
    port,
    path,
    protocolVersion: protocol,
    wsOptions,
  }) as Duplex;
}

function clientOptions({ endpoint, role, protocol, keepalive, will }: Opening): IClientOptions {
  return {
    clientId: role.clientId,
    protocolVersion: protocol,
    clean: true,
    keepalive,
    ...(endpoint.username === undefined ? {} : { username: endpoint.username }),
    ...(endpoint.password === undefined ? {} : { password: endpoint.password }),
    will: { topic: role.statusTopic, payload: will, qos: 1, retain: true },
    connectTimeout: CONNECT_MS,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    writeCache: false,
    ...(protocol === 5
      ? { properties: { maximumPacketSize: PACKET_BYTES_MAX, receiveMaximum: RECEIVE_MAX } }
      : {}),
  };
}
