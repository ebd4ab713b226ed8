// What the hub is told, what it asks for, and what it is given to work with: its whole world.
//
// The hub is called with an event and a clock reading and leaves effects. It has no clock, no random and no I/O but
// the Store, whose transaction the caller opens around it (pump.ts).

import type { Squeeze } from '../../agent/engine/ports.ts';
import type { Kind, Message } from '../../protocol/messages.ts';
import type { Store } from '../store/port.ts';
import type { Restored, Wanted } from './restore.ts';

/** What a plain copy's name begins with, and no board's can: it is not in LABEL. */
export const COPY_SIGN = '@';

/** The ids of blocks and contents; the arena is one. */
export interface Hasher {
  blockId(bytes: Uint8Array): Uint8Array;
  contentIdOf(records: Iterable<Uint8Array>): Uint8Array;
}

export interface HubOptions {
  store: Store;
  hasher: Hasher;
  squeeze: Squeeze;
  /** 16 bytes that no other folder has. */
  newFolderId: () => Uint8Array;
  /** Whether this board may have part in this share; any may where this is not given. */
  mayJoin?: ((board: string, share: string) => boolean) | undefined;
  /** Shares that there may be: each has a plain copy, which takes memory. Those that are there always stay. */
  sharesMax: number;
  /** The largest frame that the gateway takes and sends. */
  frameBytesMax: number;
  /** How long a need waits for its answer while nothing else of it comes. */
  answerWaitMs?: number;
}

export type HubEvent =
  | { is: 'message'; board: string; message: Message; body: Uint8Array }
  | { is: 'malformed'; board: string; why: string }
  /** The board's will, or its goodbye. One of an older session than the one known is passed over. */
  | { is: 'left'; board: string; session?: number }
  /** Whoever runs the gateway wants versions back. Answered under the same ticket. */
  | { is: 'restore'; ticket: number; share: string; wanted: readonly Wanted[] }
  /** Blocks that may be damaged: each is looked at. */
  | { is: 'doubt'; blocks: readonly Uint8Array[] }
  | { is: 'tick' };

export type HubEffect =
  | { do: 'send'; board: string; message: Message; body: Uint8Array | undefined }
  /** `answers`: one of each, durable; undefined when the store could not keep them, and nothing was changed. */
  | { do: 'restored'; ticket: number; answers: readonly Restored[] | undefined }
  | { do: 'note'; note: HubNote };

/** What happened, for a person: the demo and the log show it. `share` tells the folder. */
export type HubNote =
  /** `bytes`: the file's; `received`: what travelled for it, as stored on the wire. */
  | {
      kind: 'accepted';
      board: string;
      share: string;
      path: Uint8Array;
      what: Kind;
      seq: number;
      bytes: number;
      received: number;
    }
  | { kind: 'conflict'; board: string; share: string; path: Uint8Array; seq: number }
  | { kind: 'refused'; board: string; share: string; path: Uint8Array; why: string }
  /** Blocks that are not what the recipe says; they are asked for again. */
  | { kind: 'mismatch'; board: string; share: string; path: Uint8Array }
  /** An upload that cannot go on; the board was told BUSY. */
  | { kind: 'dropped'; board: string; share: string; path: Uint8Array; why: string }
  | { kind: 'malformed'; board: string; why: string }
  | { kind: 'session'; board: string; text: string }
  /** So many more blocks of the store are not what their ids say. */
  | { kind: 'damaged'; blocks: number }
  | { kind: 'trouble'; code: string; doing: string };

/** Since the hub began, of one board. */
export interface BoardCounters {
  accepted: number;
  conflicts: number;
  refused: number;
  malformed: number;
  /** Blocks or recipes that were not what they were said to be. */
  mismatches: number;
  /** Answers to nothing that was asked: late or doubled. */
  unasked: number;
}

export interface FolderStatus {
  share: string;
  id: string;
  head: number;
  entries: number;
  bytes: number;
}

export interface BoardStatus {
  name: string;
  share: string;
  isOnline: boolean;
  position: number;
  /** Uploads under way. */
  pending: number;
  lastSeen: number;
  counters: BoardCounters;
}

/** Plain values only, as JSON has them. */
export interface HubStatus {
  folders: FolderStatus[];
  boards: BoardStatus[];
  /** Blocks that are damaged and wait for somebody to bring them again. */
  lostBlocks: number;
}
