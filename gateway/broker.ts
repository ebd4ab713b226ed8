// The built-in broker: aedes, MQTT 3.1.1, over TCP or TLS, for a gateway that has no other.
//
//   client --> door --> connection: bounds --> aedes: who is it, may it? --> each subscriber's queue --> client
//
// With users or a certificate authority it lets in nobody else (authenticator.ts), and a board reads and writes its own
// topics only (access.ts). Without either everyone who reaches the port may do everything, so then it listens on
// loopback, unless it is told that the network is trusted (guard.ts).
//
// aedes makes a publisher wait until each subscriber has taken the message, so one board that stopped reading would
// stall the gateway for all. Here nobody waits: a subscriber's queue has room for one packet more than what is ever
// put into it, and a message for a full one is dropped, which our protocol takes as any other loss.
//
// Bounds, all of them whatever clients do: CLIENTS_MAX clients, NAME_CLIENTS_MAX under one name, those before the
// door (door.ts); the bytes of what comes in and of what waits (connections.ts); RETAINED_MAX statuses kept. No session
// outlives its connection, so that nothing is queued for who is away. Only statuses are retained: the flag is taken off
// other messages.

import { randomUUID } from 'node:crypto';
import type { Aedes, Client } from 'aedes';
import type { GaugeReading } from '../agent/gauge.ts';
import { boardOfTopic, GATEWAY_STATUS_TOPIC } from '../protocol/topics.ts';
import { STATUS_BYTES_MAX } from '../transport/status.ts';
import { isAllowed } from './access.ts';
import { Authenticator, GATEWAY_NAME, type Identity } from './authenticator.ts';
import { Connection, Connections, QUEUES_BYTES_MAX } from './connections.ts';
import { CLIENTS_MAX, CONNECT_MS, type Door, type Guest, openDoor, type TlsFiles } from './door.ts';
import { refuseOpenDoor } from './guard.ts';
import { Refusal, Refusals } from './refusals.ts';

/** Statuses kept, 8 KiB each at most. */
const RETAINED_MAX = 4096;
const SUBSCRIPTIONS_MAX = 64;
/** A board, an older connection of its own that is not yet known to be dead, and who looks on with its password. */
const NAME_CLIENTS_MAX = 8;

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

