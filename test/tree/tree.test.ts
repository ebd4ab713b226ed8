// The tree against a sorted map, over seeds, in both builds, with the smallest cache and with a large one.
import { describe, expect, it } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree, type Tree } from '../../agent/arena/tree.ts';
import { Model } from './model.ts';
import { MemoryPages } from './pages.ts';
import { Random, randomKey, randomValue, seeds } from './random.ts';

const ARENA_BYTES = 2 * 2 ** 20;
const text = (
  entry: { key: Uint8Array; value: Uint8Array } | [Uint8Array, Uint8Array] | undefined,
): string => {
  if (entry === undefined) return 'none';
  const [key, value] = Array.isArray(entry) ? entry : [entry.key, entry.value];
  return `${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}`;
};

/** A mostly growing, then mostly shrinking run of operations, each answer compared. */
function play(tree: Tree, model: Model, random: Random, rounds: number, growth: number): void {
  for (let round = 0; round < rounds; round++) {
    const isKnown = model.count > 0 && random.below(3) === 0;
    const key = isKnown ? model.keyAt(random.below(model.count)) : randomKey(random, tree.keyBytesMax);
    const what = random.below(16);
    if (what < growth) {
      const value = randomValue(random, tree.valueBytesMax);
      tree.put(key, value);
      model.put(key, value);
    } else if (what < 10) {
      const gone = model.count > 0 && random.below(4) > 0 ? model.keyAt(random.below(model.count)) : key;
      if (tree.remove(gone) !== model.remove(gone)) throw new Error(`remove ${text([gone, gone])}`);
    } else if (what < 12) {
      const found = tree.get(key);
      expect(text(found && [key, found])).toBe(text(model.get(key) && [key, model.get(key)!]));
    } else {
      const isInclusive = random.below(2) === 0;
      const way = what < 14 ? 'next' : 'previous';
      expect(text(tree[way](key, isInclusive))).toBe(text(model[way](key, isInclusive)));
    }
  }
}

function compareAll(tree: Tree, model: Model): void {
  expect(tree.audit()).toBeUndefined();
  expect(tree.count).toBe(model.count);
  let up = tree.next(Uint8Array.of(0), true);
  for (const entry of model.entries()) {
    if (text(up) !== text(entry)) expect(text(up)).toBe(text(entry));
    up = tree.next(up!.key.slice(), false);
  }
  expect(up).toBeUndefined();
}

describe.each([
  { build: 'simd', simd: true },
  { build: 'plain', simd: false },
])('tree ($build)', ({ simd }) => {
  const arena = openArena({ bytes: ARENA_BYTES, simd });

  it.each([
    { name: '8 pages', frames: 8 },
    { name: '400 pages', frames: 400 },
  ])('tree: random operations with a cache of $name -> the same answers as a sorted map', ({ frames }) => {
    for (const seed of seeds(6)) {
      const random = new Random(seed);
      const pages = new MemoryPages();
      let tree = openTree(arena, pages, frames);
      const model = new Model();
      try {
        for (const growth of [8, 7, 5, 8, 3, 2, 1]) {
          play(tree, model, random, 700, growth);
          expect(tree.audit()).toBeUndefined();
          if (random.below(3) > 0) tree.commit();
          if (random.below(4) === 0) {
            tree.commit();
            tree = openTree(arena, pages, frames);
          }
          compareAll(tree, model);
        }
      } catch (error) {
        throw new Error(
          `seed ${seed}, ${frames} frames: SEED=${seed} npx vitest run test/tree/tree.test.ts`,
          {
            cause: error,
          },
        );
      }
    }
  });
});
