// One acceptance suite for every store: what port.ts promises, on the memory twin and on LMDB alike.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openLmdbStore } from '../../gateway/store/lmdb.ts';
import {
  type Change,
  type FolderNumber,
  PAGE_RECORDS,
  type Store,
  WAITING_BYTES_MAX,
} from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { RECORD_BYTES } from '../../protocol/record.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';

interface Stand {
  store: Store;
  /** The store as it is found after a crash now. */
  crash(): Promise<Store>;
  end(): Promise<void>;
}

const stands: [string, () => Stand][] = [
  [
    'memory',
    () => {
      const store = openMemoryStore();
      return { store, crash: async () => openMemoryStore({ image: store.image() }), end: async () => {} };
    },
  ],
  [
    'lmdb',
    () => {
      const directory = mkdtempSync(join(tmpdir(), 'store-'));
      const store = openLmdbStore(directory);
      const opened = [store];
      return {
        store,
        async crash() {
          // A second environment on a copy: what is in the file now is what a crash leaves.
          const copy = mkdtempSync(join(tmpdir(), 'store-'));
          cpSync(join(directory, 'data.mdb'), join(copy, 'data.mdb'));
          const again = openLmdbStore(copy);
          opened.push(again);
          directories.push(copy);
          return again;
        },
        async end() {
          for (const each of opened) await each.close();
          rmSync(directory, { recursive: true });
        },
      };
    },
  ],
];
const directories: string[] = [];

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const file = (content: Uint8Array, size = 10): Change => ({
  kind: Kind.FILE,
  mode: 0o644,
  size,
  mtime: 1_700_000_000_123_456,
  content,
  board: 'oven',
  arrived: 1_700_000_000_000,
});
const directory: Change = { ...file(bytes(''), 0), kind: Kind.DIRECTORY, mode: 0o755 };
const absent: Change = { ...file(bytes(''), 0), kind: Kind.ABSENT, mode: 0 };
const id = (n: number) => new Uint8Array(16).fill(n);

function recordsOf(lengths: number[]): Uint8Array {
  const records = Buffer.alloc(lengths.length * RECORD_BYTES);
  lengths.forEach((length, index) => {
    records.writeUInt32LE(length, index * RECORD_BYTES);
    records.writeUInt32LE(index, index * RECORD_BYTES + 4);
  });
  return new Uint8Array(records);
}

