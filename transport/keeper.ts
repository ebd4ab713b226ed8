// Keeps a connection to the broker: opens one, opens another when it ends, and keeps the retained status true.
//
//            +----------------------- at once, other version (negotiate.ts) ----+
//            v                                                                  |
//   start -> OPENING -- up ----> UP -- ended --> WAITING -- waitMs --> OPENING -+
//               +------ ended -------------------> ^
//
//   close() from anywhere: UP announces "offline" first, at most CLOSE_MS long; then CLOSED.
//
// Invariants:
//   1. At most one connection exists; `#isUp` only while it does.
//   2. At most one status is on its way, and at most one a second sets out.

import type { Endpoint } from './endpoint.ts';
import { type LinkQueue, type LinkUp, noCounts } from './link.ts';
import { type Ending, Negotiation, waitMs } from './negotiate.ts';
import { writeStatus } from './status.ts';
import { explain } from './trouble.ts';

/** Between two statuses. They cost some 300 bytes each, on links that may be metered. */
const STATUS_MS = 1000;
/** What close() may take: a broker that does not answer must not hold up a shutdown. */
const CLOSE_MS = 2000;
/** MQTT 5's reason code for it; brokers that do not say so just close. */
const SESSION_TAKEN_OVER = 142;
/** A connection that lasted so long was a good one: the next wait is short again. Two clients of one name that
 * throw each other out do not reach it. */
const GOOD_MS = 20_000;

/** One connection, from socket to end. `ended` is its last event. */
export interface Connection {
  /** Sends at QoS 0; false if it was dropped, and then `sent` is not called. */
  publish(topic: string, payload: Uint8Array, sent: () => void): boolean;
  /** Publishes retained at QoS 1, calls back at the acknowledgement; not at all if the connection ends first. */
  announce(payload: Buffer, done: () => void): void;
  /** Bytes that wait for the socket. */
  readonly waitingBytes: number;
  /** Says goodbye, then ends. */
  finish(): void;
  /** Ends now. */
  destroy(): void;
}

export interface ConnectionEvents {
  /** Subscribed. */
  up(frameBytesMax: number): void;
  ended(ending: Ending, why: unknown): void;
  /** A message came that is no frame and no status. */
  dropped(why: string): void;
}

export interface KeeperHandlers {
  up(info: LinkUp): void;
  down(why: string): void;
  dropped?(why: string): void;
}

export interface KeeperOptions {
  endpoint: Endpoint;
  session: number;
  facts: object;
  random: () => number;
  queueBytesMax: number;
  open: (protocol: 4 | 5, events: ConnectionEvents) => Connection;
}

export class Keeper {
  readonly counts = noCounts();
  /** Of all connections; `bytes` of the one at hand. */
  readonly queue: LinkQueue;
  readonly #options: KeeperOptions;
  readonly #handlers: KeeperHandlers;
  readonly #negotiation = new Negotiation();
  #connection: Connection | undefined;
  #isUp = false;
  #upAt = 0;
  #frameBytesMax = 0;
  #failures = 0;
  #why = '';
  /** Somebody else was online under our name: a broken connection was most likely their doing. */
  #hasRival = false;
  /** The broker has had a status of ours: what it has of an older session is no remnant of an earlier process. */
  #wasAnnounced = false;
  /** It had one before the connection at hand. */
  #wasThere = false;
  #waiting: NodeJS.Timeout | undefined;

  #facts: object;
  #isAnnouncing = false;
  #isStale = false;
  #announcedAt = 0;
  #announcing: NodeJS.Timeout | undefined;

  #closing: Promise<void> | undefined;
  #closed: (() => void) | undefined;

