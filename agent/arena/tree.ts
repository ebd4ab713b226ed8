// An ordered map of byte strings in a file, worked on in the arena (assembly/tree.ts): the catalog stands on it.
//
// The module says which page it needs read or written, this side does that with the PageFile and calls again. What
// the file throws comes out of the call: the call then has changed nothing that can be seen, and may be made again.
// A page that is not what was written there comes out as CatalogDamaged; the tree is of no more use then, but the
// file is as the last commit and whoever damaged it left it.
//
// Nothing here grows: a call copies a key and a value into the arena and hands out views of it.

import type { PageFile } from '../engine/ports.ts';
import type { Arena } from './arena.ts';
import { auditTree } from './audit.ts';
import { type Span, spansOf } from './regions.ts';
import type { TreeExports } from './tree-exports.ts';

/** A file is loose, worth making shorter, with so many free pages, and so many for each that is in use. */
const LOOSE_PAGES_MIN = 32;
const LOOSE_SHARE = 1 / 8;
/** A shorter file has this many pages for each in use: room for some generations of small changes. */
const SHRUNK_SHARE = 17 / 16;
/** Leaves moved between two commits: a megabyte, with what stands above. */
const SHIFTED_LEAVES_MAX = 256;
/** A page is free for good two generations after it was freed: so long nothing may be won. */
const VAIN_SHRINKS_MAX = 3;

/** The catalog's file cannot be used; `reason` is a sentence for a person, without a full stop. */
export class CatalogDamaged extends Error {
  override readonly name = 'CatalogDamaged';
  readonly reason: string;
  /** A newer version wrote it: nothing is broken, and it must not be set aside. */
  readonly isNewer: boolean;

  constructor(reason: string, isNewer = false) {
    super(`catalog: ${reason}`);
    this.reason = reason;
    this.isNewer = isNewer;
  }
}

/** One object a tree, filled anew by each call; its views are good until the next call on the tree. */
export interface Neighbour {
  key: Uint8Array;
  value: Uint8Array;
}

/** What changes with every commit: numbers of whoever uses the tree, kept in its root. */
export interface TreeNotes {
  /** At most 2^53 - 1. */
  position: number;
  localCount: number;
  remoteCount: number;
}

export interface TreeStats {
  pageBytes: number;
  /** Pages that the file has given out, free ones included. */
  pages: number;
  freePages: number;
  /** Frames of the arena, those that hold a page, and those whose page is not written yet. */
  frames: number;
  cached: number;
  dirty: number;
  /** The most that were ever cached, and not yet written, at once. */
  cachedMost: number;
  dirtyMost: number;
  hits: number;
  misses: number;
  evictions: number;
  commits: number;
  pagesWritten: number;
}

export interface Tree {
  /** A view into the arena, good until the next call on the tree. */
  get(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): void;
  /** False when it was not there: nothing is written then. */
  remove(key: Uint8Array): boolean;
  /** The smallest key from `from` on, or after it. */
  next(from: Uint8Array, isInclusive: boolean): Neighbour | undefined;
  /** The largest key up to `from`, or before it. */
  previous(from: Uint8Array, isInclusive: boolean): Neighbour | undefined;
  notes(): TreeNotes;
  /** Written by the next commit, and a reason for one if they differ. */
  setNotes(notes: TreeNotes): void;
  /** Begins to compare a directory's listing with its entries: see assembly/tree-compare.ts. */
  startDirectory(parent: number): void;
  /** The directory's next rows, sorted; `isEnd`: there are no more. `isAll`: every row and entry differs. */
  giveRows(rows: { address: number; bytes: number; count: number }, isEnd: boolean, isAll: boolean): void;
  /** The next difference: a row's number, or the name of an entry that no row is for. Undefined: no more. */
  nextDifference(): number | Uint8Array | undefined;
  /** Durable on return. If it throws nothing is decided: try again when the cause is gone. */
  commit(): void;
  /** After a commit, if much of the file is free: cuts off its free end, and moves some pages away from there, to be
   * committed and gone on with. False: the file is not worth it, or nothing is won any more. */
  shrink(): boolean;
  readonly isDirty: boolean;
  readonly count: number;
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  stats(): TreeStats;
  /** What the frames of the page cache hold, in their order: 'clean', 'dirty' or 'free'. A call a frame. */
  pageSpans(): Span[];
  /** Walks everything and names the first invariant that does not hold. For tests and doubts: its memory and time
   * grow with the file. */
  audit(): string | undefined;
}

