// Hints by a clock of the test's own.

import { expect, test } from 'vitest';
import { Hints } from '../../agent/disk/hints.ts';
import { path } from './bench.ts';

const text = ({ dir, name }: { dir: Uint8Array; name: Uint8Array | undefined }): string =>
  `${Buffer.from(dir)}:${name === undefined ? '*' : Buffer.from(name)}`;

test('hints: a directory that goes on and on -> told more and more seldom, and at last when it is quiet', () => {
  const hints = new Hints();
  const told: number[] = [];
  let now = 0;
  const take = () => {
    const { hints: taken, isLost } = hints.take(now);
    expect(isLost).toBe(false);
    if (taken.some(hint => text(hint) === 'crowded:*')) told.push(now);
  };
  for (let i = 0; now < 60_000; now += 5, i++) {
    for (let n = 0; n < 40; n++) hints.add({ dir: path('crowded'), name: path(`f${i}-${n}`) }, now);
    take();
  }
  const gaps = told.map((at, i) => at - (told[i - 1] ?? 0));
  expect(gaps.slice(0, 5)).toEqual([1_000, 2_005, 4_005, 8_005, 16_005]);
  now += 300;
  take();
  expect(told.at(-1)).toBe(now);
  expect(hints.isWaiting).toBe(false);
});

test('hints: one file that never rests after a crowd -> the others beside it are told by name, at once', () => {
  const hints = new Hints();
  for (let n = 0; n < 40; n++) hints.add({ dir: path('d'), name: path(`f${n}`) }, 0);
  let now = 0;
  for (; now < 1_000; now += 50) {
    hints.add({ dir: path('d'), name: path('log') }, now);
    expect(hints.take(now).hints).toEqual([]);
  }
  expect(hints.take(now).hints.map(text)).toEqual(['d:*']);
  hints.add({ dir: path('d'), name: path('log') }, now);
  hints.add({ dir: path('d'), name: path('other') }, now);
  expect(hints.take(now + 5).hints.map(text)).toEqual(['d:log', 'd:other']);
});

test('hints: few names, each many times -> each once, in order', () => {
  const hints = new Hints();
  for (let i = 0; i < 1000; i++) hints.add({ dir: path('d'), name: path(`f${i % 3}`) }, i);
  hints.add({ dir: path('d'), name: undefined }, 1000);
  expect(hints.take(1000).hints.map(text)).toEqual(['d:f0', 'd:f1', 'd:f2', 'd:*']);
  expect(hints.take(1001).hints).toEqual([]);
});

test('hints: more crowded directories than are held -> lost, told once', () => {
  const hints = new Hints();
  for (let d = 0; d < 600; d++)
    for (let n = 0; n < 40; n++) hints.add({ dir: path(`d${d}`), name: path(`f${n}`) }, 0);
  expect(hints.take(1).isLost).toBe(true);
  expect(hints.take(1_000)).toMatchObject({ isLost: false });
  expect(hints.isWaiting).toBe(false);
});
