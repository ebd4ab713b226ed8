// Cells on the move: gather those of up to two pages and loose ones in order, then pack ranges of them into pages.
//
//   gather   copies [page 0][page 1][loose cells]   order  u16, u16, ...   each -> a cell in the copies
//   divide   where to cut the order so that both parts fit
//   pack     a range of the order -> a page, with the longest prefix that its keys share
//
// Every split, merge, shift between neighbours and compaction is this. The sources are copied first, so a page may
// be packed from itself. A range that is less than half a page is packed without a prefix: keys to come may
// differ, and room is plenty.
//
// Between gather and pack nothing else may gather (insertSeparator does when the page needs packing).

import {
  CELL_BYTES,
  CHILD_BYTES,
  cellAt,
  cellBytes,
  common,
  countOf,
  empty,
  gapBytes,
  INNER,
  KEY_BYTES_MAX,
  kindOf,
  openCell,
  PAGE_BYTES,
  prefixAt,
  prefixBytes,
  ROOM_BYTES,
  setCell,
  tailAt,
  tailBytes,
  valueAt,
  valueBytes,
} from './page';

const COPIES: i32 = 2;
const LOOSE: i32 = 2 * PAGE_BYTES;
/** Holds the largest cell (1,575 bytes); two are ever loose at once. */
const LOOSE_BYTES: i32 = 2048;
const LOOSE_CELLS: i32 = 2;
/** A key has a byte at least and keys differ: 6 bytes a cell but for one a page. Two pages and a loose cell. */
const ORDER_MAX: i32 = 2 * (ROOM_BYTES / (CELL_BYTES + 1) + 1) + 1;
/** A whole number of 8 bytes, so that what is carved behind stays aligned. */
const KEY_BYTES: i32 = KEY_BYTES_MAX;
/** Under this a page goes without a prefix. */
const SPARSE_BYTES: i32 = ROOM_BYTES / 2;

const ORDER: i32 = LOOSE + LOOSE_CELLS * LOOSE_BYTES;
const FIRST_KEY: i32 = (ORDER + 2 * ORDER_MAX + 7) & ~7;
const LAST_KEY: i32 = FIRST_KEY + KEY_BYTES;
const MIDDLE_KEY: i32 = LAST_KEY + KEY_BYTES;
const SEPARATOR: i32 = MIDDLE_KEY + KEY_BYTES;
export const PACK_BYTES: i32 = SEPARATOR + KEY_BYTES;

let base: usize = 0;
let order: usize = 0;
let isLeaf: bool = false;

/** How many cells are gathered. */
export let gathered: i32 = 0;
/** What separator() made. */
let separatorAt: usize = 0;
let separatorBytes: i32 = 0;

export function openPack(at: usize): void {
  base = at;
  order = at + ORDER;
  separatorAt = at + SEPARATOR;
}

// ---- gather

export function startGather(): void {
  gathered = 0;
}

/** Adds the cells of a page, but for the one at `skip` (-1: all). `copy` is 0 or 1. */
export function gatherPage(page: usize, copy: i32, skip: i32): void {
  isLeaf = kindOf(page) !== INNER;
  const offset = copy * PAGE_BYTES;
  memory.copy(base + offset, page, PAGE_BYTES);
  const count = countOf(page);
  for (let i = 0; i < count; i++) {
    if (i !== skip) add(offset + <i32>(cellAt(page, i) - page));
  }
}

/** Adds a cell of its own before place `index`. `which` is 0 or 1. */
export function gatherLoose(which: i32, index: i32, key: usize, bytes: i32, value: usize, size: i32): void {
  const offset = LOOSE + which * LOOSE_BYTES;
  const cell = base + offset;
  setCell(cell, bytes, size);
  memory.copy(tailAt(cell), key, bytes);
  memory.copy(valueAt(cell), value, size);
  add(offset);
  const slot = order + ((<usize>index) << 1);
  memory.copy(slot + 2, slot, (gathered - 1 - index) << 1);
  store<u16>(slot, <u16>offset);
}

function add(offset: i32): void {
  assert(gathered < ORDER_MAX);
  store<u16>(order + ((<usize>gathered) << 1), <u16>offset);
  gathered++;
}

function offsetOf(index: i32): i32 {
  return load<u16>(order + ((<usize>index) << 1));
}

function prefixOf(offset: i32): i32 {
  const copy = offset / PAGE_BYTES;
  return copy < COPIES ? prefixBytes(base + copy * PAGE_BYTES) : 0;
}

function gatheredKey(index: i32, into: usize): i32 {
  const offset = offsetOf(index);
  const prefix = prefixOf(offset);
  const cell = base + offset;
  if (prefix > 0) memory.copy(into, prefixAt(base + (offset & ~(PAGE_BYTES - 1))), prefix);
  memory.copy(into + prefix, tailAt(cell), tailBytes(cell));
  return prefix + tailBytes(cell);
}

/** Where the value of a gathered cell stands. */
export function gatheredValue(index: i32): usize {
  return valueAt(base + offsetOf(index));
}

// ---- sizes

/** Bytes of a cell and its slot if no prefix were stored. */
function wholeBytes(index: i32): i32 {
  const offset = offsetOf(index);
  return 2 + cellBytes(base + offset) + prefixOf(offset);
}

