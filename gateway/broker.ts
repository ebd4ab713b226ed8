// The embedded broker: aedes on TCP, MQTT 3.1.1, for a gateway that has no other. No users, no TLS: it listens on
// loopback unless told otherwise, and whoever reaches the port may do everything.
//
//   client --> wire: 64 KiB a packet --> aedes --> each subscriber's queue: dropped when full --> wire --> client
//
// aedes makes a publisher wait until each subscriber has taken the message, so one board that stopped reading would
// stall the gateway for all. Here nobody waits: a subscriber's queue has room for one packet more than what is ever
// put into it, and a message for a full one is dropped, which our protocol takes as any other loss.
//
// Bounds, all of them whatever clients do: CLIENTS_MAX connections, PACKET_BYTES_MAX in each one's parser,
// QUEUE_BYTES_MAX in each one's queue and QUEUES_BYTES_MAX in all, RETAINED_MAX statuses kept. No session outlives
// its connection, so that nothing is queued for who is away. Only statuses are retained: the flag is taken off other
// messages.

import * as net from 'node:net';
import type { AedesPublishPacket, Client } from 'aedes';
import { boardOfTopic, GATEWAY_STATUS_TOPIC } from '../protocol/topics.ts';
import { STATUS_BYTES_MAX } from '../transport/status.ts';
import { Wire } from '../transport/wire.ts';

/** Boards, the gateway, its plain folders' agents, and a few that look on. Each costs some 100 KB at rest. */
const CLIENTS_MAX = 1024;
/** Twice a frame: a client that announces more is not one of ours, and is cut off. */
const PACKET_BYTES_MAX = 64 * 1024;
/** What one client may have waiting: the gateway's share when a hundred boards send it a window at once. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** What all clients together may have waiting. */
const QUEUES_BYTES_MAX = 64 * 1024 * 1024;
/** Statuses kept, 8 KiB each at most. */
const RETAINED_MAX = 4096;
const SUBSCRIPTIONS_MAX = 64;
/** From connection to CONNECT. */
const CONNECT_MS = 10_000;

export interface Broker {
  host: string;
  /** As bound: another than asked for if that was 0. */
  port: number;
  readonly clients: number;
  /** Bytes that wait for subscribers to take them, and how many may. */
  readonly queue: { bytes: number; bytesMax: number };
  /** Connections at most. */
  readonly clientsMax: number;
  /** Messages dropped because a subscriber's queue was full. */
  readonly drops: number;
  /** Cuts all clients off; settles when the port is free. Safe to call twice. */
  close(): Promise<void>;
}

/** Throws an Error with one clear sentence if it cannot listen. */
export async function startBroker({ host = '127.0.0.1', port = 1883 } = {}): Promise<Broker> {
  const { Aedes } = await loadAedes();
  let drops = 0;
  const retained = new Set<string>();
  const queued = () => {
    let bytes = 0;
    for (const wire of wires) bytes += wire.writableLength;
    return bytes;
  };
  const wires = new Set<Wire>();

  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_MS,
    drainTimeout: 0,
    // Messages under way inside aedes; none waits there for long.
    concurrency: CLIENTS_MAX,
    queueLimit: 8,
    maxInflightInbound: 8,
    maxTopicLevels: 16,
    preConnect: (_client, packet, done) => {
      packet.clean = true;
      done(null, true);
    },
    authorizePublish: (_client, packet, done) => {
      if (packet.topic.startsWith('$SYS/')) return done(new Error('$SYS is the broker itself'));
      packet.retain &&= keeps(packet);
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const count = Object.keys((client as unknown as { subscriptions: object }).subscriptions).length;
      done(null, count < SUBSCRIPTIONS_MAX ? subscription : null);
    },
    authorizeForward: (client: Client, packet: AedesPublishPacket) => {
      const wire = client.conn as Wire;
      if (wire.writableLength <= QUEUE_BYTES_MAX && queued() <= QUEUES_BYTES_MAX) return packet;
      drops++;
      return null;
    },
  });

  function keeps(packet: { topic: string; payload: string | Buffer }): boolean {
    const { topic, payload } = packet;
    if (topic !== GATEWAY_STATUS_TOPIC && boardOfTopic(topic)?.leaf !== 'status') return false;
    if (payload.length > STATUS_BYTES_MAX) return false;
    if (payload.length === 0) retained.delete(topic);
    else if (retained.size < RETAINED_MAX || retained.has(topic)) retained.add(topic);
    else return false;
    return true;
  }

  const server = net.createServer({ noDelay: true }, socket => {
    const wire = new Wire(socket, {
      packetBytesMax: PACKET_BYTES_MAX,
      oversized: 'close',
      queueBytes: QUEUE_BYTES_MAX + 2 * PACKET_BYTES_MAX,
    });
    wires.add(wire);
    wire.once('close', () => wires.delete(wire));
    aedes.handle(wire);
  });
  server.maxConnections = CLIENTS_MAX;
  const closeAedes = () => new Promise<void>(done => aedes.close(done));

  try {
    await listen(server, host, port);
  } catch (error) {
    await closeAedes();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    host,
    port: (server.address() as net.AddressInfo).port,
    get clients() {
      return aedes.connectedClients;
    },
    get queue() {
      return { bytes: queued(), bytesMax: QUEUES_BYTES_MAX };
    },
    clientsMax: CLIENTS_MAX,
    get drops() {
      return drops;
    },
    close() {
      closing ??= (async () => {
        const isFree = new Promise<void>(done => server.close(() => done()));
        await closeAedes();
        for (const wire of wires) wire.destroy();
        await isFree;
      })();
      return closing;
    },
  };
}

function listen(server: net.Server, host: string, port: number): Promise<void> {
  const where = host.includes(':') ? `[${host}]` : host;
  return new Promise((done, fail) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: `port ${port} on ${where} is taken; give another with --listen HOST:PORT`,
        EACCES: `port ${port} on ${where} needs more rights; give one above 1023 with --listen HOST:PORT`,
        EADDRNOTAVAIL: `${where} is no address of this machine; give one with --listen HOST:PORT`,
        ENOTFOUND: `the name ${where} is not known; give an address with --listen HOST:PORT`,
      };
      const text = why[error.code ?? ''] ?? `cannot listen on ${where}:${port}: ${error.message}`;
      fail(new Error(text, { cause: error }));
    });
    server.listen({ host, port }, () => {
      server.removeAllListeners('error');
      // accept() ran out of descriptors: that client is turned away, the others stay.
      server.on('error', () => {});
      done();
    });
  });
}

/** aedes reads its own package.json as a JSON module, and Node 20 warns whoever started us that this is new. */
async function loadAedes(): Promise<typeof import('aedes')> {
  const warn = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: never[]) => {
    if (!String(warning).includes('JSON modules')) warn.call(process, warning as string, ...rest);
  }) as typeof process.emitWarning;
  try {
    return await import('aedes');
  } finally {
    process.emitWarning = warn;
  }
}
