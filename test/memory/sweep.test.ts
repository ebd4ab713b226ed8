// When garbage is collected: once for each rest that follows work, and seldom.

import { expect, test } from 'vitest';
import { APART_MS, REST_MS, Sweep } from '../../agent/sweep.ts';

/** Looks every second at work and rest in turn, each for so many seconds; the seconds at which it collected. */
function sweeps(...spans: [doing: 'work' | 'rest', seconds: number][]): number[] {
  const times: number[] = [];
  let now = 5_000_000;
  const start = now;
  const sweep = new Sweep(() => times.push((now - start) / 1000));
  for (const [doing, seconds] of spans)
    for (let second = 0; second < seconds; second++, now += 1000) sweep.look(doing === 'work', now);
  return times;
}
const [rest, apart] = [REST_MS / 1000, APART_MS / 1000];

test('sweep: nothing was done -> nothing is collected', () => {
  expect(sweeps(['rest', 500])).toEqual([]);
});

test('sweep: at rest after work -> collected once', () => {
  expect(sweeps(['work', 30], ['rest', 1000])).toEqual([29 + rest]);
  expect(sweeps(['work', 1], ['rest', 1000])).toEqual([rest]);
});

test('sweep: work without a rest that lasts -> not collected', () => {
  expect(sweeps(['work', 100], ['rest', rest - 1], ['work', 1], ['rest', rest - 1])).toEqual([]);
});

test('sweep: work and rest in turns -> no sooner than so long after the last time, and the last is not missed', () => {
  const turn = [
    ['work', 5],
    ['rest', rest + 5],
  ] as ['work' | 'rest', number][];
  const times = sweeps(...Array.from({ length: 20 }, () => turn).flat(), ['rest', 500]);
  expect(times.length).toBeGreaterThan(3);
  for (const [index, time] of times.entries())
    if (index > 0) expect(time - times[index - 1]!).toBeGreaterThanOrEqual(apart);
  expect(times.at(-1)!).toBeGreaterThan(20 * (rest + 10) - 10 - 5);
});
