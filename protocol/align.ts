// Finds the blocks of a new content in the block list of an old one, in order, within fixed memory.
//
//   base    | a | b | c | d | e | f |        cursor: the block of the base expected next
//   target  | a | b | X | e | f | b |
//             copy 0..1  |   |     |
//                     fresh  |     copy 1, found by the index
//                            copy 4..5, found in the window ahead of the cursor
//
// Both ends use it: the board to write a recipe, the gateway to write pieces. Whatever it answers is right, a copy
// names equal records and nothing else; how much it finds is a matter of bytes on the wire.
//
// On a mismatch it looks in two places. The window: WINDOW records around the cursor, every one of them. The index:
// up to SAMPLES_MAX records from anywhere in the base, one in 2^n of them, n growing with the base: all of them up
// to 8 MiB of content, one in 128 at 1 GiB. It is filled a little with every mismatch, from the cursor on and then
// from the start, so that no call takes long and an unchanged file never pays for it.
//
// Cost: 1 KiB, and 32 KiB from the first mismatch that the window does not solve. Each record of the base is read
// three times at most (copied, in the window, for the index), besides WINDOW records for every jump.

import { assert } from './assert.ts';
import { RECORD_BYTES } from './record.ts';

/** A content's blocks. What `at` returns is 20 bytes and may be overwritten by the next call of any list's `at`. */
export interface RecordList {
  readonly count: number;
  at(ordinal: number): Uint8Array;
}

/** `count` blocks of the target from `ordinal` on: the base's from `base` on, or found nowhere. */
export type Step =
  | { is: 'copy'; ordinal: number; count: number; base: number }
  | { is: 'fresh'; ordinal: number; count: number };

/** Records around the cursor that are all looked at: behind it as many as AHEAD leaves. 1 MiB of content. */
const WINDOW = 256;
const AHEAD = 192;

/** Records in the index: 2,048 blocks of 4 KiB are 8 MiB. Twice as many slots keep the chains short. */
const SAMPLES_MAX = 2048;
const SLOTS = 2 * SAMPLES_MAX;

/** Records of the base that a mismatch adds to the index: some hundred microseconds of reading. */
const INDEX_STEP = 256;

/** Records that one step compares: the longest that a call takes. */
const STEP_RECORDS = 1024;

/** A jump that the index gave and that matched no more than this may be chance: back to where it left. */
const CHANCE = 4;

export class Aligner {
  private readonly base: RecordList;
  private readonly target: RecordList;
  private readonly record = new Uint8Array(RECORD_BYTES);
  private position: number;
  private peeked: Step | undefined;

  private cursor: number;
  /** Where the cursor stood before the index moved it, and how much matched since. */
  private home: number;
  private matched = CHANCE + 1;

  // Keys of the base's records [windowStart, windowEnd), each at ordinal % WINDOW.
  private readonly window = new Uint32Array(WINDOW);
  private windowStart = 0;
  private windowEnd = 0;

  private index: SampleIndex | undefined;
  private indexFrom = 0;
  private indexed = 0;

  constructor(base: RecordList, target: RecordList, fromOrdinal: number) {
    this.base = base;
    this.target = target;
    this.position = fromOrdinal;
    this.cursor = Math.min(fromOrdinal, base.count);
    this.home = this.cursor;
  }

  /** The next step, which next() will return; undefined at the target's end. */
  peek(): Step | undefined {
    this.peeked ??= this.find();
    return this.peeked;
  }

  next(): Step | undefined {
    const step = this.peek();
    this.peeked = undefined;
    return step;
  }

  private find(): Step | undefined {
    const ordinal = this.position;
    if (ordinal >= this.target.count) return undefined;
    this.record.set(this.target.at(ordinal));
    if (!this.isAt(this.cursor) && !this.resync()) {
      this.position++;
      return { is: 'fresh', ordinal, count: 1 };
    }
    const base = this.cursor;
    let count = 0;
    do {
      count++;
      this.cursor++;
      if (count === STEP_RECORDS || ordinal + count === this.target.count) break;
      this.record.set(this.target.at(ordinal + count));
    } while (this.isAt(this.cursor));
    this.position += count;
    this.matched += count;
    return { is: 'copy', ordinal, count, base };
  }

  /** Whether the base has `record` at `ordinal`. */
  private isAt(ordinal: number): boolean {
    if (ordinal >= this.base.count) return false;
    const other = this.base.at(ordinal);
    for (let index = RECORD_BYTES - 1; index >= 0; index--) {
      if (other[index] !== this.record[index]) return false;
    }
    return true;
  }

