// A log that never holds still: what stands at the gateway is a little behind, and is a beginning of it.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { begin, REST_MS, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';

/** One every 5 ms. */
const LINES = 2_000;
const LINES_A_LOOK = 500;

test.each([100, 500])('growing: a log gets %i bytes every 5 ms -> it goes up all the while', bytes => {
  const pair = begin();
  const { volume } = pair.machine;
  const sentFiles = () => pair.machine.sync!.look()!.engine.counters.sentFiles;
  let before = sentFiles();
  for (let line = 1; line <= LINES; line++) {
    volume.appendFileSync(`${ROOT}/log`, some(bytes, line));
    pair.machine.hint(Buffer.from(''), Buffer.from('log'));
    pair.time.runFor(5);
    if (line % LINES_A_LOOK > 0) continue;
    expect(sentFiles()).toBeGreaterThan(before);
    before = sentFiles();
  }
  pair.time.runFor(REST_MS);
  expect(seenAt(pair)).toBe(show(pair));
});

test('growing: a log of many blocks is read again and again -> its old lists go, the catalog stays small', () => {
  const pair = begin();
  const { volume } = pair.machine;
  volume.writeFileSync(`${ROOT}/log`, some(400_000, 1));
  pair.machine.hint(Buffer.from(''), Buffer.from('log'));
  pair.time.runFor(5_000);
  for (let line = 1; line <= LINES; line++) {
    volume.appendFileSync(`${ROOT}/log`, some(20, line));
    pair.machine.hint(Buffer.from(''), Buffer.from('log'));
    pair.time.runFor(5);
  }
  expect(volume.lstatSync('/state/catalog').size).toBeLessThan(600_000);
});
