// Small files: staged in one step and put in place in groups that wait for one sync of the file system.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import type { Placing, Whole } from '../../agent/engine/ports.ts';
import { ask, type Bench, openBench, path, SECOND, some } from './bench.ts';
import { closeGround, openGround, systemWith } from './ground.ts';

const NOTHING = new Uint8Array(0);

let bench: Bench;
beforeEach(() => {
  bench = openBench(openGround());
  bench.events.length = 0;
});
afterEach(() => {
  bench.disk.close();
  closeGround(bench);
});

const whole = (slot: number, bytes: Uint8Array, stored = bytes): Whole => ({
  slot,
  stored,
  length: bytes.length,
});
const placing = (slot: number): Placing => ({
  slot,
  path: path(`file-${slot}`),
  mode: 0o640,
  mtime: 5 * SECOND,
  expect: undefined,
});

/** Syncs of the file system end when the test calls them. */
function holdSyncs(): ((isDone: boolean) => void)[] {
  const syncs: ((isDone: boolean) => void)[] = [];
  const system = systemWith({ syncFileSystem: (_directory, done) => syncs.push(done) });
  bench.disk.close();
  bench = openBench({ ...bench, system }, { marker: { expect: bench.disk.marker, fresh: '' } });
  return syncs;
}

test('whole: nothing, a byte, text, noise, deflated -> the content ids that an examination gives', () => {
  const text = Buffer.from('a line of text, again and again\n'.repeat(20));
  const contents = [NOTHING, some(1), text, some(1024), text];
  const items = contents.map((bytes, slot) =>
    whole(slot, bytes, slot === 4 ? squeeze.deflate(bytes, NOTHING) : bytes),
  );
  const staged = ask(bench, { do: 'stageWhole', items }, 'stagedWhole');
  const placed = ask(bench, { do: 'place', items: items.map(({ slot }) => placing(slot)) }, 'placed');
  for (const [slot, bytes] of contents.entries()) {
    expect(staged.items[slot]?.trouble).toBeUndefined();
    expect(placed.items[slot]?.stat).toMatchObject({ mode: 0o640, mtime: 5 * SECOND, size: bytes.length });
    expect(fs.readFileSync(join(bench.root, `file-${slot}`)).equals(bytes)).toBe(true);
    const read = ask(bench, { do: 'examine', path: path(`file-${slot}`), staged: undefined }, 'examined');
    expect(Buffer.from(read.content).equals(staged.items[slot]!.content)).toBe(true);
  }
  expect(fs.readdirSync(join(bench.root, '.toastbox/stage'))).toEqual([]);
});

test('whole: bytes that do not inflate to what was announced -> EBADMSG for that one alone', () => {
  const items = [whole(0, some(500), some(20)), whole(1, some(20))];
  const staged = ask(bench, { do: 'stageWhole', items }, 'stagedWhole');
  expect(staged.items.map(({ trouble }) => trouble?.code)).toEqual(['EBADMSG', undefined]);
});

test('group: its sync takes time -> other effects come between, the files get their place after it', () => {
  const syncs = holdSyncs();
  const items = Array.from({ length: 20 }, (_, slot) => whole(slot, some(100, slot)));
  ask(bench, { do: 'stageWhole', items }, 'stagedWhole');
  bench.disk.carry({ do: 'place', items: items.map(({ slot }) => placing(slot)) });
  expect(fs.existsSync(join(bench.root, 'file-0'))).toBe(false);
  ask(bench, { do: 'stageWhole', items: [whole(20, some(100))] }, 'stagedWhole');
  syncs[0]?.(true);
  expect(bench.events.at(-1)).toMatchObject({ is: 'placed' });
  expect(fs.readdirSync(bench.root).filter(name => name.startsWith('file-'))).toHaveLength(20);
  expect(fs.readdirSync(join(bench.root, '.toastbox/stage'))).toEqual(['20.']);
});

test('group: the folder vanishes while it waits -> answered at once, nothing put anywhere', () => {
  const syncs = holdSyncs();
  const items = Array.from({ length: 20 }, (_, slot) => whole(slot, some(100, slot)));
  ask(bench, { do: 'stageWhole', items }, 'stagedWhole');
  bench.disk.carry({ do: 'place', items: items.map(({ slot }) => placing(slot)) });
  fs.renameSync(bench.root, `${bench.root}-away`);
  expect(bench.disk.checkRoot()?.code).toBe('ENOENT');
  const placed = bench.events.find(event => event.is === 'placed');
  expect(placed?.items.every(({ trouble }) => trouble?.code === 'CHANGED')).toBe(true);
  fs.renameSync(`${bench.root}-away`, bench.root);
  expect(bench.disk.checkRoot()).toBeUndefined();
  syncs[0]?.(true);
  expect(fs.readdirSync(bench.root).filter(name => name.startsWith('file-'))).toEqual([]);
  expect(bench.events.filter(event => event.is === 'placed')).toHaveLength(1);
});
