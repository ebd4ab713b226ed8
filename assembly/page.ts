// One page of the catalog's tree: 4 KiB of cells in key order behind a directory of slots.
//
//     0        8       12     13  14      16           24       26     28     30  32            40
//   +--------+-------+------+---+-------+------------+--------+------+------+---+-------------+
//   | sum    | number| kind | 0 | count | generation | prefix | heap | dead | 0 | first child |
//   | u64    | u32   | u8   |   | u16   | u64        | u16    | u16  | u16  |   | u32, u32    |
//   +--------+-------+------+---+-------+------------+--------+------+------+---+-------------+
//    40                          heap                             4096 - prefix
//   +---------------------------+----------------------------------+--------------+
//   | slots: u16 each, -> cell  |      free      | cells, any order | common prefix|
//   +---------------------------+----------------------------------+--------------+
//
//   cell   u24: tail bytes (12 bits), value bytes (12 bits) | tail | value
//
// A key is the page's prefix and the cell's tail. A LEAF's values are the caller's. An INNER page has no prefix;
// the value of its cell is a child (u32 page, u32 low half of its generation), whose keys are all >= the cell's
// key; keys below the first cell's are under the first child. All numbers are little-endian.
//
// `sum` is XXH64 (seed 0) of bytes 8..4095. Number and generation make a right page at the wrong place, and an
// old one at the right place, as visible as a damaged one: whoever refers to a page says both.
//
// Invariants:
//   1. Slots point at cells in strictly rising key order.
//   2. slots + free + cells + dead + prefix + 40 == 4096.
//   3. An INNER page has at least one cell, a LEAF too unless it is the root.

export const PAGE_BYTES: i32 = 4096;

/** A parent (8 bytes), a kind (1) and a name (255) with 8 to spare. Two largest cells must fit one page. */
export const KEY_BYTES_MAX: i32 = 272;
/** With the largest key 2 + 3 + 272 + 1300 = 1577 bytes: two fit the 4056, and any three split into two pages. */
export const VALUE_BYTES_MAX: i32 = 1300;

export const LEAF: i32 = 1;
export const INNER: i32 = 2;
export const MAP: i32 = 3;

const SUM: usize = 0;
const NUMBER: usize = 8;
const KIND: usize = 12;
const COUNT: usize = 14;
const GENERATION: usize = 16;
const PREFIX: usize = 24;
const HEAP: usize = 26;
const DEAD: usize = 28;
const FIRST_CHILD: usize = 32;
const SLOTS: usize = 40;

/** Where a MAP page's states begin: the part of the head that all kinds share ends here. */
export const HEAD_BYTES: i32 = 32;
/** What cells, slots and prefix share. */
export const ROOM_BYTES: i32 = PAGE_BYTES - <i32>SLOTS;
/** A slot and the lengths in a cell. */
export const CELL_BYTES: i32 = 2 + 3;
export const CHILD_BYTES: i32 = 8;
/** The largest cell of an INNER page with its slot. */
export const SEPARATOR_BYTES_MAX: i32 = CELL_BYTES + KEY_BYTES_MAX + CHILD_BYTES;

// ---- the head

export function numberOf(page: usize): u32 {
  return load<u32>(page, NUMBER);
}

export function generationOf(page: usize): u64 {
  return load<u64>(page, GENERATION);
}

export function kindOf(page: usize): i32 {
  return load<u8>(page, KIND);
}

export function countOf(page: usize): i32 {
  return load<u16>(page, COUNT);
}

export function prefixBytes(page: usize): i32 {
  return load<u16>(page, PREFIX);
}

export function prefixAt(page: usize): usize {
  return page + PAGE_BYTES - load<u16>(page, PREFIX);
}

/** Makes an empty page. Nothing of what the memory held before reaches the disk. */
export function format(page: usize, kind: i32, number: u32, generation: u64): void {
  memory.fill(page, 0, PAGE_BYTES);
  store<u8>(page, <u8>kind, KIND);
  store<u16>(page, <u16>PAGE_BYTES, HEAP);
  setPlace(page, number, generation);
}

export function setPlace(page: usize, number: u32, generation: u64): void {
  store<u32>(page, number, NUMBER);
  store<u64>(page, generation, GENERATION);
}

/** Removes all cells and sets the prefix that those to come share. */
export function empty(page: usize, prefix: usize, bytes: i32): void {
  store<u16>(page, 0, COUNT);
  store<u16>(page, 0, DEAD);
  store<u16>(page, <u16>bytes, PREFIX);
  store<u16>(page, <u16>(PAGE_BYTES - bytes), HEAP);
  memory.copy(prefixAt(page), prefix, bytes);
}

export function sumOf(page: usize): u64 {
  return load<u64>(page, SUM);
}

export function setSum(page: usize, value: u64): void {
  store<u64>(page, value, SUM);
}

// ---- cells

export function cellAt(page: usize, index: i32): usize {
  return page + load<u16>(page + ((<usize>index) << 1), SLOTS);
}

export function tailBytes(cell: usize): i32 {
  return load<u16>(cell) & 0xfff;
}

export function valueBytes(cell: usize): i32 {
  return load<u16>(cell, 1) >> 4;
}

export function tailAt(cell: usize): usize {
  return cell + 3;
}

export function valueAt(cell: usize): usize {
  return cell + 3 + tailBytes(cell);
}

/** A cell's bytes without its slot. */
export function cellBytes(cell: usize): i32 {
  return 3 + tailBytes(cell) + valueBytes(cell);
}

