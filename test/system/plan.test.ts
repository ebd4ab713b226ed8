// What `toastbox plan` says, beside what agents take over a first sync in either direction: under the plan, and not so
// far under that it says nothing.

import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { planOf } from '../../agent/plan.ts';
import { COMMANDS } from '../../cli/options/table.ts';
import { Random } from '../sim/random.ts';
import { type Board, type Cast, IS_LONG, openCast } from './cast.ts';

const FILES = IS_LONG ? 30_000 : 3_000;
const DIRECTORIES = 30;
const SAMPLE_MS = 20;
/** A plan may be this many times what was taken: the catalog's file is longer the quicker the commits follow. */
const SLACK = 2;
const DISK_SLACK = 4;

let cast: Cast;
afterEach(() => cast?.close());

test(`plan: ${FILES} files of a usual name, up and down -> memory and catalog as planned`, async () => {
  cast = await openCast('mosquitto');
  const sender = await cast.board('sender');
  const files = FILES + DIRECTORIES;
  const plan = planOf({
    arenaBytes: sender.arenaBytes,
    watches: Number(COMMANDS.agent.options.watches.default),
    files,
  });
  const most = new Map<Board, { anonymous: number; disk: number }>();
  const sampler = setInterval(() => {
    for (const board of cast.boards) {
      const { anonymous, disk } = most.get(board) ?? { anonymous: 0, disk: 0 };
      const { size } = statSync(join(board.state, 'catalog'), { throwIfNoEntry: false }) ?? { size: 0 };
      most.set(board, { anonymous: Math.max(anonymous, board.anonymousBytes), disk: Math.max(disk, size) });
    }
  }, SAMPLE_MS);
  try {
    const random = new Random(3);
    for (let n = 0; n < FILES; n++) {
      const directory = join(sender.folder, `directory ${n % DIRECTORIES}`);
      if (n < DIRECTORIES) mkdirSync(directory);
      writeFileSync(join(directory, `a name of 24 bytes ${n + 10_000}`), random.bytes(random.below(500)));
    }
    const tree = await cast.settle([sender.folder, cast.gateway.copy('shared')]);
    expect(tree.size).toBe(files);
    const receiver = await cast.board('receiver');
    await cast.settle([sender.folder, receiver.folder]);
  } finally {
    clearInterval(sampler);
  }
  for (const [board, { anonymous, disk }] of most) {
    const mebibytes = Math.round(anonymous / 2 ** 20);
    const [most, now] = [disk, statSync(join(board.state, 'catalog')).size].map(bytes =>
      Math.round(bytes / files),
    );
    console.info(
      `${board.name}: RssAnon at most ${mebibytes} MiB, catalog ${most} bytes a file, ${now} in the end`,
    );
  }
  const taken = [...most.values()];
  const anonymous = Math.max(...taken.map(each => each.anonymous));
  const disk = Math.max(...taken.map(each => each.disk));
  expect(anonymous).toBeLessThan(plan.anonymous.total);
  expect(anonymous).toBeGreaterThan(plan.anonymous.total / SLACK);
  expect(disk).toBeLessThan(plan.disk.catalog!);
  expect(disk).toBeGreaterThan(plan.disk.catalog! / DISK_SLACK);
});
