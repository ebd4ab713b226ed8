// The inner loops, in JavaScript (bench/plain.ts) and in our wasm, over the same bytes and checked to answer alike.
//
//   cut        where blocks end, over bytes that nothing compresses
//   hash       BLAKE3 of pieces of 16 KiB
//   compare    two equal pieces of 4 KiB, in memcmp order
//   search     every key of a full page of the catalog, one after another: keys of 29 bytes
//
// One call a block, a piece, a page: what crossing the border costs is in it. Best of some rounds, in turns.

import { readFileSync } from 'node:fs';
import { type Arena, openArena } from '../agent/arena/arena.ts';
import { hasSimd } from '../agent/arena/wasm.ts';
import { compile } from './compile.ts';
import { crowdName } from './crowd.ts';
import { Place } from './place.ts';
import { blockBytes, compare, hash, seek } from './plain.ts';
import { random } from './seeded.ts';
import { NONE, table } from './table.ts';

const ARENA_BYTES = 8 * 2 ** 20;
const HASHED_BYTES = 16 * 1024;
const COMPARED_BYTES = 4096;
const KEY_BYTES = 29;
const SEARCHES = 2_000;

interface LoopExports {
  fillPage(page: number, keys: number, bytes: number, count: number): number;
  searchAll(page: number, keys: number, bytes: number, count: number): number;
  compare(a: number, aBytes: number, b: number, bBytes: number): number;
}

/** Runs over everything once; answers something that depends on all of it. */
type Loop = () => number;

interface Line {
  name: string;
  unit: string;
  /** Bytes or searches of one run. */
  work: number;
  js: Loop;
  plain: Loop;
  simd: Loop | undefined;
}

function cutAndHash(bytes: number, seed: number): Line[] {
  const fill = (arena: Arena): { at: number } => {
    const next = random(seed);
    const region = arena.exports.REGION_PAGES.value;
    const at = arena.exports.regionAt(region);
    if (arena.exports.regionBytes(region) < bytes) throw new RangeError('the arena is too small');
    const words = new Uint32Array(arena.memory.buffer, at, bytes / 4);
    for (let index = 0; index < words.length; index++) words[index] = next();
    return { at };
  };
  const inWasm = (simd: boolean): { cut: Loop; hash: Loop } => {
    const arena = openArena({ bytes: ARENA_BYTES, simd });
    const { at } = fill(arena);
    const { exports } = arena;
    const digest = exports.digest.value;
    const words = new DataView(arena.memory.buffer);
    return {
      cut() {
        let sum = 0;
        for (let from = 0; from < bytes; ) {
          from += exports.blockBytes(at + from, bytes - from);
          sum = (sum * 31 + from) | 0;
        }
        return sum;
      },
      hash() {
        let sum = 0;
        for (let from = 0; from < bytes; from += HASHED_BYTES) {
          exports.hash(at + from, HASHED_BYTES, digest);
          sum = (sum * 31 + words.getInt32(digest + 12, true)) | 0;
        }
        return sum;
      },
    };
  };
  const arena = openArena({ bytes: ARENA_BYTES, simd: false });
  const { at } = fill(arena);
  const view = new DataView(arena.memory.buffer);
  // gear[b] is the first word of the hash of the byte b.
  const one = new DataView(new ArrayBuffer(1));
  const gear = Uint32Array.from({ length: 256 }, (_, byte) => {
    one.setUint8(0, byte);
    return hash(one, 0, 1)[0]!;
  });
  const [plain, simd] = [inWasm(false), hasSimd() ? inWasm(true) : undefined];
  return [
    {
      name: 'cut',
      unit: 'MB/s',
      work: bytes / 1e6,
      js() {
        let sum = 0;
        for (let from = 0; from < bytes; ) {
          from += blockBytes(arena.bytes, gear, at + from, bytes - from);
          sum = (sum * 31 + from) | 0;
        }
        return sum;
      },
      plain: plain.cut,
      simd: simd?.cut,
    },
    {
      name: 'hash',
      unit: 'MB/s',
      work: bytes / 1e6,
      js() {
        let sum = 0;
        for (let from = 0; from < bytes; from += HASHED_BYTES)
          sum = (sum * 31 + hash(view, at + from, HASHED_BYTES)[3]!) | 0;
        return sum;
      },
      plain: plain.hash,
      simd: simd?.hash,
    },
  ];
}

