// Paths that are longer than the wire takes: the file system does not mind, and a move makes them of those that synced.

import { expect, test } from 'vitest';
import { NAME_BYTES_MAX, PATH_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt } from './deeds.ts';
import { tree } from './hands.ts';
import { ROOT } from './machine.ts';

const LONG = 'n'.repeat(250);
const WHY = 'path too long';
/** A rescan is due every ten minutes. */
const RESCAN_MS = 700_000;

const nested = (depth: number): string => Array(depth).fill(LONG).join('/');
const engine = ({ machine }: Pair) => machine.sync!.look()!.engine;
const RESTING = { link: 'live', pendingUp: 0, pendingDown: 0 };

/** What stands in the folder and may travel, as show() and seenAt() tell it. */
const fitting = ({ machine }: Pair): string =>
  [...tree(machine.volume)]
    .filter(([name]) => name.length <= PATH_BYTES_MAX)
    .sort()
    .join('\n');

function began(make: (pair: Pair) => void): Pair {
  const pair = new Pair();
  make(pair);
  pair.machine.start();
  pair.time.runFor(REST_MS);
  expect(engine(pair)).toMatchObject(RESTING);
  return pair;
}

/** `depth` directories in each other, a file in each. */
function furnish({ machine }: Pair, top: string, depth: number): void {
  for (let at = 1; at <= depth; at++) {
    const directory = `${top}${'/'.repeat(at > 1 ? 1 : 0)}${nested(at - 1)}`;
    machine.volume.mkdirSync(`${ROOT}/${directory}`, { recursive: true });
    machine.volume.writeFileSync(`${ROOT}/${directory}/f`, `at ${at}`);
  }
}

test('deep: twenty directories of 250 bytes in each other -> what fits syncs, the first beyond is named, once', () => {
  const pair = began(pair => furnish(pair, 'top', 20));
  expect(seenAt(pair)).toBe(fitting(pair));
  expect([...pair.skipped.values()]).toEqual([WHY]);
  expect(engine(pair).counters.skipped).toBe(1);
  pair.skipped.clear();
  pair.time.runFor(RESCAN_MS);
  expect(engine(pair).counters.skipped).toBe(1);
  expect([...pair.skipped]).toEqual([]);
});

test('deep: something comes, where paths are too long, in a directory that is watched -> that stays as it is', () => {
  const pair = began(({ machine }) => machine.volume.mkdirSync(`${ROOT}/${nested(16)}`, { recursive: true }));
  const head = pair.store.folders()[0]!.head;
  const directory = Buffer.from(nested(16));
  const name = 'x'.repeat(NAME_BYTES_MAX);
  pair.machine.volume.writeFileSync(`${ROOT}/${directory}/${name}`, 'x');
  pair.machine.hint(directory, Buffer.from(name));
  pair.time.runFor(REST_MS);
  expect(pair.skipped.get(`${directory}/${name}`)).toBe(WHY);
  expect(pair.store.folders()[0]!.head).toBe(head);
});

test('deep: a tree moved so deep that a part is too long, and back -> the part is left alone, then syncs again', () => {
  const pair = began(pair => {
    furnish(pair, 'tree', 8);
    pair.machine.volume.mkdirSync(`${ROOT}/${nested(12)}`, { recursive: true });
  });
  const { volume } = pair.machine;
  const before = seenAt(pair);
  volume.renameSync(`${ROOT}/tree`, `${ROOT}/${nested(12)}/tree`);
  pair.time.runFor(RESCAN_MS);
  expect(engine(pair)).toMatchObject(RESTING);
  expect(seenAt(pair)).toBe(fitting(pair));
  expect(volume.readFileSync(`${ROOT}/${nested(12)}/tree/${nested(7)}/f`).toString()).toBe('at 8');
  volume.renameSync(`${ROOT}/${nested(12)}/tree`, `${ROOT}/tree`);
  pair.time.runFor(RESCAN_MS);
  expect(engine(pair)).toMatchObject(RESTING);
  expect(seenAt(pair)).toBe(before);
});

test('deep: a directory lost a conflict, its copy makes what is in it too long -> it stays on the disk', () => {
  const pair = began(({ machine }) =>
    machine.volume.mkdirSync(`${ROOT}/${nested(15)}/${'d'.repeat(60)}`, { recursive: true }),
  );
  const { machine, time, store } = pair;
  machine.kill();
  const directory = `${nested(15)}/${'d'.repeat(60)}`;
  const name = 'x'.repeat(NAME_BYTES_MAX);
  machine.volume.writeFileSync(`${ROOT}/${directory}/${name}`, 'only here');
  const [folder] = store.folders();
  const other = store.current(folder!.number, Buffer.from(directory))!;
  const link = { ...other, kind: Kind.SYMLINK, content: Buffer.from('x'), board: 'other', arrived: time.now };
  store.transaction(() => store.commit(folder!.number, Buffer.from(directory), link));
  machine.start();
  time.runFor(RESCAN_MS);
  expect(engine(pair)).toMatchObject(RESTING);
  const stands = [...tree(machine.volume).keys()].filter(path => path.endsWith(name));
  expect(stands).toHaveLength(1);
  expect(machine.volume.readFileSync(`${ROOT}/${stands[0]}`).toString()).toBe('only here');
});