/**
 * Opens the tree in this file, or makes one in an empty file (and in one that was cut off while it was being made:
 * at most two pages and no root in them). Throws CatalogDamaged. `framesMost` bounds the page cache, for tests.
 * One tree an arena: opening another one ends the first.
 */
export function openTree(arena: Arena, pages: PageFile, framesMost = 0x7fff_ffff): Tree {
  return new PagedTree(arena, pages, framesMost);
}

class PagedTree implements Tree {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly #wasm: TreeExports;
  readonly #memory: Uint8Array;
  readonly #pages: PageFile;
  readonly #pageBytes: number;
  /** Shrinks in a row that won nothing. */
  #vain = 0;
  readonly #found: Neighbour = { key: new Uint8Array(0), value: new Uint8Array(0) };
  // The answers, read once: a global's value costs a call.
  readonly #DONE: number;
  readonly #ABSENT: number;
  readonly #NEED_PAGE: number;
  readonly #NEED_WRITE: number;
  readonly #NEED_SYNC: number;
  readonly #DIFFERENT: number;
  readonly #GONE: number;

  constructor(arena: Arena, pages: PageFile, framesMost: number) {
    const wasm = arena.exports as Arena['exports'] & TreeExports;
    this.#wasm = wasm;
    this.#memory = arena.bytes;
    this.#pages = pages;
    this.#pageBytes = wasm.TREE_PAGE_BYTES.value;
    this.keyBytesMax = wasm.TREE_KEY_BYTES_MAX.value;
    this.valueBytesMax = wasm.TREE_VALUE_BYTES_MAX.value;
    this.#DONE = wasm.TREE_DONE.value;
    this.#ABSENT = wasm.TREE_ABSENT.value;
    this.#NEED_PAGE = wasm.TREE_NEED_PAGE.value;
    this.#NEED_WRITE = wasm.TREE_NEED_WRITE.value;
    this.#NEED_SYNC = wasm.TREE_NEED_SYNC.value;
    this.#DIFFERENT = wasm.TREE_DIFFERENT.value;
    this.#GONE = wasm.TREE_GONE.value;
    const region = wasm.REGION_PAGES.value;
    const scratch = wasm.regionAt(wasm.REGION_SCRATCH.value);
    const half = wasm.regionBytes(wasm.REGION_SCRATCH.value) / 2;
    wasm.treeCarve(wasm.regionAt(region), wasm.regionBytes(region), scratch, scratch + half, framesMost);
    this.#open();
  }

