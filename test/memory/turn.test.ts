// A turn of the driver: however long answers follow answers, and whatever comes from the link meanwhile, the event
// loop gets its turn between, and what waits is bounded.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Arena } from '../../agent/arena/arena.ts';
import { Driver } from '../../agent/driver.ts';
import type { Engine } from '../../agent/engine/engine.ts';
import type { Effect, Event } from '../../agent/engine/ports.ts';
import { AGENT_NODE_FLAGS } from '../../cli/flags.ts';
import { encodeFrameHeader } from '../../protocol/frame.ts';
import { Piece } from '../../protocol/messages.ts';

const FRAME = encodeFrameHeader({ is: 'head', session: 1, head: 1 });

/** An engine that is never done: each event leads to an effect, and each effect's answer is an event. */
function openEndless(msAnEvent: number) {
  const seen: Event['is'][] = [];
  const bodies: string[] = [];
  let time = 0;
  let timer: (() => void) | undefined;
  const engine = {
    wakeAt: Number.POSITIVE_INFINITY,
    handle(event: Event): Effect[] {
      seen.push(event.is);
      if (event.is === 'message') bodies.push(Buffer.from(event.body).toString());
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
  return { driver, seen, bodies, turn: () => timer?.() };
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

test('turn: a frame that waits for the next, in memory that the link reads into again -> its bytes are its own', () => {
  const { driver, bodies, turn } = openEndless(10);
  const part = { op: Piece.LITERAL, offset: 0, length: 10, stored: 10, baseOffset: 0 };
  const items = [{ req: 1, ...part, dictionary: 0, dictionaryLength: 0 }];
  const head = encodeFrameHeader({ is: 'piece', session: 1, items });
  const read = Buffer.concat([head, Buffer.from('as it came')]);
  driver.take({ is: 'start' });
  driver.takeFrame(read, 32 * 1024);
  expect(bodies).toEqual([]);
  read.fill(0);
  turn();
  expect(bodies).toEqual(['as it came']);
});

// In a process of its own, that may collect as an agent may.
const BUSY = `
  const { Driver } = await import(DRIVER);
  const { encodeFrameHeader } = await import(FRAME);
  const part = { op: 1, offset: 0, length: 28672, stored: 28672, baseOffset: 0, dictionary: 0, dictionaryLength: 0 };
  const frame = Buffer.concat([
    encodeFrameHeader({ is: 'piece', session: 1, items: [{ req: 1, ...part }] }),
    Buffer.alloc(28672, 7),
  ]);
  let [time, timer, most, taken] = [0, undefined, 0, 0];
  const handle = event => {
    time += 10;
    if (event.is === 'message') taken++;
    return event.is === 'looked' || event.is === 'start' ? [{ do: 'look' }] : [];
  };
  const disk = () => driver.take({ is: 'looked' });
  const clock = { now: () => time, wake: (_, call) => { timer = call; } };
  const driver = new Driver({ wakeAt: Infinity, handle }, {}, { disk, fail: error => { throw error; } }, clock);
  driver.take({ is: 'start' });
  for (let turn = 0; turn < 200; turn++) {
    for (let each = 0; each < 8; each++) driver.takeFrame(frame, 32768);
    most = Math.max(most, process.memoryUsage().arrayBuffers);
    timer();
  }
  console.log(JSON.stringify({ taken, most }));
`;

test('turn: 45 MB in frames that wait for the next -> their copies are garbage that goes, not megabytes of it', () => {
  const built = (name: string) =>
    JSON.stringify(fileURLToPath(new URL(`../../dist/${name}.js`, import.meta.url)));
  const code = BUSY.replace('DRIVER', built('agent/driver')).replace('FRAME', built('protocol/frame'));
  const { stdout } = spawnSync(process.execPath, [...AGENT_NODE_FLAGS, '--input-type=module', '-e', code]);
  const { taken, most } = JSON.parse(stdout.toString());
  expect(taken).toBeGreaterThan(1_000);
  expect(most).toBeLessThan(3 * 2 ** 20);
});
