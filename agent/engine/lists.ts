// Block lists in the catalog: what a file of two blocks or more was cut into. The list that both ends agreed on
// is the board's memory of the old content: an edit's recipe copies from it. A single-block file has no list: its
// one record is made again by reading 16 KiB at most, and a million small files cost nothing here.
//
//   page    +----------------+--------+--------+-- ... --+        at most 62 records: 1,248 bytes, which
//           | offset, 8 B    | record | record | record  |        leaves three to a page of the tree
//           +----------------+--------+--------+-- ... --+
//
// `offset` is where the page's first block starts in the file. Lists are freed in small steps: a 1 GiB file has
// 4,000 pages, and nothing else should wait for them.

import type { RecordList } from '../../protocol/align.ts';
import { RECORD_BYTES, recordLength } from '../../protocol/record.ts';
import type { Catalog } from './catalog.ts';
import type { EntryId } from './entry.ts';
import { blockKey, garbageKey, idOfKey, pageOfKey, SPACE } from './keys.ts';

const RECORDS_A_PAGE = 62;
const OFFSET_BYTES = 8;
const PAGE_BYTES_MAX = OFFSET_BYTES + RECORDS_A_PAGE * RECORD_BYTES;
const LAST_PAGE = 0xffff_ffff;

/** Pages freed at a time. */
const SWEEP_PAGES = 64;

/**
 * Gathers the records of an examination; takes a list id only when a second block comes. The list counts as
 * garbage until an entry keeps it, so an examination cut short leaves nothing behind.
 */
export class ListWriter {
  /** 0 while there are fewer than two blocks. */
  list: EntryId = 0;
  count = 0;
  private readonly catalog: Catalog;
  private readonly garbage: Garbage;
  private readonly page = new Uint8Array(PAGE_BYTES_MAX);
  private readonly view = new DataView(this.page.buffer);
  private inPage = 0;
  private pageNumber = 0;
  private offset = 0;

  constructor(catalog: Catalog, garbage: Garbage) {
    this.catalog = catalog;
    this.garbage = garbage;
  }

  begin(): void {
    this.list = 0;
    this.count = 0;
    this.inPage = 0;
    this.pageNumber = 0;
    this.offset = 0;
  }

  /** `records`: any number of whole records. */
  add(records: Uint8Array): void {
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const record = records.subarray(at, at + RECORD_BYTES);
      if (this.inPage === 0) this.view.setFloat64(0, this.offset);
      this.page.set(record, OFFSET_BYTES + this.inPage * RECORD_BYTES);
      this.offset += recordLength(record);
      this.count++;
      if (this.count === 2) {
        this.list = this.catalog.nextId();
        this.garbage.add(this.list);
      }
      if (++this.inPage === RECORDS_A_PAGE) this.flush();
    }
  }

  /** Bytes of content that the records cover so far. */
  get bytes(): number {
    return this.offset;
  }

  /** The list's id, 0 for a content of one block or none. */
  end(): EntryId {
    if (this.list !== 0 && this.inPage > 0) this.flush();
    return this.list;
  }

  /** The only record of a single-block content. */
  single(): Uint8Array {
    return this.page.slice(OFFSET_BYTES, OFFSET_BYTES + (this.count === 1 ? RECORD_BYTES : 0));
  }

  private flush(): void {
    const bytes = this.page.subarray(0, OFFSET_BYTES + this.inPage * RECORD_BYTES);
    this.catalog.tree.put(blockKey(this.list, this.pageNumber++), bytes);
    this.inPage = 0;
  }
}

/** A block list to read from, one page of it held at a time. */
export class BlockList implements RecordList {
  readonly count: number;
  private readonly catalog: Catalog;
  private readonly list: EntryId;
  private page = -1;
  private bytes: Uint8Array = new Uint8Array(0);

  /** `single`: the record of a content that has no list. */
  constructor(catalog: Catalog, list: EntryId, single: Uint8Array) {
    this.catalog = catalog;
    this.list = list;
    if (list === 0) {
      this.page = 0;
      this.bytes = new Uint8Array(OFFSET_BYTES + single.length);
      this.bytes.set(single, OFFSET_BYTES);
      this.count = single.length / RECORD_BYTES;
      return;
    }
    const last = catalog.tree.previous(blockKey(list, LAST_PAGE), true);
    if (last === undefined || last.key[0] !== SPACE.block || idOfKey(last.key) !== list) this.count = 0;
    else
      this.count = pageOfKey(last.key) * RECORDS_A_PAGE + (last.value.length - OFFSET_BYTES) / RECORD_BYTES;
  }

  /** A view that the next call may end. */
  at(ordinal: number): Uint8Array {
    this.open(ordinal);
    const from = OFFSET_BYTES + (ordinal % RECORDS_A_PAGE) * RECORD_BYTES;
    return this.bytes.subarray(from, from + RECORD_BYTES);
  }

  /** Where the block starts in the file, bytes. */
  offsetOf(ordinal: number): number {
    this.open(ordinal);
    let offset = new DataView(this.bytes.buffer, this.bytes.byteOffset).getFloat64(0);
    const first = ordinal - (ordinal % RECORDS_A_PAGE);
    for (let before = first; before < ordinal; before++) offset += recordLength(this.at(before));
    return offset;
  }

  private open(ordinal: number): void {
    const page = Math.floor(ordinal / RECORDS_A_PAGE);
    if (page === this.page) return;
    const value = this.catalog.tree.get(blockKey(this.list, page));
    if (value === undefined) throw new RangeError(`block ${ordinal} of list ${this.list} is not there`);
    this.bytes = value.slice();
    this.page = page;
  }
}

/** Lists that no entry needs, freed a few pages at a time. */
export class Garbage {
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  add(list: EntryId): void {
    if (list !== 0) this.catalog.tree.put(garbageKey(list), new Uint8Array(0));
  }

  /** An entry holds the list now. */
  keep(list: EntryId): void {
    if (list !== 0) this.catalog.tree.remove(garbageKey(list));
  }

  /** Frees some pages of one list, of none `inUse`. How many, one at least; 0 when there was nothing to free. */
  sweep(inUse: ReadonlySet<EntryId>): number {
    let list = this.first(0);
    while (list !== undefined && inUse.has(list)) list = this.first(list);
    if (list === undefined) return 0;
    for (let pages = 0; pages < SWEEP_PAGES; pages++) {
      const page = this.catalog.tree.next(blockKey(list, 0), true);
      if (page === undefined || page.key[0] !== SPACE.block || idOfKey(page.key) !== list) {
        this.keep(list);
        return pages + 1;
      }
      this.catalog.tree.remove(page.key.slice());
    }
    return SWEEP_PAGES;
  }

  private first(after: EntryId): EntryId | undefined {
    const found = this.catalog.tree.next(garbageKey(after), false);
    return found === undefined || found.key[0] !== SPACE.garbage ? undefined : idOfKey(found.key);
  }
}
