// The link over MQTT, with MQTT.js: the only file that imports it, so that it can be replaced.
//
// MQTT.js is used for one connection at a time and thrown away with it: its reconnecting, resubscribing, offline
// queue, topic aliases and stores are not used (the stores hold one status at most). What it lacks is around it:
// wire.ts bounds what comes in and knows when memory may be used anew, keeper.ts reconnects.
//
// Cost, of anonymous memory at rest in Node 20: 8 MB for the module as imported here (the whole package: 12), and
// 13 more unless `writeCache` is off: a table of all 65,536 two-byte numbers, each a Buffer.
//
// Everything is subscribed at QoS 0 and sent at QoS 0, but for the status (QoS 1, so that a lost one is noticed).

import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type { IClientOptions } from 'mqtt';
import { FRAME_BYTES_MAX, FRAME_BYTES_MIN, LABEL } from '../protocol/limits.ts';
import { printable } from '../protocol/path.ts';
import {
  boardOfTopic,
  boardTopic,
  everyBoard,
  GATEWAY_STATUS_TOPIC,
  TOPIC_BYTES_MAX,
} from '../protocol/topics.ts';
import { type Endpoint, type EndpointOptions, openSocket, readEndpoint } from './endpoint.ts';
import { type Connection, type ConnectionEvents, Keeper } from './keeper.ts';
import type { BoardLink, BoardLinkHandlers, GatewayLink, GatewayLinkHandlers } from './link.ts';
import type { Ending } from './negotiate.ts';
import {
  type BoardStatus,
  type GatewayStatus,
  readBoardStatus,
  readGatewayStatus,
  writeStatus,
} from './status.ts';
import { Wire } from './wire.ts';

// CommonJS is required, not imported: protocol/cbor.ts says why.
const require = createRequire(import.meta.url);
const { default: MqttClient } = require('mqtt/lib/client') as typeof import('mqtt/lib/client');

/** A PUBLISH at QoS 0 around its payload: fixed header, topic with its length, no properties. MQTT 5, 3.3. */
const PUBLISH_BYTES = 5 + 2 + TOPIC_BYTES_MAX + 1;

/** What we say in CONNECT that we take, and what the wire lets in: a frame, and room for properties that some
 * bridge may add. */
const PACKET_BYTES_MAX = FRAME_BYTES_MAX + PUBLISH_BYTES + 1024;

/** Frames that wait for the socket: on a board two windows of 8, at a gateway those of some 30 boards. */
const BOARD_QUEUE_BYTES_MAX = 2 * 8 * FRAME_BYTES_MAX;
const GATEWAY_QUEUE_BYTES_MAX = 8 * 1024 * 1024;

/** From the first packet out to CONNACK. A TLS handshake on a 2G link takes 10 s. */
const CONNECT_MS = 30_000;

/** Seconds without traffic before a ping. A dead link is noticed after 1.5 times as long. */
const KEEPALIVE_SECONDS = 60;

interface LinkOptions extends EndpointOptions {
  /** Of this process: greater than that of any earlier one under the same name. */
  session: number;
  /** Name and version, for the status. */
  software: string;
  /** 1 to 65,535. 300 halves the bytes of an idle link again, if nothing on the way forgets connections sooner. */
  keepaliveSeconds?: number | undefined;
  random?: (() => number) | undefined;
}

export interface BoardLinkOptions extends LinkOptions {
  board: string;
}

export type GatewayLinkOptions = LinkOptions;

/** What makes a link a board's or the gateway's. */
interface Role {
  clientId: string;
  statusTopic: string;
  topics: string[];
  queueBytesMax: number;
  /** Takes a message in; false if it is nothing that this link expects. */
  take(topic: string, payload: Uint8Array, isRetained: boolean): boolean;
}

/** Throws if the options cannot work; anything that time may heal comes as down(). */
export function connectBoard(options: BoardLinkOptions, handlers: BoardLinkHandlers): BoardLink {
  const { board } = options;
  if (!LABEL.test(board))
    throw new Error(`"${board}" cannot be a board's name: letters, digits, '.', '_', '-'`);
  const upTopic = boardTopic(board, 'up');
  const downTopic = boardTopic(board, 'down');
  const statusTopic = boardTopic(board, 'status');
  let gatewayKnown = '';
  const keeper = keep(
    options,
    {
      clientId: `toastbox-board-${board}`,
      statusTopic,
      topics: [downTopic, statusTopic, GATEWAY_STATUS_TOPIC],
      queueBytesMax: BOARD_QUEUE_BYTES_MAX,
      take(topic, payload, isRetained) {
        if (topic === downTopic) {
          if (isRetained || payload.length > FRAME_BYTES_MAX) return false;
          keeper.counts.framesIn++;
          keeper.counts.bytesIn += payload.length;
          handlers.frame(payload);
          return true;
        }
        if (topic === GATEWAY_STATUS_TOPIC) {
          const status = readGatewayStatus(payload);
          if (!status) return false;
          const known = `${status.state} ${status.session}`;
          if (known !== gatewayKnown) {
            gatewayKnown = known;
            handlers.gateway(status, !isRetained);
          }
          return true;
        }
        return topic === statusTopic && seeOwn(keeper, readBoardStatus(payload));
      },
    },
    {
      up(info) {
        gatewayKnown = '';
        handlers.up(info);
      },
      down: why => handlers.down(why),
      dropped: why => handlers.dropped?.(why),
    },
  );
  return {
    counts: keeper.counts,
    get queue() {
      return keeper.queue;
    },
    send: (frame, sent) => keeper.send(upTopic, frame, sent),
    setStatus: status => keeper.setStatus(status),
    close: () => keeper.close(),
  };
}

