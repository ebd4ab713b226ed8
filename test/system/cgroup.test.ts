// An agent on a board of 64 MiB, in a cgroup: its own memory, what the kernel keeps for it, and the pages of the files
// that it reads and writes. Skipped, with the reason, where no cgroup can be made.
//
// Pages of Node's program belong to whichever cgroup read them first, here not to this one, so the limit is lower by
// what of them has to stay. (Reading them inside is no test: a machine that reads ahead 8 MiB at each fault spends
// minutes on it.)

import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { CODE_BYTES_LEAST } from '../../agent/plan.ts';
import { unitBytes } from '../board/unit.ts';
import { Random } from '../sim/random.ts';
import { type Cast, IS_LONG, openCast } from './cast.ts';
import { MemoryCgroup } from './cgroup.ts';

const MIB = 2 ** 20;
const LIMIT_BYTES = unitBytes('agent', 'MemoryMax') - CODE_BYTES_LEAST;
const FILES = IS_LONG ? 10_000 : 2_000;
const LARGE_MIB = IS_LONG ? 200 : 64;
/** Writing and reading back wait for the disk here: nothing stays in the cache for long. The long form takes three
 * minutes in all on a busy machine; one that thrashes is to fail. */
const SETTLE_MS = IS_LONG ? 900_000 : 240_000;

const group = MemoryCgroup.make(LIMIT_BYTES);
if (typeof group === 'string') console.warn(`cgroup: skipped, ${group}`);
else await group.remove();

let cast: Cast;
let cgroup: MemoryCgroup;
afterEach(async () => {
  await cast?.close();
  await cgroup?.remove();
});

function writeLarge(path: string, random: Random): void {
  const fd = openSync(path, 'w');
  for (let n = 0; n < LARGE_MIB; n++) writeSync(fd, random.bytes(MIB));
  closeSync(fd);
}

const why = typeof group === 'string' ? group : '';

describe.skipIf(why !== '')(`cgroup: an agent within its unit ${why}`, () => {
  test(
    `${FILES} files, ${LARGE_MIB} MiB up and down, edits, restart -> never killed, arena as it was`,
    async () => {
      cgroup = MemoryCgroup.make(LIMIT_BYTES) as MemoryCgroup;
      cast = await openCast('mosquitto');
      const board = await cast.board('tight', { door: cgroup.door });
      const copy = cast.gateway.copy('shared');
      const random = new Random(64);
      let peakAnonymous = 0;
      const sampler = setInterval(() => {
        peakAnonymous = Math.max(peakAnonymous, board.anonymousBytes);
      }, 50);
      const settle = () => cast.settle([board.folder, copy], { withinMs: SETTLE_MS });
      try {
        for (let n = 0; n < FILES; n++) {
          const directory = join(board.folder, `d${n % 50}`);
          if (n < 50) mkdirSync(directory);
          writeFileSync(join(directory, `file ${n}`), random.bytes(random.below(2048)));
        }
        expect((await settle()).size).toBe(FILES + 50);

        writeLarge(join(board.folder, 'up'), random);
        writeLarge(join(copy, 'down'), random);
        await settle();
        expect(statSync(join(board.folder, 'down')).size).toBe(LARGE_MIB * MIB);

        for (let n = 0; n < FILES; n += 10) {
          writeFileSync(
            join(n % 20 === 0 ? board.folder : copy, `d${n % 50}`, `file ${n}`),
            random.bytes(99),
          );
        }
        rmSync(join(board.folder, 'd7'), { recursive: true });
        await settle();

        await board.restart();
        writeFileSync(join(copy, 'after'), 'the restart');
        await settle();
      } finally {
        clearInterval(sampler);
      }
      expect(cgroup.oomKills).toBe(0);
      const anonymous = Math.round(peakAnonymous / MIB);
      console.info(
        `RssAnon at most ${anonymous} MiB, charged at most ${Math.round(cgroup.peakBytes / MIB)} MiB`,
      );
    },
    4 * SETTLE_MS,
  );
});
