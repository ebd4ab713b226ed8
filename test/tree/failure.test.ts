// Writes, syncs and reads that fail: the operation happened or it did not, and when the cause is gone all goes on.
import { describe, expect, it } from 'vitest';
import { CatalogDamaged, type Tree } from '../../agent/arena/tree.ts';
import { Model } from './model.ts';
import { MemoryPages } from './pages.ts';
import { Random, seeds } from './random.ts';
import { dump, dumpModel, note, open, type Step, script, take } from './scenario.ts';

const trouble = (code: string): Error => Object.assign(new Error(code), { code });
const isTrouble = (error: unknown): boolean => error instanceof Error && 'code' in error;

/** Takes a step; when it fails the tree must be as before, and the step is taken again until it succeeds. */
function insist(step: Step, tree: Tree, model: Model): number {
  for (let failures = 0; ; failures++) {
    try {
      take(step, tree);
      note(step, model);
      return failures;
    } catch (error) {
      if (!isTrouble(error) || failures > 60) throw error;
      if (failures < 2) expect(dump(tree)).toBe(dumpModel(model));
    }
  }
}

describe('tree: failing I/O', () => {
  it.each(['write', 'read'] as const)(
    'tree: the k-th %s fails once, for all k -> not done, then done',
    what => {
      for (const seed of seeds(1)) {
        const steps = script(seed, what === 'write' ? 9 : 16);
        for (let at = 1; ; at++) {
          const pages = new MemoryPages();
          let count = 0;
          pages.before = which => {
            if (which === what && ++count === at) throw trouble(what === 'write' ? 'ENOSPC' : 'EIO');
          };
          let tree: Tree;
          try {
            tree = open(pages);
          } catch (error) {
            if (!isTrouble(error)) throw error;
            tree = open(pages);
          }
          const model = new Model();
          try {
            for (const step of steps) insist(step, tree, model);
            // What the audit reads is not the script's.
            pages.before = () => {};
            expect(tree.audit()).toBeUndefined();
            expect(dump(open(MemoryPages.of(pages.pages)))).toBe(dumpModel(model));
          } catch (error) {
            throw new Error(`seed ${seed}, ${what} ${at}`, { cause: error });
          }
          if (count >= at) continue;
          expect(at).toBeGreaterThan(20);
          break;
        }
      }
    },
  );

  it('tree: the disk is full for a while -> what is there can be read, nothing is half done, then it goes on', () => {
    for (const seed of seeds(6)) {
      const random = new Random(seed);
      const pages = new MemoryPages();
      const tree = open(pages, 24);
      const model = new Model();
      let isFull = false;
      let failures = 0;
      pages.before = what => {
        if (what === 'write' && isFull) throw trouble('ENOSPC');
      };
      for (const step of script(seed, 60)) {
        if (random.below(25) === 0) isFull = !isFull;
        try {
          take(step, tree);
          note(step, model);
        } catch (error) {
          expect(isTrouble(error)).toBe(true);
          if (failures++ % 5 === 0) expect(dump(tree), `seed ${seed}`).toBe(dumpModel(model));
          isFull = random.below(4) > 0;
        }
      }
      expect(failures).toBeGreaterThan(3);
      isFull = false;
      tree.commit();
      expect(tree.audit()).toBeUndefined();
      expect(dump(open(MemoryPages.of(pages.pages)))).toBe(dumpModel(model));
    }
  });

  it.each([
    { name: 'still shows what it lost', isShown: true },
    { name: 'shows what it kept', isShown: false },
  ])('tree: the k-th sync fails and the system $name -> a commit that succeeds is durable', ({ isShown }) => {
    let noticed = 0;
    for (const seed of seeds(3)) {
      const steps = script(seed, 12);
      for (let at = 1; ; at++) {
        const pages = new MemoryPages();
        let syncs = 0;
        pages.before = what => {
          if (what !== 'sync' || ++syncs !== at) return;
          pages.forgetUnsynced(isShown);
          throw trouble('EIO');
        };
        const model = new Model();
        let committed = '';
        try {
          const tree = syncs === 0 && at === 1 ? reopened(pages) : open(pages);
          for (const step of steps) {
            insist(step, tree, model);
            if (step.do !== 'commit') continue;
            committed = dumpModel(model);
            // Only what is durable now: everything else is gone with the power.
            const file = pages.afterCut('lost', new Random(1));
            const held = file.pages.map(page => page);
            kept.push({ held, committed });
          }
          expect(tree.audit()).toBeUndefined();
          checkKept(seed, at);
        } catch (error) {
          if (isShown || !(error instanceof CatalogDamaged))
            throw new Error(`seed ${seed}, sync ${at}`, { cause: error });
          // The system gave back old pages: noticed, and the last commit is there.
          noticed++;
          kept.length = 0;
          expect(dump(open(pages.afterCut('lost', new Random(1))))).toBe(committed);
        }
        if (syncs >= at) continue;
        expect(at).toBeGreaterThan(20);
        break;
      }
    }
    expect(noticed > 0).toBe(!isShown);
  });

  it('tree: syncs fail again and again while changes go on -> each commit that succeeds is durable', () => {
    for (const seed of seeds(12)) {
      const random = new Random(seed);
      const pages = new MemoryPages();
      const tree = open(pages);
      const model = new Model();
      let failures = 0;
      pages.before = what => {
        if (what !== 'sync' || random.below(2) === 0) return;
        failures++;
        pages.forgetUnsynced(true);
        throw trouble('EIO');
      };
      for (const step of script(seed, 40, false)) {
        try {
          take(step, tree);
          note(step, model);
          if (step.do !== 'commit') continue;
          kept.push({ held: pages.afterCut('lost', random).pages, committed: dumpModel(model) });
        } catch (error) {
          if (!isTrouble(error)) throw error;
        }
      }
      expect(failures).toBeGreaterThan(5);
      expect(kept.length).toBeGreaterThan(0);
      expect(tree.audit()).toBeUndefined();
      checkKept(seed, failures);
    }
  });
});

const kept: { held: Uint8Array[]; committed: string }[] = [];

function checkKept(seed: number, at: number): void {
  for (const { held, committed } of kept)
    expect(dump(open(MemoryPages.of(held))), `seed ${seed}, sync ${at}`).toBe(committed);
  kept.length = 0;
}

/** A new file whose first sync fails. */
function reopened(pages: MemoryPages): Tree {
  expect(() => open(pages)).toThrow('EIO');
  return open(pages);
}
