// What the engine is told (events) and what it asks for (effects): its whole world.
//
// The engine is called with one event and a clock reading, and leaves effects in a list. Whoever drives it
// carries the effects out in order and hands back what came of them, as events. Every effect that names an
// answer is answered exactly once, at once or later. Nothing here grows with the folder: a directory arrives in
// batches, a file passes through the arena's window, and what is in flight holds a numbered slot.

import type { Kind, Message } from '../../protocol/messages.ts';

/** A path from the folder's root: bytes, parts divided by '/', no '/' at either end. The root is empty. */
export type Path = Uint8Array;

/** Paths that are made durable one by one; more of them share a sync of the file system, which costs what five to ten
 * fsyncs do. */
export const SINGLE_SYNCS_MAX = 8;

/** Neither file, directory nor symlink: a socket, a device. Never synced; counted. */
export const OTHER = 4;

/** A directory of another file system than the folder's root: not looked into. Nothing is concluded from it, neither of
 * what it hides nor of what is in it: it may come and go with a stick. Counted, and named. */
export const FOREIGN = 5;

/** A name of which the disk can say nothing but that it is there: a damaged inode. Nothing is concluded from it. */
export const HIDDEN = 6;

/**
 * Times of a stat, in microseconds: mtime from 1901 on, ctime from 1970 on, both to 2109. Outside, ext4 or a double of
 * milliseconds holds no fraction any more, and an entry takes ctime - mtime from -2^52 on (entry.ts).
 */
export const TIME_MIN = -(2 ** 31 - 1) * 1e6;
export const TIME_MAX = 2 ** 42 * 1e3;

/**
 * What lstat says of a path. Times are microseconds since 1970, rounded to whole ones: what utimes can set and a
 * double holds exactly; further off, the nearest of those above. `mode` is the permission bits that travel; `size` is
 * 0 unless it is a file's. A directory's `ctime` is when it was made: its own changes with its children, and its inode
 * number may have been another's.
 */
export interface Stat {
  kind: Kind | typeof OTHER | typeof FOREIGN | typeof HIDDEN;
  mode: number;
  size: number;
  mtime: number;
  ctime: number;
  inode: number;
}

/** A time of the kernel's comes from a tick, 10 ms at most (CONFIG_HZ=100), and a little. On file systems with inodes
 * of 128 bytes (ext2, ext3, small ext4) it is the second that the tick is in. */
const TICK_MS = 12;
const SECOND_MS = 1_000;

/** Whether this ctime is of a file system that has whole seconds only, as far as one tells. */
export const isWholeSecond = (ctime: number): boolean => ctime % (SECOND_MS * 1000) === 0;

/**
 * How long from `wall`, in milliseconds, another change may still come that would bear this ctime: what is read until
 * then may be changed and look as it was.
 */
export function youthMs(ctime: number, wall: number): number {
  const tickMs = TICK_MS + (isWholeSecond(ctime) ? SECOND_MS : 0);
  const ageMs = wall - ctime / 1000;
  return Math.abs(ageMs) < tickMs ? Math.ceil(tickMs - ageMs) : 0;
}

/** An operating error: errno's name, 'CHANGED' where what was expected no longer stands there, 'OTHER' where neither
 * file, directory nor symlink does, or 'REFUSED' where the path leads through a symlink or out of the folder. */
export interface Trouble {
  code: string;
}

/** Sorted by name bytes. They stay in the arena; at() makes an object of one. */
export interface Rows {
  readonly address: number;
  readonly bytes: number;
  readonly count: number;
  at(index: number): ListedRow;
}

export interface ListedRow {
  name: Uint8Array;
  stat: Stat;
}

/** What came of one file of a group: read, with where its bytes lie in the window and its only record; or anything
 * else, which reading it alone will tell. */
export type Gathered =
  | { is: 'read'; stat: Stat; offset: number; content: Uint8Array; record: Uint8Array }
  | { is: 'other' };

/** One file to put in place of what is expected there (undefined: nothing). */
export interface Placing {
  slot: number;
  path: Path;
  mode: number;
  mtime: number;
  expect: Stat | undefined;
}

