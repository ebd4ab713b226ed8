// Contents as the hub reads them: records with a page at hand, and bytes at any offset.

import type { RecordList } from '../../protocol/align.ts';
import { RECORD_BYTES, recordId } from '../../protocol/record.ts';
import { PAGE_RECORDS, type Recipe, type Store } from '../store/port.ts';

/** Pages that one list keeps at hand: an aligner walks in order and looks around; 10 KiB. */
const PAGES_MAX = 4;

/** The records of a recipe, by ordinal. A page is kept as it was read: the recipe must not grow meanwhile. */
export class Records implements RecordList {
  readonly #store: Store;
  readonly #recipe: Recipe;
  readonly #pages = new Map<number, Uint8Array>();

  constructor(store: Store, recipe: Recipe) {
    this.#store = store;
    this.#recipe = recipe;
  }

  get count(): number {
    return this.#recipe.blockCount;
  }

  at(ordinal: number): Uint8Array {
    const number = Math.floor(ordinal / PAGE_RECORDS);
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = this.#store.records(this.#recipe, number * PAGE_RECORDS, PAGE_RECORDS);
      if (this.#pages.size === PAGES_MAX) this.#pages.delete(this.#pages.keys().next().value!);
      this.#pages.set(number, page);
    }
    const at = (ordinal % PAGE_RECORDS) * RECORD_BYTES;
    return page.subarray(at, at + RECORD_BYTES);
  }

  /** All of it, page by page: for hashing. */
  *pages(): Generator<Uint8Array> {
    for (let ordinal = 0; ordinal < this.count; ordinal += PAGE_RECORDS) {
      yield this.#store.records(this.#recipe, ordinal, PAGE_RECORDS);
    }
  }
}

/** All of a complete content, block by block; undefined stands for one that the store lacks. */
export function* blocksOf(store: Store, recipe: Recipe): Generator<Uint8Array | undefined> {
  const records = new Records(store, recipe);
  for (let ordinal = 0; ordinal < recipe.blockCount; ordinal++) {
    yield store.block(recordId(records.at(ordinal)));
  }
}

/** `length` bytes of a complete content from `offset`; undefined if the store lacks a block of it. */
export function readContent(
  store: Store,
  recipe: Recipe,
  offset: number,
  length: number,
): Uint8Array | undefined {
  const bytes = new Uint8Array(length);
  if (length === 0) return bytes;
  const place = store.placeOf(recipe, offset);
  if (place === undefined) return undefined;
  let { ordinal, offset: at } = place;
  const records = new Records(store, recipe);
  for (; at < offset + length; ordinal++) {
    if (ordinal >= recipe.blockCount) return undefined;
    const block = store.block(recordId(records.at(ordinal)));
    if (block === undefined) return undefined;
    const from = Math.max(0, offset - at);
    bytes.set(block.subarray(from, Math.min(block.length, offset + length - at)), at + from - offset);
    at += block.length;
  }
  return bytes;
}
