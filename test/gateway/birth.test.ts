// A store's file that was never finished, or whose first pages are not whole: LMDB itself would end the process.

import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkHead } from '../../gateway/store/birth.ts';
import { openLmdbShelves, openLmdbStore, readLmdbStore } from '../../gateway/store/lmdb.ts';
import { makeRandom } from './random.ts';
import { cut, text, World } from './world.ts';

describe('store: its file', () => {
  let directory: string;
  let file: string;
  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'toastbox-birth-')), 'store');
    file = join(directory, 'data.mdb');
  });
  afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

  const sharesNow = async () => {
    const store = openLmdbStore(directory);
    const shares = store.folders().map(({ share }) => share);
    await store.close();
    return shares;
  };
  const fill = async () => {
    const store = openLmdbStore(directory);
    new World(store)
      .board('oven')
      .hello()
      .upload('a', cut(text('one')));
    await store.close();
  };

  test('made anew -> nothing says that it is unfinished', async () => {
    expect(await sharesNow()).toEqual([]);
    expect(existsSync(join(directory, 'unfinished'))).toBe(false);
    await fill();
    expect(await sharesNow()).toEqual(['attic']);
  });

  test('made, or found open to everyone -> for its owner only', async () => {
    const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);
    const mask = process.umask(0);
    try {
      await sharesNow();
    } finally {
      process.umask(mask);
    }
    expect([directory, file, join(directory, 'lock.mdb')].map(modeOf)).toEqual(['700', '600', '600']);
    chmodSync(directory, 0o755);
    await readLmdbStore(directory).close();
    expect(modeOf(directory)).toBe('755');
    await sharesNow();
    expect(modeOf(directory)).toBe('700');
  });

  test.each([0, 1, 512, 4096, 4608, 8191, 8192])(
    'the power went while it was made, %i bytes stand there, zeros or some -> made again',
    async bytes => {
      await fill();
      for (const isZero of [false, true]) {
        truncateSync(file, bytes);
        if (isZero) writeFileSync(file, Buffer.alloc(bytes));
        writeFileSync(join(directory, 'unfinished'), '');
        expect(await sharesNow()).toEqual([]);
        expect(existsSync(join(directory, 'unfinished'))).toBe(false);
      }
    },
  );

  test.each([
    ['nothing', () => Buffer.alloc(0)],
    ['zeros', (whole: Buffer) => Buffer.alloc(whole.length)],
    ['the first page is not one', (whole: Buffer) => Buffer.concat([Buffer.alloc(64), whole.subarray(64)])],
    [
      'the second page is not one',
      (whole: Buffer) => Buffer.concat([whole.subarray(0, 4096), Buffer.alloc(64), whole.subarray(4160)]),
    ],
    ['cut in the first page', (whole: Buffer) => whole.subarray(0, 700)],
    ['cut after it', (whole: Buffer) => whole.subarray(0, 4096)],
    ['another file', () => Buffer.from('no store at all\n'.repeat(1000))],
  ])('damaged: %s -> said, to whoever opens it, and left as it is', async (_, damage) => {
    await fill();
    const damaged = damage(readFileSync(file));
    writeFileSync(file, damaged);
    for (const open of [openLmdbStore, readLmdbStore])
      expect(() => open(directory)).toThrow(/data\.mdb: this is no store, or its first pages are damaged/);
    expect(readFileSync(file).equals(damaged)).toBe(true);
  });

  test('cut off in the middle, as a copy that was broken off -> said', async () => {
    const store = openLmdbStore(directory);
    const board = new World(store).board('oven').hello();
    board.upload('large', cut(makeRandom(3).bytes(4_000_000)));
    await store.close();
    const whole = readFileSync(file);
    for (const bytes of [16_384, 1_000_000, whole.length - 4096, whole.length - 1]) {
      truncateSync(file, bytes);
      for (const open of [openLmdbStore, readLmdbStore])
        expect(() => open(directory)).toThrow(`this is cut off after ${bytes} of ${whole.length} bytes`);
      expect(statSync(file).size).toBe(bytes);
      writeFileSync(file, whole);
    }
    expect(await sharesNow()).toEqual(['attic']);
  });

  test('shorter than its last page, all that is missing was given back -> opened', async () => {
    const shelves = openLmdbShelves(directory);
    const [small, large] = [Buffer.from('a'), Buffer.from('b')];
    const put = (key: Buffer, bytes: number) =>
      shelves.transaction(() => shelves.facts.put(key, Buffer.alloc(bytes)));
    // What is freed by the next commits comes before the large value, which is the last in the file.
    for (let round = 0; round < 9; round++) put(small, 20_000);
    put(large, 1_000_000);
    const { size } = statSync(file);
    shelves.transaction(() => shelves.facts.remove(large));
    put(small, 10);
    expect(statSync(file).size).toBe(size);
    await shelves.close();
    const isSaid = (bytes: number) => {
      truncateSync(file, bytes);
      try {
        checkHead(directory);
        return false;
      } catch {
        return true;
      }
    };
    expect(isSaid(size - 900_000)).toBe(false);
    expect(await sharesNow()).toEqual([]);
    expect(isSaid(16_384)).toBe(true);
  });
});
