// What the hub needs of a store. Synchronous, so that the hub is too: an event and its commit are one call.
//
// It decides nothing: the hub's verdicts are made before `commit` is called. It keeps folders with their current
// entries, the log of changes, the versions that were replaced, contents as recipes over deduplicated blocks, and
// what is known of the boards.
//
// Invariants:
//   1. What a transaction committed is durable when `transaction` returns, together with every block and recipe
//      that was put before it.
//   2. Blocks, recipe pages and boards' records alone commit nothing: they wait in a buffer of at most
//      WAITING_BYTES_MAX until a transaction writes something else, or the buffer is full. Reads see them at once.
//      A crash may lose them; nobody was told that they are safe.
//   3. When a transaction fails, nothing of it remains and the waiting buffer is dropped too: every transfer that
//      counted on it starts over.
//   4. The log holds one row a path: its newest change. Deletions stay as entries of kind ABSENT.
//
// Reads work outside a transaction, writes only inside.

import type { Facts, Kind, Mark } from '../../protocol/messages.ts';

declare const folderBrand: unique symbol;
/** The store's own number of a folder. */
export type FolderNumber = number & { readonly [folderBrand]: true };

export interface Folder {
  readonly number: FolderNumber;
  readonly share: string;
  readonly id: Uint8Array;
  /** Newest seq; 0 when nothing was ever committed. */
  readonly head: number;
  /** Live entries, and the bytes of the live files. */
  readonly entries: number;
  readonly bytes: number;
}

export interface Change extends Facts {
  /** The board that made it. */
  board: string;
  /** When it came, milliseconds since 1970. */
  arrived: number;
}

export interface Version extends Change {
  seq: number;
  /** The oldest of its path that is kept: there were others. */
  isCut?: boolean;
}

export interface LoggedChange {
  path: Uint8Array;
  version: Version;
  /** A path that held the same content when this was committed; empty if none did. */
  like: Uint8Array;
}

export interface Child {
  name: Uint8Array;
  /** The newest: ABSENT where it was deleted. */
  version: Version;
  /** It is or once was a directory: others may stand, or have stood, under it. */
  wasDirectory: boolean;
}

declare const recipeBrand: unique symbol;
export type RecipeNumber = number & { readonly [recipeBrand]: true };

/** A file's content as a list of blocks: records, as protocol/align.ts has them. */
export interface Recipe {
  readonly number: RecipeNumber;
  readonly blockCount: number;
  readonly size: number;
  /** The record of a content of one block that came whole: it has no pages. */
  readonly only?: Uint8Array;
}

/** A block's place in its file. */
export interface Place {
  ordinal: number;
  /** Byte offset at which the block begins. */
  offset: number;
}

export interface BoardRecord {
  name: string;
  share: string;
  position: number;
  session: number;
  /** Milliseconds since 1970. */
  lastSeen: number;
}

/** The code of a store that must be opened anew: an fsync failed, and what the medium holds is not known. */
export const BROKEN = 'BROKEN';

export type Outcome<T> = { isDurable: true; value: T } | { isDurable: false; code: string };

export interface Store {
  /**
   * Runs `work` and makes what it wrote durable. An operating error (ENOSPC, EIO) is an outcome; whatever else
   * `work` throws comes through, after everything was undone. Not nested.
   */
  transaction<T>(work: () => T): Outcome<T>;
  close(): Promise<void>;
  /** On its medium; what of that is in use; of address space; of what waits (invariant 2); of a round's marks. */
  size(): {
    bytes: number;
    usedBytes: number;
    mapBytes: number;
    waitingBytes: number;
    collectingBytes: number;
  };

  /** Bytes that it can still take, as far as its medium tells. */
  roomBytes(): number;

  folders(): Folder[];
  folder(share: string): Folder | undefined;
  /** What this process gives seqs in (terms.ts). */
  readonly term: Uint8Array;
  termOf(folder: FolderNumber, seq: number): Uint8Array;
  /** The last seqs of the terms before this process's, TRAIL_MAX of them. */
  trail(folder: Folder): Mark[];
  /** The last seq, up to `seq`, that a folder has in common with a history in which `seq` is of `term`. */
  commonWith(folder: Folder, seq: number, term: Uint8Array): number;
  makeFolder(share: string, id: Uint8Array): Folder;

