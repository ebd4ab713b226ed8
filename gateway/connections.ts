// Connections to the built-in broker: whose each is, what it may, and what waits in it to be taken.
//
//   guest --> hello: little may come in --letIn()--> client: its rules, whole frames
//                        '--------------refuse()--> may nothing, until aedes closes it
//
// Bounds, whatever clients do: HELLO_BYTES_MAX in a parser before its client was let in, PACKET_BYTES_MAX after;
// QUEUE_BYTES_MAX in each one's queue and QUEUES_BYTES_MAX in all.

import { Wire } from '../transport/wire.ts';
import { isAllowed, type Rule } from './access.ts';
import type { Identity } from './authenticator.ts';
import type { Guest } from './door.ts';

/** CONNECT with a long name and password, and a status as will. */
const HELLO_BYTES_MAX = 16 * 1024;
/** Twice a frame: a client that announces more is not one of ours, and is cut off. */
const PACKET_BYTES_MAX = 64 * 1024;
/** What one client may have waiting: the gateway's share when a hundred boards send it a window at once. */
const QUEUE_BYTES_MAX = 16 * 1024 * 1024;
/** What all clients together may have waiting. */
export const QUEUES_BYTES_MAX = 64 * 1024 * 1024;

const NOTHING: readonly Rule[] = [];

export class Connection extends Wire {
  readonly guest: Guest;
  /** The topic that CONNECT's will is for. */
  will: string | undefined;
  /** Once it is in. */
  identity: Identity | undefined;
  #rules: readonly Rule[] | undefined;

  /** `isKeyed`: it may nothing until it is in. aedes may pass on a packet that comes in a moment after CONNECT before
   * it has asked who is there. */
  constructor(guest: Guest, isKeyed: boolean) {
    super(guest.socket, {
      packetBytesMax: HELLO_BYTES_MAX,
      oversized: 'close',
      queueBytes: QUEUE_BYTES_MAX + 2 * PACKET_BYTES_MAX,
    });
    this.guest = guest;
    this.#rules = isKeyed ? NOTHING : undefined;
  }

  letIn(identity: Identity): void {
    this.identity = identity;
    this.#rules = identity.rules;
    this.allow(PACKET_BYTES_MAX);
    this.guest.admit();
  }

  refuse(): void {
    this.#rules = NOTHING;
  }

  may(deed: 'read' | 'write', topic: string): boolean {
    return this.#rules === undefined || isAllowed(this.#rules, deed, topic);
  }
}

/** All that are open. */
export class Connections {
  readonly #open = new Set<Connection>();

  add(connection: Connection): void {
    this.#open.add(connection);
    connection.once('close', () => this.#open.delete(connection));
  }

  /** Of those that are in. */
  count(name?: string): number {
    let count = 0;
    for (const { identity } of this.#open)
      if (identity !== undefined && (name === undefined || identity.name === name)) count++;
    return count;
  }

  get queuedBytes(): number {
    let bytes = 0;
    for (const connection of this.#open) bytes += connection.writableLength;
    return bytes;
  }

  hasRoomFor(connection: Connection): boolean {
    return connection.writableLength <= QUEUE_BYTES_MAX && this.queuedBytes <= QUEUES_BYTES_MAX;
  }

  /** Cuts off those that are in and may be no longer. */
  sift(mayStay: (identity: Identity) => boolean): void {
    for (const connection of this.#open)
      if (connection.identity !== undefined && !mayStay(connection.identity)) connection.destroy();
  }

  destroy(): void {
    for (const connection of this.#open) connection.destroy();
  }
}
