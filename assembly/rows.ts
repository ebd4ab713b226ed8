// Rows: what a listing found in one directory, a name and what lstat says of it, as the host wrote them.
//
//     0      8       16      24      32           34   35       40
//   +------+-------+-------+-------+-----------+----+--------+------+
//   | size | mtime | ctime | inode | mode, kind | n  | parent | name |  to a multiple of 8
//   +------+-------+-------+-------+-----------+----+--------+------+
//     f64, microseconds and counts    u16, mode * 8 + kind
//
//   table  ... | offset of row 2 | offset of row 1 | offset of row 0 |   u32 each, ends where the rows' memory ends
//
// `parent` is the room for the 5 bytes that make a catalog key of the name. rowsSort() puts the table in the names'
// order, by a heap: n log n at most, and no memory.

import { compare } from './page';

export const ROW_SIZE: usize = 0;
export const ROW_MTIME: usize = 8;
export const ROW_CTIME: usize = 16;
export const ROW_INODE: usize = 24;
export const ROW_MODE: usize = 32;
const ROW_NAME_BYTES: usize = 34;
export const ROW_KEY: usize = 35;
const ROW_NAME: usize = 40;

let base: usize = 0;
let tableEnd: usize = 0;

export function openRows(at: usize, bytes: usize): void {
  base = at;
  tableEnd = at + bytes;
}

function slot(index: i32): usize {
  return tableEnd - ((<usize>(index + 1)) << 2);
}

export function rowAt(index: i32): usize {
  return base + load<u32>(slot(index));
}

export function nameBytes(row: usize): i32 {
  return load<u8>(row, ROW_NAME_BYTES);
}

function isBelow(a: u32, b: u32): bool {
  const x = base + a;
  const y = base + b;
  return compare(x + ROW_NAME, nameBytes(x), y + ROW_NAME, nameBytes(y)) < 0;
}

/** Puts the first `count` rows in the order of their names. */
export function rowsSort(at: usize, bytes: usize, count: i32): void {
  openRows(at, bytes);
  for (let root = (count >> 1) - 1; root >= 0; root--) sink(root, count);
  for (let end = count - 1; end > 0; end--) {
    const largest = load<u32>(slot(0));
    store<u32>(slot(0), load<u32>(slot(end)));
    store<u32>(slot(end), largest);
    sink(0, end);
  }
}

function sink(from: i32, count: i32): void {
  const row = load<u32>(slot(from));
  let at = from;
  while (true) {
    let child = 2 * at + 1;
    if (child >= count) break;
    if (child + 1 < count && isBelow(load<u32>(slot(child)), load<u32>(slot(child + 1)))) child++;
    if (!isBelow(row, load<u32>(slot(child)))) break;
    store<u32>(slot(at), load<u32>(slot(child)));
    at = child;
  }
  store<u32>(slot(at), row);
}
