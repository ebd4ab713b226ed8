// Shelves in LMDB (npm lmdb 3): one environment, two databases.
//
// A commit is LMDB's classic one: pages written, fdatasync, then the meta page through an O_DSYNC descriptor.
// lmdb's own default (`overlappingSync`) answers before the fdatasync, so it is off. The map starts small and
// grows by itself inside a transaction.
//
// A page that became free is used again once no reader is left that began before. One that was killed stays in LMDB's
// table, which lmdb looks through at an opening, and else for asynchronous writes only, of which there are none here: a
// `verify` that was cut off kept every page that was freed since, until the disk was full. So each transaction begins
// with that look (0.3 µs).
//
// Packs are compressed with LZ4, facts are not: they are small, and many of them random.
//
// Cost, measured on a virtual disk: 120 MB/s of incompressible blocks in commits of 8 MiB, 40 MB of anonymous memory;
// the mapped file counts as RSS, and the kernel drops it at will.

import { randomBytes } from 'node:crypto';
import { chmodSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMap } from 'node:util';
import { type Database, open, type RootDatabase } from 'lmdb';
import { errnoName } from '../../agent/disk/errno.ts';
import { Failure } from '../../agent/failure.ts';
import { makeAll } from '../../agent/private.ts';
import { TERM_BYTES } from '../../protocol/limits.ts';
import { beginBirth, checkHead, endBirth } from './birth.ts';
import { type BlockHasher, BROKEN, type Store } from './port.ts';
import { type Pair, type Shelf, type Shelves, StoreTrouble } from './shelf.ts';
import { openStore } from './store.ts';

/** Values shorter than this stay as they are: LZ4 gains nothing on them. */
const COMPRESS_FROM_BYTES = 256;

/** Under this much room a failed write is a full disk: LMDB turns a short write into EIO. */
const FULL_DISK_BYTES = 4 * 1024 * 1024;

/** "Update of meta page failed or environment had fatal error": no transaction works on it any more. */
const MDB_PANIC = -30795;

/** The store holds what is in everyone's folders, of which some may be for its owner's eyes only. */
const OWNER_ONLY = 0o700;
/** lmdb's types do not know it. */
const PRIVATE_FILES = { permissionsMode: 0o600 };
const SHAPE = { keyEncoding: 'binary', encoding: 'binary' } as const;

type Rows = Database<Uint8Array, Uint8Array>;
/** Does something; what LMDB or the disk throw becomes a StoreTrouble. */
type Attempt = <T>(doing: string, work: () => T) => T;

/** Opens or makes the store in `directory`. Throws StoreTrouble when that is not possible. */
export function openLmdbStore(directory: string, hasher?: BlockHasher): Store {
  return openStore(openLmdbShelves(directory), { term: randomBytes(TERM_BYTES), hasher });
}

/** Reads the store in `directory` beside the gateway that has it open, if one has. What it reads in one go, without
 * a turn of the loop, is of one moment. */
export function readLmdbStore(directory: string, hasher?: BlockHasher): Store {
  return openStore(openLmdbShelves(directory, false), { hasher });
}

export function openLmdbShelves(directory: string, isWritable = true): Shelves {
  const attempt: Attempt = (doing, work) => {
    try {
      return work();
    } catch (error) {
      throw error instanceof StoreTrouble || error instanceof Failure
        ? error
        : new StoreTrouble(nameTrouble(error, directory), doing);
    }
  };
  const reading = <T>(work: () => T): T => attempt('reading the store', work);

  const root = attempt('opening the store', () => openEnvironment(directory, isWritable));
  const facts: Rows = root.openDB({ name: 'facts', ...SHAPE });
  const packs: Rows = root.openDB({
    name: 'packs',
    compression: { threshold: COMPRESS_FROM_BYTES },
    ...SHAPE,
  });
  // Making the databases was the first commit.
  if (isWritable) attempt('opening the store', () => endBirth(directory));

  let isInside = false;
  const mayWrite = () => isInside;
  // Blocks of 512, whatever the file system's own: what the file really takes.
  const bytes = () => statSync(join(directory, 'data.mdb')).blocks * 512;
  const usedBytes = () => pagesOf(facts) + pagesOf(packs);

  return {
    facts: new LmdbShelf(facts, attempt, mayWrite),
    packs: new LmdbShelf(packs, attempt, mayWrite),
    transaction(work) {
      if (!isWritable) throw new Error('a write to a store that is only read');
      let fault: { error: unknown } | undefined;
      isInside = true;
      try {
        return attempt('committing', () => {
          root.readerCheck();
          return root.transactionSync(() => {
            try {
              return work();
            } catch (error) {
              fault = { error };
              throw error;
            }
          });
        });
      } catch (error) {
        // What `work` threw comes through as it is; a StoreTrouble of its own as well.
        throw fault === undefined ? error : fault.error;
      } finally {
        isInside = false;
      }
    },
    bytes: () => reading(bytes),
    usedBytes: () => reading(usedBytes),
    roomBytes: () => reading(() => freeBytes(directory) + bytes() - usedBytes()),
    rowCount: () => reading(() => statsOf(facts).entryCount),
    mapBytes: () => reading(() => (root.getStats() as { mapSize: number }).mapSize),
    close: () => root.close(),
  };
}

