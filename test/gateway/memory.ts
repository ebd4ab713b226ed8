// Shelves in memory, for tests and the simulated world.
//
// Deterministic, and honest about durability: only what a transaction committed is in `image()`, so a crash is
// `openMemoryStore({ image })` on what was taken before it. Trouble is played by a hook before each commit.
//
// Cost: a sorted array of keys, so inserting is O(n); good to some hundred thousand records.

import { nameOf } from '../../gateway/store/keys.ts';
import type { BlockHasher, Store } from '../../gateway/store/port.ts';
import { type Pair, type Shelf, type Shelves, StoreTrouble } from '../../gateway/store/shelf.ts';
import { openStore } from '../../gateway/store/store.ts';
import { TERM_BYTES } from '../../protocol/limits.ts';

/** Everything that is durable, to start another store from. */
export type Image = readonly [facts: ReadonlyMap<string, Uint8Array>, packs: ReadonlyMap<string, Uint8Array>];

export interface MemoryOptions {
  image?: Image;
  hasher?: BlockHasher;
  /** Of the sets that collecting marks in. */
  bloomBits?: number;
  /** Called before a transaction commits: an errno name makes it fail. */
  onCommit?: () => string | undefined;
  /** Bytes that it can still take; any number without it. */
  roomBytes?: () => number;
}

export interface MemoryStore extends Store {
  /** What would be there after a crash now. */
  image(): Image;
}

/** Stores opened so far in this process: each is another start. */
let starts = 0;

export function openMemoryStore(options: MemoryOptions = {}): MemoryStore {
  const shelves = openMemoryShelves(options);
  const term = new Uint8Array(TERM_BYTES);
  new DataView(term.buffer).setUint32(0, ++starts);
  const store = openStore(shelves, { term, hasher: options.hasher, bloomBits: options.bloomBits });
  return Object.assign(store, { image: () => shelves.image() });
}

export function openMemoryShelves(options: MemoryOptions = {}): Shelves & { image(): Image } {
  let isInside = false;
  const facts = new MemoryShelf(options.image?.[0], () => isInside);
  const packs = new MemoryShelf(options.image?.[1], () => isInside);
  return {
    facts,
    packs,
    transaction(work) {
      isInside = true;
      try {
        const value = work();
        const code = facts.hasChanged || packs.hasChanged ? options.onCommit?.() : undefined;
        if (code !== undefined) throw new StoreTrouble(code, 'committing');
        facts.keep();
        packs.keep();
        return value;
      } catch (error) {
        facts.undo();
        packs.undo();
        throw error;
      } finally {
        isInside = false;
      }
    },
    bytes: () => facts.bytes() + packs.bytes(),
    usedBytes: () => facts.bytes() + packs.bytes(),
    roomBytes: () => options.roomBytes?.() ?? Number.POSITIVE_INFINITY,
    rowCount: () => facts.count,
    mapBytes: () => facts.bytes() + packs.bytes(),
    image: () => [facts.copy(), packs.copy()],
    close: async () => {},
  };
}

class MemoryShelf implements Shelf {
  readonly #values: Map<string, Uint8Array>;
  readonly #mayWrite: () => boolean;
  /** Sorted by code unit, which for latin1 is byte order. */
  #keys: string[];
  /** What each key written by the transaction under way held before it. */
  readonly #before = new Map<string, Uint8Array | undefined>();

  constructor(values: ReadonlyMap<string, Uint8Array> | undefined, mayWrite: () => boolean) {
    this.#values = new Map(values);
    this.#keys = [...this.#values.keys()].sort(byCodeUnit);
    this.#mayWrite = mayWrite;
  }

  get hasChanged(): boolean {
    return this.#before.size > 0;
  }

  get count(): number {
    return this.#keys.length;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#values.get(nameOf(key));
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#write(nameOf(key), value.slice());
  }

  remove(key: Uint8Array): void {
    this.#write(nameOf(key), undefined);
  }

  range(from: Uint8Array, until: Uint8Array, limit: number, isBackward = false): Pair[] {
    const low = this.#find(nameOf(from));
    const high = this.#find(nameOf(until));
    const pairs: Pair[] = [];
    for (let taken = 0; taken < limit && taken < high - low; taken++) {
      const name = this.#keys[isBackward ? high - 1 - taken : low + taken]!;
      pairs.push({ key: Buffer.from(name, 'latin1'), value: this.#values.get(name)! });
    }
    return pairs;
  }

  bytes(): number {
    let bytes = 0;
    for (const [name, value] of this.#values) bytes += name.length + value.length;
    return bytes;
  }

  keep(): void {
    this.#before.clear();
  }

  undo(): void {
    for (const [name, value] of this.#before) this.#set(name, value);
    this.#before.clear();
  }

  copy(): Map<string, Uint8Array> {
    return new Map(this.#values);
  }

  #write(name: string, value: Uint8Array | undefined): void {
    if (!this.#mayWrite()) throw new Error('a write outside a transaction');
    if (!this.#before.has(name)) this.#before.set(name, this.#values.get(name));
    this.#set(name, value);
  }

  #set(name: string, value: Uint8Array | undefined): void {
    const isThere = this.#values.has(name);
    if (value === undefined) {
      if (!isThere) return;
      this.#values.delete(name);
      this.#keys.splice(this.#find(name), 1);
      return;
    }
    this.#values.set(name, value);
    if (!isThere) this.#keys.splice(this.#find(name), 0, name);
  }

  /** Index of the first key that is not before `name`. */
  #find(name: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#keys[middle]! < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const byCodeUnit = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
