// A script of changes and commits for the fault tests: small enough to run once for each of its writes, with pages
// that split, merge, are evicted dirty and are used again.

import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { openTree, type Tree } from '../../agent/arena/tree.ts';
import type { PageFile } from '../../agent/engine/ports.ts';
import { Model } from './model.ts';
import { Random, randomKey, randomValue } from './random.ts';

const FRAMES = 8;

/** A tree of this file with the smallest cache. One arena for all: opening a tree ends the one before. */
export function open(pages: PageFile, frames = FRAMES): Tree {
  arena ??= openArena({ bytes: 2 * 2 ** 20 });
  return openTree(arena, pages, frames);
}
let arena: Arena | undefined;

export type Step =
  | { do: 'put'; key: Uint8Array; value: Uint8Array }
  | { do: 'remove'; key: Uint8Array }
  | { do: 'commit' };

/** `shrinks`: the last third takes most of it away again. */
export function script(seed: number, rounds: number, shrinks = true): Step[] {
  const random = new Random(seed);
  const model = new Model();
  const steps: Step[] = [];
  for (let round = 0; round < rounds; round++) {
    const growth = !shrinks || round < (rounds * 2) / 3 ? 6 : 2;
    for (let count = random.below(160); count > 0; count--) {
      const isKnown = model.count > 0 && random.below(3) === 0;
      const key = isKnown ? model.keyAt(random.below(model.count)) : randomKey(random, 272);
      if (random.below(8) < growth) {
        const value = randomValue(random, 1300);
        model.put(key, value);
        steps.push({ do: 'put', key, value });
      } else if (model.count > 0) {
        const gone = model.keyAt(random.below(model.count));
        model.remove(gone);
        steps.push({ do: 'remove', key: gone });
      }
    }
    steps.push({ do: 'commit' });
  }
  return steps;
}

export function take(step: Step, tree: Tree): void {
  if (step.do === 'put') tree.put(step.key, step.value);
  else if (step.do === 'remove') tree.remove(step.key);
  else tree.commit();
}

export function note(step: Step, model: Model): void {
  if (step.do === 'put') model.put(step.key, step.value);
  else if (step.do === 'remove') model.remove(step.key);
}

const line = (key: Uint8Array, value: Uint8Array): string =>
  `${Buffer.from(key).toString('hex')}=${Buffer.from(value).toString('hex')}\n`;

/** Everything in the tree, in order. */
export function dump(tree: Tree): string {
  let text = '';
  let found = tree.next(Uint8Array.of(0), true);
  while (found !== undefined) {
    text += line(found.key, found.value);
    found = tree.next(found.key, false);
  }
  return text;
}

export function dumpModel(model: Model): string {
  return model
    .entries()
    .map(([key, value]) => line(key, value))
    .join('');
}
