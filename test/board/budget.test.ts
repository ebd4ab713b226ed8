import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bundle } from '../../board/bundle/bundle.ts';
import { budgetOf, overruns, ramOf } from '../../board/check/budget.ts';
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

test('budget: --ram -> in MiB; nothing that QEMU would stumble over, once an image is made', () => {
  expect(ramOf(undefined, 'armv7')).toBe(budgetOf('armv7').ramMib);
  expect(ramOf('80', 'armv7')).toBe(80);
  for (const text of ['', 'x', '64MiB', '-1', '0', '1.5'])
    expect(() => ramOf(text, 'armv7')).toThrow(`--ram: ${JSON.stringify(text)} is not a number of MiB`);
});

test('budget: figures over it, or missing -> named, with what they may be', () => {
  const budget = budgetOf('armv7');
  const memory = { rssAnonKiB: 1, rssAnonMostKiB: budget.rssAnonMostKiB, threads: 1 };
  expect(overruns('memory', memory, budget)).toEqual([]);
  const most = budget.rssAnonMostKiB + 1;
  expect(overruns('memory', { ...memory, rssAnonMostKiB: most }, budget)).toEqual([
    `${most} KiB RssAnon at its most, not ${budget.rssAnonMostKiB}`,
  ]);
  expect(overruns('join', { boardSeconds: budget.joinedSeconds + 1 }, budget)).toEqual([
    `${budget.joinedSeconds + 1} seconds from power to joined, not ${budget.joinedSeconds}`,
    `undefined seconds until the first file, not ${budget.firstSeconds}`,
  ]);
  expect(overruns('image', { bytes: budget.imageBytes + 1 }, budget)).toHaveLength(1);
  expect(overruns('update', {}, budget)).toEqual([]);
});
