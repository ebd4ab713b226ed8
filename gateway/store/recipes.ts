// Recipes of contents, in pages.
//
//   contents.ts  content -> size, block count, recipe
//   'R' recipe page -> | byte offset f64 | record | record | ... |
//
// A page says at which byte of the file its first block begins, so a byte offset is found by a binary search over
// pages and a walk in one of them: a 10 GiB file has 2.6 million records in 20,480 pages, 15 reads.
//
// A recipe is written page by page while it arrives, under a number of its own, and sealing it only points a
// content id at that number. What still arrives is marked ('T'), so that the next start clears it away. A content of
// one block that came whole has no pages: its record stands with it.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { RECORD_BYTES, recordId, recordLength } from '../../protocol/record.ts';
import type { Contents } from './contents.ts';
import type { FactsTable } from './facts.ts';
import { arrivingKey, asBuffer, pageKey, readNumber, wholeTag } from './keys.ts';
import { PAGE_RECORDS, type Place, type Recipe, type RecipeNumber } from './port.ts';

/** A page begins with the offset of its first block. */
export const OFFSET_BYTES = 8;

/** Recipes with pages count from 1. */
const NO_PAGES = 0 as RecipeNumber;

export class Recipes {
  readonly #facts: FactsTable;
  readonly #contents: Contents;
  #next: number;

  constructor(facts: FactsTable, contents: Contents) {
    this.#facts = facts;
    this.#contents = contents;
    const [last] = facts.range(...recipePages, 1, true);
    this.#next = (last === undefined ? 0 : readNumber(last.key, 1)) + 1;
  }

  /** Removes what was arriving when the last run ended. */
  clear(): void {
    for (const { key } of this.#facts.range(...wholeTag('T'), Number.MAX_SAFE_INTEGER)) {
      this.#removePages(readNumber(key, 1) as RecipeNumber);
      this.#facts.remove(key);
    }
  }

  content(id: Uint8Array): Recipe | undefined {
    return this.#contents.get(id)?.recipe;
  }

  start(): Recipe {
    const number = this.#next++ as RecipeNumber;
    this.#facts.putLater(arrivingKey(number), NO_BYTES);
    return { number, blockCount: 0, size: 0 };
  }

  add(recipe: Recipe, records: Uint8Array): Recipe {
    let { blockCount, size } = recipe;
    for (let at = 0; at < records.length; ) {
      const page = Math.floor(blockCount / PAGE_RECORDS);
      const filled = blockCount % PAGE_RECORDS;
      const count = Math.min(PAGE_RECORDS - filled, (records.length - at) / RECORD_BYTES);
      const added = records.subarray(at, at + count * RECORD_BYTES);
      const key = pageKey(recipe.number, page);
      this.#facts.putLater(
        key,
        filled === 0
          ? Buffer.concat([writeOffset(size), added])
          : Buffer.concat([this.#page(recipe.number, page), added]),
      );
      for (let offset = 0; offset < added.length; offset += RECORD_BYTES) size += recordLength(added, offset);
      blockCount += count;
      at += count * RECORD_BYTES;
    }
    return { number: recipe.number, blockCount, size };
  }

  records(recipe: Recipe, ordinal: number, count: number): Uint8Array {
    const end = Math.min(recipe.blockCount, ordinal + count);
    if (ordinal >= end) return NO_BYTES;
    if (recipe.only !== undefined) return recipe.only;
    const first = Math.floor(ordinal / PAGE_RECORDS);
    const last = Math.floor((end - 1) / PAGE_RECORDS);
    const parts: Uint8Array[] = [];
    for (let page = first; page <= last; page++) {
      const from = page === first ? ordinal % PAGE_RECORDS : 0;
      const until = page === last ? ((end - 1) % PAGE_RECORDS) + 1 : PAGE_RECORDS;
      parts.push(
        this.#page(recipe.number, page).subarray(
          OFFSET_BYTES + from * RECORD_BYTES,
          OFFSET_BYTES + until * RECORD_BYTES,
        ),
      );
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Whether it names a block that is sought. */
  some(recipe: Recipe, isSought: (id: Uint8Array) => boolean): boolean {
    for (let ordinal = 0; ordinal < recipe.blockCount; ordinal += PAGE_RECORDS) {
      const records = this.records(recipe, ordinal, PAGE_RECORDS);
      for (let at = 0; at < records.length; at += RECORD_BYTES)
        if (isSought(recordId(records, at))) return true;
    }
    return false;
  }

  placeOf(recipe: Recipe, offset: number): Place | undefined {
    if (offset >= recipe.size) return undefined;
    if (recipe.only !== undefined) return { ordinal: 0, offset: 0 };
    let low = 0;
    let high = Math.ceil(recipe.blockCount / PAGE_RECORDS) - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (readOffset(this.#page(recipe.number, middle)) <= offset) low = middle;
      else high = middle - 1;
    }
    const page = this.#page(recipe.number, low);
    let at = readOffset(page);
    for (let ordinal = low * PAGE_RECORDS, record = OFFSET_BYTES; record < page.length; ordinal++) {
      const length = recordLength(page, record);
      if (offset < at + length) return { ordinal, offset: at };
      at += length;
      record += RECORD_BYTES;
    }
    return undefined;
  }

  offsetOf(recipe: Recipe, ordinal: number): number {
    if (ordinal >= recipe.blockCount) return recipe.size;
    if (recipe.only !== undefined) return 0;
    const page = this.#page(recipe.number, Math.floor(ordinal / PAGE_RECORDS));
    const end = OFFSET_BYTES + (ordinal % PAGE_RECORDS) * RECORD_BYTES;
    let offset = readOffset(page);
    for (let record = OFFSET_BYTES; record < end; record += RECORD_BYTES)
      offset += recordLength(page, record);
    return offset;
  }

  seal(recipe: Recipe, content: Uint8Array): void {
    this.#contents.put(content, { recipe, holder: undefined, isShared: false });
    this.#facts.putLater(arrivingKey(recipe.number), undefined);
  }

  /** A content of one block. */
  sealOnly(record: Uint8Array, content: Uint8Array): void {
    const recipe = { number: NO_PAGES, blockCount: 1, size: recordLength(record), only: record };
    this.#contents.put(content, { recipe, holder: undefined, isShared: false });
  }

  drop(recipe: Recipe): void {
    const pages = Math.ceil(recipe.blockCount / PAGE_RECORDS);
    for (let page = 0; page < pages; page++) this.#facts.putLater(pageKey(recipe.number, page), undefined);
    this.#facts.putLater(arrivingKey(recipe.number), undefined);
  }

  #page(recipe: RecipeNumber, page: number): Uint8Array {
    const bytes = this.#facts.get(pageKey(recipe, page));
    if (bytes === undefined) throw new Error(`recipe ${recipe} has no page ${page}`);
    return bytes;
  }

  #removePages(recipe: RecipeNumber): void {
    const until = pageKey((recipe + 1) as RecipeNumber, 0);
    for (const { key } of this.#facts.range(pageKey(recipe, 0), until, Number.MAX_SAFE_INTEGER)) {
      this.#facts.remove(key);
    }
  }
}

const recipePages = wholeTag('R');

const writeOffset = (offset: number): Buffer => {
  const bytes = Buffer.allocUnsafe(OFFSET_BYTES);
  bytes.writeDoubleLE(offset, 0);
  return bytes;
};
const readOffset = (page: Uint8Array): number => asBuffer(page).readDoubleLE(0);
