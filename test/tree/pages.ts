// A PageFile in memory with a power switch and a purse of failures.
//
// The fault model. write() is seen by read() at once, but the disk has it only after sync(). When the power goes,
// each write since the last sync has happened or not:
//   lost        none has
//   torn        those before the last have, the last up to a multiple of 512 bytes
//   reordered   any of them has, in any order, each whole, torn or lost
// Pages that were never written read as zeros; the file ends behind the last page that was.

import type { PageFile } from '../../agent/engine/ports.ts';
import type { Random } from './random.ts';

export const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

export type Damage = 'lost' | 'torn' | 'reordered';
export const DAMAGES: readonly Damage[] = ['lost', 'torn', 'reordered'];

export class PowerCut extends Error {}

export class MemoryPages implements PageFile {
  readonly pages: Uint8Array[] = [];
  writes = 0;
  syncs = 0;
  /** Called before each write and sync; may throw. `count` counts both, from 1. */
  before: (what: 'write' | 'sync' | 'read', page: number, count: number) => void = () => {};
  #durable: Uint8Array[] = [];
  /** No bytes: the file was cut before that page. */
  #unsynced: { page: number; bytes: Uint8Array | undefined }[] = [];

  /** A disk that holds these pages. */
  static of(pages: readonly Uint8Array[]): MemoryPages {
    const file = new MemoryPages();
    for (const page of pages) {
      file.pages.push(page.slice());
      file.#durable.push(page.slice());
    }
    return file;
  }

  get pageCount(): number {
    return this.pages.length;
  }

  read(page: number, into: Uint8Array): void {
    this.before('read', page, 0);
    into.set(this.pages[page] ?? new Uint8Array(PAGE_BYTES));
  }

  write(page: number, from: Uint8Array): void {
    // In flight when the power goes: it may arrive.
    this.#unsynced.push({ page, bytes: from.slice() });
    try {
      this.before('write', page, ++this.writes + this.syncs);
    } catch (error) {
      if (!(error instanceof PowerCut)) this.#unsynced.pop();
      throw error;
    }
    place(this.pages, page, from);
  }

  sync(): void {
    this.before('sync', 0, this.writes + ++this.syncs);
    for (const { page, bytes } of this.#unsynced) place(this.#durable, page, bytes);
    this.#unsynced = [];
  }

  cut(page: number): void {
    this.before('write', page, ++this.writes + this.syncs);
    this.#unsynced.push({ page, bytes: undefined });
    place(this.pages, page, undefined);
  }

  /** A failed sync, as Linux does it: what was not synced will never be, though reads may still show it. */
  forgetUnsynced(isShown: boolean): void {
    this.#unsynced = [];
    if (isShown) return;
    this.pages.length = 0;
    for (const page of this.#durable) this.pages.push(page.slice());
  }

  /** What the disk holds after the power went. */
  afterCut(damage: Damage, random: Random): MemoryPages {
    const pages = this.#durable.map(page => page.slice());
    const writes = [...this.#unsynced];
    if (damage === 'torn') {
      const last = writes.pop();
      for (const { page, bytes } of writes) place(pages, page, bytes);
      if (last?.bytes !== undefined)
        tear(pages, last.page, last.bytes, random.below(PAGE_BYTES / SECTOR_BYTES));
    } else if (damage === 'reordered') {
      while (writes.length > 0) {
        const { page, bytes } = writes.splice(random.below(writes.length), 1)[0]!;
        const fate = random.below(3);
        if (fate === 0) place(pages, page, bytes);
        else if (fate === 1 && bytes !== undefined)
          tear(pages, page, bytes, random.below(PAGE_BYTES / SECTOR_BYTES));
      }
    }
    return MemoryPages.of(pages);
  }
}

function place(pages: Uint8Array[], page: number, bytes: Uint8Array | undefined): void {
  if (bytes === undefined) {
    pages.length = Math.min(pages.length, page);
    return;
  }
  while (pages.length <= page) pages.push(new Uint8Array(PAGE_BYTES));
  pages[page] = bytes.slice();
}

function tear(pages: Uint8Array[], page: number, bytes: Uint8Array, sectors: number): void {
  while (pages.length <= page) pages.push(new Uint8Array(PAGE_BYTES));
  pages[page]!.set(bytes.subarray(0, sectors * SECTOR_BYTES));
}
