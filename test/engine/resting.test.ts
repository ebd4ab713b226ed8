// Places that rest: each by itself, told once when it is over, never more than there is room for.

import { expect, test } from 'vitest';
import type { Core } from '../../agent/engine/core.ts';
import type { Place } from '../../agent/engine/keys.ts';
import { Resting } from '../../agent/engine/resting.ts';

const place = (name: string): Place => ({ parent: 1, name: Buffer.from(name) });

function open(most: number, crowdMs?: number) {
  let met = 0;
  const gauge = () => ({ met: () => met++, grew: () => {} });
  const core = { now: 1000, wakeAt: Number.POSITIVE_INFINITY, wake, gauge };
  function wake(time: number): void {
    core.wakeAt = Math.min(core.wakeAt, time);
  }
  return { core, resting: new Resting(core as unknown as Core, 'places', most, crowdMs), met: () => met };
}

test('resting: one place -> the others are free; it is told once that it is over; tries are counted', () => {
  const { core, resting } = open(4);
  resting.rest(place('a'), 100);
  expect([resting.has(place('a')), resting.has(place('b')), core.wakeAt]).toEqual([true, false, 1100]);
  expect(resting.tick()).toBe(false);
  core.now = 1100;
  expect([resting.has(place('a')), resting.tick(), resting.tick()]).toEqual([false, true, false]);
  resting.rest(place('a'), 300);
  expect(resting.tries(place('a'))).toBe(2);
  resting.forget(place('a'));
  expect([resting.has(place('a')), resting.tries(place('a'))]).toEqual([false, 0]);
});

test('resting: more than there is room for -> all rest until the youngest has; who rested makes room', () => {
  const { core, resting, met } = open(2);
  resting.rest(place('a'), 100);
  resting.rest(place('b'), 200);
  resting.rest(place('c'), 300);
  expect([resting.has(place('d')), met()]).toEqual([true, 1]);
  core.now = 1300;
  expect([resting.tick(), resting.has(place('d'))]).toEqual([true, false]);
  resting.rest(place('c'), 100);
  expect([resting.has(place('c')), resting.has(place('d'))]).toEqual([true, false]);
});

test('resting: more than there is room for, in an order -> what comes after all that failed may be tried', () => {
  const { core, resting } = open(1);
  resting.rest(place('a'), 100, 5);
  resting.rest(place('b'), 100, 9);
  resting.rest(place('c'), 100, 7);
  expect([1, 9, 10].map(order => resting.has(place('d'), order))).toEqual([true, true, false]);
  core.now = 1100;
  resting.rest(place('a'), 100, 5);
  resting.rest(place('b'), 100, 6);
  expect([5, 9].map(order => resting.has(place('d'), order))).toEqual([true, false]);
});

test('resting: more than there is room for, and a crowd waits longer -> all rest for that long', () => {
  const { core, resting } = open(1, 1000);
  resting.rest(place('a'), 100);
  resting.rest(place('b'), 100);
  core.now = 1999;
  expect([resting.tick(), resting.has(place('b')), core.wakeAt]).toEqual([true, true, 1100]);
  core.now = 2000;
  expect([resting.tick(), resting.has(place('b'))]).toEqual([true, false]);
});