  #open(): void {
    const wasm = this.#wasm;
    const rootPages = wasm.TREE_ROOT_PAGES.value;
    const image = this.#view(wasm.treeRootImage.value, this.#pageBytes);
    let isFound = false;
    wasm.treeStartRoots();
    for (let slot = 0; slot < Math.min(rootPages, this.#pages.pageCount); slot++) {
      this.#pages.read(slot, image);
      const verdict = wasm.treeJudgeRoot(slot);
      if (verdict === wasm.TREE_ROOT_NEWER.value) {
        const known = wasm.TREE_FORMAT_VERSION.value;
        throw new CatalogDamaged(
          `a newer version of toastbox wrote it (this one knows format ${known})`,
          true,
        );
      }
      if (verdict === wasm.TREE_ROOT_GOOD.value) isFound = true;
    }
    if (!isFound && this.#pages.pageCount > rootPages)
      throw new CatalogDamaged('neither of its two roots is whole');
    wasm.treeOpen(!isFound);
    if (!isFound) this.commit();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#hand(key);
    if (!this.#carryOut(this.#wasm.treeGet(key.length))) return undefined;
    return this.#foundValue();
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#hand(key);
    if (value.length > this.valueBytesMax)
      throw new RangeError(`a value of ${value.length} bytes: at most ${this.valueBytesMax} fit`);
    this.#memory.set(value, this.#wasm.treeValue.value);
    this.#carryOut(this.#wasm.treePut(key.length, value.length));
  }

  remove(key: Uint8Array): boolean {
    this.#hand(key);
    return this.#carryOut(this.#wasm.treeRemove(key.length));
  }

  next(from: Uint8Array, isInclusive: boolean): Neighbour | undefined {
    this.#hand(from);
    return this.#neighbour(this.#wasm.treeNext(from.length, isInclusive));
  }

  previous(from: Uint8Array, isInclusive: boolean): Neighbour | undefined {
    this.#hand(from);
    return this.#neighbour(this.#wasm.treePrevious(from.length, isInclusive));
  }

  notes(): TreeNotes {
    const view = this.#notes();
    return {
      position: Number(view.getBigUint64(0, true)),
      localCount: view.getUint32(8, true),
      remoteCount: view.getUint32(12, true),
    };
  }

  setNotes({ position, localCount, remoteCount }: TreeNotes): void {
    const view = this.#notes();
    const now = this.notes();
    if (now.position === position && now.localCount === localCount && now.remoteCount === remoteCount) return;
    view.setBigUint64(0, BigInt(position), true);
    view.setUint32(8, localCount, true);
    view.setUint32(12, remoteCount, true);
    this.#wasm.treeNoted();
  }

  #notes(): DataView {
    return new DataView(this.#memory.buffer, this.#wasm.treeNotes.value, 16);
  }

  startDirectory(parent: number): void {
    this.#wasm.treeStartDirectory(parent);
  }

  giveRows(rows: { address: number; bytes: number; count: number }, isEnd: boolean, isAll: boolean): void {
    this.#wasm.treeGiveRows(rows.address, rows.bytes, rows.count, isEnd, isAll);
  }

  nextDifference(): number | Uint8Array | undefined {
    const wasm = this.#wasm;
    for (let answer = wasm.treeCompare(); ; answer = wasm.treeResume()) {
      if (answer === this.#DONE) return undefined;
      if (answer === this.#DIFFERENT) return wasm.treeComparedRow.value;
      if (answer === this.#GONE) return this.#view(wasm.treeGoneName(), wasm.treeGoneNameBytes()).slice();
      this.#help(answer);
    }
  }

  commit(): void {
    this.#carryOut(this.#wasm.treeCommit());
  }

  shrink(): boolean {
    if (this.isDirty || !this.#isLoose()) return false;
    const wasPages = this.#pages.pageCount;
    this.#carryOut(this.#wasm.treeTail());
    this.#pages.cut(this.#wasm.treeTailPages.value >>> 0);
    if (!this.#isLoose()) return false;
    const used = this.#wasm.treePageCount() - this.#wasm.treeFreePages();
    const bound = Math.ceil(used * SHRUNK_SHARE);
    this.#carryOut(this.#wasm.treeShift(bound, SHIFTED_LEAVES_MAX));
    const isBetter = this.#wasm.treeShifted.value > 0 || this.#pages.pageCount < wasPages;
    this.#vain = isBetter ? 0 : this.#vain + 1;
    if (this.#vain > VAIN_SHRINKS_MAX) {
      this.#vain = 0;
      return false;
    }
    // What was freed grows old with the next generations, moved or not.
    this.#wasm.treeNoted();
    return true;
  }

  #isLoose(): boolean {
    const pages = this.#wasm.treePageCount();
    const free = this.#wasm.treeFreePages();
    return free > LOOSE_PAGES_MIN && free > (pages - free) * LOOSE_SHARE;
  }

  get isDirty(): boolean {
    return this.#wasm.treeHasChanged() !== 0;
  }

  get count(): number {
    return Number(this.#wasm.treeEntryCount());
  }

  stats(): TreeStats {
    const wasm = this.#wasm;
    return {
      pageBytes: this.#pageBytes,
      pages: wasm.treePageCount(),
      freePages: wasm.treeFreePages(),
      frames: wasm.treeFrames.value,
      cached: wasm.treeCached(),
      dirty: wasm.treeDirty.value,
      cachedMost: wasm.treeCachedMost.value,
      dirtyMost: wasm.treeDirtyMost.value,
      hits: wasm.treeHits.value >>> 0,
      misses: wasm.treeMisses.value >>> 0,
      evictions: wasm.treeEvictions.value >>> 0,
      commits: wasm.treeCommits.value,
      pagesWritten: wasm.treePagesWritten.value >>> 0,
    };
  }

  pageSpans(): Span[] {
    const wasm = this.#wasm;
    const names = new Map([
      [wasm.TREE_HOLDS_NOTHING.value, 'free'],
      [wasm.TREE_HOLDS_CLEAN.value, 'clean'],
      [wasm.TREE_HOLDS_DIRTY.value, 'dirty'],
    ]);
    return spansOf(wasm.treeFrames.value, frame => names.get(wasm.treeHolding(frame)) as string);
  }

  audit(): string | undefined {
    return auditTree(this.#wasm, this.#memory, answer => this.#carryOut(answer));
  }

  #view(at: number, bytes: number): Uint8Array {
    return this.#memory.subarray(at, at + bytes);
  }

  #hand(key: Uint8Array): void {
    if (key.length === 0 || key.length > this.keyBytesMax)
      throw new RangeError(`a key of ${key.length} bytes: from 1 to ${this.keyBytesMax} fit`);
    this.#memory.set(key, this.#wasm.treeKey.value);
  }

  #foundValue(): Uint8Array {
    return this.#view(this.#wasm.treeFoundValue.value, this.#wasm.treeFoundValueBytes.value);
  }

  #neighbour(answer: number): Neighbour | undefined {
    if (!this.#carryOut(answer)) return undefined;
    this.#found.key = this.#view(this.#wasm.treeFoundKey.value, this.#wasm.treeFoundKeyBytes.value);
    this.#found.value = this.#foundValue();
    return this.#found;
  }

  /** Does what the module wants until it is done (true) or has found nothing (false). */
  #carryOut(first: number): boolean {
    for (let answer = first; ; answer = this.#wasm.treeResume()) {
      if (answer === this.#DONE) return true;
      if (answer === this.#ABSENT) return false;
      this.#help(answer);
    }
  }

  #help(answer: number): void {
    const wasm = this.#wasm;
    const page = wasm.treeWantedPage.value;
    if (answer === this.#NEED_PAGE) {
      if (page >= this.#pages.pageCount)
        throw new CatalogDamaged(`page ${page} lies behind the end of the file`);
      this.#pages.read(page, this.#view(wasm.treeWantedAt.value, this.#pageBytes));
    } else if (answer === this.#NEED_WRITE) {
      this.#pages.write(page, this.#view(wasm.treeWantedAt.value, this.#pageBytes));
    } else if (answer === this.#NEED_SYNC) {
      try {
        this.#pages.sync();
      } catch (error) {
        wasm.treeDoubt();
        throw error;
      }
    } else if (answer === wasm.TREE_FULL.value) {
      throw Object.assign(new Error('catalog: its file cannot grow any more'), { code: 'EFBIG' });
    } else {
      throw new CatalogDamaged(`page ${page} ${this.#why()}`);
    }
  }

  #why(): string {
    const damage = this.#wasm.treeDamage.value;
    if (damage === this.#wasm.TREE_BAD_SUM.value) return 'has a wrong checksum';
    if (damage === this.#wasm.TREE_BAD_NUMBER.value) return 'is whole but belongs elsewhere';
    return 'is whole but of another time';
  }
}
