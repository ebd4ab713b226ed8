// The built-in broker: aedes, MQTT 3.1.1, over TCP or TLS, for a gateway that has no other.
//
//   client --> door --> wire: bounds --> aedes: who is it, may it? --> each subscriber's queue --> wire --> client
//
// With users or a certificate authority it lets in nobody else, and a board reads and writes its own topics only
// (access.ts). Without either everyone who reaches the port may do everything, so then it listens on loopback, unless
// it is told that the network is trusted (guard.ts).
//
// aedes makes a publisher wait until each subscriber has taken the message, so one board that stopped reading would
// stall the gateway for all. Here nobody waits: a subscriber's queue has room for one packet more than what is ever
// put into it, and a message for a full one is dropped, which our protocol takes as any other loss.
//
// Bounds, all of them whatever clients do: CLIENTS_MAX clients, NAME_CLIENTS_MAX under one name, those before the
// door (door.ts); HELLO_BYTES_MAX in a parser before its client was let in, PACKET_BYTES_MAX after; QUEUE_BYTES_MAX in
// each one's queue and QUEUES_BYTES_MAX in all, RETAINED_MAX statuses kept. No session outlives its connection, so
// that nothing is queued for who is away. Only statuses are retained: the flag is taken off other messages.

import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import type { AedesPublishPacket, AuthenticateError, Client } from 'aedes';
import type { GaugeReading } from '../agent/gauge.ts';
import { LABEL } from '../protocol/limits.ts';
import { boardOfTopic, GATEWAY_STATUS_TOPIC } from '../protocol/topics.ts';
import { STATUS_BYTES_MAX } from '../transport/status.ts';
import { Wire } from '../transport/wire.ts';
import { isAllowed, type Rule, rulesOfBoard, rulesOfGateway } from './access.ts';
import { CLIENTS_MAX, CONNECT_MS, type Guest, openDoor, type TlsFiles } from './door.ts';
import { refuseOpenDoor } from './guard.ts';
import { Users } from './users.ts';

/** CONNECT with a long name and password, and a status as will. */
const HELLO_BYTES_MAX = 16 * 1024;
/** Twice a frame: a client that announces more is not one of ours, and is cut off. */
const PACKET_BYTES_MAX = 64 * 1024;
/** What one client may have waiting: the gateway's share when a hundred boards send it a window at once. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** What all clients together may have waiting. */
const QUEUES_BYTES_MAX = 64 * 1024 * 1024;
/** Statuses kept, 8 KiB each at most. */
const RETAINED_MAX = 4096;
const SUBSCRIPTIONS_MAX = 64;
/** A board, an older connection of its own that is not yet known to be dead, and who looks on with its password. */
const NAME_CLIENTS_MAX = 8;
/** Between two lines about who was turned away: a scanner must not fill a log. */
const REFUSED_MS = 10_000;
/** No LABEL, so no user and no certificate can have it. */
const GATEWAY_NAME = '@gateway';

export interface BrokerOptions {
  host?: string;
  /** 0 takes a free one. */
  port?: number;
  /** Lets everyone in, from anywhere. */
  isOpen?: boolean | undefined;
  /** A file of users (users.ts). */
  usersFile?: string | undefined;
  tls?: Omit<TlsFiles, 'needsCertificate'> | undefined;
  onWarn?: (text: string) => void;
}

export interface Broker {
  host: string;
  /** As bound: another than asked for if that was 0. */
  port: number;
  /** How the gateway itself gets in: a secret of this process. */
  readonly own: { url: string; username?: string; password?: string };
  readonly clients: number;
  /** Bytes that wait for subscribers to take them, and how many may. */
  readonly queue: { bytes: number; bytesMax: number };
  /** Connections at most. */
  readonly clientsMax: number;
  /** Messages dropped because a subscriber's queue was full. */
  readonly drops: number;
  /** How full the rest is that strangers may fill. */
  readonly gauges: GaugeReading[];
  /** Clients turned away: a wrong name, password, certificate or will. */
  readonly refused: number;
  /** Cuts all clients off; settles when the port is free. Safe to call twice. */
  close(): Promise<void>;
}

/** Who is at the other end of a wire, and what it may. */
interface Seat {
  guest: Guest;
  /** Of CONNECT. */
  will: string | undefined;
  /** Once it is in; undefined where everyone is let in. */
  name?: string;
  /** What its user's line said when it came in. */
  hash?: string | undefined;
  /** Undefined where everyone may do everything. Nothing, until it is in: aedes may pass on a packet that comes in a
   * moment after CONNECT before it has asked who is there. */
  rules: readonly Rule[] | undefined;
  isIn: boolean;
}

const NOTHING: readonly Rule[] = [];

