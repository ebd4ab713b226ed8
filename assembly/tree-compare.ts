// A sorted listing beside the catalog's entries of the same directory: only what differs comes out.
//
//   rows       a      b      d      e
//   entries    a             d'  x
//              same   NEW    DIFFERENT (d), then e: NEW, x: GONE
//
// The one part of the tree that knows what its keys and values mean: an entry's key and the start of its value, as
// agent/engine/keys.ts and entry.ts write them. A million unchanged files are compared without a call to the host.
//
// `seen` is the last key that was dealt with, row or entry. After each difference, and after each page that was
// asked for, the walk begins again behind it: so the host may change the tree in between.

import { ABSENT, DONE } from './cache';
import { pageAt } from './cache-frames';
import { cellAt, compare, compareCell, countOf, KEY_BYTES_MAX, keyInto, valueAt } from './page';
import {
  nameBytes,
  openRows,
  ROW_CTIME,
  ROW_INODE,
  ROW_KEY,
  ROW_MODE,
  ROW_MTIME,
  ROW_SIZE,
  rowAt,
} from './rows';
import { AFTER, find, finger, foundIndex, startFind } from './tree-find';

/** More to come: the row `comparedRow` is not as recorded; an entry that no row is for has its key in `seen`. */
export const DIFFERENT: i32 = 7;
export const GONE: i32 = 8;

/** A space's letter and a parent: keys.ts. */
const HEAD_BYTES: i32 = 5;
const ENTRIES: u8 = 0x65;

// Of an entry's flags, entry.ts.
const HAS_ID: i32 = 1;
const HAS_LOCAL: i32 = 2;
const HAS_SYNCED: i32 = 4;
const LOCAL_IS_SYNCED: i32 = 16;

const FILE: i32 = 1;
const DIRECTORY: i32 = 2;

const seen = memory.data(KEY_BYTES_MAX, 8);
let seenBytes: i32 = 0;
let row: i32 = 0;
let rowCount: i32 = 0;
let isEnd: bool = false;
let isAll: bool = false;
let isFinding: bool = false;

export let comparedRow: i32 = 0;

export function goneName(): usize {
  return seen + HEAD_BYTES;
}

export function goneNameBytes(): i32 {
  return seenBytes - HEAD_BYTES;
}

/** Begins with a directory: nothing of it was dealt with. */
export function startDirectory(parent: u32): void {
  store<u8>(seen, ENTRIES);
  store<u32>(seen, bswap(parent), 1);
  seenBytes = HEAD_BYTES;
  rowCount = 0;
  row = 0;
}

/** Goes on with the directory's next rows, sorted. `end`: there are no more; `all`: every row and entry differs. */
export function giveRows(at: usize, bytes: usize, count: i32, end: bool, all: bool): void {
  openRows(at, bytes);
  row = 0;
  rowCount = count;
  isEnd = end;
  isAll = all;
  for (let index = 0; index < count; index++) memory.copy(rowAt(index) + ROW_KEY, seen, HEAD_BYTES);
}

export function startComparing(): void {
  isFinding = false;
}

/** Goes on to the next difference (DIFFERENT, GONE), or until all rows are dealt with (DONE), or `want` comes first. */
export function compareRows(): i32 {
  while (true) {
    if (!isFinding) {
      if (row === rowCount && !isEnd) return DONE;
      startFind(seen, seenBytes, AFTER, false);
      isFinding = true;
    }
    const answer = find();
    if (answer !== DONE && answer !== ABSENT) return answer;
    isFinding = false;
    const leaf = answer === DONE ? pageAt(finger) : 0;
    const last = answer === DONE ? countOf(leaf) : 0;
    let index = foundIndex;
    let isLastLeaf = answer !== DONE;
    for (; index < last; index++) {
      const order = row < rowCount ? compareCell(leaf, index, keyOf(row), keyBytesOf(row)) : -1;
      if (order > 0) return differ();
      if (order < 0) {
        // Past the rows: an entry of this directory, or the first of what follows it.
        if (row === rowCount && (!isEnd || !isInside(leaf, index))) {
          isLastLeaf = true;
          break;
        }
        if (isAll || (load<u8>(valueAt(cellAt(leaf, index))) & HAS_LOCAL) !== 0) {
          seenBytes = keyInto(leaf, index, seen);
          return GONE;
        }
      } else {
        if (isAll || !isAsRecorded(valueAt(cellAt(leaf, index)), rowAt(row))) return differ();
        row++;
      }
    }
    if (isLastLeaf) {
      if (row < rowCount) return differ();
      if (isEnd || rowCount === 0) return DONE;
      see(rowCount - 1);
      return DONE;
    }
    if (last > 0) seenBytes = keyInto(leaf, last - 1, seen);
  }
}

function keyOf(index: i32): usize {
  return rowAt(index) + ROW_KEY;
}

function keyBytesOf(index: i32): i32 {
  return HEAD_BYTES + nameBytes(rowAt(index));
}

function see(index: i32): void {
  seenBytes = keyBytesOf(index);
  memory.copy(seen, keyOf(index), seenBytes);
}

function differ(): i32 {
  comparedRow = row;
  see(row);
  row++;
  return DIFFERENT;
}

const probe = memory.data(KEY_BYTES_MAX, 8);

/** Whether a cell's key is one of this directory. */
function isInside(leaf: usize, index: i32): bool {
  const bytes = keyInto(leaf, index, probe);
  return bytes >= HEAD_BYTES && compare(probe, HEAD_BYTES, seen, HEAD_BYTES) === 0;
}

// ---- an entry's bytes

let at: usize = 0;

function readUint(): u64 {
  let value: u64 = 0;
  let shift: u64 = 0;
  while (true) {
    const byte = <u64>load<u8>(at++);
    value |= (byte & 127) << shift;
    if (byte < 128) return value;
    shift += 7;
  }
}

function skipUint(): void {
  while (load<u8>(at++) >= 128) {}
}

function readInt(): i64 {
  const word = readUint();
  return (word & 1) !== 0 ? -(<i64>((word + 1) >> 1)) : <i64>(word >> 1);
}

/** looksLike() of entry.ts. */
function isAsRecorded(value: usize, seenRow: usize): bool {
  at = value + 1;
  const flags = <i32>load<u8>(value);
  if ((flags & HAS_LOCAL) === 0) return false;
  if ((flags & HAS_ID) !== 0) skipUint();
  let word: u64 = 0;
  let size: u64 = 0;
  let mtime: i64 = 0;
  if ((flags & HAS_SYNCED) !== 0) {
    word = readUint();
    size = readUint();
    mtime = readInt();
    at += 1 + <usize>load<u8>(at);
    skipUint();
    skipUint();
  }
  if ((flags & LOCAL_IS_SYNCED) === 0) {
    word = readUint();
    size = readUint();
    mtime = readInt();
    at += 1 + <usize>load<u8>(at);
    skipUint();
  }
  const ctime = mtime + readInt();
  const inode = readUint();
  const kind = <i32>(word & 3);
  const mode = <i32>(word >> 2);
  const both = <i32>load<u16>(seenRow, ROW_MODE);
  if (kind !== (both & 7) || <f64>inode !== load<f64>(seenRow, ROW_INODE)) return false;
  if (<f64>ctime !== load<f64>(seenRow, ROW_CTIME)) return false;
  const isSameMode = mode === both >> 3;
  if (kind === DIRECTORY) return isSameMode;
  if (<f64>mtime !== load<f64>(seenRow, ROW_MTIME)) return false;
  return kind !== FILE || (isSameMode && <f64>size === load<f64>(seenRow, ROW_SIZE));
}
