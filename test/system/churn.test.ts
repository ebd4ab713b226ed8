// Random edits on two boards and the gateway's plain copy at once. The seed fixes the edits, not how processes run:
// SEED=n repeats them.

import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, IS_LONG, openCast } from './cast.ts';
import { edit } from './churn.ts';

const SECONDS = IS_LONG ? 600 : 30;
const SEED = Number(process.env.SEED ?? 1);
/** Between edits, at most; each folder is edited by its own. */
const EDIT_MS_MAX = 60;

/** Short sizes do not wait for the next rescan, should watching miss something. In long ones none comes to help, and
 * all directories that there may be are watched. */
const RESCAN = IS_LONG ? ['--rescan', '1h', '--watches', '4096'] : ['--rescan', '10s'];

let cast: Cast;
afterEach(() => cast?.close());

describe('churn: two boards and the plain copy edited at once', () => {
  test.each(['mosquitto', 'embedded'] as const)(
    `${SECONDS} s of random edits through %s (seed ${SEED}) -> equal trees, every conflict copy kept`,
    async kind => {
      cast = await openCast(kind, RESCAN);
      const boards = [
        await cast.board('one', { words: RESCAN }),
        await cast.board('two', { words: RESCAN }),
      ] as const;
      const all = [...boards.map(board => board.folder), cast.gateway.copy('shared')];
      const end = performance.now() + (kind === 'embedded' ? SECONDS / 3 : SECONDS) * 1000;
      let edits = 0;
      await Promise.all(
        all.map(async (folder, index) => {
          const random = new Random(SEED * 10 + index);
          for (; performance.now() < end; edits++) {
            edit(folder, random);
            await pause(random.below(EDIT_MS_MAX));
          }
        }),
      );
      const tree = await cast.settle(all);
      const agents = [
        ...(await Promise.all(boards.map(board => board.now()))),
        (await cast.gateway.now()).folders[0]!.agent,
      ];
      const conflicts = agents.reduce((sum, agent) => sum + agent.conflicts, 0);
      console.info(`${kind}: ${edits} edits, ${tree.size} entries at the end, ${conflicts} conflicts`);
      expect(edits).toBeGreaterThan(SECONDS);
      expect(agents.map(agent => agent.malformed)).toEqual([0, 0, 0]);
    },
  );

  test('the same file written on both boards while apart -> both contents on every replica', async () => {
    cast = await openCast('mosquitto');
    const [one, two] = [await cast.board('one'), await cast.board('two')];
    const all = [one.folder, two.folder, cast.gateway.copy('shared')];
    writeFileSync(`${one.folder}/note.txt`, 'base');
    await cast.settle(all);
    await Promise.all([one.stop(), two.stop()]);
    writeFileSync(`${one.folder}/note.txt`, 'by one');
    writeFileSync(`${two.folder}/note.txt`, 'by two, longer');
    await one.start();
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    await two.start();
    const tree = await cast.settle(all);
    expect([...tree.keys()].map(name => name.replace(/\d{8}-\d{6}/, 'TIME'))).toEqual([
      'note.conflict-two-TIME.txt',
      'note.txt',
    ]);
    expect(tree.get('note.txt')).toContain('6 bytes');
    expect([...tree.values()][0]).toContain('14 bytes');
    for (const board of [one, two]) expect((await board.now()).conflictCopies).toHaveLength(1);
  });
});
