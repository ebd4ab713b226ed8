// What the history tells and brings back, through the hub: on memory, and the reading of a store beside its owner on
// LMDB.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { failureOf } from '../../cli/exits.ts';
import { exportTo } from '../../gateway/history/export.ts';
import { plan } from '../../gateway/history/plan.ts';
import { type OnLost, stateAt, treeAt } from '../../gateway/history/tree.ts';
import { changesUnder, versionsOf } from '../../gateway/history/versions.ts';
import { RESTORER, type Wanted } from '../../gateway/hub/restore.ts';
import { openLmdbStore, readLmdbStore } from '../../gateway/store/lmdb.ts';
import type { Folder, Store, Version } from '../../gateway/store/port.ts';
import { Kind, Verdict } from '../../protocol/messages.ts';
import { Mounts, whyNoMounts } from '../system/mounts.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { cut, NOTHING, show, type TestBoard, text, World } from './world.ts';

const directories: string[] = [];
afterEach(() => {
  for (const each of directories.splice(0)) rmSync(each, { recursive: true });
});
const makeDirectory = () => {
  const directory = mkdtempSync(join(tmpdir(), 'toastbox-history-'));
  directories.push(directory);
  return directory;
};

const contentOf = (words: string) => cut(text(words));
const folderOf = (world: World, share = 'attic'): Folder => world.store.folder(share)!;
const at = (world: World, path: string, seq: number) =>
  [...versionsOf(world.store, folderOf(world), text(path))].find(({ version }) => version.seq === seq)!;
/** Commits in a second of their own, and gives the time after them. */
const then = (world: World): number => {
  world.now += 1_000;
  return world.now - 1;
};
const ask = (world: World, wanted: readonly Wanted[], share = 'attic') => {
  world.pump.push({ is: 'restore', ticket: 5, share, wanted });
  world.pump.step();
  const { ticket, answers } = world.restored.pop()!;
  expect(ticket).toBe(5);
  return answers?.map(({ verdict, seq }) => [verdict, seq]);
};
const noneLost = (path: Uint8Array) => {
  throw new Error(`${show(path)} is not kept`);
};
const treeOf = (store: Store, time: number, path = '', onLost: OnLost = noneLost) =>
  [...treeAt(store, store.folder('attic')!, text(path), time, onLost)].map(({ path: each }) => show(each));
/** Versions that were replaced before `before` go. */
const drop = ({ store }: World, before: number) => {
  store.startCollecting(before, []);
  for (let isMore = true; isMore; ) {
    const outcome = store.transaction(() => store.collect());
    isMore = outcome.isDurable && outcome.value;
  }
};

/** Puts it elsewhere; of what failed, what is said: nothing of what is only counted. */
function exported(
  { store }: Pick<World, 'store'>,
  path: string,
  version: Version | undefined,
  time: number | undefined,
  place: string,
) {
  const told: string[] = [];
  const { failed, ...rest } = exportTo(
    store,
    { folder: store.folder('attic')!, path: text(path), version, time },
    place,
    {
      onFail: (below, error) =>
        void told.push(`${show(below)}: ${failureOf(error).message.replace(/^\/.*?: /, '')}`),
      onLost: noneLost,
    },
  );
  return { ...rest, failed: [...told, ...Array<string>(failed - told.length).fill('')] };
}

/** d, d/f, d/s/g and the link d/l; then d/f changes; then all of it goes. Gives the times between. */
function tell(world: World, board: TestBoard) {
  board.directory('d');
  board.upload('d/f', contentOf('first'));
  board.directory('d/s');
  board.upload('d/s/g', contentOf('deep'));
  board.symlink('d/l', 'f');
  const made = then(world);
  board.upload('d/f', contentOf('second'), { base: 2 });
  const changed = then(world);
  board.remove('d/l', 5);
  board.remove('d/s/g', 4);
  board.remove('d/s', 3);
  board.remove('d/f', 6);
  board.remove('d', 1);
  return { made, changed, gone: then(world) };
}

