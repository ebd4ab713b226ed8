// The recipe of an upload, taking shape: parts are checked as they come, copies are looked up in the base, and the
// records go to the store page by page, a bounded number a step, so that a part that names millions of blocks holds
// nobody else up.
//
//   part of 32 KiB --readRecipe--> operations --grow(budget)--> records in the store --isTrue--> content id
//
// Memory: the operations of the parts that were asked for, whatever the size of the file.
//
// Every block but the last has at least BLOCK_BYTES_MIN bytes, so the size that was offered bounds the records.

import { sameBytes } from '../../protocol/bytes.ts';
import { BLOCK_BYTES_MAX, BLOCK_BYTES_MIN } from '../../protocol/limits.ts';
import { readRecipe } from '../../protocol/recipe.ts';
import { RECORD_BYTES, recordLength } from '../../protocol/record.ts';
import type { Recipe, Store } from '../store/port.ts';
import { Records } from './content.ts';
import type { Hasher } from './ports.ts';

/** Records looked up and written at once: 20 KiB. */
const CHUNK_RECORDS = 1024;

/** Runs of copied blocks that are remembered: 64 KiB at most. The blocks of others may be asked for though they are
 * held, as those of an unknown board are. */
const COPIES_MAX = 4096;

type Operation = { is: 'copy'; ordinal: number; count: number } | { is: 'fresh'; records: Uint8Array };

export class GrowingRecipe {
  readonly #store: Store;
  readonly #base: Recipe | undefined;
  readonly #size: number;
  readonly #operations: Operation[] = [];
  #recipe: Recipe;
  /** Where runs of copied blocks begin and end, one after the other. */
  readonly #copies: number[] = [];
  #described = 0;
  #isDescribed = false;
  #endsShort = false;

  constructor(store: Store, base: Recipe | undefined, size: number) {
    this.#store = store;
    this.#base = base;
    this.#size = size;
    this.#recipe = store.startRecipe();
  }

  /** The ordinal that the next part has to begin at. */
  get described(): number {
    return this.#described;
  }

  /** Whether the last part came. */
  get isDescribed(): boolean {
    return this.#isDescribed;
  }

  /** Whether everything described so far is in the store. */
  get isGrown(): boolean {
    return this.#operations.length === 0;
  }

  /** As far as it is in the store. */
  get recipe(): Recipe {
    return this.#recipe;
  }

  /** Whether the recipe copies this block from its base; of very many runs the first ones are known. */
  isCopied(ordinal: number): boolean {
    let low = 0;
    let high = this.#copies.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#copies[middle]! <= ordinal) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1;
  }

  /** Takes a part that begins at `described`. What is wrong with it, if anything is. */
  take(part: Uint8Array, isLast: boolean): string | undefined {
    const operations: Operation[] = [];
    const copied: number[] = [];
    let at = this.#described;
    let fresh: number[] = [];
    const closeFresh = () => {
      if (fresh.length > 0) operations.push({ is: 'fresh', records: Uint8Array.from(fresh) });
      fresh = [];
    };
    let isOutside = false;
    const baseCount = this.#base?.blockCount ?? 0;
    const read = readRecipe(part, {
      copy(ordinal, count) {
        closeFresh();
        if (ordinal + count > baseCount) isOutside = true;
        operations.push({ is: 'copy', ordinal, count });
        copied.push(at, at + count);
        at += count;
      },
      fresh(length, id) {
        at++;
        fresh.push(length & 0xff, (length >> 8) & 0xff, (length >> 16) & 0xff, 0, ...id);
      },
    });
    closeFresh();
    if ('malformed' in read) return `recipe: ${read.malformed}`;
    if (isOutside) return 'recipe: copies blocks that the base has not';
    if (this.#described + read.blocks > Math.ceil(this.#size / BLOCK_BYTES_MIN)) {
      return 'recipe: more blocks than the size allows';
    }
    this.#operations.push(...operations);
    this.#copies.push(...copied.slice(0, Math.max(0, 2 * COPIES_MAX - this.#copies.length)));
    this.#described += read.blocks;
    this.#isDescribed = isLast;
    return undefined;
  }

  /** Writes at most `budget` records; how many it wrote, or what is wrong. */
  grow(budget: number): number | string {
    let written = 0;
    while (written < budget) {
      const operation = this.#operations[0];
      if (operation === undefined) break;
      const room = Math.min(CHUNK_RECORDS, budget - written);
      const records = this.#next(operation, room);
      const wrong = this.#check(records);
      if (wrong !== undefined) return wrong;
      this.#recipe = this.#store.addRecords(this.#recipe, records);
      written += records.length / RECORD_BYTES;
    }
    return written;
  }

  /** What is wrong with the whole, once it is described and grown. */
  checkWhole(hasher: Hasher, content: Uint8Array): string | undefined {
    if (this.#recipe.size !== this.#size) return 'recipe: its blocks are not as long as the file';
    const id = hasher.contentIdOf(new Records(this.#store, this.#recipe).pages());
    return sameBytes(id, content) ? undefined : 'recipe: it is not that of the content';
  }

  drop(): void {
    this.#store.dropRecipe(this.#recipe);
  }

  /** At most `room` records of the first operation, which gets that much shorter. */
  #next(operation: Operation, room: number): Uint8Array {
    if (operation.is === 'fresh') {
      const records = operation.records.subarray(0, room * RECORD_BYTES);
      operation.records = operation.records.subarray(records.length);
      if (operation.records.length === 0) this.#operations.shift();
      return records;
    }
    const count = Math.min(room, operation.count);
    const records = this.#store.records(this.#base!, operation.ordinal, count);
    operation.ordinal += count;
    operation.count -= count;
    if (operation.count === 0) this.#operations.shift();
    return records;
  }

  #check(records: Uint8Array): string | undefined {
    let size = this.#recipe.size;
    for (let at = 0; at < records.length; at += RECORD_BYTES) {
      const length = recordLength(records, at);
      if (this.#endsShort || length === 0 || length > BLOCK_BYTES_MAX) {
        return 'recipe: a block of a length that cannot be';
      }
      this.#endsShort = length < BLOCK_BYTES_MIN;
      size += length;
    }
    return size > this.#size ? 'recipe: its blocks are longer than the file' : undefined;
  }
}
