// The catalog's inner loops with nothing around them, over the project's own source: compiled by bench/loops.ts with
// the project's own flags, ships with nothing.

import {
  compare,
  empty,
  format,
  gapBytes,
  LEAF,
  openCell,
  seek,
  setPlace,
  tailAt,
} from '../../assembly/page';

// asc routes abort() there.
export { trapLine } from '../../assembly/trap';
export { compare };

/** Fills a page with keys of one size that stand one behind another in order, 60 bytes of value each: how many fit. */
export function fillPage(page: usize, keys: usize, bytes: i32, count: i32): i32 {
  format(page, LEAF, 2, 1);
  setPlace(page, 2, 1);
  empty(page, keys, 0);
  let index = 0;
  while (index < count && gapBytes(page) >= bytes + 65) {
    memory.copy(tailAt(openCell(page, index, bytes, 60)), keys + index * bytes, bytes);
    index++;
  }
  return index;
}

/** Looks each of the keys up in the page, and adds up where they were. */
export function searchAll(page: usize, keys: usize, bytes: i32, count: i32): i32 {
  let sum = 0;
  for (let index = 0; index < count; index++) sum += seek(page, keys + index * bytes, bytes);
  return sum;
}