/** A file that is one block at most: `stored` as it came, deflated when it is shorter than `length`. */
export interface Whole {
  slot: number;
  stored: Uint8Array;
  length: number;
}

/** The bytes that a deflated patch was made against: `length` of a file of the folder, which must still be as expected,
 * then the `tail` before the patch in the staged one. */
export interface Dictionary {
  from: { path: Path; expect: Stat; offset: number; length: number } | undefined;
  tail: number;
}

/** A frame cell of the arena that carries a body of `length` bytes from `offset` on. */
export interface FrameBody {
  handle: number;
  offset: number;
  length: number;
}

/** What happened, for a person: the demo and the log show it. */
export type Note =
  | { kind: 'sent' | 'received'; path: Path; what: Kind; bytes: number }
  | { kind: 'conflict'; path: Path; copy: Path }
  | { kind: 'skipped'; path: Path; why: string }
  | { kind: 'trouble'; path: Path; code: string; doing: string }
  /** `time`: the gateway's clock, where it told it. */
  | { kind: 'session'; text: string; time?: number };

export type Effect =
  // Looking. `list` starts a directory, `more` goes on with it; the batch comes sorted by name bytes.
  | { do: 'list'; dir: Path } //                                                    -> listed
  | { do: 'more' } //                                                               -> listed
  | { do: 'look'; path: Path } //                                                   -> looked
  // Reads a whole file through the window, cutting and hashing. `staged` means the slot's staged file.
  | { do: 'examine'; path: Path; staged: number | undefined } //                    -> cut*, examined
  // Reads small files whole into the window, one behind the other, where they stay until the next of these effects.
  | { do: 'gather'; items: { path: Path; expect: Stat }[] } //                      -> gathered
  | { do: 'abandon' } // the examination under way; it is not answered any more
  // Reads file bytes into the arena's run buffer at 0.
  | { do: 'read'; path: Path; offset: number; length: number } //                   -> read
  | { do: 'readTarget'; path: Path } // of a symlink                                -> target
  // Staging. `stageWhole` stages small files at once, reads each back and says what it holds. `stored` is only valid
  // while the effect is carried out.
  | { do: 'stageWhole'; items: Whole[] } //                                         -> stagedWhole
  // `copy` takes bytes from a file of the folder, as long as it is still as expected.
  // `stage` begins a file of `bytes`, unless it can be seen that it could not be put `into` its place later on.
  | { do: 'stage'; slot: number; bytes: number; into: Pick<Placing, 'path' | 'expect'> | undefined } // -> wrote
  // `patch` writes `length` bytes at `offset`: `stored` itself, or inflated with the dictionary when it is shorter.
  // `stored` is only valid while the effect is carried out.
  | { do: 'patch'; slot: number; offset: number; length: number; stored: Uint8Array; dictionary: Dictionary } // -> wrote
  | { do: 'copy'; slot: number; offset: number; from: Path; expect: Stat; fromOffset: number; length: number } // -> wrote
  | { do: 'unstage'; slot: number } // drops the staged file; not answered
  // Changing the folder. Each checks `expect` last, against lstat, just before it acts.
  | { do: 'place'; items: Placing[] } // all staged files synced, then all renamed  -> placed
  | { do: 'makeDirectory'; path: Path; mode: number } //                            -> did
  | { do: 'makeSymlink'; path: Path; target: Uint8Array; mtime: number; expect: Stat | undefined } // -> did
  | { do: 'remove'; path: Path; expect: Stat } //                                   -> did
  | { do: 'retouch'; path: Path; mode: number; mtime: number; expect: Stat } //     -> did
  | { do: 'setAside'; path: Path; to: Path; expect: Stat } // rename, never over something -> did
  // What a user did there is agreed on: the next `sync` makes it durable. No path: everything in the folder.
  | { do: 'keep'; path: Path | undefined }
  // Makes every change to the folder durable: fsync of each directory changed since the last time.
  | { do: 'sync' } //                                                               -> synced
  // A wish: the watcher has a budget. `isActive`: something changes there, so it may take another's place.
  | { do: 'watch'; dir: Path; isActive: boolean }
  | { do: 'unwatch'; dir: Path } // no directory stands there any more
  // Sets the catalog aside and begins with an empty one: the one way out of a broken or foreign catalog. Up to `common`
  // the folder has all of the gateway's history, which the next one may go by.
  | { do: 'startOver'; why: string; common: number }
  // After the event `stop`: what can be durable is, and nothing follows.
  | { do: 'stopped' }
  // The link. A body's frame cell belongs to the carrier until `sent` gives it back.
  | { do: 'send'; message: Message; body: FrameBody | undefined } //                -> sent, if there is a body
  | { do: 'note'; note: Note };