/** CONNACK's codes (MQTT 3.1.1, 3.2.2.3). */
const BUSY = 3;
const WRONG = 4;
const FORBIDDEN = 5;
interface Refusal {
  returnCode: typeof BUSY | typeof WRONG | typeof FORBIDDEN;
  why: string;
}

/** Throws an Error with one clear sentence if it cannot listen. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { host = '127.0.0.1', port = 1883, usersFile, tls, onWarn = () => {} } = options;
  refuseOpenDoor({ ...options, host });
  const isKeyed = usersFile !== undefined || tls?.clientCa !== undefined;
  const users = usersFile === undefined ? undefined : new Users(usersFile, onWarn);
  const secret = Buffer.from(randomBytes(32).toString('base64url'));
  const { Aedes } = await loadAedes();
  let drops = 0;
  let refused = 0;
  let refusedTold = 0;
  let refusedAt = Number.NEGATIVE_INFINITY;
  const retained = new Set<string>();
  const wires = new Map<Wire, Seat>();
  /** aedes asks about a will after the wire has closed. */
  const seats = new WeakMap<Wire, Seat>();
  const seatOf = (client: Client) => seats.get(client.conn as Wire) as Seat;
  const queued = () => {
    let bytes = 0;
    for (const wire of wires.keys()) bytes += wire.writableLength;
    return bytes;
  };

  const aedes = await Aedes.createBroker({
    connectTimeout: CONNECT_MS,
    drainTimeout: 0,
    // Messages under way inside aedes; none waits there for long.
    concurrency: CLIENTS_MAX,
    queueLimit: 8,
    maxInflightInbound: 8,
    maxTopicLevels: 16,
    preConnect: (client, packet, done) => {
      const seat = seatOf(client);
      packet.clean = true;
      seat.will = packet.will?.topic;
      // An id is its name's alone: nobody throws another out by taking its id.
      if (isKeyed) {
        const name = seat.guest.certificateName ?? packet.username ?? '';
        packet.clientId = `${name}/${packet.clientId || randomUUID()}`;
      }
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      const seat = seatOf(client);
      const answer = (refusal: Refusal | undefined) => {
        if (refusal === undefined) {
          letIn(client.conn as Wire, seat);
          return done(null, true);
        }
        seat.rules = NOTHING;
        tellRefused(seat.guest, refusal.why);
        done(
          Object.assign(new Error(refusal.why), { returnCode: refusal.returnCode }) as AuthenticateError,
          null,
        );
      };
      whyRefused(seat, username, password ?? Buffer.alloc(0)).then(answer, () =>
        answer({ returnCode: BUSY, why: 'the check failed' }),
      );
    },
    authorizePublish: (client, packet, done) => {
      if (packet.topic.startsWith('$SYS/')) return done(new Error('$SYS is the broker itself'));
      const rules = client === null ? [] : seatOf(client).rules;
      if (rules !== undefined && !isAllowed(rules, 'write', packet.topic))
        return done(new Error('that topic is not for this client to write'));
      packet.retain &&= keeps(packet);
      done(null);
    },
    authorizeSubscribe: (client, subscription, done) => {
      const { rules } = seatOf(client);
      const count = Object.keys((client as unknown as { subscriptions: object }).subscriptions).length;
      const isFine = rules === undefined || isAllowed(rules, 'read', subscription.topic);
      done(null, isFine && count < SUBSCRIPTIONS_MAX ? subscription : null);
    },
    authorizeForward: (client: Client, packet: AedesPublishPacket) => {
      const wire = client.conn as Wire;
      if (wire.writableLength <= QUEUE_BYTES_MAX && queued() <= QUEUES_BYTES_MAX) return packet;
      drops++;
      return null;
    },
  });

  /** Sets the name and the rules of who may come in. */
  async function whyRefused(
    seat: Seat,
    username: string | undefined,
    password: Uint8Array,
  ): Promise<Refusal | undefined> {
    if (!isKeyed)
      return countClients() < CLIENTS_MAX ? undefined : { returnCode: BUSY, why: 'too many clients' };
    const { certificateName } = seat.guest;
    if (username === GATEWAY_NAME) {
      if (!isSecret(password)) return { returnCode: WRONG, why: 'a wrong password' };
      seat.rules = rulesOfGateway();
    } else {
      const name = certificateName ?? username ?? '';
      if (username !== undefined && username !== name)
        return { returnCode: FORBIDDEN, why: "a user name that is not the certificate's" };
      if (!LABEL.test(name))
        return {
          returnCode: WRONG,
          why: certificateName === undefined ? 'no user name' : "a certificate whose name is no board's",
        };
      if (certificateName === undefined) {
        const verdict = (await users?.check(name, password)) ?? 'wrong';
        if (verdict === 'busy') return { returnCode: BUSY, why: 'too many passwords to check' };
        if (verdict === 'wrong') return { returnCode: WRONG, why: 'a wrong user name or password' };
        seat.hash = users?.hashOf(name);
      }
      seat.rules = rulesOfBoard(name);
    }
    seat.name = username === GATEWAY_NAME ? GATEWAY_NAME : (certificateName ?? (username as string));
    if (seat.will !== undefined && !isAllowed(seat.rules, 'write', seat.will))
      return {
        returnCode: FORBIDDEN,
        why: `${seat.name}, who wants to write for another: are name and user name the same?`,
      };
    if (countClients() >= CLIENTS_MAX && seat.name !== GATEWAY_NAME)
      return { returnCode: BUSY, why: 'too many clients' };
    if (countClients(seat.name) >= NAME_CLIENTS_MAX)
      return { returnCode: BUSY, why: `too many clients that are ${seat.name}` };
    return undefined;
  }

  const isSecret = (password: Uint8Array) =>
    password.length === secret.length && timingSafeEqual(password, secret);

  function countClients(name?: string): number {
    let count = 0;
    for (const seat of wires.values()) if (seat.isIn && (name === undefined || seat.name === name)) count++;
    return count;
  }

  function letIn(wire: Wire, seat: Seat): void {
    seat.isIn = true;
    wire.allow(PACKET_BYTES_MAX);
    seat.guest.admit();
  }

  // Never what a stranger said: people type passwords where a name belongs.
  function tellRefused({ address }: Guest, why: string): void {
    refused++;
    const now = performance.now();
    if (now - refusedAt < REFUSED_MS) return;
    const more = refused - refusedTold - 1;
    onWarn(`turned away ${address}: ${why}${more === 0 ? '' : `; ${more} more since this was last said`}`);
    refusedAt = now;
    refusedTold = refused;
  }

  function keeps(packet: { topic: string; payload: string | Buffer }): boolean {
    const { topic, payload } = packet;
    if (topic !== GATEWAY_STATUS_TOPIC && boardOfTopic(topic)?.leaf !== 'status') return false;
    if (payload.length > STATUS_BYTES_MAX) return false;
    if (payload.length === 0) retained.delete(topic);
    else if (retained.size < RETAINED_MAX || retained.has(topic)) retained.add(topic);
    else return false;
    return true;
  }

  if (users !== undefined)
    users.onChange = () => {
      for (const [wire, { name, hash }] of wires)
        if (hash !== undefined && users.hashOf(name as string) !== hash) wire.destroy();
    };

  function meet(guest: Guest): void {
    const wire = new Wire(guest.socket, {
      packetBytesMax: HELLO_BYTES_MAX,
      oversized: 'close',
      queueBytes: QUEUE_BYTES_MAX + 2 * PACKET_BYTES_MAX,
    });
    const seat: Seat = { guest, will: undefined, isIn: false, rules: isKeyed ? NOTHING : undefined };
    seats.set(wire, seat);
    wires.set(wire, seat);
    wire.once('close', () => wires.delete(wire));
    aedes.handle(wire);
  }

  const doors: Awaited<ReturnType<typeof openDoor>>[] = [];
  const closeAedes = () => new Promise<void>(done => aedes.close(done));
  async function close(): Promise<void> {
    users?.close();
    const areFree = doors.map(door => door.close());
    await closeAedes();
    for (const wire of wires.keys()) wire.destroy();
    await Promise.all(areFree);
  }

  try {
    const needsCertificate = users === undefined;
    doors.push(
      await openDoor({
        host,
        port,
        tls: tls === undefined ? undefined : { ...tls, needsCertificate },
        onGuest: meet,
      }),
    );
    // The gateway's own way in past TLS. On loopback, and it asks for the same names and passwords.
    if (tls !== undefined) doors.push(await openDoor({ host: '127.0.0.1', port: 0, onGuest: meet }));
  } catch (error) {
    await close();
    throw error;
  }
  const { port: ownPort } = doors.at(-1) as { port: number };
  let closing: Promise<void> | undefined;
  return {
    host,
    port: (doors[0] as { port: number }).port,
    own: {
      url: `mqtt://${tls === undefined ? nearest(host) : '127.0.0.1'}:${ownPort}`,
      ...(isKeyed ? { username: GATEWAY_NAME, password: secret.toString() } : {}),
    },
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
    get gauges() {
      const [outer] = doors;
      return [outer?.gauge, users?.gauge].flatMap(gauge => gauge?.reading() ?? []);
    },
    get refused() {
      return refused;
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

/** How this machine reaches what listens on `host`. */
function nearest(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
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
