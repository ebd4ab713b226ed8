// A board that starts again on what it knows: nothing is read that did not change. And one that ends by a mistake of
// ours: it says which.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { ROOT } from './machine.ts';

const FILES = 400;
const counters = (pair: Pair) => pair.machine.sync!.look()!.engine.counters;

test('restart: after a kill, nothing changed -> every file looked at, none read; one edited -> that one', () => {
  const pair = new Pair();
  const { volume } = pair.machine;
  for (let n = 0; n < FILES; n++) {
    if (n % 20 === 0) volume.mkdirSync(`${ROOT}/d${n / 20}`);
    volume.writeFileSync(`${ROOT}/d${Math.floor(n / 20)}/f${n}`, some(n % 5 === 0 ? 30_000 : 300, n + 1));
  }
  pair.machine.start();
  pair.time.runFor(60_000);
  expect(pair.entries).toBe(FILES + FILES / 20);
  expect(counters(pair).readFiles).toBeGreaterThanOrEqual(FILES);

  pair.machine.kill();
  pair.machine.start();
  pair.time.runFor(30_000);
  const engine = pair.machine.sync!.look()!.engine;
  expect(engine.scanFinishedAt).toBeGreaterThan(engine.scanStartedAt - 1);
  expect(engine.scanned).toBe(FILES + FILES / 20);
  expect(engine).toMatchObject({ link: 'live', pendingUp: 0, pendingDown: 0 });
  expect(engine.counters).toMatchObject({ readFiles: 0, sentFiles: 0, receivedFiles: 0, bytesUp: 0 });

  pair.machine.kill();
  volume.appendFileSync(`${ROOT}/d3/f65`, 'more');
  pair.machine.start();
  pair.time.runFor(30_000);
  expect(counters(pair)).toMatchObject({ readFiles: 1, sentFiles: 1 });
});

test('end: an assertion of the arena fails in the middle of the work -> the error names its place', () => {
  const pair = new Pair();
  pair.machine.volume.writeFileSync(`${ROOT}/file`, 'content');
  // Sealed since the start: to seal it again is our mistake.
  pair.machine.ports.tell = () => pair.memory.arena.exports.seal();
  pair.machine.start();
  expect(() => pair.time.runFor(5_000)).toThrow(/^assertion failed at assembly\/arena\.ts:\d+$/);
});