describe('history', () => {
  test('history: made, changed, deleted -> each version with its time and board, the newest first', () => {
    const world = new World();
    tell(world, world.board('oven').hello());
    const versions = [...versionsOf(world.store, folderOf(world), text('d/f'))];
    expect(
      versions.map(({ version, isCurrent, isThere }) => [
        version.seq,
        version.kind,
        version.board,
        isCurrent,
        isThere,
      ]),
    ).toEqual([
      [10, Kind.ABSENT, 'oven', true, false],
      [6, Kind.FILE, 'oven', false, true],
      [2, Kind.FILE, 'oven', false, true],
    ]);
    expect(versions[1]!.version.arrived - versions[2]!.version.arrived).toBe(1_000);
    expect([...versionsOf(world.store, folderOf(world), text('never'))]).toEqual([]);
  });

  test('history: 200 versions of a path -> all of them, and the one of any time', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const times: number[] = [];
    for (let n = 0; n < 200; n++) {
      board.symlink('l', `to ${n}`, n);
      times.push(then(world));
    }
    const seqs = [...versionsOf(world.store, folderOf(world), text('l'))].map(({ version }) => version.seq);
    expect(seqs).toEqual(Array.from({ length: 200 }, (_, n) => 200 - n));
    for (const n of [0, 1, 77, 136, 199])
      expect(stateAt(world.store, folderOf(world), text('l'), times[n]!).version?.seq).toBe(n + 1);
    expect(stateAt(world.store, folderOf(world), text('l'), 0)).toEqual({});
  });

  test('history: what changed under a directory -> the newest change of each path, no others', () => {
    const world = new World();
    const board = world.board('oven').hello();
    tell(world, board);
    board.upload('dd', contentOf('beside'));
    const under = (path: string) =>
      [...changesUnder(world.store, folderOf(world), text(path))].map(each => show(each.path));
    expect(under('d')).toEqual(['d/f', 'd/s', 'd/s/g', 'd/l']);
    expect(under('d/s')).toEqual(['d/s/g']);
    expect(under('')).toEqual(['dd', 'd', 'd/f', 'd/s', 'd/s/g', 'd/l']);
  });

  test('history: the tree of each time -> what stood then, directories first', () => {
    const world = new World();
    const { made, changed, gone } = tell(world, world.board('oven').hello());
    expect(treeOf(world.store, made)).toEqual(['d', 'd/f', 'd/l', 'd/s', 'd/s/g']);
    expect(treeOf(world.store, changed, 'd')).toEqual(['d/f', 'd/l', 'd/s', 'd/s/g']);
    expect(treeOf(world.store, gone)).toEqual([]);
    expect(treeOf(world.store, 0)).toEqual([]);
  });

  test('history: versions were dropped -> the tree of before names what it does not know any more, no others', () => {
    const world = new World();
    const board = world.board('oven').hello();
    board.directory('d');
    for (const name of ['d/edited', 'd/gone', 'd/same']) board.upload(name, contentOf(name));
    board.directory('e');
    board.upload('e/f', contentOf('in a directory whose mode was changed'));
    board.symlink('was', 'x');
    const made = then(world);
    board.upload('d/edited', contentOf('twice'), { base: 2 });
    board.upload('d/edited', contentOf('edited'), { base: 8 });
    board.remove('d/gone', 3);
    board.directory('e', 5, 0o700);
    board.remove('was', 7);
    board.directory('was', 12);
    const changed = then(world);
    board.upload('d/new', contentOf('new'));
    board.symlink('d/l', 'to');
    board.symlink('d/l', 'there', 15);
    const lost = (time: number) => {
      const oldest: Record<string, number> = {};
      const tree = treeOf(world.store, time, '', (path, { seq }) => {
        oldest[show(path)] = seq;
      });
      return [tree, oldest];
    };
    const tree = ['d', 'd/edited', 'd/gone', 'd/same', 'e', 'e/f', 'was'];
    expect(lost(made)).toEqual([tree, {}]);
    drop(world, changed);
    const known = ['d', 'd/same', 'e', 'e/f', 'was'];
    expect(lost(made)).toEqual([known, { 'd/edited': 9, 'd/gone': 10, e: 11, was: 13 }]);
    expect(lost(changed)).toEqual([['d', 'd/edited', 'd/same', 'e', 'e/f', 'was'], {}]);
    // It stays so when the oldest is replaced and dropped in turn, and is no mark of the one that comes then.
    board.upload('d/edited', contentOf('again'), { base: 9 });
    expect(lost(made)).toEqual([known, { 'd/edited': 9, 'd/gone': 10, e: 11, was: 13 }]);
    expect(
      [...versionsOf(world.store, folderOf(world), text('d/edited'))].map(each => each.version.isCut),
    ).toEqual([undefined, true]);
    drop(world, then(world));
    expect(lost(made)).toEqual([known, { 'd/edited': 17, 'd/gone': 10, 'd/l': 16, e: 11, was: 13 }]);
  });

  test('history: 600 versions of a path, of which 512 are dropped -> the oldest of the others says so, none else', () => {
    const world = new World();
    const board = world.board('oven').hello();
    for (let n = 0; n < 600; n++) {
      board.symlink('l', `to ${n}`, n);
      world.now++;
    }
    for (const kept of [345, 344, 343, 342, 88, 87, 3, 1]) {
      const before = [...versionsOf(world.store, folderOf(world), text('l'))][kept - 1]!.version.arrived;
      drop(world, before + 1);
      const cuts = [...versionsOf(world.store, folderOf(world), text('l'))].map(each => each.version.isCut);
      expect(cuts).toEqual([...Array(kept - 1).fill(undefined), true]);
    }
  });

  test('history: a directory of 300 names -> each once, in order', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const names = Array.from({ length: 300 }, (_, n) => `n${String(n).padStart(3, '0')}`);
    for (const name of names) board.symlink(name, 'x');
    expect(treeOf(world.store, world.now)).toEqual(names);
  });
});