  /** The newest version at `path`, ABSENT for a deletion; undefined if nothing ever was there. */
  current(folder: FolderNumber, path: Uint8Array): Version | undefined;
  /** Whether a directory stands at `path`, and was not deleted. */
  isDirectory(folder: FolderNumber, path: Uint8Array): boolean;
  /** Whether no live entry stands directly under `path`; true also where no directory ever was. */
  isEmptyDirectory(folder: FolderNumber, path: Uint8Array): boolean;
  /** Whether a replaced version of `path` had this kind and content. */
  knows(folder: FolderNumber, path: Uint8Array, kind: Kind, content: Uint8Array): boolean;
  /** Replaced versions of `path` with a seq below `before`, newest first. */
  versions(folder: FolderNumber, path: Uint8Array, limit: number, before?: number): Version[];
  /** Another live file with this content; one that was committed before its content was sealed may not be found. */
  like(folder: FolderNumber, path: Uint8Array, content: Uint8Array): Uint8Array | undefined;
  /** Whether a file of the folder holds this content, or was the first in the store to hold it. */
  holds(folder: FolderNumber, content: Uint8Array): boolean;
  /** Makes `change` the current version of `path` and answers its seq. The parent must be known. `isFirst`: the caller
   * knows that no file held this content, so none is looked for. */
  commit(folder: FolderNumber, path: Uint8Array, change: Change, isFirst?: boolean): number;
  /** The first `limit` paths, by seq, whose newest change is after `seq`. */
  changesAfter(folder: FolderNumber, seq: number, limit: number): LoggedChange[];
  /** The last `limit` paths, newest first, whose newest change is before `seq`. */
  changesBefore(folder: FolderNumber, seq: number, limit: number): LoggedChange[];
  /** What stands or stood directly under `path` (empty: the root), by name, after the name `after`. */
  children(folder: FolderNumber, path: Uint8Array, after: Uint8Array, limit: number): Child[];

  /** The recipe of a complete content. */
  content(id: Uint8Array): Recipe | undefined;
  /** A recipe that grows as it arrives. It stands under no content id until it is sealed. */
  startRecipe(): Recipe;
  /** The recipe with whole records added at its end. Earlier values of the same recipe are stale. */
  addRecords(recipe: Recipe, records: Uint8Array): Recipe;
  /** At most `count` records from `ordinal` on. */
  records(recipe: Recipe, ordinal: number, count: number): Uint8Array;
  /** The block that holds byte `offset`; undefined at the end and beyond. */
  placeOf(recipe: Recipe, offset: number): Place | undefined;
  /** The byte at which block `ordinal` begins; the size for the one past the last. */
  offsetOf(recipe: Recipe, ordinal: number): number;
  /** The recipe becomes that of `content`. All its blocks must have been put. */
  sealRecipe(recipe: Recipe, content: Uint8Array): void;
  dropRecipe(recipe: Recipe): void;
  /** A content of one block, which `record` tells, all at once. It was not known. `folder`: as of a block. */
  putWhole(content: Uint8Array, record: Uint8Array, bytes: Uint8Array, folder?: FolderNumber): void;

  /** Whether blocks of it are lost: then it is no content that anybody may count on, until they come again. */
  lacks(recipe: Recipe): boolean;

  /** `only`: whether it came for this folder first. */
  hasBlock(id: Uint8Array, only?: FolderNumber): boolean;
  /** Of a block that a recipe names. One that is not what its id says is lost from here on: it is not there any more,
   * until it is put anew. */
  block(id: Uint8Array): Uint8Array | undefined;
  /** How many are lost now; how many were found to be, in this process. */
  lostBlocks(): { now: number; found: number };
  /** `folder`: for which it came, where that matters. Of one that is there already nothing changes. */
  putBlock(id: Uint8Array, bytes: Uint8Array, folder?: FolderNumber): void;

  /**
   * Begins a round that drops the versions replaced before `before` (milliseconds since 1970), and whatever nothing
   * needs then. `pins`: contents whose recipes are held, though no path need have them.
   */
  startCollecting(before: number, pins: Iterable<Uint8Array>): void;
  /** One bounded step of the round, inside a transaction. False: there is none, or it is through. */
  collect(): boolean;

  boards(): BoardRecord[];
  noteBoard(record: BoardRecord): void;
}

/** Says what id bytes have. */
export interface BlockHasher {
  blockId(bytes: Uint8Array): Uint8Array;
}

/** Blocks, recipe pages and boards' records waiting for a transaction that commits something. 8 MiB are 2,000
 * blocks of the aimed size: an fsync each would cost more than writing them. More would only be lost at a crash. */
export const WAITING_BYTES_MAX = 8 * 1024 * 1024;

/** Records in one page of a recipe: 2.5 KiB, about 512 KiB of content, so that a page is one read and an LMDB
 * page holds one. */
export const PAGE_RECORDS = 128;
