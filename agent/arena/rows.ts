// Rows of a listing in the arena (assembly/rows.ts has the layout): the disk writes them, the catalog compares them,
// and only a row that differs becomes an object.
//
// They have the first quarter of the listing buffer; the names of a directory that is too large for it the rest.

import type { ListedRow, Stat } from '../engine/ports.ts';

const SHARE = 4;
const HEAD_BYTES = 40;
const SLOT_BYTES = 4;
const ALIGN = 8;

export class Rows {
  count = 0;
  /** What is left for names. */
  readonly rest: Uint8Array;
  readonly #sort: (at: number, bytes: number, count: number) => void;
  readonly #bytes: Uint8Array;
  readonly #doubles: Float64Array;
  readonly #slots: Uint32Array;
  #front = 0;

  constructor(listing: Uint8Array, sort: (at: number, bytes: number, count: number) => void) {
    const bytes = listing.length / SHARE;
    this.#sort = sort;
    this.#bytes = listing.subarray(0, bytes);
    this.rest = listing.subarray(bytes);
    this.#doubles = new Float64Array(listing.buffer, listing.byteOffset, bytes / ALIGN);
    this.#slots = new Uint32Array(listing.buffer, listing.byteOffset, bytes / SLOT_BYTES);
  }

  get address(): number {
    return this.#bytes.byteOffset;
  }

  get bytes(): number {
    return this.#bytes.length;
  }

  /** Rows and their table. */
  get bytesTaken(): number {
    return this.#front + SLOT_BYTES * this.count;
  }

  clear(): void {
    this.count = 0;
    this.#front = 0;
  }

  /** Whether another row with the longest name has room. */
  get hasRoom(): boolean {
    return this.#front + HEAD_BYTES + 256 <= this.#bytes.length - SLOT_BYTES * (this.count + 1);
  }

  /** `name`: bytes, or text of which each character is one. There must be room. */
  add(name: Uint8Array | string, stat: Stat): void {
    const from = this.#front;
    const bytes = this.#bytes;
    const doubles = this.#doubles;
    const word = from / ALIGN;
    doubles[word] = stat.size;
    doubles[word + 1] = stat.mtime;
    doubles[word + 2] = stat.ctime;
    doubles[word + 3] = stat.inode;
    const both = stat.mode * 8 + stat.kind;
    bytes[from + 32] = both;
    bytes[from + 33] = both >> 8;
    bytes[from + 34] = name.length;
    const at = from + HEAD_BYTES;
    if (typeof name === 'string') for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i);
    else bytes.set(name, at);
    this.count++;
    this.#slots[this.#slots.length - this.count] = from;
    this.#front = (at + name.length + ALIGN - 1) & ~(ALIGN - 1);
  }

  /** Puts them in the order of their names' bytes. */
  sort(): void {
    this.#sort(this.address, this.bytes, this.count);
  }

  /** A copy of a row. */
  at(index: number): ListedRow {
    const from = this.#slots[this.#slots.length - 1 - index] as number;
    const word = from / ALIGN;
    const bytes = this.#bytes;
    const both = (bytes[from + 32] as number) | ((bytes[from + 33] as number) << 8);
    const [size, mtime, ctime, inode] = this.#doubles.subarray(word, word + 4) as unknown as [
      number,
      number,
      number,
      number,
    ];
    const name = bytes.slice(from + HEAD_BYTES, from + HEAD_BYTES + (bytes[from + 34] as number));
    return { name, stat: { kind: (both & 7) as Stat['kind'], mode: both >> 3, size, mtime, ctime, inode } };
  }
}
