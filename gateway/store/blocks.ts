// Blocks by id, deduplicated, kept in packs.
//
//   facts  'K' id -> pack 7, offset 4096, length 3911
//   packs  7      -> | block | block | block | ... |   up to PACK_BYTES_AIM, in order of arrival
//
// A block of 4 KiB on its own would take two LMDB pages, half of them empty, and compress badly. In a pack it lies
// beside the blocks that came with it, which are most often its neighbours in the file: a pull that runs through
// the file opens each pack once. Blocks wait in memory until something is committed (facts.ts has the rule).
// A block that goes leaves a hole in its pack, until the pack is written anew (collect.ts).

import type { Facts } from './facts.ts';
import { asBuffer, blockKey, nameOf, packKey } from './keys.ts';
import type { FolderNumber } from './port.ts';
import { readBlock, writeBlock } from './record.ts';
import type { Shelf } from './shelf.ts';

/** A pack is closed at this size: 16 average blocks, compressed and read as one. Twice as much would read twice as
 * much for one small file; half would compress worse (LZ4 looks back 64 KiB). */
export const PACK_BYTES_AIM = 64 * 1024;

/** Packs held open for reading: 2 MiB at most. Each board pulls from few packs at a time. */
const OPEN_PACKS_MAX = 24;

/** A map's entry and an id, beside the block's bytes. */
const WAITING_OVERHEAD_BYTES = 150;

interface Waiting {
  bytes: Uint8Array;
  folder: FolderNumber | undefined;
}

export class Blocks {
  readonly #facts: Facts;
  readonly #packs: Shelf;
  readonly #waiting = new Map<string, Waiting>();
  readonly #open = new Map<number, Uint8Array>();
  #waitingBytes = 0;
  #nextPack: number;

  constructor(facts: Facts, packs: Shelf) {
    this.#facts = facts;
    this.#packs = packs;
    this.#nextPack = this.#afterLastPack();
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** `only`: whether it came for this folder first. */
  has(id: Uint8Array, only?: FolderNumber): boolean {
    const waiting = this.#waiting.get(nameOf(id));
    const row = waiting === undefined ? this.#facts.get(blockKey(id)) : undefined;
    if (waiting === undefined && row === undefined) return false;
    return only === undefined || (waiting ?? readBlock(row!)).folder === only;
  }

  get(id: Uint8Array): Uint8Array | undefined {
    const waiting = this.#waiting.get(nameOf(id));
    if (waiting !== undefined) return waiting.bytes;
    const row = this.#facts.get(blockKey(id));
    if (row === undefined) return undefined;
    const { pack, offset, length } = readBlock(row);
    return this.#pack(pack)?.subarray(offset, offset + length);
  }

  put(id: Uint8Array, bytes: Uint8Array, folder?: FolderNumber): void {
    if (!this.has(id)) this.#wait(id, bytes, folder);
  }

  /** The number that the next pack gets. */
  get nextPack(): number {
    return this.#nextPack;
  }

  /** Puts a block into a pack that is yet to be written. */
  move(id: Uint8Array): void {
    const row = this.#waiting.has(nameOf(id)) ? undefined : this.#facts.get(blockKey(id));
    const bytes = row && this.get(id);
    if (row !== undefined && bytes !== undefined) this.#wait(id, bytes, readBlock(row).folder);
  }

  /** No block lies in it any more. */
  removePack(pack: number): void {
    this.#open.delete(pack);
    this.#packs.remove(packKey(pack));
  }

  flush(): void {
    let parts: Uint8Array[] = [];
    let packBytes = 0;
    const close = () => {
      if (packBytes === 0) return;
      this.#packs.put(packKey(this.#nextPack++), Buffer.concat(parts, packBytes));
      parts = [];
      packBytes = 0;
    };
    for (const [name, { bytes, folder }] of this.#waiting) {
      if (packBytes + bytes.length > PACK_BYTES_AIM) close();
      const row = writeBlock({ pack: this.#nextPack, offset: packBytes, length: bytes.length, folder });
      this.#facts.put(blockKey(Buffer.from(name, 'latin1')), row);
      parts.push(bytes);
      packBytes += bytes.length;
    }
    close();
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  /** After a failed transaction: what waited is gone, and so may packs be that it had written. */
  drop(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
    this.#open.clear();
    this.#nextPack = this.#afterLastPack();
  }

  #wait(id: Uint8Array, bytes: Uint8Array, folder: FolderNumber | undefined): void {
    // A copy: `bytes` is most often a view of a whole frame.
    this.#waiting.set(nameOf(id), { bytes: bytes.slice(), folder });
    this.#waitingBytes += bytes.length + WAITING_OVERHEAD_BYTES;
  }

  #pack(pack: number): Uint8Array | undefined {
    const open = this.#open.get(pack) ?? this.#packs.get(packKey(pack));
    if (open === undefined) return undefined;
    this.#open.delete(pack);
    this.#open.set(pack, open);
    if (this.#open.size > OPEN_PACKS_MAX) this.#open.delete(this.#open.keys().next().value!);
    return open;
  }

  #afterLastPack(): number {
    const [last] = this.#packs.range(packKey(0), Buffer.alloc(7, 0xff), 1, true);
    return last === undefined ? 1 : asBuffer(last.key).readUIntBE(0, 6) + 1;
  }
}
