// A file that is longer than what it holds is made shorter: nothing is lost, whatever is cut, and it comes to an end.
import { describe, expect, it } from 'vitest';
import { Model } from './model.ts';
import { DAMAGES, MemoryPages, PowerCut } from './pages.ts';
import { Random, randomValue, seeds } from './random.ts';
import { dump, dumpModel, open } from './scenario.ts';

/** Far more than it ever takes. */
const ROUNDS_MAX = 100;

const key = (index: number): Uint8Array => Buffer.from(`e${String(index).padStart(12, '0')}`);

/** Puts, then takes most away again: of the file's pages most are free. */
function loosen(pages: MemoryPages, model: Model, random: Random, entries: number, frames?: number): void {
  const tree = open(pages, frames);
  for (let index = 0; index < entries; index++) {
    const value = randomValue(random, 300);
    tree.put(key(index), value);
    model.put(key(index), value);
    if (random.below(200) === 0) tree.commit();
  }
  tree.commit();
  for (let index = 0; index < entries; index++) {
    if (random.below(4) === 0) continue;
    tree.remove(key(index));
    model.remove(key(index));
  }
  tree.commit();
}

describe('tree: a shorter file', () => {
  it('shrink: most of the entries removed -> the file is little longer than what it holds, the same to a new reader', () => {
    for (const seed of seeds(10)) {
      const random = new Random(seed);
      const pages = new MemoryPages();
      const model = new Model();
      loosen(pages, model, random, 1000 + random.below(3000), 8 + random.below(100));
      const tree = open(pages, 8 + random.below(100));
      const long = pages.pageCount;
      let rounds = 0;
      while (tree.shrink()) {
        expect(tree.audit(), `seed ${seed}`).toBeUndefined();
        tree.commit();
        if (++rounds > ROUNDS_MAX) throw new Error(`seed ${seed}: it does not end`);
      }
      const { pages: given, freePages } = tree.stats();
      expect(tree.audit(), `seed ${seed}`).toBeUndefined();
      expect(pages.pageCount, `seed ${seed}`).toBeLessThan(long / 2);
      expect(pages.pageCount).toBeLessThanOrEqual(given);
      expect(freePages, `seed ${seed}`).toBeLessThan(33 + (given - freePages) / 8);
      expect(dump(open(MemoryPages.of(pages.pages))), `seed ${seed}`).toBe(dumpModel(model));
      // What was cut off is given out again.
      for (let index = 0; index < 2000; index++) {
        tree.put(key(index), new Uint8Array(200));
        model.put(key(index), new Uint8Array(200));
      }
      tree.commit();
      expect(tree.audit(), `seed ${seed}`).toBeUndefined();
    }
  });

  it('shrink: a full file -> nothing is written', () => {
    const pages = new MemoryPages();
    const tree = open(pages, 100);
    for (let index = 0; index < 5000; index++) tree.put(key(index), new Uint8Array(100));
    tree.commit();
    const { writes } = pages;
    expect(tree.shrink()).toBe(false);
    expect(pages.writes).toBe(writes);
  });

  it.each(DAMAGES)('shrink: power cut at write 1, 2, 3 ..., writes %s -> no entry is lost', damage => {
    for (const seed of seeds(2)) {
      const random = new Random(seed);
      const model = new Model();
      const before = new MemoryPages();
      loosen(before, model, random, 2500);
      const held = dumpModel(model);
      for (let at = 1; ; at++) {
        const pages = MemoryPages.of(before.pages);
        pages.before = (what, _page, count) => {
          if (what !== 'read' && count === at) throw new PowerCut();
        };
        let isDone = false;
        try {
          const tree = open(pages);
          while (tree.shrink()) tree.commit();
          isDone = true;
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        const file = pages.afterCut(damage, random);
        const tree = open(file);
        expect(dump(tree), `seed ${seed}, cut ${at}`).toBe(held);
        expect(tree.audit(), `seed ${seed}, cut ${at}`).toBeUndefined();
        while (tree.shrink()) tree.commit();
        expect(dump(open(MemoryPages.of(file.pages))), `seed ${seed}, cut ${at}`).toBe(held);
        if (!isDone) continue;
        expect(at).toBeGreaterThan(10);
        break;
      }
    }
  });

  it('shrink: the newest root is lost at any time -> the one before it is still whole', () => {
    const pages = new MemoryPages();
    const model = new Model();
    loosen(pages, model, new Random(5), 1500);
    const held = dumpModel(model);
    let tree = open(pages);
    let rounds = 0;
    while (tree.shrink()) {
      tree.commit();
      const copy = pages.pages.map(bytes => bytes.slice());
      const generation = (slot: number) => new DataView(copy[slot]!.buffer).getBigUint64(8, true);
      copy[generation(0) > generation(1) ? 0 : 1]!.fill(0);
      const older = open(MemoryPages.of(copy));
      expect(dump(older)).toBe(held);
      expect(older.audit()).toBeUndefined();
      tree = open(pages);
      rounds++;
    }
    expect(rounds).toBeGreaterThan(2);
  });

  it('shrink: a read, write or cut fails -> the same entries, and it goes on when the cause is gone', () => {
    const before = new MemoryPages();
    const model = new Model();
    loosen(before, model, new Random(6), 800);
    for (let at = 1; at < 400; at++) {
      const pages = MemoryPages.of(before.pages);
      const tree = open(pages);
      let calls = 0;
      pages.before = () => {
        if (++calls === at) throw Object.assign(new Error('EIO'), { code: 'EIO' });
      };
      for (let rounds = 0; ; rounds++) {
        try {
          if (!tree.shrink()) break;
        } catch {}
        try {
          tree.commit();
        } catch {}
        if (rounds > ROUNDS_MAX) throw new Error(`call ${at}: it does not end`);
      }
      pages.before = () => {};
      tree.commit();
      expect(tree.audit(), `call ${at}`).toBeUndefined();
      expect(dump(tree), `call ${at}`).toBe(dumpModel(model));
    }
  });
});
