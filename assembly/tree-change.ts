// Putting and removing: one descent from the root, one level a step, each step whole.
//
// A step brings into memory all pages that it touches, pinned, before it writes the first; what is missing is
// asked for and the step begins again. After each step the tree is a tree with the same entries, so an operation
// that ends in an I/O error between two steps has done nothing that could be seen.
//
// Invariants on the way down:
//   1. The parent is owned, pinned, and has room for a separator.
//   2. When removing, an inner page that is LOW is mended before the descent goes through it, so it can lose a
//      child: every inner page keeps a cell at least, every leaf but the root an entry.
//   3. Pinned at most: parent, child, one beside it, a page of the map. A mended step uses no spare frame.
//
// A put whose key lies inside the leaf of the last hit skips the descent if that leaf is owned and has the room.

import { bring, DONE, ease, FULL, isEased, spare, want } from './cache';
import { mark, NONE, pageAt, pin, unpin } from './cache-frames';
import {
  CELL_BYTES,
  cellAt,
  cellBytes,
  countOf,
  dropCell,
  freeBytes,
  gapBytes,
  generationOf,
  isExact,
  isInPrefix,
  LEAF,
  numberOf,
  openCell,
  prefixBytes,
  ROOM_BYTES,
  SEPARATOR_BYTES_MAX,
  seek,
  tailAt,
  usedBytes,
  valueAt,
  valueBytes,
} from './page';
import {
  divide,
  divideLate,
  gathered,
  gatherLoose,
  gatherPage,
  pack,
  rangeBytes,
  separator,
  startGather,
  tryDivide,
} from './page-pack';
import { finger, isUnderFinger, setFinger } from './tree-find';
import { bringBeside, LOW_BYTES, mend, spread, widen } from './tree-mend';
import {
  aim,
  attach,
  child,
  childGen,
  childPage,
  goDown,
  level,
  own,
  parent,
  plantFirst,
  plantPage,
  startPath,
} from './tree-path';
import { addEntries, HEIGHT_MAX, height, nextGeneration } from './tree-root';
import { provide } from './tree-space';

/** What either of two leaves may hold after they shared a put: the sixteenth that is left spares the next ones it. */
const SHARED_BYTES_MAX: i32 = (ROOM_BYTES / 16) * 15;

let key: usize = 0;
let keyBytes: i32 = 0;
let value: usize = 0;
let size: i32 = 0;
let isRemoving: bool = false;
/** One mending a level: it leaves the page as good as it gets. */
let isMended: bool = false;

/**
 * Where the last puts went, two for each first byte of a key: the next place of the same page continues a rising run.
 * The catalog's spaces rise side by side (a scan writes an entry, then that it waits), in one of them reading and
 * verdicts follow each other at a distance, and none should end another's run.
 */
const RUNS: i32 = 16;
const RUN_BYTES: usize = 8;
const runs = memory.data(RUNS * 2 * 8, 4);

function runAt(which: i32): usize {
  return runs + <usize>((<i32>load<u8>(key) & (RUNS - 1)) * 2 + which) * RUN_BYTES;
}

/** Which run a place continues, NONE if it is neither. */
function runOf(leaf: usize, index: i32): i32 {
  for (let which = 0; which < 2; which++) {
    const run = runAt(which);
    if (load<u32>(run) === numberOf(leaf) && load<i32>(run, 4) === index - 1) return which;
  }
  return NONE;
}

export function startPut(keyAt: usize, keyLength: i32, valueAt: usize, valueLength: i32): void {
  key = keyAt;
  keyBytes = keyLength;
  value = valueAt;
  size = valueLength;
  isRemoving = false;
  start();
}

/** The key must be in the tree. */
export function startRemove(keyAt: usize, keyLength: i32): void {
  key = keyAt;
  keyBytes = keyLength;
  isRemoving = true;
  start();
}

function start(): void {
  isMended = false;
  startPath();
  aim(key, keyBytes);
}

/** Goes on until the change is made (DONE), or `want` comes first. */
export function change(): i32 {
  if (!isRemoving && parent === NONE && isEased() && putUnderFinger()) return DONE;
  while (true) {
    if (!provide() || !ease()) return want;
    if (height() === 0) {
      if (!spare(1)) return want;
      plantFirst(LEAF);
      aim(key, keyBytes);
    }
    const frame = bring(childPage, childGen);
    if (frame === NONE) return want;
    pin(frame);
    if (level === 0) return isRemoving ? removeFrom(frame) : putInto(frame);
    const page = pageAt(frame);
    if (freeBytes(page) < SEPARATOR_BYTES_MAX) {
      if (height() === HEIGHT_MAX) return FULL;
      if (!spare(2)) return want;
      widen(frame);
      unpin(frame);
    } else if (isRemoving && parent !== NONE && !isMended && usedBytes(page) < LOW_BYTES) {
      const beside = bringBeside();
      if (beside === NONE) return want;
      mend(frame, beside);
      isMended = true;
      unpin(frame);
      unpin(beside);
    } else {
      goDown(frame);
      isMended = false;
    }
    aim(key, keyBytes);
  }
}

// ---- put

function putUnderFinger(): bool {
  if (!isUnderFinger(key, keyBytes)) return false;
  const leaf = pageAt(finger);
  return generationOf(leaf) === nextGeneration() && putInPlace(finger, seek(leaf, key, keyBytes));
}

