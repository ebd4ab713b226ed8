// The retained status of a board or gateway: JSON, so that any MQTT client can follow it without our codec.
//
//   {"state":"online","session":1722855600123,"software":"toastbox 0.1.0","head":42,"position":41, ...}
//
// `state` and `session` are always there. The will that a client leaves with the broker is the same with state
// "offline" and its session, and nothing else. A will may be delivered long after its client is back: it is stale
// when its session is not newer than that of the client that is online, who then publishes its own again.
//
// Nobody here reads more than those two: the rest is for people. Reading refuses what is over STATUS_BYTES_MAX before
// parsing, and never throws; without state and session there is no status.

/** A status has some twenty short fields, 1 KiB in practice. The gateway may hold one per board for a moment. */
export const STATUS_BYTES_MAX = 8 * 1024;

export interface Presence {
  state: 'online' | 'offline';
  /** Grows with each start of the process: milliseconds since 1970, say. */
  session: number;
}

/** Undefined: it is none. */
export function readPresence(bytes: Uint8Array): Presence | undefined {
  if (bytes.length === 0 || bytes.length > STATUS_BYTES_MAX) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { state, session } = json as Record<string, unknown>;
  if (state !== 'online' && state !== 'offline') return undefined;
  if (typeof session !== 'number' || !Number.isSafeInteger(session) || session < 0) return undefined;
  return { state, session };
}

/** The status as it is published. `facts` that make it too long are a mistake of ours: RangeError. */
export function writeStatus(state: Presence['state'], session: number, facts: object): Buffer {
  const bytes = Buffer.from(JSON.stringify({ ...facts, state, session }));
  if (bytes.length > STATUS_BYTES_MAX) {
    throw new RangeError(`a status of ${bytes.length} bytes; ${STATUS_BYTES_MAX} are allowed`);
  }
  return bytes;
}
