import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundle } from '../../board/bundle/bundle.ts';
import { budgetOf, overruns } from '../../board/check/budget.ts';
import { ROOT } from '../../board/places.ts';

const BOARDS = ['armv7', 'arm64'];

test('budget: the bundle and the wasm -> within it, on every board', async () => {
  const { bytes } = await bundle('agent');
  for (const board of BOARDS) {
    const budget = budgetOf(board);
    expect(bytes['toastbox.cjs']).toBeLessThanOrEqual(budget.bundleBytes);
    for (const build of ['simd', 'plain'])
      expect(statSync(join(ROOT, 'build', `toastbox.${build}.wasm`)).size).toBeLessThanOrEqual(
        budget.wasmBytes,
      );
  }
});

test('budget: memory over it -> named, with both figures', () => {
  const budget = budgetOf('armv7');
  const memory = {
    rssAnonKiB: 1,
    rssAnonMostKiB: budget.rssAnonMostKiB + 1,
    swappedKiB: 0,
    rssFileKiB: 0,
    threads: 1,
  };
  expect(overruns(memory, budget)).toEqual([
    `RssAnon at its most: ${memory.rssAnonMostKiB}, not ${budget.rssAnonMostKiB}`,
  ]);
  expect(overruns({ ...memory, rssAnonMostKiB: 1 }, budget)).toEqual([]);
});
