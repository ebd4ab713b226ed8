// Blocks by id, deduplicated, kept in packs.
//
//   facts  'K' id -> pack 7, offset 4096, length 3911
//   packs  7      -> | block | block | block | ... |   up to PACK_BYTES_AIM, in order of arrival
//
// A block of 4 KiB on its own would take two LMDB pages, half of them empty, and compress badly. In a pack it lies
// beside the blocks that came with it, which are most often its neighbours in the file: a pull that runs through
// the file opens each pack once. Blocks wait in memory until something is committed (facts.ts has the rule).
// A block that goes leaves a hole in its pack, until the pack is written anew (collect.ts).
//
// A medium may change what it was given. So a block is hashed when it is read, once while its pack is open; one that is
// not what its id says, or is gone, is lost: its row goes, so the next offer of a file with it is asked for it, and its
// id is kept ('Q') until it is put anew, for contents that have it are whole no more. Which those are nobody notes: who
// counts on a content walks its list while anything is lost (lacks() in store.ts). Both rows may wait (facts.ts): a
// crash takes them, and the next read finds the same; so does one where the waiting room has no room for them. Memory:
// the number of those that are lost.

import { copyOf, NO_BYTES } from '../../protocol/bytes.ts';
import type { FactsTable } from './facts.ts';
import { asBuffer, blockKey, lostKey, nameOf, packKey, wholeTag } from './keys.ts';
import { type BlockHasher, BROKEN, type FolderNumber, WAITING_BYTES_MAX } from './port.ts';
import { readBlock, writeBlock } from './record.ts';
import { type Shelf, StoreTrouble } from './shelf.ts';

/** A pack is closed at this size: 16 average blocks, compressed and read as one. Twice as much would read twice as
 * much for one small file; half would compress worse (LZ4 looks back 64 KiB). */
export const PACK_BYTES_AIM = 64 * 1024;

/** Packs held open for reading: 2 MiB at most. Each board pulls from few packs at a time. */
const OPEN_PACKS_MAX = 24;

/** A map's entry and an id, beside the block's bytes. */
const WAITING_OVERHEAD_BYTES = 150;

interface Pack {
  bytes: Uint8Array;
  /** Where those blocks begin that were hashed. */
  checked: Set<number>;
}

interface Waiting {
  bytes: Uint8Array;
  folder: FolderNumber | undefined;
}

export class Blocks {
  readonly #facts: FactsTable;
  readonly #packs: Shelf;
  readonly #waiting = new Map<string, Waiting>();
  readonly #open = new Map<number, Pack>();
  readonly #hasher: BlockHasher | undefined;
  #lost = 0;
  #found = 0;
  #waitingBytes = 0;
  #nextPack: number;

  /** Without a hasher blocks are given as they lie. */
  constructor(facts: FactsTable, packs: Shelf, hasher: BlockHasher | undefined) {
    this.#facts = facts;
    this.#packs = packs;
    this.#hasher = hasher;
    this.#nextPack = this.#afterLastPack();
    this.#lost = this.#countLost();
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
    const bytes = this.#read(id);
    if (bytes === undefined) this.#lose(id);
    return bytes;
  }

  put(id: Uint8Array, bytes: Uint8Array, folder?: FolderNumber): void {
    if (this.has(id)) return;
    this.#wait(id, bytes, folder);
    if (!this.isLost(id)) return;
    this.#lost--;
    this.#facts.putLater(lostKey(id), undefined);
  }

  isLost(id: Uint8Array): boolean {
    return this.#lost > 0 && this.#facts.get(lostKey(id)) !== undefined;
  }

  /** How many are lost now; how many were found to be. */
  get lost(): { now: number; found: number } {
    return { now: this.#lost, found: this.#found };
  }

  /** Of one that nothing needs any more. */
  forgetLost(id: Uint8Array): void {
    if (!this.isLost(id)) return;
    this.#lost--;
    this.#facts.remove(lostKey(id));
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
    this.#lost = this.#countLost();
  }

  #wait(id: Uint8Array, bytes: Uint8Array, folder: FolderNumber | undefined): void {
    // A copy: `bytes` is most often a view of a whole frame.
    this.#waiting.set(nameOf(id), { bytes: copyOf(bytes), folder });
    this.#waitingBytes += bytes.length + WAITING_OVERHEAD_BYTES;
  }

  /** Undefined: it is not there, or not what its id says. */
  #read(id: Uint8Array): Uint8Array | undefined {
    const row = this.#facts.get(blockKey(id));
    if (row === undefined) return undefined;
    const { pack, offset, length } = readBlock(row);
    const open = this.#pack(pack);
    if (open === undefined) return undefined;
    const bytes = open.bytes.subarray(offset, offset + length);
    if (this.#hasher === undefined || open.checked.has(offset)) return bytes;
    if (Buffer.compare(this.#hasher.blockId(bytes), id) !== 0) return undefined;
    open.checked.add(offset);
    return bytes;
  }

  #lose(id: Uint8Array): void {
    if (this.isLost(id) || this.#facts.waitingBytes + this.#waitingBytes >= WAITING_BYTES_MAX) return;
    this.#lost++;
    this.#found++;
    this.#facts.putLater(lostKey(id), NO_BYTES);
    this.#facts.putLater(blockKey(id), undefined);
  }

  #countLost(): number {
    let count = 0;
    for (const _row of this.#facts.each(...wholeTag('Q'))) count++;
    return count;
  }

  #pack(pack: number): Pack | undefined {
    const open = this.#open.get(pack) ?? this.#readPack(pack);
    if (open === undefined) return undefined;
    this.#open.delete(pack);
    this.#open.set(pack, open);
    if (this.#open.size > OPEN_PACKS_MAX) this.#open.delete(this.#open.keys().next().value!);
    return open;
  }

  #readPack(pack: number): Pack | undefined {
    try {
      const bytes = this.#packs.get(packKey(pack));
      return bytes && { bytes, checked: new Set() };
    } catch (error) {
      // It cannot be inflated: its medium changed it.
      if (error instanceof StoreTrouble && error.code !== BROKEN) return undefined;
      throw error;
    }
  }

  #afterLastPack(): number {
    const [last] = this.#packs.range(packKey(0), Buffer.alloc(7, 0xff), 1, true);
    return last === undefined ? 1 : asBuffer(last.key).readUIntBE(0, 6) + 1;
  }
}