  /** Moves the cursor to a record of the base that equals `record`; false, and the cursor stays, if none is known. */
  private resync(): boolean {
    if (this.matched <= CHANCE) {
      this.cursor = this.home;
      this.matched = CHANCE + 1;
      if (this.isAt(this.cursor)) return true;
    }
    const key = keyOf(this.record);
    const near = this.findInWindow(key);
    if (near !== undefined) {
      this.cursor = near;
      return true;
    }
    const far = this.fillIndex().find(key);
    if (far === undefined || !this.isAt(far)) return false;
    this.home = this.cursor;
    this.cursor = far;
    this.matched = 0;
    return true;
  }

  /** The nearest ahead of the cursor, else the nearest behind. */
  private findInWindow(key: number): number | undefined {
    const start = Math.max(0, this.cursor - (WINDOW - AHEAD));
    const end = Math.min(this.base.count, this.cursor + AHEAD);
    if (start > this.windowEnd || start < this.windowStart) this.windowEnd = start;
    for (let ordinal = this.windowEnd; ordinal < end; ordinal++) {
      this.window[ordinal % WINDOW] = keyOf(this.base.at(ordinal));
    }
    this.windowStart = start;
    this.windowEnd = Math.max(end, this.windowEnd);
    for (let ordinal = this.cursor; ordinal < end; ordinal++) {
      if (this.window[ordinal % WINDOW] === key && this.isAt(ordinal)) return ordinal;
    }
    for (let ordinal = this.cursor - 1; ordinal >= start; ordinal--) {
      if (this.window[ordinal % WINDOW] === key && this.isAt(ordinal)) return ordinal;
    }
    return undefined;
  }

  private fillIndex(): SampleIndex {
    if (this.index === undefined) {
      this.index = new SampleIndex();
      this.indexFrom = this.cursor;
    }
    const end = Math.min(this.base.count, this.indexed + INDEX_STEP);
    for (; this.indexed < end; this.indexed++) {
      const ordinal = (this.indexFrom + this.indexed) % this.base.count;
      this.index.add(keyOf(this.base.at(ordinal)), ordinal);
    }
    return this.index;
  }
}

/** Four bytes of the id: BLAKE3, so any four are as good as random. Equal keys are compared in full before use. */
function keyOf(record: Uint8Array): number {
  return ((record[4]! << 24) | (record[5]! << 16) | (record[6]! << 8) | record[7]!) >>> 0;
}

/**
 * Ordinals by key, open addressing. When it is full, half of the keys go: those with the next low bit set, and no
 * such key is taken after. So what stays is spread evenly over the base.
 */
class SampleIndex {
  private readonly keys = new Uint32Array(SLOTS);
  /** The ordinal plus one; 0 for an empty slot. */
  private readonly ordinals = new Uint32Array(SLOTS);
  private samples = 0;
  private mask = 0;

  add(key: number, ordinal: number): void {
    assert(ordinal < 0xffff_ffff, 'an ordinal fits 32 bits');
    if ((key & this.mask) !== 0) return;
    const slot = this.slotOf(key);
    // Of equal blocks the first stays.
    if (this.ordinals[slot] !== 0) return;
    this.keys[slot] = key;
    this.ordinals[slot] = ordinal + 1;
    this.samples++;
    while (this.samples > SAMPLES_MAX) this.halve();
  }

  find(key: number): number | undefined {
    const ordinal = this.ordinals[this.slotOf(key)]!;
    return ordinal === 0 ? undefined : ordinal - 1;
  }

  /** The slot that holds the key, or the empty one where it belongs. */
  private slotOf(key: number): number {
    // The high bits: the low ones choose samples.
    let slot = (key >>> 16) % SLOTS;
    while (this.ordinals[slot] !== 0 && this.keys[slot] !== key) slot = (slot + 1) % SLOTS;
    return slot;
  }

  private halve(): void {
    const keys = this.keys.slice();
    const ordinals = this.ordinals.slice();
    this.ordinals.fill(0);
    this.samples = 0;
    this.mask = this.mask * 2 + 1;
    for (let slot = 0; slot < SLOTS; slot++) {
      if (ordinals[slot] !== 0) this.add(keys[slot]!, ordinals[slot]! - 1);
    }
  }
}