export type Event =
  | { is: 'start' }
  /** Nothing is taken up any more; `stopped` answers. */
  | { is: 'stop' }
  | { is: 'tick' } // the time asked for by wakeAt has come
  /** The rows are good until the next `list` or `more`; none with trouble. `hidden`: that of the first HIDDEN one. */
  | { is: 'listed'; rows: Rows | undefined; isEnd: boolean; trouble: Trouble | undefined; hidden?: Trouble }
  | { is: 'looked'; path: Path; stat: Stat | undefined; trouble: Trouble | undefined }
  /** Blocks found by the examination under way, in order: records of 20 bytes (u32le length, id). */
  | { is: 'cut'; records: Uint8Array }
  /** `before` and `after` differ when the file changed meanwhile; `bytes` is what was read. */
  | {
      is: 'examined';
      before: Stat | undefined;
      after: Stat | undefined;
      content: Uint8Array;
      bytes: number;
      trouble: Trouble | undefined;
    }
  /** One for each item, in order. */
  | { is: 'gathered'; files: Gathered[] }
  | { is: 'read'; bytes: number; stat: Stat | undefined; trouble: Trouble | undefined }
  | { is: 'target'; target: Uint8Array; trouble: Trouble | undefined }
  | { is: 'wrote'; slot: number; trouble: Trouble | undefined }
  /** `content` is the content id of what the disk gave back. */
  | {
      is: 'stagedWhole';
      items: { slot: number; content: Uint8Array; trouble: Trouble | undefined }[];
    }
  | { is: 'placed'; items: { slot: number; stat: Stat | undefined; trouble: Trouble | undefined }[] }
  | { is: 'did'; stat: Stat | undefined; trouble: Trouble | undefined }
  | { is: 'synced'; trouble: Trouble | undefined }
  /** The watcher saw something in `dir`; `name` where it knows which. */
  | { is: 'hint'; dir: Path; name: Uint8Array | undefined }
  /** The watcher lost events or ran out of budget: only a rescan is sure. */
  | { is: 'hintsLost' }
  /** .toastboxignore changed: what is ignored must be worked out anew. */
  | { is: 'rulesChanged' }
  /** The folder itself is gone or is not the one known (undefined: it is there). `isBack`: it was there before. */
  | { is: 'folder'; trouble: Trouble | undefined; isBack: boolean }
  | { is: 'linkUp'; frameBytesMax: number }
  | { is: 'linkDown' }
  | { is: 'message'; message: Message; body: Uint8Array }
  | { is: 'malformed'; why: string }
  | { is: 'sent'; handle: number };

/** What the engine may ask at once: pure answers, no waiting. */
export interface Rules {
  /** Whether .toastboxignore leaves this path out of the sync. */
  isIgnored(path: Path, isDirectory: boolean): boolean;
  /** Another one for other rules; empty where there are none. */
  readonly digest: string;
  /** All is left out until .toastboxignore can be read. */
  readonly isHeld: boolean;
}

/** Deflate and inflate, raw, with a dictionary. Pure: same bytes in, same bytes out. */
export interface Squeeze {
  deflate(bytes: Uint8Array, dictionary: Uint8Array): Uint8Array;
  /** Undefined when the bytes are not what they should be or inflate to another length. Throws ENOMEM. */
  inflate(bytes: Uint8Array, dictionary: Uint8Array, length: number): Uint8Array | undefined;
}

/** The file that keeps the catalog's pages. Throws errno errors. */
export interface PageFile {
  /** Pages that the file holds now. */
  readonly pageCount: number;
  read(page: number, into: Uint8Array): void;
  write(page: number, from: Uint8Array): void;
  sync(): void;
  /** Makes the file end before this page. Need not be durable before the next sync. */
  cut(page: number): void;
}