/** What [from, to) would take of a page's room. */
export function rangeBytes(from: i32, to: i32): i32 {
  let bytes = 0;
  for (let i = from; i < to; i++) bytes += wholeBytes(i);
  return bytes - savedBytes(from, to);
}

/** What a shared prefix saves: each cell its length, less the prefix itself. */
function savedBytes(from: i32, to: i32): i32 {
  const shared = sharedBytes(from, to);
  return (to - from - 1) * shared;
}

function sharedBytes(from: i32, to: i32): i32 {
  if (!isLeaf || to - from < 2) return 0;
  const first = base + FIRST_KEY;
  const last = base + LAST_KEY;
  return common(first, gatheredKey(from, first), last, gatheredKey(to - 1, last));
}

// ---- divide

/**
 * Where to cut what is gathered: [0, cut) goes left; the rest goes right, but for an INNER page's cell `cut`,
 * which goes up. `wish` is taken if both parts fit and the left one is at least half full; else the cut whose
 * larger part is smallest. Both parts fit: a page and one more cell always divide so, as two pages do.
 */
export function divide(wish: i32): i32 {
  const cut = tryDivide(wish, ROOM_BYTES);
  assert(cut > 0);
  return cut;
}

/** The same, with no more than `most` bytes in the larger part; 0 where that cannot be. */
export function tryDivide(wish: i32, most: i32): i32 {
  const n = gathered;
  const up = isLeaf ? 0 : 1;
  const first = base + FIRST_KEY;
  const last = base + LAST_KEY;
  const middle = base + MIDDLE_KEY;
  const firstBytes = gatheredKey(0, first);
  const lastBytes = gatheredKey(n - 1, last);
  let total = 0;
  for (let i = 0; i < n; i++) total += wholeBytes(i);
  let best = 0;
  let bestBytes = i32.MAX_VALUE;
  let left = 0;
  for (let cut = 1; cut < n - up; cut++) {
    left += wholeBytes(cut - 1);
    let leftBytes = left;
    let rightBytes = total - left;
    if (isLeaf) {
      // A range of one cell shares nothing: (1 - 1) * anything is 0.
      leftBytes -= (cut - 1) * common(first, firstBytes, middle, gatheredKey(cut - 1, middle));
      rightBytes -= (n - cut - 1) * common(middle, gatheredKey(cut, middle), last, lastBytes);
    } else {
      rightBytes -= wholeBytes(cut);
    }
    const larger = max(leftBytes, rightBytes);
    if (larger > most) continue;
    if (cut === wish && leftBytes >= SPARSE_BYTES) return cut;
    if (larger < bestBytes) {
      bestBytes = larger;
      best = cut;
    }
  }
  return best;
}

/** The last cut of a LEAF's cells with a left part of ROOM_BYTES and a right one of `most` at most; 0 if there is
 * none. */
export function divideLate(most: i32): i32 {
  let low = 1;
  let high = gathered - 1;
  let best = 0;
  while (low <= high) {
    const cut = (low + high) >> 1;
    if (rangeBytes(0, cut) <= ROOM_BYTES) {
      best = cut;
      low = cut + 1;
    } else high = cut - 1;
  }
  return best > 0 && rangeBytes(best, gathered) <= most ? best : 0;
}

/** Keeps the shortest key that divides a LEAF's cells at `cut`, or the whole key of an INNER page's cell there. */
export function separator(cut: i32): void {
  separatorBytes = gatheredKey(cut, separatorAt);
  if (!isLeaf) return;
  const before = base + MIDDLE_KEY;
  separatorBytes = common(separatorAt, separatorBytes, before, gatheredKey(cut - 1, before)) + 1;
}

// ---- pack

/** Makes [from, to) the cells of `page`. Its head keeps number, generation, kind and first child. */
export function pack(page: usize, from: i32, to: i32): void {
  let whole = 0;
  for (let i = from; i < to; i++) whole += wholeBytes(i);
  const shared = whole > SPARSE_BYTES ? sharedBytes(from, to) : 0;
  // sharedBytes() left the first key where the prefix can be read from.
  empty(page, base + FIRST_KEY, shared);
  for (let i = from; i < to; i++) {
    const offset = offsetOf(i);
    const cell = base + offset;
    const prefix = prefixOf(offset);
    const tail = tailBytes(cell);
    const value = valueBytes(cell);
    const into = tailAt(openCell(page, i - from, prefix + tail - shared, value));
    if (shared < prefix) {
      const rest = prefix - shared;
      memory.copy(into, prefixAt(base + (offset & ~(PAGE_BYTES - 1))) + shared, rest);
      memory.copy(into + rest, tailAt(cell), tail + value);
    } else {
      const gone = shared - prefix;
      memory.copy(into, tailAt(cell) + gone, tail - gone + value);
    }
  }
}

/** Adds a separator and its right child to an INNER page that has the room, packing it first if need be. */
export function insertSeparator(page: usize, index: i32, number: u32, generation: u64): void {
  const bytes = separatorBytes;
  if (gapBytes(page) < CELL_BYTES + bytes + CHILD_BYTES) {
    startGather();
    gatherPage(page, 0, -1);
    pack(page, 0, gathered);
  }
  const cell = openCell(page, index, bytes, CHILD_BYTES);
  memory.copy(tailAt(cell), separatorAt, bytes);
  const child = valueAt(cell);
  store<u32>(child, number);
  store<u32>(child, <u32>generation, 4);
}