describe('restore', () => {
  test('restore: a deleted file in a deleted directory -> both are back, as new changes, and everyone hears', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const { gone } = tell(world, board);
    const other = world.board('hob').hello({ session: 8 });
    other.heard = [];
    const { version } = at(world, 'd/f', 6);
    const wanted = [...plan(world.store, folderOf(world), text('d/f'), version, undefined, noneLost)];
    expect(wanted.map(each => [show(each.path), each.version, each.base])).toEqual([
      ['d', 1, 11],
      ['d/f', 6, 10],
    ]);
    expect(ask(world, wanted)).toEqual([
      [Verdict.ACCEPTED, 12],
      [Verdict.ACCEPTED, 13],
    ]);
    expect(other.took('head').map(({ message }) => message.head)).toEqual([13]);
    const current = world.store.current(folderOf(world).number, text('d/f'))!;
    expect(current).toMatchObject({ content: contentOf('second').id, board: RESTORER, arrived: world.now });
    expect(board.pull(contentOf('second')).bytes).toEqual(text('second'));
    expect(treeOf(world.store, gone)).toEqual([]);
  });

  test('restore: a directory as it was -> all of it, what came since stays, twice changes nothing', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const { made } = tell(world, board);
    board.directory('d', 11);
    board.upload('d/new', contentOf('new'));
    const { version } = at(world, 'd', 1);
    const wanted = () => [...plan(world.store, folderOf(world), text('d'), version, made, noneLost)];
    expect(ask(world, wanted())?.map(([verdict]) => verdict)).toEqual(Array(4).fill(Verdict.ACCEPTED));
    expect(treeOf(world.store, world.now)).toEqual(['d', 'd/f', 'd/l', 'd/new', 'd/s', 'd/s/g']);
    expect(world.store.current(folderOf(world).number, text('d/f'))?.content).toEqual(contentOf('first').id);
    expect(wanted()).toEqual([]);
  });

  test('restore: a whole share -> as it was', () => {
    const world = new World();
    const { changed } = tell(world, world.board('oven').hello());
    ask(world, [...plan(world.store, folderOf(world), NOTHING, undefined, changed, noneLost)]);
    expect(treeOf(world.store, world.now)).toEqual(treeOf(world.store, changed));
  });

  test('restore: the path changed since it was looked at -> not touched, and said', () => {
    const world = new World();
    const board = world.board('oven').hello();
    board.upload('f', contentOf('one'));
    board.upload('f', contentOf('two'), { base: 1 });
    const { version } = at(world, 'f', 1);
    const wanted = [...plan(world.store, folderOf(world), text('f'), version, undefined, noneLost)];
    board.upload('f', contentOf('three'), { base: 2 });
    expect(ask(world, wanted)).toEqual([[Verdict.STALE, 3]]);
    expect(world.store.current(folderOf(world).number, text('f'))?.content).toEqual(contentOf('three').id);
  });

  test('restore: a file where a full directory stands, and below a file -> refused, nothing is lost', () => {
    const world = new World();
    const board = world.board('oven').hello();
    board.upload('p', contentOf('file'));
    board.remove('p', 1);
    board.directory('p', 2);
    board.upload('p/in', contentOf('in'));
    const wanted = { path: text('p'), version: 1, base: 3 };
    expect(ask(world, [wanted])).toEqual([[Verdict.NOT_EMPTY, 3]]);
    board.remove('p/in', 4);
    board.upload('p', contentOf('file again'), { base: 3 });
    const wantedBelow = [
      ...plan(world.store, folderOf(world), text('p/in'), at(world, 'p/in', 4).version, undefined, noneLost),
    ];
    expect(ask(world, wantedBelow)).toEqual([[Verdict.NO_PARENT, 5]]);
  });

  test('restore: versions that are not there, a deletion, another share -> refused', () => {
    const world = new World();
    tell(world, world.board('oven').hello());
    const ofFile = (version: number): Wanted => ({ path: text('d/f'), version, base: 10 });
    expect(ask(world, [ofFile(3), ofFile(10), ofFile(99), { ...ofFile(6), path: text('x/y') }])).toEqual(
      Array(4).fill([Verdict.REFUSED, 0]),
    );
    expect(ask(world, [ofFile(6)], 'cellar')).toEqual([[Verdict.REFUSED, 0]]);
  });

  test('restore: the store cannot keep it -> said, and nothing changed', () => {
    let code: string | undefined;
    const world = new World(openMemoryStore({ onCommit: () => code }));
    const board = world.board('oven').hello();
    board.upload('f', contentOf('one'));
    board.remove('f', 1);
    code = 'ENOSPC';
    expect(ask(world, [{ path: text('f'), version: 1, base: 2 }])).toBeUndefined();
    expect(world.store.current(folderOf(world).number, text('f'))?.kind).toBe(Kind.ABSENT);
    code = undefined;
    expect(ask(world, [{ path: text('f'), version: 1, base: 2 }])).toEqual([[Verdict.ACCEPTED, 3]]);
  });
});