describe.each(stands)('%s', (_name, open) => {
  let stand: Stand;
  let store: Store;
  let folder: FolderNumber;

  const write = <T>(work: () => T): T => {
    const outcome = store.transaction(work);
    if (!outcome.isDurable) throw new Error(outcome.code);
    return outcome.value;
  };
  const commit = (path: string, change: Change) => write(() => store.commit(folder, bytes(path), change));
  const pathsAfter = (seq: number, limit = 100) =>
    store
      .changesAfter(folder, seq, limit)
      .map(change => [change.version.seq, Buffer.from(change.path).toString()]);

  beforeEach(() => {
    stand = open();
    store = stand.store;
    folder = write(() => store.makeFolder('attic', id(7))).number;
  });
  afterEach(async () => {
    await stand.end();
    for (const each of directories.splice(0)) rmSync(each, { recursive: true });
  });

  it('store: a folder is made -> it is found by its share, with head 0', () => {
    write(() => store.makeFolder('cellar', id(8)));
    expect(store.folder('cellar')).toMatchObject({ share: 'cellar', head: 0, entries: 0, bytes: 0 });
    expect(store.folder('cellar')?.id).toEqual(id(8));
    expect(store.folder('roof')).toBeUndefined();
    expect(store.folders().map(each => each.share)).toEqual(['attic', 'cellar']);
  });

  it('store: changes are committed -> seqs count up and the current version is the newest', () => {
    expect(commit('a', file(id(1)))).toBe(1);
    expect(commit('b', file(id(2)))).toBe(2);
    expect(commit('a', file(id(3), 30))).toBe(3);
    expect(store.current(folder, bytes('a'))).toEqual({ ...file(id(3), 30), seq: 3 });
    expect(store.current(folder, bytes('c'))).toBeUndefined();
    expect(store.folder('attic')).toMatchObject({ head: 3, entries: 2, bytes: 40 });
  });

  it('store: a path changes twice -> the log names it once, at its newest seq', () => {
    commit('a', file(id(1)));
    commit('b', file(id(2)));
    commit('a', absent);
    expect(pathsAfter(0)).toEqual([
      [2, 'b'],
      [3, 'a'],
    ]);
    expect(pathsAfter(2)).toEqual([[3, 'a']]);
    expect(pathsAfter(3)).toEqual([]);
    expect(pathsAfter(0, 1)).toEqual([[2, 'b']]);
    expect(store.current(folder, bytes('a'))?.kind).toBe(Kind.ABSENT);
  });

  it('store: two folders -> neither sees the other', () => {
    const other = write(() => store.makeFolder('cellar', id(8))).number;
    commit('a', file(id(1)));
    write(() => store.commit(other, bytes('b'), file(id(1))));
    expect(pathsAfter(0)).toEqual([[1, 'a']]);
    expect(store.current(other, bytes('a'))).toBeUndefined();
    expect(store.like(other, bytes('c'), id(1))).toEqual(bytes('b'));
  });

  it('store: children come and go -> a directory is empty when no live one is left', () => {
    commit('d', directory);
    expect(store.isEmptyDirectory(folder, bytes('d'))).toBe(true);
    commit('d/e', directory);
    commit('d/e/f', file(id(1)));
    expect(store.isEmptyDirectory(folder, bytes('d'))).toBe(false);
    commit('d/e/f', absent);
    expect(store.isEmptyDirectory(folder, bytes('d/e'))).toBe(true);
    expect(store.isEmptyDirectory(folder, bytes('d'))).toBe(false);
    commit('d/e', absent);
    commit('d/e', absent);
    expect(store.isEmptyDirectory(folder, bytes('d'))).toBe(true);
    expect(store.isEmptyDirectory(folder, bytes('nowhere/at/all'))).toBe(true);
    expect(store.folder('attic')?.entries).toBe(1);
  });

  it('store: a directory becomes a file and a directory again -> the deletions under it are still there', () => {
    commit('d', directory);
    commit('d/f', file(id(1)));
    commit('d/f', absent);
    commit('d', file(id(2)));
    expect(store.current(folder, bytes('d/f'))?.kind).toBe(Kind.ABSENT);
    commit('d', directory);
    expect(commit('d/f', file(id(3)))).toBe(6);
    expect(pathsAfter(0)).toEqual([
      [5, 'd'],
      [6, 'd/f'],
    ]);
  });

  it('store: a path of 4,095 bytes with parts of 255 -> kept and listed whole', () => {
    const parts = Array.from({ length: 16 }, (_, index) => String.fromCharCode(97 + index).repeat(255));
    for (let depth = 1; depth < 16; depth++) commit(parts.slice(0, depth).join('/'), directory);
    commit(parts.join('/'), file(id(1)));
    expect(parts.join('/').length).toBe(4095);
    expect(pathsAfter(15)).toEqual([[16, parts.join('/')]]);
    commit(parts.join('/'), file(id(2)));
    expect(store.knows(folder, bytes(parts.join('/')), Kind.FILE, id(1))).toBe(true);
  });

  it('store: names of any bytes, one the beginning of another -> told apart', () => {
    const odd = [[0xff], [0xff, 0xff], [1], [1, 1], [0xc3, 0x28], [0x20]];
    odd.forEach((name, index) => {
      write(() => store.commit(folder, Uint8Array.from(name), file(id(index + 1))));
      write(() => store.commit(folder, Uint8Array.from(name), file(id(index + 101))));
    });
    odd.forEach((name, index) => {
      expect(store.current(folder, Uint8Array.from(name))?.content).toEqual(id(index + 101));
      expect(store.versions(folder, Uint8Array.from(name), 9).map(version => version.content[0])).toEqual([
        index + 1,
      ]);
    });
  });

  it('store: a version is replaced -> the history knows it, newest first', () => {
    for (const n of [1, 2, 3]) commit('a', file(id(n)));
    expect(store.knows(folder, bytes('a'), Kind.FILE, id(1))).toBe(true);
    expect(store.knows(folder, bytes('a'), Kind.FILE, id(3))).toBe(false);
    expect(store.knows(folder, bytes('a'), Kind.SYMLINK, id(1))).toBe(false);
    expect(store.knows(folder, bytes('b'), Kind.FILE, id(1))).toBe(false);
    expect(store.versions(folder, bytes('a'), 9).map(version => version.seq)).toEqual([2, 1]);
    expect(store.versions(folder, bytes('a'), 1).map(version => version.seq)).toEqual([2]);
  });

  it('store: a symlink target of 4,095 bytes is replaced -> known by all its bytes', () => {
    const target = (last: string) => bytes('t'.repeat(4094) + last);
    const link = (content: Uint8Array): Change => ({ ...file(content, 0), kind: Kind.SYMLINK });
    commit('l', link(target('x')));
    commit('l', link(target('y')));
    expect(store.current(folder, bytes('l'))?.content).toEqual(target('y'));
    expect(store.knows(folder, bytes('l'), Kind.SYMLINK, target('x'))).toBe(true);
    expect(store.knows(folder, bytes('l'), Kind.SYMLINK, target('z'))).toBe(false);
  });

  it('store: another file holds the content -> like names it, live ones only, never itself', () => {
    commit('a', file(id(1)));
    expect(store.like(folder, bytes('a'), id(1))).toBeUndefined();
    commit('b', file(id(1)));
    expect(store.like(folder, bytes('a'), id(1))).toEqual(bytes('b'));
    expect(store.like(folder, bytes('new'), id(1))).toEqual(bytes('a'));
    commit('a', absent);
    expect(store.like(folder, bytes('b'), id(1))).toBeUndefined();
    commit('b', file(id(2)));
    expect(store.like(folder, bytes('new'), id(1))).toBeUndefined();
  });

  it('store: a rename, put then delete -> the log still says what the new path is like', () => {
    commit('old', file(id(1)));
    commit('new', file(id(1)));
    commit('old', absent);
    const [put, removal] = store.changesAfter(folder, 1, 9);
    expect(put?.like).toEqual(bytes('old'));
    expect(removal?.like).toEqual(bytes(''));
  });

  it('store: work throws -> nothing of the transaction remains', () => {
    expect(() =>
      store.transaction(() => {
        store.commit(folder, bytes('a'), file(id(1)));
        store.putBlock(id(1), bytes('block'));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(store.current(folder, bytes('a'))).toBeUndefined();
    expect(store.folder('attic')?.head).toBe(0);
    expect(store.hasBlock(id(1))).toBe(false);
    expect(commit('b', file(id(2)))).toBe(1);
  });

  it('store: a write outside a transaction -> our error', () => {
    expect(() => store.commit(folder, bytes('a'), file(id(1)))).toThrow('outside');
  });

  it('store: blocks alone are put -> seen at once, lost by a crash; with a commit -> durable', async () => {
    write(() => store.putBlock(id(1), bytes('one')));
    expect(store.block(id(1))).toEqual(bytes('one'));
    expect((await stand.crash()).hasBlock(id(1))).toBe(false);
    commit('a', file(id(9)));
    const after = await stand.crash();
    expect(Buffer.from(after.block(id(1))!)).toEqual(Buffer.from('one'));
    expect(after.block(id(2))).toBeUndefined();
    expect(after.folder('attic')?.head).toBe(1);
  });

  it('store: more blocks than may wait -> written early, all readable', async () => {
    const random = makeRandom(5);
    const blocks = Array.from({ length: 700 }, (_, n) => {
      const key = random.bytes(16);
      key[0] = n & 0xff;
      return { key, value: random.bytes(16 * 1024) };
    });
    for (const { key, value } of blocks) write(() => store.putBlock(key, value));
    expect(blocks.length * 16 * 1024).toBeGreaterThan(WAITING_BYTES_MAX);
    for (const { key, value } of blocks) expect(Buffer.compare(store.block(key)!, value)).toBe(0);
    const crashed = await stand.crash();
    expect(store.size().bytes).toBeGreaterThan(8_000_000);
    expect(crashed.hasBlock(blocks[0]!.key)).toBe(true);
    expect(crashed.hasBlock(blocks[699]!.key)).toBe(false);
  });

  it('store: the same block twice -> kept once; blocks of every size -> read back', () => {
    const random = makeRandom(6);
    const sizes = [1, 2, 255, 256, 1024, 4096, 16 * 1024];
    const blocks = sizes.map(size => ({ key: random.bytes(16), value: random.bytes(size) }));
    for (const { key, value } of blocks) {
      write(() => {
        store.putBlock(key, value);
        store.putBlock(key, value);
        store.makeFolder(`f${value.length}`, id(1));
      });
      write(() => store.putBlock(key, value));
    }
    for (const { key, value } of blocks) expect(Buffer.compare(store.block(key)!, value)).toBe(0);
  });

  it('store: a recipe of many pages -> records by ordinal, places by offset, under its content when sealed', async () => {
    const random = makeRandom(7);
    const lengths = Array.from({ length: 3 * PAGE_RECORDS + 17 }, () => 1 + random.below(16_384));
    const records = recordsOf(lengths);
    let recipe = write(() => store.startRecipe());
    for (let at = 0; at < lengths.length; ) {
      const count = Math.min(lengths.length - at, 1 + random.below(200));
      const some = records.subarray(at * RECORD_BYTES, (at + count) * RECORD_BYTES);
      recipe = write(() => store.addRecords(recipe, some));
      at += count;
    }
    expect(store.content(id(5))).toBeUndefined();
    write(() => store.sealRecipe(recipe, id(5)));
    const kept = (await stand.crash()).content(id(5))!;
    expect(kept).toEqual(store.content(id(5)));
    expect(kept.blockCount).toBe(lengths.length);
    expect(kept.size).toBe(lengths.reduce((sum, length) => sum + length, 0));
    for (const [from, count] of [
      [0, 1],
      [PAGE_RECORDS - 1, 2],
      [5, 300],
      [0, 9999],
      [lengths.length, 5],
    ] as const) {
      const expected = records.subarray(from * RECORD_BYTES, (from + count) * RECORD_BYTES);
      expect(Buffer.compare(store.records(kept, from, count), expected)).toBe(0);
    }
    let offset = 0;
    lengths.forEach((length, ordinal) => {
      expect(store.placeOf(kept, offset)).toEqual({ ordinal, offset });
      expect(store.offsetOf(kept, ordinal)).toBe(offset);
      expect(store.placeOf(kept, offset + length - 1)).toEqual({ ordinal, offset });
      offset += length;
    });
    expect(store.placeOf(kept, offset)).toBeUndefined();
    expect(store.offsetOf(kept, lengths.length)).toBe(offset);
  });

  it('store: a recipe still arriving at a crash, or dropped -> its pages are gone, numbers never collide', async () => {
    const sealed = write(() => store.addRecords(store.startRecipe(), recordsOf([1, 2, 3])));
    write(() => store.sealRecipe(sealed, id(1)));
    const dropped = write(() => store.addRecords(store.startRecipe(), recordsOf([4, 5])));
    write(() => store.dropRecipe(dropped));
    const arriving = write(() => store.addRecords(store.startRecipe(), recordsOf([6])));
    commit('a', file(id(2)));
    const after = await stand.crash();
    expect(() => after.records(arriving, 0, 1)).toThrow('no page');
    expect(() => after.records(dropped, 0, 1)).toThrow('no page');
    const outcome = after.transaction(() => after.addRecords(after.startRecipe(), recordsOf([7])));
    expect(outcome.isDurable && outcome.value.number).not.toBe(sealed.number);
    expect(after.content(id(1))).toEqual({ number: sealed.number, blockCount: 3, size: 6 });
  });

  it('store: an empty recipe is sealed -> a content of 0 bytes', () => {
    const recipe = write(() => store.startRecipe());
    write(() => store.sealRecipe(recipe, id(1)));
    expect(store.content(id(1))).toMatchObject({ size: 0, blockCount: 0 });
    expect(store.placeOf(store.content(id(1))!, 0)).toBeUndefined();
    expect(store.records(store.content(id(1))!, 0, 5).length).toBe(0);
  });

  it('store: boards are noted -> known at once, kept by the next commit', async () => {
    const record = {
      name: 'oven',
      share: 'attic',
      position: 3,
      session: 2 ** 50,
      lastSeen: 1_700_000_000_000,
    };
    write(() => store.noteBoard(record));
    expect(store.boards()).toEqual([record]);
    expect((await stand.crash()).boards()).toEqual([]);
    commit('a', file(id(1)));
    write(() => store.noteBoard({ ...record, position: 4 }));
    expect((await stand.crash()).boards()).toEqual([record]);
    expect(store.boards()).toEqual([{ ...record, position: 4 }]);
  });

  it('store: random commits in random batches, crash after each -> the same as a plain model', async () => {
    const random = makeRandom(11);
    const model = new Map<string, Change & { seq: number }>();
    const names = ['a', 'b', 'd', 'd/x', 'd/y', 'd/e', 'd/e/z'];
    commit('d', directory);
    commit('d/e', directory);
    let seq = 2;
    for (let round = 0; round < 40; round++) {
      write(() => {
        for (let n = random.below(6); n >= 0; n--) {
          const name = names[random.below(names.length)]!;
          const change =
            name === 'd' || name === 'd/e'
              ? directory
              : random.below(3) === 0
                ? absent
                : file(id(random.below(5) + 1));
          expect(store.commit(folder, bytes(name), change)).toBe(++seq);
          model.set(name, { ...change, seq });
        }
      });
    }
    const crashed = await stand.crash();
    for (const each of [store, crashed]) {
      const log = each.changesAfter(folder, 2, 1000);
      const expected = [...model]
        .sort(([, a], [, b]) => a.seq - b.seq)
        .map(([name, change]) => [name, change]);
      expect(log.map(change => [Buffer.from(change.path).toString(), change.version])).toEqual(expected);
      const live = [...model.values()].filter(change => change.kind !== Kind.ABSENT);
      const extra = ['d', 'd/e'].filter(name => !model.has(name)).length;
      expect(each.folder('attic')?.entries).toBe(live.length + extra);
    }
  });
});

describe('trouble', () => {
  it('store: lmdb may not grow its file -> an outcome, nothing half-committed, and it heals', async () => {
    const place = mkdtempSync(join(tmpdir(), 'store-'));
    const store = openLmdbStore(place);
    const made = store.transaction(() => store.makeFolder('attic', id(1)));
    if (!made.isDurable) throw new Error(made.code);
    const { number } = made.value;
    const random = makeRandom(3);
    const block = { key: random.bytes(16), value: random.bytes(16_384) };
    const big = () => {
      for (let n = 0; n < 100; n++) store.putBlock(random.bytes(16), random.bytes(16_384));
      store.putBlock(block.key, block.value);
      return store.commit(number, bytes('a'), file(id(2)));
    };
    // The soft limit of this process only; writes over it fail as they do on a full disk.
    const limit = (soft: string) =>
      execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${soft}:`]);
    limit('500000');
    try {
      expect(store.transaction(big)).toEqual({
        isDurable: false,
        code: expect.stringMatching(/^E(IO|NOSPC|FBIG)$/),
      });
      expect(store.current(number, bytes('a'))).toBeUndefined();
      expect(store.hasBlock(block.key)).toBe(false);
      const small = store.transaction(() => store.commit(number, bytes('b'), file(id(3))));
      expect(small).toEqual({ isDurable: true, value: 1 });
    } finally {
      limit('unlimited');
    }
    expect(store.transaction(big)).toEqual({ isDurable: true, value: 2 });
    expect(Buffer.compare(store.block(block.key)!, block.value)).toBe(0);
    await store.close();
    const again = openLmdbStore(place);
    expect(again.folder('attic')?.head).toBe(2);
    await again.close();
    rmSync(place, { recursive: true });
  });

  it('store: the commit fails -> an outcome with the code, nothing kept, and the next one works', () => {
    let code: string | undefined;
    const store = openMemoryStore({ onCommit: () => code });
    const made = store.transaction(() => store.makeFolder('attic', id(1)));
    if (!made.isDurable) throw new Error(made.code);
    const { number } = made.value;
    store.transaction(() => store.putBlock(id(1), bytes('waits')));
    code = 'ENOSPC';
    expect(store.transaction(() => store.commit(number, bytes('a'), file(id(2))))).toEqual({
      isDurable: false,
      code: 'ENOSPC',
    });
    expect(store.current(number, bytes('a'))).toBeUndefined();
    expect(store.hasBlock(id(1))).toBe(false);
    code = undefined;
    expect(store.transaction(() => store.commit(number, bytes('a'), file(id(2))))).toEqual({
      isDurable: true,
      value: 1,
    });
  });
});
