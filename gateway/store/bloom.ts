// A set of ids that may take a stranger for a member, never a member for a stranger, in memory that does not grow: what
// it holds may be kept for nothing, but nothing is lost by it.
//
// Ids are hashes already, so their four words are four hash functions. With 8 bits an id, 2 strangers of 100 pass; with
// 16, 2 of 1,000.

import { asBuffer } from './keys.ts';

const WORDS = 4;

export class Bloom {
  readonly #bits: Uint32Array;
  readonly #mask: number;

  /** `bits`: a power of two, 32 at least. */
  constructor(bits: number) {
    this.#bits = new Uint32Array(bits / 32);
    this.#mask = bits - 1;
  }

  get bytes(): number {
    return this.#bits.byteLength;
  }

  add(id: Uint8Array): void {
    const bytes = asBuffer(id);
    for (let word = 0; word < WORDS; word++) {
      const bit = bytes.readUInt32LE(word * 4) & this.#mask;
      this.#bits[bit >>> 5]! |= 1 << (bit & 31);
    }
  }

  has(id: Uint8Array): boolean {
    const bytes = asBuffer(id);
    for (let word = 0; word < WORDS; word++) {
      const bit = bytes.readUInt32LE(word * 4) & this.#mask;
      if ((this.#bits[bit >>> 5]! & (1 << (bit & 31))) === 0) return false;
    }
    return true;
  }
}
