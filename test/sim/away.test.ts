// A folder that goes away takes with it what was not yet on its disk, as a power cut does: a stick that is pulled. What
// both ends agreed on since the last sync is agreed on again, or not at all.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { begin, REST_MS, runOn, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';
import { Random } from './random.ts';

const sent = (pair: Pair): number => pair.machine.sync!.look()!.engine.counters.sentFiles;

async function loseFile(isEdit: boolean, isVerdictLate: boolean): Promise<Pair> {
  const pair = new Pair();
  const { machine } = pair;
  const { volume } = machine;
  const write = (seed: number): void => {
    volume.writeFileSync(`${ROOT}/file`, some(100, seed));
    machine.hint(Buffer.from(''), Buffer.from('file'));
  };
  machine.start();
  pair.time.runFor(REST_MS);
  if (isEdit) write(1);
  pair.time.runFor(REST_MS);
  pair.isSpeaking = !isVerdictLate;
  write(2);
  const before = sent(pair);
  if (isVerdictLate) pair.time.runFor(3_000);
  else while (sent(pair) === before) pair.time.runFor(1);
  volume.renameSync(ROOT, '/away');
  machine.hint(Buffer.from(''), undefined);
  await runOn(pair, 100);
  pair.isSpeaking = true;
  await runOn(pair, 20_000);
  // What the kernel had not written.
  if (isEdit) volume.writeFileSync('/away/file', some(100, 1));
  else volume.unlinkSync('/away/file');
  volume.renameSync('/away', ROOT);
  await runOn(pair, 3 * REST_MS);
  return pair;
}

test.each([
  ['a new file', false, 'just before', false],
  ['an edit', true, 'just before', false],
  ['a new file', false, 'meanwhile', true],
  ['an edit', true, 'meanwhile', true],
])(
  'away: %s is lost with the folder, its verdict came %s -> everyone keeps it',
  async (_what, isEdit, _when, isLate) => {
    const pair = await loseFile(isEdit, isLate);
    expect(pair.machine.volume.readFileSync(`${ROOT}/file`)).toEqual(some(100, 2));
    expect(seenAt(pair)).toBe(show(pair));
  },
);

/** The gateway has just said that it has the file. */
function beginSent(): Pair {
  const pair = begin();
  const { machine, time } = pair;
  machine.volume.writeFileSync(`${ROOT}/file`, some(3_000, 2));
  machine.hint(Buffer.from(''), Buffer.from('file'));
  const before = sent(pair);
  while (sent(pair) === before) time.runFor(1);
  return pair;
}

test('stop: right after the verdict, then the power goes -> the file is everywhere', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const pair = beginSent();
    const { machine, time } = pair;
    await machine.sync!.stop();
    machine.kill();
    machine.start();
    time.runFor(3_000);
    machine.cutPower(new Random(seed));
    time.runFor(1);
    machine.start();
    await runOn(pair, 2 * REST_MS);
    expect(machine.volume.readFileSync(`${ROOT}/file`)).toEqual(some(3_000, 2));
    expect(seenAt(pair)).toBe(show(pair));
  }
});

test('stop: right after the verdict, then an edit -> it goes up, and is no conflict', async () => {
  const pair = beginSent();
  const { machine } = pair;
  await machine.sync!.stop();
  machine.kill();
  machine.volume.writeFileSync(`${ROOT}/file`, some(2_000, 3));
  machine.start();
  await runOn(pair, 2 * REST_MS);
  expect(machine.volume.readFileSync(`${ROOT}/file`)).toEqual(some(2_000, 3));
  expect(machine.volume.readdirSync(ROOT).filter(name => String(name).startsWith('file'))).toEqual(['file']);
  expect(seenAt(pair)).toBe(show(pair));
});
