// What a connection is opened with, and the judgements that both clients share: client.ts and mqttjs.ts.

import { FRAME_BYTES_MAX, FRAME_BYTES_MIN } from '../protocol/limits.ts';
import { printable } from '../protocol/path.ts';
import { TOPIC_BYTES_MAX } from '../protocol/topics.ts';
import type { Endpoint } from './endpoint.ts';
import type { ConnectionEvents, Keeper } from './keeper.ts';
import type { Ending } from './negotiate.ts';

/** A PUBLISH at QoS 0 around its payload: fixed header, topic with its length, no properties. MQTT 5, 3.3. */
export const PUBLISH_BYTES = 5 + 2 + TOPIC_BYTES_MAX + 1;

/** What we say in CONNECT that we take, and what is let in: a frame, and room for properties that some bridge may
 * add. */
export const PACKET_BYTES_MAX = FRAME_BYTES_MAX + PUBLISH_BYTES + 1024;

/** From the first packet out to CONNACK. A TLS handshake on a 2G link takes 10 s. */
export const CONNECT_MS = 30_000;

/** Unacknowledged messages at once that we say we take. At QoS 0 there are none; some brokers raise it. */
export const RECEIVE_MAX = 8;

/** What makes a link a board's or the gateway's. */
export interface Role {
  clientId: string;
  statusTopic: string;
  topics: string[];
  queueBytesMax: number;
  /** Takes a message in; false if it is nothing that this link expects. */
  take(topic: string, payload: Uint8Array, isRetained: boolean): boolean;
}

export interface Opening {
  endpoint: Endpoint;
  role: Role;
  keeper: Keeper;
  protocol: 4 | 5;
  /** Seconds. */
  keepalive: number;
  /** Of the status topic: retained, QoS 1. */
  will: Buffer;
}

/** The longest frame that fits a broker's longest packet, or why that is of no use. */
export function frameBytesFor(packetBytesMax: number): number | Error {
  const frameBytesMax = Math.min(FRAME_BYTES_MAX, packetBytesMax - PUBLISH_BYTES);
  if (frameBytesMax >= FRAME_BYTES_MIN) return frameBytesMax;
  const needed = FRAME_BYTES_MIN + PUBLISH_BYTES;
  return new Error(`the broker takes packets of ${packetBytesMax} bytes only: allow ${needed} or more`);
}

/** By SUBACK's codes, one for each topic. */
export function unreadable({ topics }: Role, codes: ArrayLike<number>): Error | undefined {
  const refused = topics.filter((_, index) => (codes[index] ?? 0x80) >= 0x80);
  if (refused.length === 0) return undefined;
  return new Error(`the broker does not let us read ${refused.join(', ')}: check its access list`);
}

export const unwritable = ({ statusTopic }: Role): Error =>
  new Error(`the broker does not let us write ${statusTopic}: check its access list`);

/** Hands a message to the role, and counts it if it is none. */
export function deliver(
  { role, keeper }: Opening,
  events: ConnectionEvents,
  topic: string,
  payload: Uint8Array,
  isRetained: boolean,
): void {
  if (!keeper.isOpen || role.take(topic, payload, isRetained)) return;
  const shown = printable(Buffer.from(topic.slice(0, TOPIC_BYTES_MAX)));
  keeper.counts.dropsIn++;
  events.dropped(`${payload.length > FRAME_BYTES_MAX ? 'oversized' : 'out of place'}: ${shown}`);
}

export function swallowed({ keeper }: Opening, events: ConnectionEvents): void {
  keeper.counts.dropsIn++;
  events.dropped('oversized');
}

/** What the end of a connection says about the version that was tried. */
export function endingOf(why: unknown, isThere: boolean, isAnswered: boolean): Ending {
  const refusal = (why as { code?: unknown } | undefined)?.code;
  if (refusal === 0x84 || refusal === 1) return 'version';
  const isBroken = why === undefined || refusal === 'ECONNRESET' || refusal === 'EPIPE';
  return isThere && !isAnswered && isBroken ? 'silent' : 'other';
}
