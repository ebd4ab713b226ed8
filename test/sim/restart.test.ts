// A board that starts again on what it knows: nothing is read that did not change. And one that ends by a mistake of
// ours: it says which.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { runOn } from './deeds.ts';
import { ROOT } from './machine.ts';
import { Random } from './random.ts';

const FILES = 400;
/** Of the disk's calls in the first ten milliseconds of a first start. */
const FIRST_CALLS = 24;
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
  expect(engine.counters).toMatchObject({ readFiles: 0, sentFiles: 0, receivedFiles: 0 });

  pair.machine.kill();
  volume.appendFileSync(`${ROOT}/d3/f65`, 'more');
  pair.machine.start();
  pair.time.runFor(30_000);
  expect(counters(pair)).toMatchObject({ readFiles: 1, sentFiles: 1 });
});

test('kill: at each call of the disk while a directory comes -> its permissions are those that it has elsewhere', () => {
  const source = new Pair();
  source.machine.volume.mkdirSync(`${ROOT}/d`);
  source.machine.start();
  source.time.runFor(30_000);
  for (let calls = 0, isReached = true; isReached; calls++) {
    const { machine, time } = new Pair(source.store);
    isReached = false;
    machine.start();
    machine.traps.push({
      calls,
      fits: call => machine.volume.existsSync(`${ROOT}/d`) || call === 'mkdirSync',
      spring: () => {
        isReached = true;
        machine.kill();
        throw machine.end();
      },
    });
    time.runFor(30_000);
    machine.start();
    time.runFor(30_000);
    expect(machine.volume.lstatSync(`${ROOT}/d`).mode & 0o777).toBe(0o755);
  }
});

test('power: a kill right after a file was put in place, a restart at rest, a cut -> the file stays, nothing goes up', () => {
  const source = new Pair();
  source.machine.volume.writeFileSync(`${ROOT}/file`, 'first');
  source.machine.start();
  source.time.runFor(30_000);
  const { machine, time, store } = new Pair(source.store);
  const { volume } = machine;
  const content = () => volume.readFileSync(`${ROOT}/file`).toString();
  machine.start();
  time.runFor(30_000);
  for (let seed = 1; seed <= 16; seed++) {
    machine.kill();
    source.machine.volume.writeFileSync(`${ROOT}/file`, `edit ${seed}`);
    source.time.runFor(130_000);
    machine.start();
    while (content() !== `edit ${seed}`) time.runFor(1);
    machine.kill();
    machine.start();
    time.runFor(30_000);
    machine.cutPower(new Random(seed));
    time.runFor(1);
    machine.start();
    time.runFor(30_000);
    expect(content()).toBe(`edit ${seed}`);
    expect(store.folders()[0]?.head).toBe(1 + seed);
  }
});

test('kill: at each call of the first start, a restart, a power cut -> it starts, and goes on', () => {
  for (let calls = 0; calls < FIRST_CALLS; calls++) {
    for (let seed = 1; seed <= 4; seed++) {
      const { machine, time } = new Pair();
      machine.traps.push({
        calls,
        fits: () => true,
        spring: () => {
          machine.kill();
          throw machine.end();
        },
      });
      machine.start();
      time.runFor(10);
      expect(machine.traps).toHaveLength(0);
      machine.start();
      time.runFor(1_000);
      machine.cutPower(new Random(seed));
      time.runFor(1);
      machine.start();
      machine.volume.writeFileSync(`${ROOT}/file`, 'content');
      time.runFor(130_000);
      expect(machine.sync!.look()!.engine.counters.sentFiles).toBe(1);
    }
  }
});

test('fsync: the first one of a start failed, a power cut later -> the marker is not taken for kept, it goes on', () => {
  for (let calls = 0; calls < 3; calls++) {
    const { machine, time } = new Pair();
    machine.traps.push({
      calls,
      fits: call => call === 'fsyncSync',
      spring: () => {
        throw Object.assign(new Error('EIO'), { code: 'EIO', errno: -5, syscall: 'fsync' });
      },
    });
    machine.start();
    time.runFor(30_000);
    machine.traps.length = 0;
    machine.cutPower(new Random(calls + 1));
    time.runFor(1);
    machine.start();
    machine.volume.writeFileSync(`${ROOT}/file`, 'content');
    time.runFor(130_000);
    expect(machine.sync!.look()!.engine.counters.sentFiles).toBe(1);
  }
});

test('kill: before the first commit of each life, the clock an hour back -> no session number twice', () => {
  const { machine, time } = new Pair();
  machine.start();
  time.runFor(1_000);
  machine.aheadMs = -3_600_000;
  const sessions = [machine.sync!.session];
  for (let life = 0; life < 5; life++) {
    machine.kill();
    machine.start();
    time.runFor(20);
    sessions.push(machine.sync!.session);
  }
  expect(sessions).toEqual([...new Set(sessions)].sort((a, b) => a - b));
});

test('rest: the folder is gone while something waits -> the agent rests, and goes on when it is back', async () => {
  const pair = new Pair();
  const { volume } = pair.machine;
  pair.machine.start();
  pair.time.runFor(30_000);
  pair.machine.traps.push({
    calls: 0,
    fits: call => call === 'lstatSync',
    spring: () => volume.renameSync(ROOT, '/away'),
  });
  volume.writeFileSync(`${ROOT}/file`, 'content');
  // A world that does not come to rest throws.
  await runOn(pair, 600_000);
  expect(pair.entries).toBe(0);
  volume.renameSync('/away', ROOT);
  await runOn(pair, 130_000);
  expect(pair.entries).toBe(1);
});

test('rest: the folder is gone for a moment while a file is staged -> nothing staged is left', async () => {
  const source = new Pair();
  source.machine.volume.writeFileSync(`${ROOT}/file`, some(100_000));
  source.machine.start();
  source.time.runFor(30_000);
  const pair = new Pair(source.store);
  const { machine, time } = pair;
  const { volume } = machine;
  machine.start();
  let isStaged = false;
  machine.traps.push({
    calls: 1,
    fits: call => call === 'writeSync' && volume.readdirSync(`${ROOT}/.toastbox/stage`).length > 0,
    spring: () => {
      isStaged = true;
      volume.renameSync(ROOT, '/away');
      machine.hint(new Uint8Array(0), undefined);
    },
  });
  while (!isStaged) time.runFor(1);
  await runOn(pair, 1_000);
  expect(volume.readdirSync('/away/.toastbox/stage')).toHaveLength(1);
  volume.renameSync('/away', ROOT);
  await runOn(pair, 130_000);
  expect(volume.readFileSync(`${ROOT}/file`).equals(some(100_000))).toBe(true);
  expect(volume.readdirSync(`${ROOT}/.toastbox/stage`)).toEqual([]);
  expect(volume.files.openCount).toBe(4);
});

test('clock: set back by an hour -> what is due comes when it is due', () => {
  const pair = new Pair();
  pair.machine.start();
  pair.time.runFor(30_000);
  pair.machine.aheadMs -= 3_600_000;
  pair.machine.volume.writeFileSync(`${ROOT}/file`, 'content');
  pair.time.runFor(130_000);
  expect(pair.entries).toBe(1);
});

test('end: an assertion of the arena fails in the middle of the work -> the error names its place', () => {
  const pair = new Pair();
  pair.machine.volume.writeFileSync(`${ROOT}/file`, 'content');
  // Sealed since the start: to seal it again is our mistake.
  pair.machine.ports.tell = () => pair.memory.arena.exports.seal();
  pair.machine.start();
  expect(() => pair.time.runFor(5_000)).toThrow(/^assertion failed at assembly\/arena\.ts:\d+$/);
});
