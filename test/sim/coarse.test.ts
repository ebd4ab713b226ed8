// A file system that keeps whole seconds: what changes twice in one shows the first change's time, and travels.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';

const SECOND_MS = 1_000;

/** A board on such a disk, at rest, at the beginning of a second. */
function begin(store?: Pair['store']): Pair {
  const pair = new Pair(store);
  pair.machine.volume.files.isCoarse = true;
  pair.machine.start();
  pair.time.runFor(REST_MS);
  pair.time.runFor(SECOND_MS - (pair.time.now % SECOND_MS));
  return pair;
}

function write({ machine }: Pair, name: string, bytes: Uint8Array): void {
  machine.volume.writeFileSync(`${ROOT}/${name}`, bytes);
  machine.hint(Buffer.from(''), Buffer.from(name));
}

test.each([20, 3_000, 90_000])(
  'coarse: a file of %i bytes, edited again and again in one second -> goes up',
  size => {
    const pair = begin();
    for (let edit = 0; edit < 9; edit++) {
      write(pair, 'file', some(size, edit + 1));
      pair.time.runFor(100);
    }
    pair.time.runFor(REST_MS);
    expect(seenAt(pair)).toBe(show(pair));
  },
);

test('coarse: forty files, each edited twice in one second -> all go up, within three', () => {
  const pair = begin();
  for (let edit = 0; edit < 2; edit++) {
    for (let n = 0; n < 40; n++) write(pair, `f${n}`, some(100, 100 * edit + n));
    pair.time.runFor(400);
  }
  pair.time.runFor(3 * SECOND_MS);
  expect(pair.entries).toBe(40);
  expect(seenAt(pair)).toBe(show(pair));
});

test('coarse: a small file that changes twice in each second -> goes up all the while', () => {
  const pair = begin();
  const sentFiles = () => pair.machine.sync!.look()!.engine.counters.sentFiles;
  for (let edit = 0, before = sentFiles(); edit < 60; edit++) {
    write(pair, 'state', some(100, edit + 1));
    pair.time.runFor(SECOND_MS / 2);
    if (edit % 20 < 19) continue;
    expect(sentFiles()).toBeGreaterThan(before);
    before = sentFiles();
  }
  pair.time.runFor(REST_MS);
  expect(seenAt(pair)).toBe(show(pair));
});

test.each([3_000, 90_000])(
  'coarse: a file of %i bytes came, and is edited in the same second -> goes up',
  size => {
    const source = new Pair();
    source.machine.start();
    source.time.runFor(REST_MS);
    const pair = begin(source.store);
    const { volume } = pair.machine;
    const file = `${ROOT}/file`;
    source.time.runFor(pair.time.now - source.time.now);
    write(source, 'file', some(size, 1));
    source.time.runFor(REST_MS);
    pair.machine.kill();
    pair.machine.start();
    while (!volume.existsSync(file)) pair.time.runFor(1);
    while (volume.lstatSync(file).ctimeMs + SECOND_MS > pair.time.now + 10) {
      write(pair, 'file', some(size, 2));
      pair.time.runFor(50);
    }
    pair.time.runFor(REST_MS);
    expect(volume.readFileSync(file)).toEqual(some(size, 2));
    expect(seenAt(pair)).toBe(show(pair));
  },
);

test('coarse: a file and a symlink come with parts of a second -> without them everywhere, at rest', () => {
  const source = new Pair();
  source.machine.volume.writeFileSync(`${ROOT}/file`, some(50_000, 1));
  source.machine.volume.symlinkSync('file', `${ROOT}/link`);
  source.machine.volume.utimesSync(`${ROOT}/file`, 0, 1_500_000_000.123_456);
  source.machine.start();
  source.time.runFor(REST_MS);
  const pair = begin(source.store);
  expect(pair.machine.sync!.look()!.engine).toMatchObject({ pendingUp: 0, pendingDown: 0 });
  expect(pair.machine.volume.lstatSync(`${ROOT}/file`).mtimeMs).toBe(1_500_000_000_000);
  expect(seenAt(pair)).toBe(show(pair));
});
