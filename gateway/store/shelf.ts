// An ordered map of bytes to bytes with transactions: all that the store asks of whatever keeps it.
//
// Two things implement it: LMDB (lmdb.ts) and memory (test/gateway/memory.ts). The tables above them are the same
// code, so the twin that tests and the simulator run on cannot drift from the real store.
//
// Invariants:
//   1. Keys order by their bytes, unsigned; a shorter key comes before a longer one that it begins.
//   2. Inside a transaction reads see its writes. When `work` throws nothing of it remains.
//   3. A transaction that wrote is on the disk, fsynced, when `transaction` returns.
//   4. Writing outside a transaction is our error: it throws.

export interface Pair {
  key: Uint8Array;
  value: Uint8Array;
}

export interface Shelf {
  /** The value is the caller's to keep, not to change. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** The shelf may keep both arrays as they are: the caller does not write to them again. */
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
  /** At most `limit` pairs with from <= key < until: the first ones, or the last ones backward. */
  range(from: Uint8Array, until: Uint8Array, limit: number, isBackward?: boolean): Pair[];
}

export interface Shelves {
  /** Small records, kept as they are. */
  readonly facts: Shelf;
  /** Packs of blocks, some tens of KiB each, compressed where the medium is worth it. */
  readonly packs: Shelf;
  transaction<T>(work: () => T): T;
  /** Bytes that it takes on its medium. */
  bytes(): number;
  /** Bytes of those that hold something: the rest is written again before it grows. */
  usedBytes(): number;
  /** Bytes that can be written: what its medium has free, and what is written again. */
  roomBytes(): number;
  /** Of the facts. */
  rowCount(): number;
  /** Bytes of address space: of LMDB's map. */
  mapBytes(): number;
  close(): Promise<void>;
}

/** An operating error of the medium: the disk is full, or broken. `code` is errno's name where there is one. */
export class StoreTrouble extends Error {
  readonly code: string;
  constructor(code: string, doing: string) {
    super(`${doing}: ${code}`);
    this.code = code;
  }
}