function compareAndSearch(bytes: number, seed: number, place: Place): Line[] {
  const pages = 2 + Math.ceil((bytes * 2) / 65_536);
  const open = (target: string): { wasm: LoopExports; memory: WebAssembly.Memory } => {
    const file = place.path(`loops.${target}.wasm`);
    compile('bench/assembly/loops.ts', file, '--target', target, '-t', place.path(`loops.${target}.wat`));
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const module = new WebAssembly.Module(readFileSync(file));
    return { wasm: new WebAssembly.Instance(module, { env: { memory } }).exports as LoopExports, memory };
  };
  // Behind the module's own page: first the pieces, then (for the search) a page and its keys over them.
  const at = 65_536;
  const count = 64;
  const setPieces = (all: Uint8Array): void => {
    const next = random(seed);
    for (let index = 0; index < bytes; index++) all[at + index] = next();
    all.copyWithin(at + bytes, at, at + bytes);
  };
  const page = 32_768;
  const keys = page + 4096;
  const names = Array.from({ length: count }, (_, index) => `e....${crowdName(seed, index)}`).sort();
  const setKeys = (all: Uint8Array): void => all.set(Buffer.from(names.join('')), keys);
  const inWasm = (target: string): { compare: Loop; search: Loop; all: Uint8Array; filled: number } => {
    const { wasm, memory } = open(target);
    const all = new Uint8Array(memory.buffer);
    setPieces(all);
    setKeys(all);
    const filled = wasm.fillPage(page, keys, KEY_BYTES, count);
    return {
      all,
      filled,
      compare() {
        let sum = 0;
        for (let from = 0; from < bytes; from += COMPARED_BYTES)
          sum += wasm.compare(at + from, COMPARED_BYTES, at + bytes + from, COMPARED_BYTES);
        return sum;
      },
      search() {
        let sum = 0;
        for (let turn = 0; turn < SEARCHES; turn++) sum += wasm.searchAll(page, keys, KEY_BYTES, filled);
        return sum;
      },
    };
  };
  const [plain, simd] = [inWasm('plain'), hasSimd() ? inWasm('simd') : undefined];
  const { all, filled } = plain;
  return [
    {
      name: 'compare',
      unit: 'MB/s',
      work: bytes / 1e6,
      js() {
        let sum = 0;
        for (let from = 0; from < bytes; from += COMPARED_BYTES)
          sum += compare(all, at + from, COMPARED_BYTES, at + bytes + from, COMPARED_BYTES);
        return sum;
      },
      plain: plain.compare,
      simd: simd?.compare,
    },
    {
      name: 'search',
      unit: 'M/s',
      work: (SEARCHES * filled) / 1e6,
      js() {
        let sum = 0;
        for (let turn = 0; turn < SEARCHES; turn++)
          for (let index = 0; index < filled; index++)
            sum += seek(all, page, keys + index * KEY_BYTES, KEY_BYTES);
        return sum;
      },
      plain: plain.search,
      simd: simd?.search,
    },
  ];
}

export async function loops(options: { seed: number; rounds: number }): Promise<string> {
  const { seed, rounds } = options;
  const place = new Place('loops');
  try {
    const bytes = 4 * 2 ** 20;
    const lines = [...cutAndHash(bytes, seed), ...compareAndSearch(bytes, seed, place)];
    const rows = lines.map(line => {
      const ways = [line.js, line.plain, ...(line.simd === undefined ? [] : [line.simd])];
      const answers = ways.map(run => run());
      if (new Set(answers).size !== 1) throw new Error(`${line.name}: they answer ${answers.join(', ')}`);
      const best = ways.map(() => Number.POSITIVE_INFINITY);
      for (let round = 0; round < rounds; round++) {
        for (const [way, run] of ways.entries()) {
          const begin = performance.now();
          run();
          best[way] = Math.min(best[way]!, (performance.now() - begin) / 1000);
        }
      }
      const rate = (way: number): string => (way < ways.length ? (line.work / best[way]!).toFixed(0) : NONE);
      const over = (way: number): string => (way < ways.length ? (best[0]! / best[way]!).toFixed(2) : NONE);
      return [line.name, line.unit, rate(0), rate(1), over(1), rate(2), over(2)];
    });
    return table(
      `loops: the same inner loop in JavaScript and in wasm, one core, best of ${rounds} rounds`,
      ['', 'unit', 'JS', 'wasm plain', 'x JS', 'wasm SIMD', 'x JS'],
      rows,
    );
  } finally {
    await place.close();
  }
}
