// Rules that change at any time: what is ignored by the new ones, and by no others, is left alone.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS } from './deeds.ts';
import { ROOT } from './machine.ts';

const RULES = '.toastboxignore';
/** Nobody told of it: a rescan finds it. */
const RESCAN_MS = 400_000;

function begin(rules: string): Pair {
  const source = new Pair();
  source.machine.volume.writeFileSync(`${ROOT}/x.log`, some(40, 2));
  source.machine.start();
  source.time.runFor(REST_MS);
  const pair = new Pair(source.store);
  pair.machine.volume.writeFileSync(`${ROOT}/${RULES}`, rules);
  for (let n = 0; n < 300; n++) pair.machine.volume.mkdirSync(`${ROOT}/d${n}`);
  pair.machine.start();
  pair.time.runFor(REST_MS);
  expect(pair.machine.volume.existsSync(`${ROOT}/x.log`)).toBe(false);
  return pair;
}

const CHANGES: Record<string, (pair: Pair, change: () => void) => void> = {
  'while it runs': ({ machine }, change) => {
    change();
    machine.hint(Buffer.from(''), Buffer.from(RULES));
  },
  'while it is stopped': ({ machine }, change) => {
    machine.kill();
    change();
    machine.start();
  },
  'in the middle of a full scan': ({ machine, time }, change) => {
    const fits = (call: string): boolean => call === 'opendirSync';
    machine.traps.push({ calls: 100, fits, spring: change });
    machine.kill();
    machine.start();
    time.runFor(REST_MS);
    expect(machine.traps).toEqual([]);
    machine.hint(Buffer.from(''), Buffer.from(RULES));
  },
};

test.each(Object.entries(CHANGES))('rules: taken back %s -> what they left out comes', (_when, at) => {
  const pair = begin('*.log\n');
  const { volume } = pair.machine;
  at(pair, () => volume.writeFileSync(`${ROOT}/${RULES}`, '# none\n'));
  pair.time.runFor(RESCAN_MS);
  expect(volume.readFileSync(`${ROOT}/x.log`)).toEqual(some(40, 2));
});

test('rules: made while it is stopped, for a file that waits to go up -> it does not', () => {
  const pair = new Pair();
  const { machine, time } = pair;
  machine.start();
  time.runFor(REST_MS);
  pair.fate = () => [];
  machine.volume.writeFileSync(`${ROOT}/secret`, some(90_000, 2));
  machine.hint(Buffer.from(''), Buffer.from('secret'));
  time.runFor(REST_MS);
  machine.kill();
  machine.volume.writeFileSync(`${ROOT}/${RULES}`, 'secret\n');
  pair.fate = () => [1];
  machine.start();
  time.runFor(RESCAN_MS);
  expect(pair.entries).toBe(1);
});

test('rules: too long while it is stopped -> what they left out does not go up; shortened, the rest does', () => {
  const pair = new Pair();
  const { machine, time } = pair;
  machine.volume.writeFileSync(`${ROOT}/${RULES}`, 'secret\n');
  machine.volume.writeFileSync(`${ROOT}/secret`, some(40, 2));
  machine.start();
  time.runFor(REST_MS);
  expect(pair.entries).toBe(1);
  machine.kill();
  machine.volume.writeFileSync(`${ROOT}/${RULES}`, Buffer.from(`secret\n${'#\n'.repeat(40_000)}`));
  machine.volume.writeFileSync(`${ROOT}/other`, some(40, 2));
  machine.start();
  time.runFor(RESCAN_MS);
  expect(pair.entries).toBe(1);
  machine.volume.writeFileSync(`${ROOT}/${RULES}`, 'secret\n# shorter\n');
  time.runFor(RESCAN_MS);
  expect(pair.entries).toBe(2);
});
