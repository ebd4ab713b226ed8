// A gateway that cannot take what is offered: it comes again, later each time, and others go on meanwhile.

import { expect, test } from 'vitest';
import { Verdict } from '../../protocol/messages.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS } from '../sim/deeds.ts';
import { ROOT } from '../sim/machine.ts';

const LARGE = 100_000;
const MINUTE_MS = 60_000;

/** A pair whose hub has no room for files of so many bytes while `isFull`, and when it was offered one. */
function open(least: number) {
  const pair = new Pair();
  const full = { isFull: true, offeredAt: [] as number[] };
  pair.verdict = ({ size }) => {
    if (size < least) return undefined;
    full.offeredAt.push(pair.time.now);
    return full.isFull ? Verdict.BUSY : undefined;
  };
  pair.machine.start();
  pair.time.runFor(REST_MS);
  return { pair, full, volume: pair.machine.volume, status: () => pair.machine.sync!.look()!.engine };
}

test('busy: a large file that the gateway has no room for -> offered ever more rarely, said, small ones go on', () => {
  const { pair, full, volume, status } = open(LARGE);
  volume.writeFileSync(`${ROOT}/large`, Buffer.alloc(LARGE, 7));
  for (let minute = 0; minute < 60; minute++) {
    volume.writeFileSync(`${ROOT}/small ${minute}`, `${minute}`);
    pair.time.runFor(MINUTE_MS);
    if (minute === 10) expect(pair.troubles).toContain('offering what the gateway cannot take now: BUSY');
  }
  pair.time.runFor(10 * MINUTE_MS);
  // 2, 4, 8 ... 256 s, then each 5 minutes: an hour and ten minutes have some 20 of them, not 2,000.
  expect(full.offeredAt.length).toBeGreaterThan(10);
  expect(full.offeredAt.length).toBeLessThan(25);
  expect(status().pendingUp).toBe(1);
  expect(pair.entries).toBe(60);
  full.isFull = false;
  pair.time.runFor(6 * MINUTE_MS);
  expect(status().pendingUp).toBe(0);
  expect(pair.entries).toBe(61);
});

test.each([LARGE, 10])(
  'busy: a gateway that takes nothing, of 200 files of %i bytes -> one at a time, all once there is room',
  size => {
    const { pair, full, volume } = open(0);
    for (let n = 0; n < 200; n++) volume.writeFileSync(`${ROOT}/file ${n}`, Buffer.alloc(size, n));
    pair.time.runFor(60 * MINUTE_MS);
    // 64 or so that are on their way when the first is turned away, then two a minute.
    expect(full.offeredAt.length).toBeLessThan(700);
    full.isFull = false;
    pair.time.runFor(MINUTE_MS);
    expect(pair.entries).toBeGreaterThan(100);
    pair.time.runFor(6 * MINUTE_MS);
    expect(pair.entries).toBe(200);
  },
);
