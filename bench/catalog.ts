// The catalog's tree alone, beside LMDB on the same keys and values: what an agent keeps for each file.
//
// Keys are a parent and a name of 24 bytes, values are settled entries; 250 names a parent. Ours has a page cache of a
// tenth of the tree, LMDB maps its file: both files stand in the kernel's page cache. Both commit every so many
// changes, durable on return (LMDB with overlappingSync off, as the gateway has it). A look-up's value is looked at in
// place by both, and every one is checked to be of the right length.

import { mkdirSync, statSync } from 'node:fs';
import { open } from 'lmdb';
import { openArena } from '../agent/arena/arena.ts';
import { openTree } from '../agent/arena/tree.ts';
import { openPages } from '../agent/disk/pages.ts';
import { EntryCodec, localOf } from '../agent/engine/entry.ts';
import { entryKey } from '../agent/engine/keys.ts';
import { Kind } from '../protocol/messages.ts';
import { CROWD_NAME_BYTES, crowdName } from './crowd.ts';
import { Place } from './place.ts';
import { random } from './seeded.ts';
import { table } from './table.ts';

const PAGE_BYTES = 4096;
const PER_PARENT = 250;
const LOOKUPS_MAX = 200_000;
/** Done once before, with both, so that neither is measured while it is being compiled. */
const WARM_RECORDS = 5_000;

interface Records {
  count: number;
  /** In key order. */
  key(index: number): Uint8Array;
  value(index: number): Uint8Array;
}

/** What both store, in two buffers: an object a record would be most of what is measured. */
function makeRecords(count: number, seed: number): Records {
  const keyBytes = 1 + 4 + CROWD_NAME_BYTES;
  const keys = Buffer.allocUnsafe(count * keyBytes);
  const codec = new EntryCodec();
  const next = random(seed);
  const values: Buffer[] = [];
  const ends = new Uint32Array(count + 1);
  for (let index = 0; index < count; index += PER_PARENT) {
    const parent = 2 + index / PER_PARENT;
    const names = Array.from({ length: Math.min(PER_PARENT, count - index) }, (_, at) =>
      crowdName(seed, index + at),
    ).sort();
    for (const [at, name] of names.entries()) {
      keys.set(entryKey(parent, Buffer.from(name)), (index + at) * keyBytes);
      const mtime = 1_760_000_000_000_000 + next() * 100;
      const size = 100 + (next() % 40);
      const inode = 1_000_000 + index + at;
      const stat = { kind: Kind.FILE, mode: 0o644, size, mtime, ctime: mtime + (next() % 1000), inode };
      const content = Buffer.alloc(16);
      for (let word = 0; word < 16; word += 4) content.writeUInt32LE(next(), word);
      const seq = 1 + (((index + at) * 7919) % count);
      const local = { ...localOf(stat), content };
      const synced = { kind: Kind.FILE, mode: 0o644, size, mtime, content, seq, list: 0 };
      const value = Buffer.from(codec.encode({ id: 0, local, synced, remote: undefined }));
      values.push(value);
      ends[index + at + 1] = ends[index + at]! + value.length;
    }
  }
  const all = Buffer.concat(values);
  return {
    count,
    key: index => keys.subarray(index * keyBytes, (index + 1) * keyBytes),
    value: index => all.subarray(ends[index]!, ends[index + 1]!),
  };
}

interface Shelf {
  put(key: Uint8Array, value: Uint8Array): void;
  /** Bytes of the value. */
  get(key: Uint8Array): number;
  /** Entries passed from the first to the last. */
  walk(first: Uint8Array): number;
  /** Runs `work`, which puts, and commits. */
  batch(work: () => void): void;
  bytes(): number;
  close(): void;
}

function openOurs(directory: string, frames: number): Shelf {
  const path = `${directory}/catalog`;
  const pages = openPages(path);
  // The pool is as large as asked; framesMost takes of it what the tenth is.
  const arena = openArena({ bytes: Math.max(8, Math.ceil(frames / 200)) * 2 ** 20 });
  const tree = openTree(arena, pages, frames);
  return {
    put: (key, value) => tree.put(key, value),
    get: key => tree.get(key)?.length ?? -1,
    walk(first) {
      let passed = 0;
      let found = tree.next(first, true);
      const from = new Uint8Array(tree.keyBytesMax);
      while (found !== undefined) {
        passed++;
        const bytes = found.key.length;
        from.set(found.key);
        found = tree.next(from.subarray(0, bytes), false);
      }
      return passed;
    },
    batch(work) {
      work();
      tree.commit();
    },
    bytes: () => statSync(path).size,
    close: () => pages.close(),
  };
}

