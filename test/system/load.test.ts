// Many files and large files, up from one board and down to another, in memory that stays as it was. LONG=1 runs
// the sizes that the project promises.

import { closeSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, IS_LONG, openCast } from './cast.ts';

const FILES = IS_LONG ? 10_000 : 2_000;
const LARGE_MIB = IS_LONG ? 1024 : 64;
const MIB = 1 << 20;
const SAMPLE_MS = 100;
/** Anonymous memory of an agent at its peak, the 6 MiB of arena in it. The aim is 32 MB; a busy machine collects
 * later. */
const ANONYMOUS_BYTES_MAX = 40 * MIB;
/** Offsets beyond 32 bits: data at both ends and around the border, holes between. */
const HUGE_BYTES = 4352 * MIB;

let cast: Cast;
afterEach(() => cast?.close());

describe('load: up from one board, down to the other', () => {
  test(`${FILES} small files, then one of ${LARGE_MIB} MiB -> equal trees, arena unchanged, memory bounded`, async () => {
    cast = await openCast('mosquitto');
    const boards = [await cast.board('one'), await cast.board('two')] as const;
    const [one, two] = boards;
    const all = [one.folder, cast.gateway.copy('shared'), two.folder];
    const arenas = await Promise.all(boards.map(async board => (await board.now()).arena.bytes));
    const peaks = boards.map(() => 0);
    const sampler = setInterval(() => {
      for (const [index, board] of boards.entries())
        peaks[index] = Math.max(peaks[index]!, board.anonymousBytes);
    }, SAMPLE_MS);
    try {
      const random = new Random(7);
      for (let n = 0; n < FILES; n++) {
        const directory = join(one.folder, `d${n % 50}`);
        if (n < 50) mkdirSync(directory);
        writeFileSync(join(directory, `file ${n}`), random.bytes(random.below(2048)));
      }
      const small = performance.now();
      expect((await cast.settle(all)).size).toBe(FILES + 50);
      const large = performance.now();
      const path = join(one.folder, 'large');
      const fd = openSync(path, 'w');
      for (let n = 0; n < LARGE_MIB; n++) writeSync(fd, random.bytes(MIB));
      closeSync(fd);
      await cast.settle(all);
      const end = performance.now();
      expect(statSync(join(two.folder, 'large')).size).toBe(LARGE_MIB * MIB);
      const text = peaks.map(bytes => `${Math.round(bytes / MIB)} MiB`).join(' and ');
      console.info(
        `${FILES} files in ${Math.round(large - small)} ms, ${LARGE_MIB} MiB in ${Math.round(end - large)} ms; RssAnon at most ${text}`,
      );
    } finally {
      clearInterval(sampler);
    }
    for (const [index, board] of boards.entries()) {
      const { arena, malformed } = await board.now();
      expect(arena.bytes).toBe(arenas[index]);
      expect(malformed).toBe(0);
      expect(peaks[index]).toBeGreaterThan(0);
      expect(peaks[index]).toBeLessThan(ANONYMOUS_BYTES_MAX);
    }
  });

  test.runIf(IS_LONG)(
    'a file of 4.25 GiB, most of it holes -> equal on both boards and the copy (minutes: with LONG=1)',
    async () => {
      cast = await openCast('mosquitto');
      const [one, two] = [await cast.board('one'), await cast.board('two')];
      const random = new Random(11);
      const fd = openSync(join(one.folder, 'huge'), 'w');
      for (const at of [0, 2 ** 32 - MIB, 2 ** 32, HUGE_BYTES - MIB])
        writeSync(fd, random.bytes(MIB), 0, MIB, at);
      closeSync(fd);
      const tree = await cast.settle([one.folder, cast.gateway.copy('shared'), two.folder]);
      expect([...tree.keys()]).toEqual(['huge']);
      expect(statSync(join(two.folder, 'huge')).size).toBe(HUGE_BYTES);
    },
  );
});
