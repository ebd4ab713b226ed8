// The power goes at write or sync 1, 2, 3 ... of a script until it completes; each time the disk is left in three
// kinds of state (pages.ts). What reopens is the last commit or, while one was under way, that one.
import { describe, expect, it } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { Model } from './model.ts';
import { DAMAGES, type Damage, MemoryPages, PowerCut } from './pages.ts';
import { Random, seeds } from './random.ts';
import { dump, dumpModel, note, open, type Step, script, take } from './scenario.ts';

interface Cut {
  pages: MemoryPages;
  committed: string;
  underWay: string;
  isDone: boolean;
}

/** Runs the script on `pages` until event `at`. */
function runUntil(pages: MemoryPages, steps: Step[], at: number): Cut {
  const model = new Model();
  let committed = dumpModel(model);
  let underWay = committed;
  pages.before = (what, _page, count) => {
    if (what !== 'read' && count === at) throw new PowerCut();
  };
  try {
    const tree = open(pages);
    for (const step of steps) {
      if (step.do === 'commit') underWay = dumpModel(model);
      take(step, tree);
      note(step, model);
      if (step.do === 'commit') committed = underWay;
    }
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error;
    return { pages, committed, underWay, isDone: false };
  }
  return { pages, committed, underWay, isDone: true };
}

/** Reopens, compares, then works on: the file must carry another change and commit. */
function check(cut: Cut, damage: Damage, random: Random): void {
  const file = cut.pages.afterCut(damage, random);
  const tree = open(file);
  const held = dump(tree);
  if (held !== cut.committed) expect(held).toBe(cut.underWay);
  expect(tree.audit()).toBeUndefined();
  tree.put(Uint8Array.of(7, 7, 7), random.bytes(500));
  tree.commit();
  expect(tree.audit()).toBeUndefined();
  const again = open(MemoryPages.of(file.pages));
  expect(again.get(Uint8Array.of(7, 7, 7))?.length).toBe(500);
  expect(again.remove(Uint8Array.of(7, 7, 7))).toBe(true);
  expect(dump(again)).toBe(held);
}

describe('tree: power cuts', () => {
  it.each(DAMAGES)(
    'tree: power cut at write 1, 2, 3 ..., writes %s -> the last commit or the next',
    damage => {
      for (const seed of seeds(1)) {
        const steps = script(seed, 11);
        for (let at = 1; ; at++) {
          const cut = runUntil(new MemoryPages(), steps, at);
          try {
            check(cut, damage, new Random(at));
          } catch (error) {
            const again = `SEED=${seed} npx vitest run test/tree/cut.test.ts`;
            throw new Error(`seed ${seed}, cut ${at}, ${damage}: ${again}`, { cause: error });
          }
          if (!cut.isDone) continue;
          expect(at).toBeGreaterThan(100);
          break;
        }
      }
    },
  );

  it('tree: the newest root is lost at any time -> the commit before it is still whole', () => {
    const other = openArena({ bytes: 2 * 2 ** 20 });
    for (const seed of seeds(2)) {
      const pages = new MemoryPages();
      const tree = open(pages);
      const model = new Model();
      const commits = [dumpModel(model)];
      let checked = 0;
      pages.before = (what, page) => {
        if (what !== 'write' || page < 2 || commits.length < 2) return;
        // Generation g is the last: its root stands in page g & 1, the one before it in the other.
        const held = pages.pages.map(bytes => bytes.slice());
        held[(commits.length - 1) & 1]!.fill(0);
        const older = openTree(other, MemoryPages.of(held), 8);
        expect(dump(older), `seed ${seed}, generation ${commits.length}`).toBe(commits[commits.length - 2]);
        expect(older.audit()).toBeUndefined();
        checked++;
      };
      for (const step of script(seed, 24)) {
        take(step, tree);
        note(step, model);
        if (step.do === 'commit') commits.push(dumpModel(model));
      }
      expect(checked).toBeGreaterThan(100);
    }
  });

  it('tree: power cut again and again while going on after a cut -> never more lost than what was not committed', () => {
    for (const seed of seeds(4)) {
      const random = new Random(seed);
      const steps = script(seed, 40);
      const model = new Model();
      let committed = Model.copy(model);
      let pages = new MemoryPages();
      let tree = open(pages);
      let cuts = 0;
      for (let index = 0; index < steps.length; index++) {
        const step = steps[index]!;
        try {
          take(step, tree);
          note(step, model);
          if (step.do === 'commit') committed = Model.copy(model);
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
          cuts++;
          pages = pages.afterCut(DAMAGES[random.below(3)]!, random);
          tree = open(pages);
          const held = dump(tree);
          const isNext = step.do === 'commit' && held === dumpModel(model);
          if (!isNext) expect(held, `seed ${seed}, step ${index}`).toBe(dumpModel(committed));
          // The script goes on from what is there: the changes that were lost are made again.
          if (isNext) committed = Model.copy(model);
          else for (const [key, value] of model.entries()) tree.put(key, value);
          for (const [key] of committed.entries()) if (model.get(key) === undefined) tree.remove(key);
          if (step.do !== 'commit') index--;
        }
        if (random.below(4) > 0) continue;
        const at = pages.writes + pages.syncs + 1 + random.below(40);
        pages.before = (what, _page, count) => {
          if (what !== 'read' && count === at) throw new PowerCut();
        };
      }
      expect(cuts).toBeGreaterThan(2);
      expect(tree.audit()).toBeUndefined();
      pages.before = () => {};
      tree.commit();
      expect(dump(open(MemoryPages.of(pages.pages)))).toBe(dumpModel(model));
    }
  });
});
