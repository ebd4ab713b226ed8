// What the file costs: full pages where keys rise, no creep under churn, no near-empty pages after removals, any
// height with the smallest cache.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { openPages } from '../../agent/disk/pages.ts';
import { MemoryPages, PAGE_BYTES } from './pages.ts';
import { Random } from './random.ts';
import { open } from './scenario.ts';

const place = mkdtempSync(join(tmpdir(), 'toastbox-tree-'));
afterAll(() => rmSync(place, { recursive: true }));

const MILLION = 1_000_000;
const VALUE_BYTES = 60;

/** As the catalog's: a letter, a parent of 8 bytes, a name. A thousand names a directory. */
function nameKey(index: number): Uint8Array {
  const name = `photo-${String(index % 1000).padStart(4, '0')}.jpg`;
  const key = Buffer.alloc(9 + name.length);
  key[0] = 0x65;
  key.writeBigUInt64BE(BigInt(1 + Math.floor(index / 1000)), 1);
  key.write(name, 9);
  return key;
}

describe('tree: size of the file', () => {
  it('growth: a million names in rising order into a file -> under 80 bytes each for 60 of value, nothing lost', () => {
    const file = join(place, 'million');
    const pages = openPages(file);
    const arena = openArena({ bytes: 8 * 2 ** 20 });
    const tree = openTree(arena, pages);
    const value = new Uint8Array(VALUE_BYTES).fill(1);
    for (let index = 0; index < MILLION; index++) {
      tree.put(nameKey(index), value);
      if (index % 20_000 === 19_999) tree.commit();
    }
    tree.commit();
    expect(tree.count).toBe(MILLION);
    const bytes = statSync(file).size / MILLION;
    // A directory's prefix is stored once a page: what is left of a name is its last 4 to 8 bytes.
    console.log(`file: ${bytes.toFixed(1)} bytes a key, ${VALUE_BYTES} of them value`);
    expect(bytes).toBeLessThan(80);
    let found = tree.next(Uint8Array.of(0), true);
    for (let index = 0; index < MILLION; index += 1) {
      if (found === undefined || (index % 997 === 0 && Buffer.compare(found.key, nameKey(index)) !== 0))
        expect(found?.key).toEqual(nameKey(index));
      found = tree.next(found!.key, false);
    }
    expect(found).toBeUndefined();
    pages.close();
    const again = openPages(file);
    const reopened = openTree(arena, again);
    for (let index = 0; index < MILLION; index += 9973) expect(reopened.get(nameKey(index))).toEqual(value);
    expect(arena.bytes.length).toBe(8 * 2 ** 20);
    again.close();
  });

  it('growth: 10,000 rounds of changes over one set of keys -> the file stays as large as after the first', () => {
    const random = new Random(3);
    const pages = new MemoryPages();
    const tree = open(pages, 64);
    const KEYS = 2000;
    const change = (): void => {
      const key = nameKey(random.below(KEYS));
      if (random.below(3) === 0) tree.remove(key);
      else tree.put(key, new Uint8Array(random.below(120)));
    };
    for (let count = 0; count < 20_000; count++) change();
    tree.commit();
    let early = 0;
    for (let round = 0; round < 10_000; round++) {
      for (let count = random.below(8); count >= 0; count--) change();
      tree.commit();
      if (round === 500) early = pages.pageCount;
    }
    expect(tree.audit()).toBeUndefined();
    console.log(`file: ${early} pages after 500 rounds, ${pages.pageCount} after 10,000`);
    expect(pages.pageCount).toBeLessThanOrEqual(early * 1.1);
  });

  it('growth: nine in ten removed, in any order -> pages are merged, and a tree of nothing is one leaf', () => {
    for (const order of ['rising', 'falling', 'random']) {
      const random = new Random(4);
      const pages = new MemoryPages();
      const tree = open(pages, 16);
      const COUNT = 20_000;
      for (let index = 0; index < COUNT; index++) tree.put(nameKey(index), new Uint8Array(40));
      tree.commit();
      const live = (): number => tree.stats().pages - tree.stats().freePages;
      const full = live();
      let left = Array.from({ length: COUNT }, (_, index) => index);
      if (order === 'falling') left.reverse();
      if (order === 'random') left = left.sort((a, b) => (hash(a) < hash(b) ? -1 : 1));
      for (const index of left.slice(0, COUNT * 0.9)) expect(tree.remove(nameKey(index))).toBe(true);
      tree.commit();
      tree.commit();
      // 40 % full at the least, most are fuller.
      expect(live() / full, order).toBeLessThan(0.26);
      expect(tree.audit(), order).toBeUndefined();
      for (const index of left.slice(COUNT * 0.9)) expect(tree.remove(nameKey(index))).toBe(true);
      tree.commit();
      expect(tree.count).toBe(0);
      expect(tree.audit(), order).toBeUndefined();
      expect(live(), order).toBeLessThan(10);
      // What was freed is filled again before the file grows.
      const size = pages.pageCount;
      tree.put(Uint8Array.of(1), Uint8Array.of(random.below(256)));
      tree.commit();
      for (let index = 0; index < COUNT / 2; index++) tree.put(nameKey(index), new Uint8Array(40));
      tree.commit();
      expect(pages.pageCount).toBe(size);
    }
  });

  it('growth: the longest keys and largest values, falling, with 8 pages in memory -> five levels, all found', () => {
    const pages = new MemoryPages();
    const tree = open(pages, 8);
    const key = new Uint8Array(272).fill(5);
    const at = (index: number): Uint8Array => {
      new DataView(key.buffer).setUint32(267, index);
      return key;
    };
    const value = new Uint8Array(1300).fill(6);
    const COUNT = 9000;
    for (let index = COUNT; index > 0; index--) {
      tree.put(at(index), value);
      if (index % 1500 === 0) tree.commit();
    }
    tree.commit();
    const height = new DataView(pages.pages[6 & 1]!.buffer).getUint32(24, true);
    console.log(`file: ${COUNT} largest entries, ${height} levels, ${pages.pageCount} pages`);
    expect(height).toBeGreaterThanOrEqual(5);
    expect(tree.audit()).toBeUndefined();
    for (let index = 1; index <= COUNT; index += 7) expect(tree.get(at(index))?.length).toBe(1300);
    for (let index = 1; index <= COUNT; index++)
      if (index % 10 !== 0) expect(tree.remove(at(index))).toBe(true);
    tree.commit();
    expect(tree.audit()).toBeUndefined();
    expect(tree.count).toBe(COUNT / 10);
    expect(pages.pageCount * PAGE_BYTES).toBeLessThan(100 * 2 ** 20);
  });
});

function hash(index: number): number {
  return Math.imul(index + 1, 0x9e3779b1) >>> 0;
}
