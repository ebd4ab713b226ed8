// One suite for the PageFile port: the file on a real disk and the one in memory that the other tests use.
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { CatalogDamaged, openTree } from '../../agent/arena/tree.ts';
import { type OpenPages, openPages } from '../../agent/disk/pages.ts';
import type { PageFile } from '../../agent/engine/ports.ts';
import { MemoryPages, PAGE_BYTES } from './pages.ts';

const place = mkdtempSync(join(tmpdir(), 'toastbox-pages-'));
const opened: OpenPages[] = [];
afterAll(() => {
  for (const file of opened) file.close();
  rmSync(place, { recursive: true });
});

let files = 0;
const onDisk = (path = join(place, `file-${files++}`)): OpenPages => {
  const file = openPages(path);
  opened.push(file);
  return file;
};
const page = (byte: number): Uint8Array => new Uint8Array(PAGE_BYTES).fill(byte);

describe.each([
  { name: 'disk', make: (): PageFile => onDisk() },
  { name: 'memory', make: (): PageFile => new MemoryPages() },
])('pages: $name', ({ make }) => {
  it('pages: a new file -> no pages; a written one -> pages up to the last, read back', () => {
    const file = make();
    expect(file.pageCount).toBe(0);
    file.write(0, page(1));
    file.write(3, page(4));
    expect(file.pageCount).toBe(4);
    file.write(3, page(5));
    file.sync();
    const into = page(9);
    for (const [number, byte] of [
      [0, 1],
      [1, 0],
      [3, 5],
    ] as const) {
      file.read(number, into);
      expect(into).toEqual(page(byte));
    }
    expect(file.pageCount).toBe(4);
  });

  it('pages: a view in the middle of a memory -> only that page is touched', () => {
    const file = make();
    const memory = new Uint8Array(3 * PAGE_BYTES).fill(7);
    file.write(0, memory.subarray(100, 100 + PAGE_BYTES));
    memory.fill(8);
    file.read(0, memory.subarray(PAGE_BYTES, 2 * PAGE_BYTES));
    expect(memory.subarray(0, PAGE_BYTES)).toEqual(page(8));
    expect(memory.subarray(PAGE_BYTES, 2 * PAGE_BYTES)).toEqual(page(7));
    expect(memory.subarray(2 * PAGE_BYTES)).toEqual(page(8));
  });
});

describe('pages: a real file', () => {
  it('pages: a file that ends inside a page -> counted, its rest zeros', () => {
    const path = join(place, 'cut');
    writeFileSync(path, Buffer.alloc(PAGE_BYTES + 100, 3));
    const file = onDisk(path);
    expect(file.pageCount).toBe(2);
    const into = page(9);
    file.read(1, into);
    expect(into.subarray(0, 100)).toEqual(page(3).subarray(0, 100));
    expect(into.subarray(100)).toEqual(page(0).subarray(100));
  });

  it('pages: a tree in a file that is cut to every length -> damaged or empty, never wrong', () => {
    const path = join(place, 'tree');
    const arena = openArena({ bytes: 2 * 2 ** 20 });
    const file = onDisk(path);
    const tree = openTree(arena, file);
    const key = new Uint8Array(4);
    for (let index = 0; index < 3000; index++) {
      new DataView(key.buffer).setUint32(0, index);
      tree.put(key, new Uint8Array(50));
    }
    tree.commit();
    const size = statSync(path).size;
    let damaged = 0;
    for (let bytes = size - 1; bytes > 0; bytes -= 3 * PAGE_BYTES - 1) {
      const descriptor = openSync(path, 'r+');
      ftruncateSync(descriptor, bytes);
      closeSync(descriptor);
      try {
        const cut = openTree(arena, onDisk(path));
        expect(cut.audit()).toBeUndefined();
        expect([0, 3000]).toContain(cut.count);
      } catch (error) {
        expect(error).toBeInstanceOf(CatalogDamaged);
        damaged++;
      }
    }
    expect(damaged).toBeGreaterThan(10);
  });

  it('pages: the name is a symlink -> refused; a new file -> for its owner only', () => {
    const path = join(place, 'link');
    symlinkSync(join(place, 'elsewhere'), path);
    expect(() => openPages(path)).toThrow(/ELOOP/);
    const own = join(place, 'own');
    onDisk(own);
    expect(statSync(own).mode & 0o777).toBe(0o600);
  });
});