/** Puts without moving other cells, if the leaf allows it. Not owned yet, it is owned only then. */
function putInPlace(frame: i32, index: i32): bool {
  const leaf = pageAt(frame);
  const isThere = isExact;
  if (isThere && valueBytes(cellAt(leaf, index)) === size) {
    ownLeaf(frame);
    memory.copy(valueAt(cellAt(leaf, index)), value, size);
    return true;
  }
  const prefix = prefixBytes(leaf);
  const tail = keyBytes - prefix;
  const slot = isThere ? 2 : 0;
  if (!isInPrefix || gapBytes(leaf) + slot < CELL_BYTES + tail + size) return false;
  ownLeaf(frame);
  if (isThere) dropCell(leaf, index);
  const cell = openCell(leaf, index, tail, size);
  memory.copy(tailAt(cell), key + prefix, tail);
  memory.copy(valueAt(cell), value, size);
  wasPut(frame, index, isThere);
  return true;
}

/** Under the finger the leaf is owned already, and the path may not lead to it. */
function ownLeaf(frame: i32): void {
  if (generationOf(pageAt(frame)) !== nextGeneration()) own(frame, child);
  else mark(frame);
}

function wasPut(frame: i32, index: i32, wasThere: bool): void {
  if (!wasThere) addEntries(1);
  const leaf = pageAt(frame);
  const isFirst = runOf(leaf, index) === 0;
  // What continues neither takes the place of the older.
  if (!isFirst) memory.copy(runAt(1), runAt(0), RUN_BYTES);
  store<u32>(runAt(0), numberOf(leaf));
  store<i32>(runAt(0), index, 4);
  setFinger(frame);
}

function putInto(frame: i32): i32 {
  const leaf = pageAt(frame);
  const index = seek(leaf, key, keyBytes);
  const isThere = isExact;
  if (putInPlace(frame, index)) return DONE;
  startGather();
  gatherPage(leaf, 0, isThere ? index : -1);
  gatherLoose(0, index, key, keyBytes, value, size);
  const n = gathered;
  if (rangeBytes(0, n) <= ROOM_BYTES) {
    own(frame, child);
    pack(leaf, 0, n);
    wasPut(frame, index, isThere);
    return DONE;
  }
  if (parent === NONE && height() === HEIGHT_MAX) return FULL;
  // A rising run leaves full pages behind: the new cell begins the right one. Where others stand behind it, those
  // go first: a page of neighbours alone has a longer prefix.
  const isRun = index === 0 || runOf(leaf, index) !== NONE;
  const isRising = !isThere && index > 0 && (isRun || isLast(index, n));
  if (!isRising && parent !== NONE) {
    const beside = bringBeside();
    if (beside === NONE) return want;
    if (putBeside(frame, beside, index, isThere, isRun)) return DONE;
    unpin(beside);
    startGather();
    gatherPage(leaf, 0, isThere ? index : -1);
    gatherLoose(0, index, key, keyBytes, value, size);
  }
  if (!spare(2)) return want;
  own(frame, child);
  const cut = divide(!isRising ? 0 : index < n - 1 ? index + 1 : index);
  const right = plantPage(LEAF);
  pack(leaf, 0, cut);
  pack(pageAt(right), cut, n);
  separator(cut);
  attach(frame, right);
  if (index < cut) wasPut(frame, index, isThere);
  else wasPut(right, index - cut, isThere);
  return DONE;
}

/** Puts into a full leaf and its neighbour together, if both then have room to grow: pages are more than four fifths
 * full so, not two thirds. A run leaves the left one full behind. */
function putBeside(frame: i32, beside: i32, index: i32, isThere: bool, isRun: bool): bool {
  const isRight = child > 0;
  const left = isRight ? beside : frame;
  const right = isRight ? frame : beside;
  const place = isRight ? countOf(pageAt(left)) + index : index;
  startGather();
  gatherPage(pageAt(left), 0, !isRight && isThere ? index : -1);
  gatherPage(pageAt(right), 1, isRight && isThere ? index : -1);
  gatherLoose(0, place, key, keyBytes, value, size);
  const cut = isRight && isRun ? divideLate(SHARED_BYTES_MAX) : tryDivide(0, SHARED_BYTES_MAX);
  if (cut === 0) return false;
  spread(left, right, isRight ? child - 1 : child, cut);
  if (place < cut) wasPut(left, place, isThere);
  else wasPut(right, place - cut, isThere);
  return true;
}

/** Whether the new cell is the last of the whole tree. */
function isLast(index: i32, n: i32): bool {
  return index === n - 1 && (parent === NONE || child === countOf(pageAt(parent)));
}

// ---- remove

function removeFrom(frame: i32): i32 {
  const leaf = pageAt(frame);
  const index = seek(leaf, key, keyBytes);
  assert(isExact);
  const left = usedBytes(leaf) - cellBytes(cellAt(leaf, index)) - 2;
  let beside = NONE;
  if (parent !== NONE && left < LOW_BYTES) {
    beside = bringBeside();
    if (beside === NONE) return want;
  }
  own(frame, child);
  dropCell(leaf, index);
  addEntries(-1);
  if (beside !== NONE) mend(frame, beside);
  return DONE;
}