function openLmdb(directory: string): Shelf {
  mkdirSync(directory, { recursive: true });
  const root = open<Uint8Array, Uint8Array>({
    path: directory,
    overlappingSync: false,
    keyEncoding: 'binary',
    encoding: 'binary',
  });
  return {
    put: (key, value) => root.putSync(key, value),
    get: key => root.getBinaryFast(key)?.length ?? -1,
    walk(first) {
      let passed = 0;
      for (const { value } of root.getRange({ start: first })) if (value.length > 0) passed++;
      return passed;
    },
    batch: work => root.transactionSync(work),
    bytes: () => statSync(`${directory}/data.mdb`).size,
    close: () => void root.close(),
  };
}

function shuffled(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, index) => index);
  const next = random(seed);
  for (let index = count - 1; index > 0; index--) {
    const other = next() % (index + 1);
    [order[index], order[other]] = [order[other]!, order[index]!];
  }
  return order;
}

interface Times {
  insert: number;
  lookInOrder: number;
  lookAtRandom: number;
  walk: number;
  bytes: number;
}

/** Microseconds each, and bytes on disk for each. */
function measure(shelf: Shelf, records: Records, order: Uint32Array | undefined, every: number): Times {
  const { count } = records;
  const at = (index: number): number => order?.[index] ?? index;
  const timed = (operations: number, work: () => void): number => {
    const begin = performance.now();
    work();
    return ((performance.now() - begin) * 1000) / operations;
  };
  const insert = timed(count, () => {
    for (let from = 0; from < count; from += every) {
      shelf.batch(() => {
        const end = Math.min(from + every, count);
        for (let index = from; index < end; index++)
          shelf.put(records.key(at(index)), records.value(at(index)));
      });
    }
  });
  const look = (choose: (index: number) => number): number => {
    const lookups = Math.min(count, LOOKUPS_MAX);
    return timed(lookups, () => {
      for (let index = 0; index < lookups; index++) {
        const record = choose(index);
        if (shelf.get(records.key(record)) !== records.value(record).length)
          throw new Error(`record ${record} is not what was put`);
      }
    });
  };
  const scattered = order ?? shuffled(count, 99);
  const lookInOrder = look(index => index);
  const lookAtRandom = look(index => scattered[index]!);
  const walk = timed(count, () => {
    if (shelf.walk(records.key(0)) !== count) throw new Error('the walk passed others than were put');
  });
  return { insert, lookInOrder, lookAtRandom, walk, bytes: shelf.bytes() / count };
}

export interface CatalogOptions {
  seed: number;
  files: number;
  commitEvery: number;
}

export async function catalog({ seed, files, commitEvery }: CatalogOptions): Promise<string> {
  const records = makeRecords(files, seed);
  const place = new Place('catalog');
  try {
    // What a full tree takes at 100 bytes a file; a tenth of it is the cache.
    const frames = Math.max(16, Math.ceil((files * 100) / PAGE_BYTES / 10));
    const rows: string[][] = [];
    const warm = { ...records, count: Math.min(files, WARM_RECORDS) };
    for (const shelf of [openOurs(place.folder('warm'), frames), openLmdb(place.folder('warm-lmdb'))]) {
      measure(shelf, warm, undefined, commitEvery);
      shelf.close();
    }
    for (const [name, order] of [
      ['in order', undefined],
      ['at random', shuffled(files, seed)],
    ] as const) {
      const ours = openOurs(place.folder('ours'), frames);
      const mine = measure(ours, records, order, commitEvery);
      ours.close();
      const lmdb = openLmdb(place.folder('lmdb'));
      const theirs = measure(lmdb, records, order, commitEvery);
      lmdb.close();
      const row = (what: string, own: number, other: number, unit: string): void => {
        rows.push([what, unit, own.toFixed(2), other.toFixed(2), (own / other).toFixed(2)]);
      };
      row(`insert ${name}, commit every ${commitEvery}`, mine.insert, theirs.insert, 'µs');
      row('  look-up in order', mine.lookInOrder, theirs.lookInOrder, 'µs');
      row('  look-up at random', mine.lookAtRandom, theirs.lookAtRandom, 'µs');
      row('  walk in order, each', mine.walk, theirs.walk, 'µs');
      row('  on disk, each', mine.bytes, theirs.bytes, 'bytes');
    }
    return table(
      `catalog: ${files.toLocaleString('en-US')} entries, names of ${CROWD_NAME_BYTES} bytes, ` +
        `${frames} pages of cache (aim: 100 bytes)`,
      ['', 'unit', 'toastbox', 'lmdb', 'x lmdb'],
      rows,
    );
  } finally {
    await place.close();
  }
}