describe('beside a running gateway', () => {
  test('history: an LMDB store that is open and written to -> read as of its last commit', async () => {
    const directory = makeDirectory();
    const store = openLmdbStore(directory);
    const world = new World(store);
    const board = world.board('oven').hello();
    const { made } = tell(world, board);
    const reader = readLmdbStore(directory);
    expect(treeOf(reader, made)).toEqual(['d', 'd/f', 'd/l', 'd/s', 'd/s/g']);
    // Past the first map's size; the reader renews its view in a turn of the loop.
    const large = cut(makeRandom(1).bytes(40_000_000));
    board.upload('large', large);
    await vi.waitFor(() => expect(reader.folder('attic')?.head).toBe(12));
    expect(reader.content(large.id)?.size).toBe(40_000_000);
    expect(() => reader.transaction(() => reader.makeFolder('x', new Uint8Array(16)))).toThrow();
    await reader.close();
    await store.close();
  });

  test('restore: put elsewhere -> content, permissions, times, links; what stands there is not touched', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const { made } = tell(world, board);
    const place = join(makeDirectory(), 'out');
    const { version } = at(world, 'd', 1);
    exported(world, 'd', version, made, place);
    expect(readFileSync(join(place, 'f'), 'utf8')).toBe('first');
    expect(readFileSync(join(place, 's', 'g'), 'utf8')).toBe('deep');
    expect(readlinkSync(join(place, 'l'))).toBe('f');
    expect(lstatSync(join(place, 'l')).mtimeMs).toBe(1_700_000_000_000);
    expect([statSync(join(place, 'f')).mode & 0o777, statSync(join(place, 'f')).mtimeMs]).toEqual([
      0o644, 1_700_000_000_000,
    ]);
  });

  test('restore: put elsewhere again -> goes on with what is missing; what differs there is named, not touched', () => {
    const world = new World();
    const board = world.board('oven').hello();
    const { made } = tell(world, board);
    const place = join(makeDirectory(), 'out');
    const { version } = at(world, 'd', 1);
    const put = () => exported(world, 'd', version, made, place);
    expect(put()).toEqual({ entries: 5, bytes: 9, stood: 0, failed: [] });
    expect(put()).toEqual({ entries: 0, bytes: 0, stood: 5, failed: [] });
    rmSync(join(place, 's'), { recursive: true });
    rmSync(join(place, 'l'));
    mkdirSync(join(place, 'l'));
    writeFileSync(join(place, 'f'), 'other');
    expect(put()).toEqual({
      entries: 2,
      bytes: 4,
      stood: 1,
      failed: ['d/f: something else stands there', 'd/l: something else stands there'],
    });
    expect(readFileSync(join(place, 'f'), 'utf8')).toBe('other');
    expect(readFileSync(join(place, 's', 'g'), 'utf8')).toBe('deep');
    rmSync(join(place, 's'), { recursive: true });
    writeFileSync(join(place, 's'), 'a file');
    // What is in a directory that cannot be made is counted, and not told one by one.
    expect(put().failed).toEqual([
      'd/f: something else stands there',
      'd/l: something else stands there',
      'd/s: something else stands there',
      '',
    ]);
    const begun = (to: string) => () => exported(world, 'd', version, made, to);
    expect(begun(join(place, 'f'))).toThrow(`${join(place, 'f')}: something else stands there`);
    expect(begun(join(place, 'no', 'd'))).toThrow(`${join(place, 'no')}: it does not exist`);
  });

  test('restore: a path is too long where it is put -> said, and the others are there', () => {
    const world = new World();
    const board = world.board('oven').hello();
    let path = 'd'.repeat(250);
    board.directory(path);
    for (let depth = 1; depth < 16; depth++) {
      path = `${path}/${'d'.repeat(250)}`;
      board.directory(path);
    }
    board.upload(`${path}/f`, contentOf('deep'));
    board.upload('e', contentOf('beside'));
    const place = join(makeDirectory(), 'p'.repeat(200));
    const { entries, failed } = exported(world, '', undefined, world.now, place);
    expect(entries).toBe(16);
    expect(failed).toEqual([`${path}: the path is too long`, '']);
    expect(readFileSync(join(place, 'e'), 'utf8')).toBe('beside');
  });

  test('restore: a whole share put elsewhere -> all that stood in it then', () => {
    const world = new World();
    const { made } = tell(world, world.board('oven').hello());
    const place = join(makeDirectory(), 'out');
    expect(exported(world, '', undefined, made, place)).toMatchObject({ entries: 5, bytes: 9 });
    expect(readdirSync(place, { recursive: true }).map(String).sort()).toEqual(treeOf(world.store, made));
    expect(readFileSync(join(place, 'd/s/g'), 'utf8')).toBe('deep');
    expect(statSync(place).mode & 0o777).toBe(0o700);
  });

  test.skipIf(whyNoMounts !== undefined)('restore: put where it does not fit -> the place is named', () => {
    const world = new World();
    world
      .board('oven')
      .hello()
      .upload('f', cut(makeRandom(2).bytes(300_000)));
    const mounts = new Mounts();
    try {
      const place = join(mounts.tmpfs(join(makeDirectory(), 'small'), '100k'), 'f');
      const { version } = at(world, 'f', 1);
      let error: unknown;
      try {
        exported(world, 'f', version, undefined, place);
      } catch (caught) {
        error = caught;
      }
      expect(failureOf(error)).toMatchObject({ kind: 'environment', message: `${place}: the disk is full` });
      expect(existsSync(place)).toBe(false);
    } finally {
      mounts.close();
    }
  });

  test('restore: a record of the tree is damaged -> what came before it is there, and it is said', () => {
    const world = new World();
    const board = world.board('oven').hello();
    for (const path of ['d', 'e']) board.directory(path);
    for (const path of ['d/f', 'e/f']) board.upload(path, contentOf(path));
    const store: Store = {
      ...world.store,
      children: (folder, path, after, limit) => {
        if (show(path) === 'e') throw new RangeError('a record of the store is cut short');
        return world.store.children(folder, path, after, limit);
      },
    };
    const place = join(makeDirectory(), 'out');
    const { entries, failed } = exported({ ...world, store }, '', undefined, world.now, place);
    expect([entries, failed]).toEqual([3, [': a record of the store is cut short']]);
    expect(readFileSync(join(place, 'd/f'), 'utf8')).toBe('d/f');
  });

  test('restore: a block of a file is damaged -> said, no half file stays, and the others are there', () => {
    const world = new World();
    const board = world.board('oven').hello();
    board.upload('e', contentOf('whole'));
    board.upload('f', cut(makeRandom(2).bytes(100_000)));
    board.upload('g', contentOf('whole too'));
    const store: Store = {
      ...world.store,
      block: id => {
        const bytes = world.store.block(id);
        return bytes!.length < 100 ? bytes : undefined;
      },
    };
    const place = join(makeDirectory(), 'out');
    const { version } = at(world, 'f', 2);
    const why = 'damaged in the store';
    expect(() => exported({ ...world, store }, 'f', version, undefined, place)).toThrow(why);
    expect(existsSync(place)).toBe(false);
    const { entries, failed } = exported({ ...world, store }, '', undefined, world.now, place);
    expect([entries, failed.length]).toEqual([2, 1]);
    expect(failed[0]).toContain(why);
    expect(readdirSync(place).sort()).toEqual(['e', 'g']);
  });
});