  constructor(options: KeeperOptions, handlers: KeeperHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#facts = options.facts;
    const waiting = () => this.#connection?.waitingBytes ?? 0;
    this.queue = {
      get bytes() {
        return waiting();
      },
      bytesMax: options.queueBytesMax,
      highWater: 0,
      drops: 0,
    };
    writeStatus('online', options.session, this.#facts);
    // The caller does not have its link yet: no handler may be called before it has.
    this.#waiting = setTimeout(() => this.#open(), 0);
  }

  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  send(topic: string, frame: Uint8Array, sent: () => void): void {
    const { counts } = this;
    if (this.#isUp && this.isOpen && frame.length <= this.#frameBytesMax) {
      if (this.#connection?.publish(topic, frame, sent)) {
        counts.framesOut++;
        counts.bytesOut += frame.length;
        return;
      }
    }
    counts.dropsOut++;
    process.nextTick(sent);
  }

  setStatus(facts: object): void {
    const merged = { ...this.#facts, ...facts };
    writeStatus('online', this.#options.session, merged);
    this.#facts = merged;
    this.announce();
  }

  /** Publishes the status anew, soon: it changed, or somebody overwrote it. */
  announce(): void {
    this.#isStale = true;
    if (!this.#isUp || !this.isOpen || this.#isAnnouncing || this.#announcing !== undefined) return;
    const wait = this.#announcedAt + STATUS_MS - performance.now();
    if (wait > 0) {
      this.#announcing = setTimeout(() => {
        this.#announcing = undefined;
        this.announce();
      }, wait);
      return;
    }
    this.#isStale = false;
    this.#isAnnouncing = true;
    this.#announcedAt = performance.now();
    this.#connection?.announce(writeStatus('online', this.#options.session, this.#facts), () => {
      this.#isAnnouncing = false;
      this.#wasAnnounced = true;
      if (this.#isStale) this.announce();
    });
  }

  /**
   * Our own status came back. Where it says "offline" it is the will of an earlier connection: it must not stay.
   * Where it is of a younger session, or of any other once ours was there, a second process runs under our name
   * (perhaps thrown out by us just now). What the broker retained stood there when this connection began, also where
   * it comes behind the acknowledgement of ours: an earlier life's last word, unless ours had been there by then.
   */
  seeOwn(status: { state: 'online' | 'offline'; session: number }, isRetained: boolean): void {
    const { session } = this.#options;
    if (status.state === 'offline' && status.session <= session) this.announce();
    const wasThere = isRetained ? this.#wasThere : this.#wasAnnounced;
    this.#hasRival ||= status.session > session || (status.session < session && wasThere);
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing;
    clearTimeout(this.#waiting);
    clearTimeout(this.#announcing);
    const connection = this.#connection;
    this.#closing = new Promise(resolve => {
      if (!connection) return resolve();
      const deadline = setTimeout(() => connection.destroy(), CLOSE_MS);
      this.#closed = () => {
        clearTimeout(deadline);
        resolve();
      };
      if (!this.#isUp) connection.destroy();
      else connection.announce(writeStatus('offline', this.#options.session, {}), () => connection.finish());
    });
    return this.#closing;
  }

  #open(): void {
    const { endpoint, open } = this.#options;
    const protocol = this.#negotiation.next(performance.now());
    this.counts.tries++;
    this.#wasThere = this.#wasAnnounced;
    this.#connection = open(protocol, {
      up: frameBytesMax => {
        if (!this.isOpen) return;
        this.#isUp = true;
        this.#upAt = performance.now();
        this.#why = '';
        this.#frameBytesMax = frameBytesMax;
        this.counts.ups++;
        this.#announcedAt = Number.NEGATIVE_INFINITY;
        this.announce();
        this.#handlers.up({ frameBytesMax, protocol, broker: endpoint.shown });
      },
      ended: (ending, why) => this.#ended(protocol, ending, why),
      dropped: why => this.#handlers.dropped?.(why),
    });
  }

  #ended(protocol: 4 | 5, ending: Ending, why: unknown): void {
    const wasUp = this.#isUp;
    this.#connection = undefined;
    this.#isUp = false;
    this.#isAnnouncing = false;
    clearTimeout(this.#announcing);
    this.#announcing = undefined;
    if (!this.isOpen) {
      this.#closed?.();
      return;
    }
    const now = performance.now();
    const wasGood = wasUp && now - this.#upAt >= GOOD_MS;
    if (wasGood) this.#failures = 0;
    if (wasGood || !wasUp) this.#hasRival = false;
    const isNext = this.#negotiation.ended(protocol, wasUp ? 'other' : ending, now);
    const wait = isNext ? 0 : waitMs(this.#failures++, this.#options.random);
    this.#waiting = setTimeout(() => this.#open(), wait);
    if (isNext) return;
    const isRival = this.#hasRival && (why as { code?: unknown }).code === 'ECONNRESET';
    const reason = explain(isRival ? { code: SESSION_TAKEN_OVER } : why, this.#options.endpoint, !wasUp);
    if (reason === this.#why) return;
    this.#why = reason;
    this.#handlers.down(reason);
  }
}