/** Writes the head of a cell. */
export function setCell(cell: usize, tail: i32, value: i32): void {
  const both = tail | (value << 12);
  store<u16>(cell, <u16>both);
  store<u8>(cell, <u8>(both >> 16), 2);
}

/** Bytes between slots and cells: what a new cell with its slot may take. */
export function gapBytes(page: usize): i32 {
  return <i32>load<u16>(page, HEAP) - <i32>SLOTS - (countOf(page) << 1);
}

/** Bytes that packing would leave free. */
export function freeBytes(page: usize): i32 {
  return gapBytes(page) + load<u16>(page, DEAD);
}

export function usedBytes(page: usize): i32 {
  return ROOM_BYTES - freeBytes(page);
}

/** Makes room for a cell before `index` and returns its address, its head written. The gap must hold it. */
export function openCell(page: usize, index: i32, tail: i32, value: i32): usize {
  assert(gapBytes(page) >= CELL_BYTES + tail + value);
  const heap = <i32>load<u16>(page, HEAP) - 3 - tail - value;
  const count = countOf(page);
  const slot = page + SLOTS + ((<usize>index) << 1);
  memory.copy(slot + 2, slot, (count - index) << 1);
  store<u16>(slot, <u16>heap);
  store<u16>(page, <u16>heap, HEAP);
  store<u16>(page, <u16>(count + 1), COUNT);
  const cell = page + heap;
  setCell(cell, tail, value);
  return cell;
}

export function dropCell(page: usize, index: i32): void {
  const count = countOf(page);
  const slot = page + SLOTS + ((<usize>index) << 1);
  const dead = cellBytes(cellAt(page, index)) + <i32>load<u16>(page, DEAD);
  store<u16>(page, <u16>dead, DEAD);
  memory.copy(slot, slot + 2, (count - index - 1) << 1);
  store<u16>(page, <u16>(count - 1), COUNT);
}

// ---- children of an INNER page: 0 is the first child, i + 1 stands in cell i

export function childAt(page: usize, child: i32): usize {
  return child === 0 ? page + FIRST_CHILD : valueAt(cellAt(page, child - 1));
}

export function childNumber(page: usize, child: i32): u32 {
  return load<u32>(childAt(page, child));
}

export function childGeneration(page: usize, child: i32): u32 {
  return load<u32>(childAt(page, child), 4);
}

export function setChild(page: usize, child: i32, number: u32, generation: u64): void {
  const at = childAt(page, child);
  store<u32>(at, number);
  store<u32>(at, <u32>generation, 4);
}

// ---- keys

/** memcmp order, the shorter first where one starts the other: < 0, 0, > 0. */
export function compare(a: usize, aBytes: i32, b: usize, bBytes: i32): i32 {
  let left = min(aBytes, bBytes);
  for (; left >= 8; left -= 8, a += 8, b += 8) {
    const x = load<u64>(a);
    const y = load<u64>(b);
    if (x !== y) return bswap(x) < bswap(y) ? -1 : 1;
  }
  for (; left > 0; left--, a++, b++) {
    const x = <i32>load<u8>(a);
    const y = <i32>load<u8>(b);
    if (x !== y) return x - y;
  }
  return aBytes - bBytes;
}

/** How many bytes two keys begin with alike. */
export function common(a: usize, aBytes: i32, b: usize, bBytes: i32): i32 {
  const most = min(aBytes, bBytes);
  let same = 0;
  while (same < most && load<u8>(a + same) === load<u8>(b + same)) same++;
  return same;
}

/** Writes the whole key of a cell and returns its length. */
export function keyInto(page: usize, index: i32, into: usize): i32 {
  const prefix = prefixBytes(page);
  const cell = cellAt(page, index);
  memory.copy(into, prefixAt(page), prefix);
  memory.copy(into + prefix, tailAt(cell), tailBytes(cell));
  return prefix + tailBytes(cell);
}

/** Compares the key of a cell with a key. */
export function compareCell(page: usize, index: i32, key: usize, bytes: i32): i32 {
  const prefix = prefixBytes(page);
  const order = compare(prefixAt(page), prefix, key, min(prefix, bytes));
  if (order !== 0 || bytes < prefix) return order === 0 ? 1 : order;
  const cell = cellAt(page, index);
  return compare(tailAt(cell), tailBytes(cell), key + prefix, bytes - prefix);
}

/** Whether the last seek() met its key, and whether the key begins with the page's prefix. */
export let isExact: bool = false;
export let isInPrefix: bool = false;

/** The first cell whose key is not below `key`; count when there is none. */
export function seek(page: usize, key: usize, bytes: i32): i32 {
  isExact = false;
  isInPrefix = false;
  let low = 0;
  let high = countOf(page);
  const prefix = prefixBytes(page);
  if (prefix > 0) {
    const order = compare(prefixAt(page), prefix, key, min(prefix, bytes));
    if (order < 0) return high;
    if (order > 0) return 0;
    key += prefix;
    bytes -= prefix;
  }
  isInPrefix = true;
  while (low < high) {
    const middle = (low + high) >> 1;
    const cell = cellAt(page, middle);
    const order = compare(tailAt(cell), tailBytes(cell), key, bytes);
    if (order === 0) {
      isExact = true;
      return middle;
    }
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child of an INNER page that a key belongs under. */
export function childFor(page: usize, key: usize, bytes: i32): i32 {
  const index = seek(page, key, bytes);
  return isExact ? index + 1 : index;
}
