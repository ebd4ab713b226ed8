// Walks a whole tree and names the first invariant that does not hold. For tests and for doubts at the desk: it
// keeps a byte a page in JavaScript, so its memory grows with the file, as its time does.
//
// Checked, beside each page's own checksum, number and generation, which every read checks:
//   1. Keys rise strictly, within a page and from leaf to leaf, and lie between the separators above them.
//   2. All leaves are equally deep; an inner page has a cell, a leaf too unless it is the root.
//   3. The entries counted are as many as the root says.
//   4. No page is reached twice; each page that was given out is reached or free, never both, never neither.
//   5. The maps' counts of free pages are what the maps hold.
//   6. The page cache's own invariants (assembly/cache.ts).

import type { TreeExports } from './tree-exports.ts';

const NEVER = 0;
const REACHED = 1;
const FREE = 2;

/** `carryOut` does what an answer of the module wants. */
export function auditTree(
  wasm: TreeExports,
  memory: Uint8Array,
  carryOut: (answer: number) => boolean,
): string | undefined {
  try {
    new Audit(wasm, memory, carryOut).run();
    return undefined;
  } catch (error) {
    if (error instanceof Broken) return error.message;
    throw error;
  }
}

class Broken extends Error {}

class Audit {
  readonly #wasm: TreeExports;
  readonly #memory: Uint8Array;
  readonly #carryOut: (answer: number) => boolean;
  readonly #seen: Uint8Array;
  #entries = 0;
  #last: Uint8Array | undefined;

  constructor(wasm: TreeExports, memory: Uint8Array, carryOut: (answer: number) => boolean) {
    this.#wasm = wasm;
    this.#memory = memory;
    this.#carryOut = carryOut;
    this.#seen = new Uint8Array(wasm.treePageCount());
  }

  run(): void {
    const wasm = this.#wasm;
    this.#cache();
    const height = wasm.treeHeight();
    if (height > 0) {
      const root = wasm.treeRootPage() >>> 0;
      this.#walk(root, wasm.treeRootGeneration(), height - 1, true, undefined, undefined);
    }
    if (BigInt(this.#entries) !== wasm.treeEntryCount())
      this.#broken(`${this.#entries} entries found, ${wasm.treeEntryCount()} counted`);
    for (let page = 0; page < wasm.TREE_ROOT_PAGES.value; page++) this.#mark(page, REACHED);
    for (let index = 0; index < wasm.treeReserveCount.value; index++)
      this.#mark(wasm.treeReserveAt(index) >>> 0, REACHED);
    for (let index = 0; index < wasm.treeFreedCount.value; index++)
      this.#mark(wasm.treeFreedAt(index) >>> 0, REACHED);
    for (let map = 0; map < wasm.treeMapCount(); map++) this.#map(map);
    const lost = this.#seen.indexOf(NEVER);
    if (lost !== -1) this.#broken(`page ${lost} is neither reached nor free`);
    this.#cache();
  }

  #broken(what: string): never {
    throw new Broken(what);
  }

  #cache(): void {
    const broken = this.#wasm.treeCheckCache();
    if (broken !== 0) this.#broken(`invariant ${broken} of the page cache`);
  }

  #mark(page: number, as: number): void {
    if (page >= this.#seen.length) this.#broken(`page ${page} was never given out`);
    if (this.#seen[page] !== NEVER)
      this.#broken(
        `page ${page} is ${as === FREE || this.#seen[page] === FREE ? 'reached and free' : 'reached twice'}`,
      );
    this.#seen[page] = as;
  }

  /** The address of a page, good until the next visit. */
  #visit(page: number, generation: number): number {
    this.#carryOut(this.#wasm.treeVisit(page, generation));
    return this.#wasm.treeVisited.value;
  }

  #key(at: number, index: number): Uint8Array {
    const into = this.#wasm.treeFoundKey.value;
    const bytes = this.#wasm.treeKeyInto(at, index, into);
    return this.#memory.slice(into, into + bytes);
  }

  #walk(
    page: number,
    generation: number,
    level: number,
    isRoot: boolean,
    low: Uint8Array | undefined,
    high: Uint8Array | undefined,
  ): void {
    const wasm = this.#wasm;
    this.#mark(page, REACHED);
    const at = this.#visit(page, generation);
    const kind = wasm.treeKindOf(at);
    if (kind !== (level === 0 ? wasm.TREE_LEAF.value : wasm.TREE_INNER.value))
      this.#broken(`page ${page} at level ${level} is of kind ${kind}`);
    const count = wasm.treeCountOf(at);
    if (count === 0 && !(isRoot && level === 0)) this.#broken(`page ${page} holds nothing`);
    const keys: Uint8Array[] = [];
    for (let index = 0; index < count; index++) keys.push(this.#key(at, index));
    for (const key of keys) this.#between(page, key, low, high);
    if (level === 0) {
      for (const key of keys) this.#after(page, key);
      this.#entries += count;
      return;
    }
    const children: [number, number][] = [];
    for (let child = 0; child <= count; child++)
      children.push([wasm.treeChildNumber(at, child) >>> 0, wasm.treeChildGeneration(at, child)]);
    children.forEach(([number, gen], child) => {
      this.#walk(number, gen, level - 1, false, keys[child - 1] ?? low, keys[child] ?? high);
    });
  }

  #between(page: number, key: Uint8Array, low: Uint8Array | undefined, high: Uint8Array | undefined): void {
    if (
      (low !== undefined && Buffer.compare(key, low) < 0) ||
      (high !== undefined && Buffer.compare(key, high) >= 0)
    )
      this.#broken(`page ${page} holds a key that belongs elsewhere`);
  }

  #after(page: number, key: Uint8Array): void {
    if (this.#last !== undefined && Buffer.compare(this.#last, key) >= 0)
      this.#broken(`page ${page} holds keys out of order`);
    this.#last = key;
  }

  #map(map: number): void {
    const wasm = this.#wasm;
    const pages = wasm.TREE_MAP_PAGES.value;
    for (let slot = 0; slot < 3; slot++) this.#mark(wasm.treeMapHome(map, slot), REACHED);
    const at = this.#visit(wasm.treeMapHome(map, wasm.treeMapSlot(map)), wasm.treeMapGeneration(map));
    let free = 0;
    let freed = 0;
    for (let index = 0; index < pages; index++) {
      const page = map * pages + index;
      const state = wasm.treeStateIn(at, index);
      if (state === 0) free++;
      else if (state > 1) freed++;
      if (state !== 1 && page < this.#seen.length) this.#mark(page, FREE);
    }
    if (free !== wasm.treeMapFree(map) || freed !== wasm.treeMapFreed(map))
      this.#broken(
        `map ${map} holds ${free} + ${freed} free pages, ${wasm.treeMapFree(map)} + ${wasm.treeMapFreed(map)} counted`,
      );
  }
}
