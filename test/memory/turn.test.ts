// A turn of the driver: however long answers follow answers, and whatever comes from the link meanwhile, the event
// loop gets its turn between, and what waits is bounded.

import { expect, test } from 'vitest';
import type { Arena } from '../../agent/arena/arena.ts';
import { Driver } from '../../agent/driver.ts';
import type { Engine } from '../../agent/engine/engine.ts';
import type { Effect, Event } from '../../agent/engine/ports.ts';
import { encodeFrameHeader } from '../../protocol/frame.ts';

const FRAME = encodeFrameHeader({ is: 'head', session: 1, head: 1 });

/** An engine that is never done: each event leads to an effect, and each effect's answer is an event. */
function openEndless(msAnEvent: number) {
  const seen: Event['is'][] = [];
  let time = 0;
  let timer: (() => void) | undefined;
  const engine = {
    wakeAt: Number.POSITIVE_INFINITY,
    handle(event: Event): Effect[] {
      seen.push(event.is);
      time += msAnEvent;
      return event.is === 'looked' || event.is === 'start' ? [{ do: 'look', path: new Uint8Array(0) }] : [];
    },
  };
  const driver: Driver = new Driver(
    engine as unknown as Engine,
    {} as Arena,
    {
      disk: () => driver.take({ is: 'looked', path: new Uint8Array(0), stat: undefined, trouble: undefined }),
      send: () => {},
      note: () => {},
      startOver: () => {},
      stopped: () => {},
      fail: error => {
        throw error;
      },
    },
    {
      now: () => time,
      wake: (at, call) => {
        timer = at === Number.POSITIVE_INFINITY ? undefined : call;
      },
    },
  );
  return { driver, seen, turn: () => timer?.() };
}

test('turn: answers without end, frames without end -> bounded work until the timer', () => {
  const { driver, seen, turn } = openEndless(0);
  driver.take({ is: 'start' });
  expect(seen).toHaveLength(2048);
  for (let i = 0; i < 10_000; i++) driver.takeFrame(FRAME, 32 * 1024);
  expect(seen).toHaveLength(2048);
  turn();
  expect(seen).toHaveLength(2 * 2048);
  const frames = seen.filter(is => is === 'message').length;
  expect(frames).toBeGreaterThan(0);
  expect(frames).toBeLessThanOrEqual(16);
});

test('turn: events that cost 10 ms each -> it ends after some of them', () => {
  const { driver, seen, turn } = openEndless(10);
  driver.take({ is: 'start' });
  expect(seen.length).toBeLessThanOrEqual(32);
  const before = seen.length;
  turn();
  expect(seen.length).toBeGreaterThan(before);
  expect(seen.length - before).toBeLessThanOrEqual(32);
});
