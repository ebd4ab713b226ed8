// What `toastbox plan` says, beside what an agent takes: under the plan, and not so far under that it says nothing.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { planOf } from '../../agent/plan.ts';
import { COMMANDS } from '../../cli/options.ts';
import { Random } from '../sim/random.ts';
import { type Cast, IS_LONG, openCast } from './cast.ts';

const FILES = IS_LONG ? 100_000 : 3_000;
const DIRECTORIES = 30;
const SAMPLE_MS = 20;
/** A plan may be this many times what was taken. */
const SLACK = 2;

let cast: Cast;
afterEach(() => cast?.close());

test(`plan: ${FILES} files of a usual name, up -> memory and catalog as planned`, async () => {
  cast = await openCast('mosquitto');
  const board = await cast.board('planned');
  const files = FILES + DIRECTORIES;
  const plan = planOf({
    arenaBytes: board.arenaBytes,
    watches: Number(COMMANDS.agent.options.watches.default),
    files,
  });
  const catalog = () => statSync(join(board.state, 'catalog')).size;
  let [anonymous, disk] = [0, 0];
  const sampler = setInterval(() => {
    anonymous = Math.max(anonymous, board.anonymousBytes);
    disk = Math.max(disk, catalog());
  }, SAMPLE_MS);
  try {
    const random = new Random(3);
    for (let n = 0; n < FILES; n++) {
      const directory = join(board.folder, `directory ${n % DIRECTORIES}`);
      if (n < DIRECTORIES) mkdirSync(directory);
      writeFileSync(join(directory, `a name of 24 bytes ${n + 10_000}`), random.bytes(random.below(500)));
    }
    const tree = await cast.settle([board.folder, cast.gateway.copy('shared')]);
    expect(tree.size).toBe(files);
  } finally {
    clearInterval(sampler);
  }
  const mebibytes = Math.round(anonymous / 2 ** 20);
  console.info(`RssAnon at most ${mebibytes} MiB, catalog ${Math.round(disk / files)} bytes a file`);
  expect(anonymous).toBeLessThan(plan.anonymous.total);
  expect(anonymous).toBeGreaterThan(plan.anonymous.total / SLACK);
  expect(disk).toBeLessThan(plan.disk.catalog!);
  expect(disk).toBeGreaterThan(plan.disk.catalog! / SLACK);
});
