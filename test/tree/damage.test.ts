// A file that is not what was written: every kind of damage is noticed when the page is read, and named.
import { describe, expect, it } from 'vitest';
import { CatalogDamaged } from '../../agent/arena/tree.ts';
import { Model } from './model.ts';
import { MemoryPages, PAGE_BYTES } from './pages.ts';
import { Random } from './random.ts';
import { dump, dumpModel, note, open, script, take } from './scenario.ts';

const BITS = PAGE_BYTES * 8;

/** A file of some hundred pages, what it held one commit ago, and what it holds. */
function build(): { pages: Uint8Array[]; before: string; now: string } {
  const file = new MemoryPages();
  const tree = open(file);
  const model = new Model();
  for (const step of script(5, 36, false)) {
    take(step, tree);
    note(step, model);
  }
  const before = dumpModel(model);
  tree.put(Uint8Array.of(9), Uint8Array.of(9));
  tree.commit();
  model.put(Uint8Array.of(9), Uint8Array.of(9));
  return { pages: file.pages, before, now: dumpModel(model) };
}

const built = build();
/** Generation 37 stands in page 1. */
const NEWEST = 1;

function copies(): Uint8Array[] {
  return built.pages.map(page => page.slice());
}

/** What a walk over everything says: the dump, or why not. */
function walk(pages: readonly Uint8Array[]): string {
  try {
    return dump(open(MemoryPages.of(pages)));
  } catch (error) {
    if (error instanceof CatalogDamaged) return error.message;
    throw error;
  }
}

/** Pages that a walk reads. */
function reached(): number[] {
  const file = MemoryPages.of(built.pages);
  const pages = new Set<number>();
  file.before = (what, page) => what === 'read' && pages.add(page);
  dump(open(file));
  return [...pages].filter(page => page > 1);
}

describe('tree: damage', () => {
  it('damage: each of the 32,768 bits of one page flipped -> noticed on reading it, with its number', () => {
    const page = reached()[3]!;
    const pages = copies();
    const file = MemoryPages.of(pages);
    const whole = pages[page]!;
    for (let bit = 0; bit < BITS; bit++) {
      const flipped = whole.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      file.pages[page] = flipped;
      let said = 'nothing';
      try {
        const tree = open(file);
        for (let key: Uint8Array = Uint8Array.of(0); ; ) {
          const found = tree.next(key, false);
          if (found === undefined) break;
          key = found.key;
        }
      } catch (error) {
        said = (error as Error).message;
      }
      if (said !== `catalog: page ${page} has a wrong checksum`) expect(said, `bit ${bit}`).toBe('noticed');
    }
  });

  it('damage: random bits of every page flipped -> noticed where the page is part of the tree', () => {
    const random = new Random(11);
    const inTree = new Set(reached());
    expect(inTree.size).toBeGreaterThan(30);
    for (let page = 2; page < built.pages.length; page++) {
      for (let count = 0; count < 12; count++) {
        const pages = copies();
        const bit = random.below(BITS);
        pages[page]![bit >> 3]! ^= 1 << (bit & 7);
        const expected = inTree.has(page) ? `catalog: page ${page} has a wrong checksum` : built.now;
        expect(walk(pages), `page ${page} bit ${bit}`).toBe(expected);
      }
    }
  });

  it('damage: a bit of the newest root flipped -> the commit before; of both roots -> said', () => {
    const random = new Random(12);
    for (let count = 0; count < 1000; count++) {
      const pages = copies();
      const bit = random.below(BITS);
      pages[NEWEST]![bit >> 3]! ^= 1 << (bit & 7);
      expect(walk(pages), `bit ${bit}`).toBe(built.before);
      const other = random.below(BITS);
      pages[0]![other >> 3]! ^= 1 << (other & 7);
      expect(walk(pages), `bits ${bit}, ${other}`).toBe('catalog: neither of its two roots is whole');
    }
  });

  it('damage: a map of free pages flipped -> noticed by the first change', () => {
    const random = new Random(13);
    let noticed = 0;
    for (const map of [2, 3, 4]) {
      const pages = copies();
      const bit = random.below(BITS);
      pages[map]![bit >> 3]! ^= 1 << (bit & 7);
      const tree = open(MemoryPages.of(pages));
      try {
        tree.put(Uint8Array.of(1), Uint8Array.of(1));
      } catch (error) {
        expect((error as Error).message).toBe(`catalog: page ${map} has a wrong checksum`);
        noticed++;
        expect(dump(tree)).toBe(built.now);
      }
    }
    expect(noticed).toBe(1);
  });

  it('damage: a right page at the wrong place -> noticed', () => {
    const random = new Random(14);
    const inTree = reached();
    for (let count = 0; count < 1000; count++) {
      const to = inTree[random.below(inTree.length)]!;
      const from = random.below(built.pages.length);
      if (from === to) continue;
      const pages = copies();
      pages[to] = pages[from]!.slice();
      const said = walk(pages);
      if (!said.startsWith(`catalog: page ${to} `)) expect(said, `page ${from} at ${to}`).toBe('noticed');
    }
  });

  it('damage: an old page at the right place (a write that never arrived) -> noticed', () => {
    const file = new MemoryPages();
    const tree = open(file);
    const model = new Model();
    const older: Uint8Array[][] = [];
    for (const step of script(6, 20, false)) {
      take(step, tree);
      note(step, model);
      if (step.do === 'commit') older.push(file.pages.map(page => page.slice()));
    }
    const now = dumpModel(model);
    let noticed = 0;
    for (const old of older) {
      for (let page = 5; page < old.length; page++) {
        if (Buffer.compare(old[page]!, file.pages[page]!) === 0) continue;
        const pages: Uint8Array[] = file.pages.map(bytes => bytes.slice());
        pages[page] = old[page]!;
        const said = walk(pages);
        if (said !== now) {
          expect(said).toMatch(
            new RegExp(`^catalog: page ${page} (is whole but of another time|has a wrong checksum)$`),
          );
          noticed++;
        }
      }
    }
    expect(noticed).toBeGreaterThan(100);
  });

  it('damage: a file that ends too early -> said where it ends; next to nothing left -> a new tree', () => {
    for (let left = built.pages.length - 1; left > 2; left--) {
      const said = walk(built.pages.slice(0, left));
      if (said !== built.now) expect(said).toMatch(/^catalog: page \d+ lies behind the end of the file$/);
    }
    expect(walk([built.pages[0]!.slice().fill(1)])).toBe('');
    expect(walk([])).toBe('');
  });

  it('damage: one page is damaged -> what does not lie under it can still be read', () => {
    const pages = copies();
    const leaf = reached().at(-1)!;
    pages[leaf]![2000]! ^= 1;
    const tree = open(MemoryPages.of(pages));
    expect(() => dump(tree)).toThrow(`page ${leaf} has a wrong checksum`);
    const first = tree.next(Uint8Array.of(0), true);
    expect(first).toBeDefined();
    expect(tree.get(first!.key)).toEqual(first!.value);
  });
});
