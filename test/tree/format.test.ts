// The file as SPEC.md has it: read by a program of its own, and what a version does with another's file.
import { describe, expect, it } from 'vitest';
import { CatalogDamaged } from '../../agent/arena/tree.ts';
import { Model } from './model.ts';
import { MemoryPages } from './pages.ts';
import { seeds } from './random.ts';
import { Reader } from './reader.ts';
import { reseal } from './reseal.ts';
import { note, open, script, take } from './scenario.ts';
import { xxh64 } from './xxh64.ts';

const hexOf = (model: Model): [string, string][] =>
  model
    .entries()
    .map(([key, value]) => [Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex')]);

describe('tree: the file', () => {
  it('format: published vectors of XXH64 -> the second implementation gives them', () => {
    const vectors: [string, bigint][] = [
      ['', 0xef46db3751d8e999n],
      ['a', 0xd24ec4f1a98c6e5bn],
      ['abc', 0x44bc2cf5ad770999n],
      ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
    ];
    for (const [text, hash] of vectors) expect(xxh64(Buffer.from(text), 0n), text).toBe(hash);
  });

  it('format: a file after many commits -> a reader by the specification finds the same entries', () => {
    for (const seed of seeds(2)) {
      const pages = new MemoryPages();
      const tree = open(pages);
      const model = new Model();
      for (const step of script(seed, 30)) {
        take(step, tree);
        note(step, model);
      }
      const reader = new Reader(pages.pages);
      expect(reader.generation).toBe(30n);
      expect(reader.entries).toEqual(hexOf(model));
      let free = 0;
      for (let page = 0; page < tree.stats().pages; page++) if (reader.stateOf(page) !== 1) free++;
      expect(free).toBe(tree.stats().freePages);
    }
  });

  it('format: a root of a newer version, whole -> refused by name, the file untouched', () => {
    const pages = new MemoryPages();
    const tree = open(pages);
    tree.put(Uint8Array.of(1), Uint8Array.of(2));
    tree.commit();
    const root = pages.pages[1]!;
    root[4] = 2;
    reseal(root);
    const writes = pages.writes;
    try {
      open(pages);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CatalogDamaged);
      expect((error as CatalogDamaged).isNewer).toBe(true);
      expect((error as CatalogDamaged).reason).toMatch(/newer version/);
    }
    expect(pages.writes).toBe(writes);
  });

  it('format: keys and values at and beyond their limits -> held, or refused before anything is written', () => {
    const pages = new MemoryPages();
    const tree = open(pages);
    const longest = new Uint8Array(tree.keyBytesMax).fill(255);
    const largest = new Uint8Array(tree.valueBytesMax).fill(7);
    for (let byte = 0; byte < 256; byte++) {
      longest[tree.keyBytesMax - 1] = byte;
      tree.put(longest, largest);
      tree.put(Uint8Array.of(byte), new Uint8Array(0));
      tree.put(longest.subarray(0, 1 + byte), largest.subarray(0, byte));
    }
    expect(tree.keyBytesMax).toBe(272);
    expect(tree.valueBytesMax).toBe(1300);
    expect(tree.audit()).toBeUndefined();
    // 256 longest; 255 single bytes and 256 runs of 255, of which the first is a single byte too.
    expect(tree.count).toBe(256 + 255 + 256);
    expect(tree.get(longest)).toEqual(largest);
    expect(tree.get(Uint8Array.of(255))).toEqual(new Uint8Array(0));
    expect(() => tree.put(new Uint8Array(273), largest)).toThrow(RangeError);
    expect(() => tree.put(longest, new Uint8Array(1301))).toThrow(RangeError);
    expect(() => tree.get(new Uint8Array(0))).toThrow(RangeError);
    tree.commit();
    expect(open(MemoryPages.of(pages.pages)).audit()).toBeUndefined();
  });
});
