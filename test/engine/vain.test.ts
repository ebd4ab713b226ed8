// Files that cannot be put in place: they come again, later each time, are named, and others go on meanwhile.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { openMemoryStore } from '../gateway/memory.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS } from '../sim/deeds.ts';
import type { Call } from '../sim/disk.ts';
import { failure } from '../sim/files.ts';
import { ROOT } from '../sim/machine.ts';

const MINUTE_MS = 60_000;
const PIPE = 0o010644;
const LARGE = 100_000;

/** A board that knows `f` (or f1, f2 ... too) with 10 bytes and `d/`; the gateway has it and `d/n` with `size`. */
function behind(size: number, count = 1) {
  const source = new Pair();
  const write = (bytes: number): void => {
    const { volume } = source.machine;
    volume.mkdirSync(`${ROOT}/d`, { recursive: true });
    for (let n = 0; n < count; n++) volume.writeFileSync(`${ROOT}/f${n || ''}`, some(bytes, n + 1));
    if (bytes === size) volume.writeFileSync(`${ROOT}/d/n`, some(bytes, 2_000));
    source.machine.start();
    source.time.runFor(REST_MS);
    source.machine.kill();
  };
  write(10);
  const pair = new Pair(openMemoryStore({ image: source.store.image() }));
  pair.machine.start();
  pair.time.runFor(REST_MS);
  pair.machine.kill();
  write(size);
  pair.putBack(source.store.image());
  const { machine, time, troubles } = pair;
  const { volume } = machine;
  const sizeOf = (name: string): number =>
    volume.existsSync(`${ROOT}/${name}`) ? volume.lstatSync(`${ROOT}/${name}`).size : -1;
  return {
    machine,
    time,
    troubles,
    volume,
    sizeOf,
    pulled: () => machine.sync!.look()!.engine.counters.bytesDown,
  };
}

test.each([LARGE, 900])(
  'vain: a pipe where a file of %i bytes is to stand -> hardly anything comes, it is named, and once it is gone the file',
  size => {
    const { machine, time, troubles, volume, sizeOf, pulled } = behind(size);
    volume.unlinkSync(`${ROOT}/f`);
    const pipe = volume.files.create(volume.files.spot(`${ROOT}/f`), PIPE);
    machine.start();
    time.runFor(60 * MINUTE_MS);
    expect(sizeOf('d/n')).toBe(size);
    expect(pulled()).toBeLessThan(size + 1000);
    expect(troubles.some(trouble => trouble.endsWith(': OTHER'))).toBe(true);
    expect(volume.lstatSync(`${ROOT}/f`).ino).toBe(pipe.number);
    volume.unlinkSync(`${ROOT}/f`);
    time.runFor(MINUTE_MS);
    expect(sizeOf('f')).toBe(size);
  },
);

/** From now on each of these calls fails so, until it is told otherwise. */
function failing({ traps }: ReturnType<typeof behind>['machine'], names: Call[], code: string): () => void {
  let isOver = false;
  const trap = {
    calls: 0,
    fits: (call: Call) => names.includes(call),
    spring: (call: Call) => {
      if (isOver) return;
      traps.push(trap);
      trap.calls = 0;
      throw failure(code, call);
    },
  };
  traps.push(trap);
  return () => {
    isOver = true;
  };
}

test('vain: a file that may not be replaced -> it comes ever more rarely, others go on, at last it is there', () => {
  const { machine, time, troubles, sizeOf, pulled } = behind(LARGE);
  const end = failing(machine, ['renameSync'], 'EPERM');
  machine.start();
  time.runFor(60 * MINUTE_MS);
  expect([sizeOf('f'), sizeOf('d/n')]).toEqual([10, LARGE]);
  expect(troubles).toContain('putting a file in place: EPERM');
  // 5, 10, 20 ... 160 s, then each 5 minutes: some 17 times in an hour, not 700.
  expect(pulled() / LARGE).toBeGreaterThan(10);
  expect(pulled() / LARGE).toBeLessThan(20);
  end();
  time.runFor(6 * MINUTE_MS);
  expect(sizeOf('f')).toBe(LARGE);
});

test('vain: more such files than are remembered -> each comes once a minute at most, others go on', () => {
  const size = 10_000;
  const { machine, time, sizeOf, pulled } = behind(size, 100);
  failing(machine, ['renameSync'], 'EPERM');
  machine.start();
  time.runFor(10 * MINUTE_MS);
  expect(sizeOf('d/n')).toBe(size);
  const before = pulled();
  time.runFor(20 * MINUTE_MS);
  expect((pulled() - before) / (100 * size)).toBeLessThan(20);
});

test('vain: a directory in which the agent may change nothing -> nothing comes for it, it is named, then all', () => {
  const { machine, time, troubles, sizeOf, pulled } = behind(LARGE);
  const end = failing(machine, ['accessSync'], 'EACCES');
  machine.start();
  time.runFor(60 * MINUTE_MS);
  expect([sizeOf('f'), sizeOf('d/n'), pulled()]).toEqual([10, -1, 0]);
  expect(troubles).toContain('staging a file: EACCES');
  end();
  time.runFor(MINUTE_MS);
  expect([sizeOf('f'), sizeOf('d/n')]).toEqual([LARGE, LARGE]);
});