/** Throws if the options cannot work; anything that time may heal comes as down(). */
export function connectGateway(options: GatewayLinkOptions, handlers: GatewayLinkHandlers): GatewayLink {
  const keeper = keep(
    options,
    {
      clientId: 'toastbox-gateway',
      statusTopic: GATEWAY_STATUS_TOPIC,
      topics: [everyBoard('up'), everyBoard('status'), GATEWAY_STATUS_TOPIC],
      queueBytesMax: GATEWAY_QUEUE_BYTES_MAX,
      take(topic, payload, isRetained) {
        if (topic === GATEWAY_STATUS_TOPIC) return seeOwn(keeper, readGatewayStatus(payload));
        const place = boardOfTopic(topic);
        if (place === undefined) return false;
        if (place.leaf === 'status') {
          handlers.status(place.board, readBoardStatus(payload));
          return true;
        }
        if (place.leaf !== 'up' || isRetained || payload.length > FRAME_BYTES_MAX) return false;
        keeper.counts.framesIn++;
        keeper.counts.bytesIn += payload.length;
        handlers.frame(place.board, payload);
        return true;
      },
    },
    handlers,
  );
  return {
    counts: keeper.counts,
    get queue() {
      return keeper.queue;
    },
    send: (board, frame, sent) => keeper.send(boardTopic(board, 'down'), frame, sent),
    setStatus: status => keeper.setStatus(status),
    close: () => keeper.close(),
  };
}

function seeOwn(keeper: Keeper, status: BoardStatus | GatewayStatus | undefined): boolean {
  if (status) keeper.seeOwn(status);
  return status !== undefined;
}

function keep(options: LinkOptions, role: Role, handlers: ConstructorParameters<typeof Keeper>[1]): Keeper {
  const endpoint = readEndpoint(options);
  const keepalive = options.keepaliveSeconds ?? KEEPALIVE_SECONDS;
  if (!Number.isInteger(keepalive) || keepalive < 1 || keepalive > 0xffff) {
    throw new Error(`a keep-alive of ${keepalive} seconds: 1 to 65535 are possible`);
  }
  const keeper: Keeper = new Keeper(
    {
      endpoint,
      session: options.session,
      facts: { software: options.software },
      random: options.random ?? Math.random,
      queueBytesMax: role.queueBytesMax,
      open: (protocol, events) => {
        const will = writeStatus('offline', options.session, {});
        return openConnection({ endpoint, role, keeper, protocol, keepalive, will }, events);
      },
    },
    handlers,
  );
  return keeper;
}

interface Opening {
  endpoint: Endpoint;
  role: Role;
  keeper: Keeper;
  protocol: 4 | 5;
  keepalive: number;
  will: Buffer;
}

function openConnection(opening: Opening, events: ConnectionEvents): Connection {
  const { endpoint, role, keeper } = opening;
  const drop = (why: string) => {
    keeper.counts.dropsIn++;
    events.dropped(why);
  };
  const socket = endpoint.isWeb ? openWebSocket(opening) : openSocket(endpoint);
  const wire = new Wire(socket, {
    packetBytesMax: PACKET_BYTES_MAX,
    oversized: 'swallow',
    onSwallow: () => drop('oversized'),
  });
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
    const packetBytesMax = connack.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
    frameBytesMax = Math.min(FRAME_BYTES_MAX, packetBytesMax - PUBLISH_BYTES);
    if (frameBytesMax < FRAME_BYTES_MIN) {
      const needed = FRAME_BYTES_MIN + PUBLISH_BYTES;
      fail(new Error(`the broker takes packets of ${packetBytesMax} bytes only: allow ${needed} or more`));
      return;
    }
    client.subscribe(role.topics, { qos: 0 });
  });
  client.on('packetreceive', packet => {
    if (packet.cmd !== 'suback') return;
    const refused = role.topics.filter((_, index) => Number(packet.granted[index] ?? 0x80) >= 0x80);
    if (refused.length === 0) rise();
    else fail(new Error(`the broker does not let us read ${refused.join(', ')}: check its access list`));
  });
  client.on('message', (topic, payload, packet) => {
    rise();
    if (wire.destroyed || !keeper.isOpen || role.take(topic, payload, packet.retain)) return;
    const shown = printable(Buffer.from(topic.slice(0, TOPIC_BYTES_MAX)));
    drop(`${payload.length > FRAME_BYTES_MAX ? 'oversized' : 'out of place'}: ${shown}`);
  });
  wire.on('error', error => {
    why ??= error;
  });
  wire.once('close', () => {
    const refusal = (why as { code?: unknown } | undefined)?.code;
    const isBroken = why === undefined || refusal === 'ECONNRESET' || refusal === 'EPIPE';
    let ending: Ending = 'other';
    if (refusal === 0x84 || refusal === 1) ending = 'version';
    else if (isThere && !isAnswered && isBroken) ending = 'silent';
    events.ended(ending, why ?? { code: 'ECONNRESET' });
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
        else fail(new Error(`the broker does not let us write ${role.statusTopic}: check its access list`));
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
    ...(protocol === 5 ? { properties: { maximumPacketSize: PACKET_BYTES_MAX, receiveMaximum: 8 } } : {}),
  };
}
