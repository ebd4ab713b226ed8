// The gateway's store is put back from a copy while a board knows more: it notices, whenever it comes and whatever was
// done meanwhile, and joins again with what it has.

import { expect, test } from 'vitest';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { tree } from './hands.ts';
import { ROOT } from './machine.ts';

const LARGE = some(300_000);
const names = (pair: Pair): string[] => [...tree(pair.machine.volume).keys()].sort();
const content = (pair: Pair, name: string): string =>
  pair.machine.volume.readFileSync(`${ROOT}/${name}`).toString();

/** What the hub has at a path. */
function atHub({ store }: Pair, name: string): string | undefined {
  const [folder] = store.folders();
  const version = store.current(folder!.number, Buffer.from(name));
  if (version?.kind !== Kind.FILE) return undefined;
  const recipe = store.content(version.content)!;
  const records = store.records(recipe, 0, recipe.blockCount);
  return Buffer.from(store.block(records.subarray(4, 20))!).toString();
}

/** Something that another board did, as the hub has it. */
function commitElsewhere({ store, time }: Pair, name: string): void {
  const [folder] = store.folders();
  const facts = { kind: Kind.SYMLINK, mode: 0, size: 0, mtime: 0, content: Buffer.from('x') };
  store.transaction(() =>
    store.commit(folder!.number, Buffer.from(name), { ...facts, board: 'other', arrived: time.now }),
  );
}

/** What the board does now that it runs again. Starting over closes its link, by a promise. */
async function restart({ machine, time }: Pair): Promise<void> {
  machine.kill();
  machine.start();
  for (let second = 0; second < 200; second++) {
    time.runFor(1_000);
    await Promise.resolve();
  }
}

/** A board at rest that has edited, deleted and made files since the copy. */
function openScene() {
  const pair = new Pair();
  const { volume } = pair.machine;
  volume.writeFileSync(`${ROOT}/edited`, 'first');
  volume.writeFileSync(`${ROOT}/deleted`, 'gone soon');
  volume.writeFileSync(`${ROOT}/large`, LARGE);
  pair.machine.start();
  pair.time.runFor(130_000);
  const image = pair.store.image();
  // Who copies a store stops the gateway for it: what came after is of another term.
  pair.putBack(image);
  volume.writeFileSync(`${ROOT}/edited`, 'second');
  volume.unlinkSync(`${ROOT}/deleted`);
  volume.writeFileSync(`${ROOT}/new`, 'made since');
  pair.time.runFor(130_000);
  expect(pair.store.folders()[0]?.head).toBe(6);
  return { pair, image };
}

test.each([0, 1, 2, 3, 4, 9])(
  'put back: the store went back by three changes, %i others were made since -> the board joins again, edits stand',
  async others => {
    const { pair, image } = openScene();
    pair.putBack(image);
    for (let n = 0; n < others; n++) commitElsewhere(pair, `other ${n}`);
    await restart(pair);
    const more = Array.from({ length: others }, (_, n) => `other ${n}`);
    expect(names(pair)).toEqual(['deleted', 'edited', 'large', 'new', ...more].sort());
    expect(content(pair, 'edited')).toBe('second');
    expect(atHub(pair, 'edited')).toBe('second');
    expect(atHub(pair, 'new')).toBe('made since');
    const { engine, bytes } = pair.machine.sync!.look()!;
    expect(engine).toMatchObject({ link: 'live', pendingUp: 0, pendingDown: 0, head: 5 + others });
    expect(engine.counters.conflicts).toBe(0);
    // What both have alike does not travel.
    expect(bytes.out).toBeGreaterThan(0);
    expect(bytes.out + bytes.in).toBeLessThan(LARGE.length / 50);
  },
);

test('put back: another board edited the same file since -> both contents are kept, the one that came first stands', async () => {
  const { pair, image } = openScene();
  pair.putBack(image);
  const other = new Pair(pair.store);
  other.machine.start();
  other.time.runFor(130_000);
  other.machine.volume.writeFileSync(`${ROOT}/edited`, 'third');
  other.time.runFor(130_000);
  await restart(pair);
  expect(content(pair, 'edited')).toBe('third');
  const copy = names(pair).find(name => name.startsWith('edited.conflict-'));
  expect(content(pair, copy!)).toBe('second');
  expect(atHub(pair, copy!)).toBe('second');
});

test('put back: twice, from the same copy -> noticed each time', async () => {
  const { pair, image } = openScene();
  for (let round = 1; round <= 2; round++) {
    pair.putBack(image);
    commitElsewhere(pair, `other ${round}`);
    commitElsewhere(pair, 'more');
    commitElsewhere(pair, 'most');
    await restart(pair);
    expect(content(pair, 'edited')).toBe('second');
    expect(atHub(pair, 'edited')).toBe('second');
    expect(names(pair)).toContain(`other ${round}`);
  }
});

test('put back: changes of the gateway of before come late -> not taken, the session begins anew, all goes on', async () => {
  const pair = new Pair();
  pair.machine.volume.writeFileSync(`${ROOT}/file`, 'first');
  pair.machine.start();
  pair.time.runFor(130_000);
  const image = pair.store.image();
  commitElsewhere(pair, 'lost');
  await restart(pair);
  const late = pair.lastChanges!;
  pair.machine.kill();
  pair.machine.volume.unlinkSync(`${ROOT}/lost`);
  pair.machine.loseCatalog();
  pair.putBack(image);
  await restart(pair);
  // Its own session would not matter: it is told by the frame alone whose changes these are.
  const { session } = pair.machine.sync!;
  const decoded = decodeFrame(late, 'down', FRAME_BYTES_MAX);
  if ('malformed' in decoded || decoded.message.is !== 'changes') throw new Error('no changes');
  expect(decoded.message.items.map(({ path }) => Buffer.from(path).toString())).toContain('lost');
  pair.deliver(encodeFrameHeader({ ...decoded.message, session }));
  pair.time.runFor(1);
  await Promise.resolve();
  expect(pair.machine.sync!.look()!.engine.link).toBe('greeting');
  commitElsewhere(pair, 'other');
  pair.time.runFor(200_000);
  expect(names(pair)).toEqual(['file', 'other']);
});

test('put back: a board that was away since before the copy -> nothing to notice, it goes on', () => {
  const pair = new Pair();
  pair.machine.volume.writeFileSync(`${ROOT}/file`, 'first');
  pair.machine.start();
  pair.time.runFor(130_000);
  const image = pair.store.image();
  pair.machine.kill();
  commitElsewhere(pair, 'lost');
  pair.putBack(image);
  commitElsewhere(pair, 'other');
  pair.machine.start();
  pair.time.runFor(130_000);
  expect(names(pair)).toEqual(['file', 'other']);
  expect(pair.machine.volume.existsSync('/state/catalog.aside')).toBe(false);
});