function openEnvironment(directory: string, isWritable: boolean): RootDatabase<Uint8Array, Uint8Array> {
  if (isWritable) {
    makeAll(directory, OWNER_ONLY);
    shut(directory);
    beginBirth(directory);
  }
  checkHead(directory);
  return open<Uint8Array, Uint8Array>({
    path: directory,
    overlappingSync: false,
    maxDbs: 4,
    readOnly: !isWritable,
    ...PRIVATE_FILES,
    ...SHAPE,
  });
}

class LmdbShelf implements Shelf {
  readonly #rows: Rows;
  readonly #attempt: Attempt;
  readonly #mayWrite: () => boolean;

  constructor(rows: Rows, attempt: Attempt, mayWrite: () => boolean) {
    this.#rows = rows;
    this.#attempt = attempt;
    this.#mayWrite = mayWrite;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#attempt('reading the store', () => this.#rows.get(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#write(() => this.#rows.putSync(key, value));
  }

  remove(key: Uint8Array): void {
    this.#write(() => this.#rows.removeSync(key));
  }

  range(from: Uint8Array, until: Uint8Array, limit: number, isBackward = false): Pair[] {
    return this.#attempt('reading the store', () =>
      isBackward ? this.#lastOf(from, until, limit) : this.#firstOf(from, until, limit),
    );
  }

  #firstOf(from: Uint8Array, until: Uint8Array, limit: number): Pair[] {
    const pairs: Pair[] = [];
    for (const { key, value } of this.#rows.getRange({ start: from, end: until, limit })) {
      pairs.push({ key, value });
      if (pairs.length === limit) break;
    }
    return pairs;
  }

  /** Backward, LMDB begins at the greatest key that is not after `start`, and leaves `end` out. */
  #lastOf(from: Uint8Array, until: Uint8Array, limit: number): Pair[] {
    const pairs: Pair[] = [];
    const options = { start: until, end: from, reverse: true, limit: limit + 1 };
    for (const { key, value } of this.#rows.getRange(options)) {
      if (Buffer.compare(key, until) >= 0) continue;
      pairs.push({ key, value });
      if (pairs.length === limit) return pairs;
    }
    const value = this.#rows.get(from);
    const last = pairs[pairs.length - 1];
    if (value !== undefined && (last === undefined || Buffer.compare(last.key, from) !== 0))
      pairs.push({ key: from, value });
    return pairs;
  }

  #write(work: () => unknown): void {
    if (!this.#mayWrite()) throw new Error('a write outside a transaction');
    this.#attempt('writing the store', work);
  }
}

/** One that was made for everyone's eyes. Where that is another user's to change, it stays. */
function shut(directory: string): void {
  if ((statSync(directory).mode & 0o077) === 0) return;
  try {
    chmodSync(directory, OWNER_ONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
  }
}

/** lmdb throws an Error whose `code` is errno as a number, or LMDB's own negative one. */
function nameTrouble(error: unknown, directory: string): string {
  const code = (error as { code?: unknown }).code;
  if (typeof code === 'string') return code;
  if (code === MDB_PANIC) return BROKEN;
  if (isDiskFull(directory)) return 'ENOSPC';
  if (typeof code === 'number' && code > 0) return getSystemErrorMap().get(-code)?.[0] ?? errnoName(code);
  return error instanceof Error ? error.message : String(error);
}

const isDiskFull = (directory: string): boolean => freeBytes(directory) < FULL_DISK_BYTES;

/** Of the file system; any number where it does not tell. */
function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

interface Stats {
  entryCount: number;
  pageSize: number;
  treeBranchPageCount: number;
  treeLeafPageCount: number;
  overflowPages: number;
}

const statsOf = (rows: Rows): Stats => rows.getStats() as unknown as Stats;

function pagesOf(rows: Rows): number {
  const { pageSize, treeBranchPageCount, treeLeafPageCount, overflowPages } = statsOf(rows);
  return pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
}
