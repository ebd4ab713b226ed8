// The retained status of a board or gateway: JSON, so that any MQTT client can follow it without our codec.
//
//   {"state":"online","session":1722855600123,"software":"toastbox 0.1.0","head":42,"position":41, ...}
//
// `state` and `session` are always there. The will that a client leaves with the broker is the same with state
// "offline" and its session, and nothing else. A will may be delivered long after its client is back: it is stale
// when its session is not newer than that of the client that is online, who then publishes its own again.
//
// Reading refuses what is over STATUS_BYTES_MAX before parsing, and never throws. A field of the wrong type or
// out of bounds is left out; unknown fields are ignored; without state and session there is no status.

import { LABEL, TEXT_BYTES_MAX, UINT_MAX } from '../protocol/limits.ts';

/** A status has some twenty short fields, 1 KiB in practice. The gateway may hold one per board for a moment. */
export const STATUS_BYTES_MAX = 8 * 1024;

interface Presence {
  state: 'online' | 'offline';
  /** Grows with each start of the process: milliseconds since 1970, say. */
  session: number;
}

/** What a board tells of itself. Bytes are of frames, since the process started. */
export interface BoardFacts {
  software?: string;
  /** The folder that it syncs. */
  share?: string;
  /** What it is doing now: 'scanning', 'syncing', 'idle' ... */
  phase?: string;
  /** The folder's newest seq that it has heard of, and the newest that is durable on its disk. */
  head?: number;
  position?: number;
  /** Changes waiting to go up, and to come down. */
  pendingUp?: number;
  pendingDown?: number;
  bytesUp?: number;
  bytesDown?: number;
  conflicts?: number;
  files?: number;
  arenaBytes?: number;
  arenaBytesUsed?: number;
  /** The last thing that went wrong, and when (milliseconds since 1970). */
  lastError?: string;
  lastErrorAt?: number;
}

export interface GatewayFacts {
  software?: string;
  phase?: string;
  folders?: number;
  /** Boards with a session now. */
  boards?: number;
  bytesUp?: number;
  bytesDown?: number;
  conflicts?: number;
  lastError?: string;
  lastErrorAt?: number;
}

export type BoardStatus = Presence & BoardFacts;
export type GatewayStatus = Presence & GatewayFacts;

type Check = (value: unknown) => boolean;
const isUint: Check = value =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= UINT_MAX;
const isText: Check = value => typeof value === 'string' && Buffer.byteLength(value) <= TEXT_BYTES_MAX;
const isLabel: Check = value => typeof value === 'string' && LABEL.test(value);

type Checks<F> = { readonly [K in keyof Required<F>]: Check };

const BOARD_FACTS: Checks<BoardFacts> = {
  software: isText,
  share: isLabel,
  phase: isText,
  head: isUint,
  position: isUint,
  pendingUp: isUint,
  pendingDown: isUint,
  bytesUp: isUint,
  bytesDown: isUint,
  conflicts: isUint,
  files: isUint,
  arenaBytes: isUint,
  arenaBytesUsed: isUint,
  lastError: isText,
  lastErrorAt: isUint,
};

const GATEWAY_FACTS: Checks<GatewayFacts> = {
  software: isText,
  phase: isText,
  folders: isUint,
  boards: isUint,
  bytesUp: isUint,
  bytesDown: isUint,
  conflicts: isUint,
  lastError: isText,
  lastErrorAt: isUint,
};

export const readBoardStatus = (bytes: Uint8Array): BoardStatus | undefined => read(bytes, BOARD_FACTS);
export const readGatewayStatus = (bytes: Uint8Array): GatewayStatus | undefined => read(bytes, GATEWAY_FACTS);

function read<F extends object>(bytes: Uint8Array, checks: Checks<F>): (Presence & F) | undefined {
  if (bytes.length === 0 || bytes.length > STATUS_BYTES_MAX) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { state, session } = json as Record<string, unknown>;
  if ((state !== 'online' && state !== 'offline') || !isUint(session)) return undefined;
  const status: Record<string, unknown> = { state, session };
  for (const name of Object.keys(checks) as (keyof F & string)[]) {
    if (!Object.hasOwn(json, name)) continue;
    const value = (json as Record<string, unknown>)[name];
    if (checks[name](value)) status[name] = value;
  }
  return status as unknown as Presence & F;
}

/** The status as it is published. `facts` that make it too long are a mistake of ours: RangeError. */
export function writeStatus(state: Presence['state'], session: number, facts: object): Buffer {
  const bytes = Buffer.from(JSON.stringify({ ...facts, state, session }));
  if (bytes.length > STATUS_BYTES_MAX) {
    throw new RangeError(`a status of ${bytes.length} bytes; ${STATUS_BYTES_MAX} are allowed`);
  }
  return bytes;
}
