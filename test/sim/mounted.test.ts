// File systems that are mounted inside the folder: what is in them is not of the folder, and what they hide still is.

import { expect, test } from 'vitest';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';

const STICK = 2;
const at = (name: string) => `${ROOT}/${name}`;
/** A rescan is due every ten minutes. */
const RESCAN_MS = 700_000;
const WHY = 'another file system is mounted there';
const engine = ({ machine }: Pair) => machine.sync!.look()!.engine;
const RESTING = { link: 'live', pendingUp: 0, pendingDown: 0 };

/** A board with `photos` and some of it below, at rest. */
function begin(): Pair {
  const pair = new Pair();
  const { volume } = pair.machine;
  volume.mkdirSync(at('photos/old'), { recursive: true });
  volume.writeFileSync(at('photos/p'), some(300, 1));
  volume.writeFileSync(at('photos/old/q'), some(30_000, 2));
  volume.writeFileSync(at('note'), some(50, 3));
  pair.machine.start();
  pair.time.runFor(REST_MS);
  return pair;
}

test('mounted: before the first start -> nothing of it travels, it is named once; taken away -> nothing is deleted', () => {
  const pair = new Pair();
  const { volume } = pair.machine;
  volume.mkdirSync(at('photos'));
  const unmount = volume.mount(at('photos'), STICK);
  volume.mkdirSync(at('photos/d'));
  volume.writeFileSync(at('photos/d/p'), some(300, 1));
  volume.writeFileSync(at('note'), some(50, 3));
  pair.machine.start();
  pair.time.runFor(REST_MS);
  expect(seenAt(pair)).toMatch(/^note,file [^\n]*$/);
  expect([...pair.skipped]).toEqual([['photos', WHY]]);
  pair.skipped.clear();
  pair.time.runFor(RESCAN_MS);
  expect(engine(pair)).toMatchObject({ ...RESTING, counters: { skipped: 1 } });
  expect([...pair.skipped]).toEqual([]);
  unmount();
  pair.time.runFor(RESCAN_MS);
  expect(seenAt(pair)).toBe(show(pair));
  expect(pair.troubles).toEqual([]);
});

test('mounted: over a large file on its way up -> hardly anything travels, it is said; taken away -> it goes up', () => {
  const pair = begin();
  const { machine, time } = pair;
  const { volume } = machine;
  volume.writeFileSync(at('photos/large'), some(3_000_000, 9));
  machine.hint(Buffer.from('photos'), Buffer.from('large'));
  const before = pair.counts.bytesOut;
  while (pair.counts.bytesOut < before + 300_000) time.step(Number.POSITIVE_INFINITY);
  const unmount = volume.mount(at('photos'), STICK);
  const sent = pair.counts.bytesOut;
  time.runFor(600_000);
  expect(pair.counts.bytesOut - sent).toBeLessThan(2_000_000);
  expect(pair.troubles.some(trouble => trouble.endsWith(': EXDEV'))).toBe(true);
  unmount();
  time.runFor(RESCAN_MS);
  expect(seenAt(pair)).toBe(show(pair));
});

test.each([
  ['while it runs', false],
  ['while it is stopped', true],
])(
  'mounted: over what was synced, %s -> all of it stands elsewhere, and here again afterwards',
  (_when, isStopped) => {
    const pair = begin();
    const { machine, time } = pair;
    const before = seenAt(pair);
    const head = pair.store.folders()[0]!.head;
    if (isStopped) machine.kill();
    const unmount = machine.volume.mount(at('photos'), STICK);
    machine.volume.mkdirSync(at('photos/new'));
    if (isStopped) machine.start();
    machine.hint(Buffer.from(''), Buffer.from('photos'));
    time.runFor(RESCAN_MS);
    expect(seenAt(pair)).toBe(before);
    expect(engine(pair)).toMatchObject({ ...RESTING, counters: { skipped: 1 } });
    if (isStopped) machine.kill();
    unmount();
    if (isStopped) machine.start();
    time.runFor(RESCAN_MS);
    expect(show(pair)).toBe(before);
    expect(pair.store.folders()[0]!.head).toBe(head);
    expect(pair.troubles).toEqual([]);
  },
);

test('mounted: changes from elsewhere below it -> are told to be in the way, nothing of it is touched, then they come', () => {
  const pair = begin();
  const other = new Pair(pair.store);
  other.machine.start();
  other.time.runFor(REST_MS);
  const { machine, time } = pair;
  machine.kill();
  const unmount = machine.volume.mount(at('photos'), STICK);
  machine.volume.writeFileSync(at('photos/p'), 'of the stick');
  machine.start();
  time.runFor(REST_MS);
  const mounted = show(pair);
  other.machine.volume.writeFileSync(at('photos/p'), some(310, 4));
  other.machine.volume.rmSync(at('photos/old'), { recursive: true });
  other.machine.volume.mkdirSync(at('photos/more'));
  other.time.runFor(RESCAN_MS);
  machine.kill();
  machine.start();
  time.runFor(REST_MS);
  expect(show(pair)).toBe(mounted);
  expect(pair.troubles).toContain('changing the folder: EXDEV');
  unmount();
  time.runFor(RESCAN_MS);
  expect(engine(pair)).toMatchObject(RESTING);
  expect(show(pair)).toBe(show(other));
});