/** Throws an Error with one clear sentence if it cannot listen. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const { host = '127.0.0.1', port = 1883, usersFile, tls, onWarn = () => {} } = options;
  refuseOpenDoor({ ...options, host });
  const authenticator = new Authenticator(usersFile, tls?.clientCa !== undefined, onWarn);
  const broker = new AedesBroker(await loadAedes(), host, authenticator, new Refusals(onWarn));
  await broker.open(port, tls && { ...tls, needsCertificate: usersFile === undefined });
  return broker;
}

class AedesBroker implements Broker {
  readonly host: string;
  readonly clientsMax = CLIENTS_MAX;
  readonly #authenticator: Authenticator;
  readonly #refusals: Refusals;
  readonly #aedes: Aedes;
  readonly #connections = new Connections();
  /** The topics of retained statuses. */
  readonly #retained = new Set<string>();
  /** The one that was asked for; past TLS, the gateway's own. */
  readonly #doors: Door[] = [];
  #drops = 0;
  #closing: Promise<void> | undefined;

  constructor(
    { Aedes }: typeof import('aedes'),
    host: string,
    authenticator: Authenticator,
    refusals: Refusals,
  ) {
    this.host = host;
    this.#authenticator = authenticator;
    this.#refusals = refusals;
    authenticator.onChange = () => this.#connections.sift(identity => authenticator.isCurrent(identity));
    this.#aedes = new Aedes({
      connectTimeout: CONNECT_MS,
      drainTimeout: 0,
      // Messages under way inside aedes; none waits there for long.
      concurrency: CLIENTS_MAX,
      queueLimit: 8,
      maxInflightInbound: 8,
      maxTopicLevels: 16,
      preConnect: (client, packet, done) => {
        const connection = connectionOf(client);
        packet.clean = true;
        connection.will = packet.will?.topic;
        // An id is its name's alone: nobody throws another out by taking its id.
        if (authenticator.isKeyed) {
          const name = connection.guest.certificateName ?? packet.username ?? '';
          packet.clientId = `${name}/${packet.clientId || randomUUID()}`;
        }
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        const connection = connectionOf(client);
        const answer = (refusal: Refusal | undefined) => {
          if (refusal === undefined) return done(null, true);
          connection.refuse();
          refusals.add(connection.guest, refusal.message);
          done(refusal, null);
        };
        this.#letIn(connection, username, password ?? Buffer.alloc(0)).then(answer, () =>
          answer(new Refusal('busy', 'the check failed')),
        );
      },
      authorizePublish: (client, packet, done) => {
        if (packet.topic.startsWith('$SYS/')) return done(new Error('$SYS is the broker itself'));
        if (client === null || !connectionOf(client).may('write', packet.topic))
          return done(new Error('that topic is not for this client to write'));
        packet.retain &&= this.#retains(packet);
        done(null);
      },
      authorizeSubscribe: (client, subscription, done) => {
        const count = Object.keys((client as unknown as { subscriptions: object }).subscriptions).length;
        const isFine = count < SUBSCRIPTIONS_MAX && connectionOf(client).may('read', subscription.topic);
        done(null, isFine ? subscription : null);
      },
      authorizeForward: (client, packet) => {
        if (this.#connections.hasRoomFor(connectionOf(client))) return packet;
        this.#drops++;
        return null;
      },
    });
  }

  async open(port: number, tls: TlsFiles | undefined): Promise<void> {
    const { host } = this;
    const onGuest = (guest: Guest) => this.#meet(guest);
    await this.#aedes.listen();
    try {
      this.#doors.push(await openDoor({ host, port, tls, onGuest }));
      // The gateway's own way in past TLS. On loopback, and it asks for the same names and passwords.
      if (tls !== undefined) this.#doors.push(await openDoor({ host: '127.0.0.1', port: 0, onGuest }));
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  get port(): number {
    return this.#doors[0]!.port;
  }

  get own(): Broker['own'] {
    const host = this.#doors.length > 1 ? '127.0.0.1' : nearest(this.host);
    return { url: `mqtt://${host}:${this.#doors.at(-1)!.port}`, ...this.#authenticator.own };
  }

  get clients(): number {
    return this.#aedes.connectedClients;
  }

  get queue(): Broker['queue'] {
    return { bytes: this.#connections.queuedBytes, bytesMax: QUEUES_BYTES_MAX };
  }

  get drops(): number {
    return this.#drops;
  }

  get gauges(): GaugeReading[] {
    return [this.#doors[0]?.gauge, this.#authenticator.gauge].flatMap(gauge => gauge?.reading() ?? []);
  }

  get refused(): number {
    return this.#refusals.count;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#authenticator.close();
    const areFree = this.#doors.map(door => door.close());
    await new Promise<void>(done => this.#aedes.close(done));
    this.#connections.destroy();
    await Promise.all(areFree);
  }

  #meet(guest: Guest): void {
    const connection = new Connection(guest, this.#authenticator.isKeyed);
    this.#connections.add(connection);
    this.#aedes.handle(connection);
  }

  /** Answers why not, if it may not come in. */
  async #letIn(
    connection: Connection,
    username: string | undefined,
    password: Uint8Array,
  ): Promise<Refusal | undefined> {
    const { certificateName } = connection.guest;
    const identity = await this.#authenticator.identify(certificateName, username, password);
    const refusal = identity instanceof Refusal ? identity : this.#whyNot(identity, connection.will);
    if (refusal === undefined) connection.letIn(identity as Identity);
    return refusal;
  }

  #whyNot(identity: Identity, will: string | undefined): Refusal | undefined {
    const { name, rules } = identity;
    // Its line may have changed a moment ago, and from here on nobody waits.
    if (!this.#authenticator.isCurrent(identity))
      return new Refusal('wrong', 'a wrong user name or password');
    if (will !== undefined && rules !== undefined && !isAllowed(rules, 'write', will))
      return new Refusal(
        'forbidden',
        `${name}, who wants to write for another: are name and user name the same?`,
      );
    if (name !== GATEWAY_NAME && this.#connections.count() >= CLIENTS_MAX)
      return new Refusal('busy', 'too many clients');
    if (name !== undefined && this.#connections.count(name) >= NAME_CLIENTS_MAX)
      return new Refusal('busy', `too many clients that are ${name}`);
    return undefined;
  }

  #retains({ topic, payload }: { topic: string; payload: string | Buffer }): boolean {
    if (topic !== GATEWAY_STATUS_TOPIC && boardOfTopic(topic)?.leaf !== 'status') return false;
    if (payload.length > STATUS_BYTES_MAX) return false;
    if (payload.length === 0) this.#retained.delete(topic);
    else if (this.#retained.size < RETAINED_MAX || this.#retained.has(topic)) this.#retained.add(topic);
    else return false;
    return true;
  }
}

/** Also after it closed: then aedes asks about its will. */
const connectionOf = (client: Client): Connection => client.conn as Connection;

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
