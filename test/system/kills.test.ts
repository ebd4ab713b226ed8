// SIGKILL for agents, gateway and Mosquitto, one after the other, in no order, while users are busy in every folder:
// while somebody starts, commits, stages, or is the only one left. The seed fixes the victims and the edits, not how
// processes run: SEED=n repeats them. 15 kills; LONG=1: 100.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, IS_LONG, openCast, run, until } from './cast.ts';
import { edit } from './churn.ts';

const KILLS = IS_LONG ? 100 : 15;
const SEED = Number(process.env.SEED ?? 1);
const EDIT_MS_MAX = 80;
/** Some victims are killed again before they have started, most after they worked for up to this long. */
const EARLY = 0.3;
const EARLY_MS_MAX = 300;
const WORK_MS_MAX = 1_500;
/** Written once, by one user, and touched by nobody again: whatever happens, it has to be everywhere. */
const KEPT = 'kept';
const KEPT_EVERY = 5;
const RESCAN = ['--rescan', '10s'];

let cast: Cast;
afterEach(() => cast?.close());

test(`kills: ${KILLS} of agents, gateway and broker under load (seed ${SEED}) -> equal trees, nothing lost`, async () => {
  cast = await openCast('mosquitto', RESCAN);
  const [one, two] = [
    await cast.board('one', { words: RESCAN }),
    await cast.board('two', { words: RESCAN }),
  ] as const;
  await until('there is a plain copy', () => readdirSync(cast.gateway.folders).includes('shared'));
  const folders = [one.folder, two.folder, cast.gateway.copy('shared')];
  const kept = new Map<string, Uint8Array>();
  let isBusy = true;
  const users = folders.map(async (folder, user) => {
    const random = new Random(SEED * 10 + user);
    const mine = join(folder, `${KEPT}-${user}`);
    for (let edits = 1; isBusy; edits++) {
      edit(folder, random, name => name.startsWith(KEPT));
      if (edits % KEPT_EVERY === 0) {
        const bytes = random.bytes(random.below(60_000));
        mkdirSync(mine, { recursive: true });
        writeFileSync(join(mine, `${edits}`), bytes);
        kept.set(`${KEPT}-${user}/${edits}`, bytes);
      }
      await pause(random.below(EDIT_MS_MAX));
    }
  });

  const random = new Random(SEED);
  const counts = { one: 0, two: 0, gateway: 0, broker: 0 };
  try {
    for (let kills = 0; kills < KILLS; kills++) {
      const victim = random.pick(['one', 'two', 'gateway', 'broker'] as const);
      counts[victim]++;
      if (victim === 'broker') {
        await cast.restartBroker();
        await pause(random.below(WORK_MS_MAX));
        continue;
      }
      const player = victim === 'gateway' ? cast.gateway : victim === 'one' ? one : two;
      await player.kill();
      // Whoever is killed before it answers never starts.
      const started = player.start().then(
        () => true,
        () => false,
      );
      if (random.chance(EARLY)) await pause(random.below(EARLY_MS_MAX));
      else {
        await started;
        await pause(random.below(WORK_MS_MAX));
      }
    }
  } finally {
    isBusy = false;
    await Promise.all(users);
  }
  for (const player of [cast.gateway, one, two])
    await until('it has started', async () => (await player.status()) !== undefined);

  const tree = await cast.settle(folders);
  console.info(`${JSON.stringify(counts)}, ${kept.size} files kept of ${tree.size} entries`);
  expect(kept.size).toBeGreaterThan(KILLS);
  for (const folder of folders)
    for (const [name, bytes] of kept)
      expect(Buffer.compare(readFileSync(join(folder, name)), bytes), `${folder}/${name}`).toBe(0);
  // Nothing half done is left, and no catalog was ever in the way.
  for (const folder of folders) expect(readdirSync(join(folder, '.toastbox', 'stage'))).toEqual([]);
  for (const { state } of [one, two])
    expect(readdirSync(state).filter(name => name.startsWith('catalog.'))).toEqual([]);
  for (const board of [one, two]) expect((await board.now()).malformed).toBe(0);
  const verified = await run(['verify', '--data', cast.gateway.data]);
  expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('all is well') });
});
