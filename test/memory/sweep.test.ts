// When garbage is collected: once for each rest that follows work, and seldom.

import { expect, test } from 'vitest';
import type { AgentState } from '../../agent/status.ts';
import { APART_MS, REST_MS, Sweep } from '../../agent/sweep.ts';

/** Looks every second at these states in turn, each for so many seconds; the seconds at which it collected. */
function sweeps(...spans: [state: AgentState, seconds: number][]): number[] {
  const times: number[] = [];
  let now = 5_000_000;
  const start = now;
  const sweep = new Sweep(() => times.push((now - start) / 1000));
  for (const [state, seconds] of spans)
    for (let second = 0; second < seconds; second++, now += 1000) sweep.look(state, now);
  return times;
}
const [rest, apart] = [REST_MS / 1000, APART_MS / 1000];

test('sweep: nothing was done -> nothing is collected', () => {
  expect(sweeps(['starting', 5], ['idle', 500], ['offline', 500], ['trouble', 500])).toEqual([]);
});

test('sweep: at rest after work, whatever the rest is called -> collected once', () => {
  for (const state of ['idle', 'offline', 'trouble'] as const) {
    expect(sweeps(['syncing', 30], [state, 1000])).toEqual([29 + rest]);
    expect(sweeps(['scanning', 1], [state, 1000])).toEqual([rest]);
  }
});

test('sweep: work without a rest that lasts -> not collected', () => {
  expect(sweeps(['syncing', 100], ['idle', rest - 1], ['syncing', 1], ['idle', rest - 1])).toEqual([]);
});

test('sweep: work and rest in turns -> no sooner than so long after the last time, and the last is not missed', () => {
  const turn = [
    ['syncing', 5],
    ['idle', rest + 5],
  ] as [AgentState, number][];
  const times = sweeps(...Array.from({ length: 20 }, () => turn).flat(), ['idle', 500]);
  expect(times.length).toBeGreaterThan(3);
  for (const [index, time] of times.entries())
    if (index > 0) expect(time - times[index - 1]!).toBeGreaterThanOrEqual(apart);
  expect(times.at(-1)!).toBeGreaterThan(20 * (rest + 10) - 10 - 5);
});
