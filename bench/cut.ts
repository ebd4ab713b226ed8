// Cut and hash, beside tools that read the same file for the same kind of purpose.
//
// "in the arena" is the time inside cut() alone, "with reading" the whole loop from open to content id. The peers'
// times are of whole processes. Every line is the best of some rounds, taken in turns so that all see the same noise:
// the ratios mean more than the rates.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { type Arena, openArena } from '../agent/arena/arena.ts';
import { hasSimd } from '../agent/arena/wasm.ts';
import { Place } from './place.ts';
import { writeNoise } from './seeded.ts';
import { NONE, table } from './table.ts';

const ARENA_BYTES = 8 * 2 ** 20;

interface Line {
  name: string;
  /** Seconds of one round; undefined when the tool is not there. */
  run: () => number | undefined;
  best: number;
}

const seconds = (): number => Number(process.hrtime.bigint()) / 1e9;

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

export interface CutOptions {
  seed: number;
  bytes: number;
  rounds: number;
  /** Cut this file instead of seeded bytes. */
  file?: string | undefined;
}

export async function cut({ seed, bytes, rounds, file: given }: CutOptions): Promise<string> {
  const place = new Place('cut');
  try {
    const file = given ?? place.path('seeded');
    if (given === undefined) writeNoise(file, bytes, seed);
    return measure(file, place.path('signature'), rounds);
  } finally {
    await place.close();
  }
}

function measure(file: string, signature: string, rounds: number): string {
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
  add('rdiff signature', () => processTime('rdiff', ['-f', 'signature', file, signature]));
  add('sha256sum', () => processTime('sha256sum', [file]));

  for (let round = 0; round < rounds; round++) {
    for (const line of lines) line.best = Math.min(line.best, line.run() ?? Number.POSITIVE_INFINITY);
  }
  if (contents.size !== 1) throw new Error(`the builds disagree: ${[...contents].join(', ')}`);

  const bestOf = (name: string): number =>
    lines.find(line => line.name === name)?.best ?? Number.POSITIVE_INFINITY;
  const rows = lines.map(({ name, best }) => {
    if (!Number.isFinite(best)) return [name, 'not here', NONE, NONE];
    const over = (peer: string): string =>
      Number.isFinite(bestOf(peer)) ? (bestOf(peer) / best).toFixed(2) : NONE;
    return [name, (size / 1e6 / best).toFixed(0), over('rdiff signature'), over('sha256sum')];
  });
  const average = Math.round(size / Math.max(blocks, 1));
  return table(
    `cut: one core, best of ${rounds} rounds over ${size} bytes in ${blocks} blocks of ${average} on average (aim: 600)`,
    ['cut and hash', 'MB/s', 'x rdiff', 'x sha256sum'],
    rows,
  );
}
