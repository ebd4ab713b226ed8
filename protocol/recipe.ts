// A content as operations over a base: which blocks to copy from it and which are new.
//
//   operation  +---------------------+----------------------------------+
//   copy       | varint count*2      | varint zigzag(ordinal - expected) |   blocks of the base
//              +---------------------+----------------------------------+
//   fresh      | varint count*2 + 1  | count x (varint length, 16-byte id)
//              +---------------------+-----------------------------------
//
// `expected` is 0 at the start of a part and the ordinal after the last copied block from then on, so that a copy
// that goes on where the last one ended costs two bytes. A part is one `recipe` body or one inline recipe; it stands
// by itself, so that any part can be made again from the ordinal that it starts at.
//
// Reading checks the whole part before the first operation is handed on. It does not know how many blocks the base
// has, nor the size of the content: a part of 32 KiB can name 2^32 copies, so the reader's caller stops when the sum
// of lengths passes the size that was offered.

import { assert } from './assert.ts';
import { BLOCK_BYTES_MAX, ID_BYTES } from './limits.ts';
import { type Cursor, readVarint, unzigzag, varintLength, writeVarint, zigzag } from './varint.ts';

/** Ordinals are below this; a content of 2^32 blocks has 16 TiB. */
const ORDINALS_MAX = 2 ** 32;

/**
 * Writes one part into bytes that its caller owns; what is written is a whole part after every call. What
 * would not fit is refused and changes nothing. Operations that continue the last one are merged into it.
 */
export class RecipeWriter {
  private readonly into: Uint8Array;
  private end = 0;
  /** Blocks described: the next part starts this much further. */
  blocks = 0;

  // The last operation: where it starts, its count, and of a copy the ordinal it starts from and the one expected.
  private last: 'none' | 'copy' | 'fresh' = 'none';
  private start = 0;
  private count = 0;
  private ordinal = 0;
  private expected = 0;

  constructor(into: Uint8Array) {
    this.into = into;
  }

  /** Bytes of the part so far. */
  get bytes(): number {
    return this.end;
  }

  /** The part so far: a view. */
  get part(): Uint8Array {
    return this.into.subarray(0, this.end);
  }

  /** Adds blocks [ordinal, ordinal + count) of the base. False: no room. */
  copy(ordinal: number, count: number): boolean {
    assert(count > 0 && ordinal >= 0 && ordinal + count <= ORDINALS_MAX, 'a copy names blocks');
    if (this.last === 'copy' && ordinal === this.ordinal + this.count) {
      if (!this.writeCopy(this.start, this.ordinal, this.count + count, this.expected)) return false;
      this.count += count;
    } else {
      const expected = this.last === 'copy' ? this.ordinal + this.count : this.expected;
      if (!this.writeCopy(this.end, ordinal, count, expected)) return false;
      this.last = 'copy';
      this.ordinal = ordinal;
      this.count = count;
      this.expected = expected;
    }
    this.blocks += count;
    return true;
  }

  private writeCopy(start: number, ordinal: number, count: number, expected: number): boolean {
    const jump = zigzag(ordinal - expected);
    if (start + varintLength(count * 2) + varintLength(jump) > this.into.length) return false;
    this.start = start;
    this.end = writeVarint(this.into, writeVarint(this.into, start, count * 2), jump);
    return true;
  }

  /** Adds a block that the base does not have. False: no room. */
  fresh(length: number, id: Uint8Array): boolean {
    assert(
      length > 0 && length <= BLOCK_BYTES_MAX && id.length === ID_BYTES,
      'a block has a length and an id',
    );
    const goesOn = this.last === 'fresh';
    const count = goesOn ? this.count + 1 : 1;
    const start = goesOn ? this.start : this.end;
    // The count stands before the blocks and may come to need a byte more: they make room.
    const grown = varintLength(count * 2 + 1) - (goesOn ? varintLength(this.count * 2 + 1) : 0);
    if (this.end + grown + varintLength(length) + ID_BYTES > this.into.length) return false;
    if (grown > 0) this.into.copyWithin(start + grown, start, this.end);
    this.end += grown;
    writeVarint(this.into, start, count * 2 + 1);
    this.end = writeVarint(this.into, this.end, length);
    this.into.set(id, this.end);
    this.end += ID_BYTES;
    if (this.last === 'copy') this.expected = this.ordinal + this.count;
    this.last = 'fresh';
    this.start = start;
    this.count = count;
    this.blocks++;
    return true;
  }
}

export type RecipeFault =
  | 'truncated'
  | 'no blocks'
  | 'too many blocks'
  | 'ordinal out of range'
  | 'block length out of range';

export interface RecipeVisitor {
  /** Blocks [ordinal, ordinal + count) of the base. */
  copy(ordinal: number, count: number): void;
  /** `id` is a view of the part. */
  fresh(length: number, id: Uint8Array): void;
}

/** How many blocks the part describes, each handed to `visit` if all are well formed; or what is wrong. */
export function readRecipe(
  part: Uint8Array,
  visit?: RecipeVisitor,
): { blocks: number } | { malformed: RecipeFault } {
  const checked = walk(part, undefined);
  if (typeof checked === 'string') return { malformed: checked };
  if (visit !== undefined) walk(part, visit);
  return { blocks: checked };
}

function walk(part: Uint8Array, visit: RecipeVisitor | undefined): number | RecipeFault {
  const cursor: Cursor = { at: 0 };
  let blocks = 0;
  let expected = 0;
  while (cursor.at < part.length) {
    const operation = readVarint(part, cursor);
    if (operation === undefined) return 'truncated';
    const count = Math.floor(operation / 2);
    if (count === 0) return 'no blocks';
    blocks += count;
    if (blocks > ORDINALS_MAX) return 'too many blocks';
    if (operation % 2 === 0) {
      const jump = readVarint(part, cursor);
      if (jump === undefined) return 'truncated';
      const ordinal = expected + unzigzag(jump);
      if (ordinal < 0 || ordinal + count > ORDINALS_MAX) return 'ordinal out of range';
      expected = ordinal + count;
      visit?.copy(ordinal, count);
      continue;
    }
    for (let index = 0; index < count; index++) {
      const length = readVarint(part, cursor);
      if (length === undefined || part.length - cursor.at < ID_BYTES) return 'truncated';
      if (length === 0 || length > BLOCK_BYTES_MAX) return 'block length out of range';
      visit?.fresh(length, part.subarray(cursor.at, cursor.at + ID_BYTES));
      cursor.at += ID_BYTES;
    }
  }
  return blocks;
}
