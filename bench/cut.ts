// Cut and hash, beside tools that read the same file for the same kind of purpose.
//
//   node dist/bench/cut.js [FILE]      without FILE: 256 MiB of seeded random bytes in a temporary directory
//
// "in the arena" is the time inside cut() alone, "with reading" the whole loop from open to content id. The peers'
// times are of whole processes. Every line is the best of ROUNDS, taken in turns so that all see the same noise: the
// ratios mean more than the rates.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Arena, openArena } from '../agent/arena/arena.ts';
import { hasSimd } from '../agent/arena/wasm.ts';

const ROUNDS = 5;
const ARENA_BYTES = 8 * 2 ** 20;
const SEEDED_BYTES = 256 * 2 ** 20;

interface Line {
  name: string;
  /** Seconds of one round, and what it took for it; undefined when the tool is not there. */
  run: () => number | undefined;
  best: number;
}

const seconds = (): number => Number(process.hrtime.bigint()) / 1e9;

/** xorshift32 from seed 1, as the tests have it. */
function writeSeeded(file: string): void {
  const words = new Uint32Array(2 ** 18);
  let state = 1;
  const handle = openSync(file, 'w');
  for (let written = 0; written < SEEDED_BYTES; written += words.byteLength) {
    for (let index = 0; index < words.length; index++) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[index] = state;
    }
    writeSync(handle, words);
  }
  closeSync(handle);
}

/** One pass over the file: seconds in cut() and seconds in all, blocks and content id. */
function cutFile(
  arena: Arena,
  file: string,
): { inCut: number; inAll: number; blocks: number; content: string } {
  const begin = seconds();
  const handle = openSync(file, 'r');
  let inCut = 0;
  let blocks = 0;
  let held = 0;
  arena.beginContent();
  for (let isEnd = false; !isEnd; ) {
    const read = readSync(handle, arena.window, held, arena.window.length - held, null);
    held += read;
    isEnd = read === 0;
    const from = seconds();
    const cut = arena.cut(held, isEnd);
    inCut += seconds() - from;
    blocks += cut.count;
    arena.window.copyWithin(0, cut.consumed, held);
    held -= cut.consumed;
  }
  closeSync(handle);
  const content = Buffer.from(arena.endContent()).toString('hex');
  return { inCut, inAll: seconds() - begin, blocks, content };
}

function processTime(command: string, words: string[]): number | undefined {
  const begin = seconds();
  const done = spawnSync(command, words, { stdio: 'ignore' });
  return done.status === 0 ? seconds() - begin : undefined;
}

const directory = mkdtempSync(join(tmpdir(), 'toastbox-cut-'));
try {
  const given = process.argv[2];
  const file = given ?? join(directory, 'seeded');
  if (given === undefined) writeSeeded(file);
  const { size } = statSync(file);
  const contents = new Set<string>();
  let blocks = 0;

  const lines: Line[] = [];
  const add = (name: string, run: () => number | undefined): void => {
    lines.push({ name, run, best: Number.POSITIVE_INFINITY });
  };
  for (const simd of hasSimd() ? [true, false] : [false]) {
    const arena = openArena({ bytes: ARENA_BYTES, simd });
    let whole = 0;
    const build = simd ? 'SIMD' : 'plain';
    add(`toastbox ${build}, in the arena`, () => {
      const pass = cutFile(arena, file);
      contents.add(pass.content);
      blocks = pass.blocks;
      whole = pass.inAll;
      return pass.inCut;
    });
    add(`toastbox ${build}, with reading`, () => whole);
  }
  const signature = join(directory, 'signature');
  add('rdiff signature', () => processTime('rdiff', ['-f', 'signature', file, signature]));
  add('sha256sum', () => processTime('sha256sum', [file]));

  for (let round = 0; round < ROUNDS; round++) {
    for (const line of lines) line.best = Math.min(line.best, line.run() ?? Number.POSITIVE_INFINITY);
  }

  const rdiff = lines.find(line => line.name === 'rdiff signature')!.best;
  console.log(
    `${file}: ${size} bytes, ${blocks} blocks of ${Math.round(size / Math.max(blocks, 1))} on average`,
  );
  console.log(`${'best of '.concat(String(ROUNDS)).padEnd(32)}     MB/s   x rdiff`);
  for (const { name, best } of lines) {
    const isKnown = Number.isFinite(best);
    const rate = isKnown ? (size / 1e6 / best).toFixed(0) : 'not here';
    const ratio = isKnown && Number.isFinite(rdiff) ? (rdiff / best).toFixed(2) : '-';
    console.log(`${name.padEnd(32)} ${rate.padStart(8)} ${ratio.padStart(9)}`);
  }
  if (contents.size !== 1) throw new Error(`the builds disagree: ${[...contents].join(', ')}`);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
