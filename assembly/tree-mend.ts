// Keeping pages neither too full nor too empty, on the way down.
//
//   widen      an inner page without room for one more separator is divided: below it anything may divide
//   mend       a page and its neighbour become one, or share what they have
//
// Both need the parent to have room for a separator, and get it: the step before has seen to that.

import { bring } from './cache';
import { mark, NONE, pageAt, pin } from './cache-frames';
import {
  CHILD_BYTES,
  cellAt,
  childAt,
  childGeneration,
  childNumber,
  countOf,
  dropCell,
  INNER,
  kindOf,
  numberOf,
  ROOM_BYTES,
  setChild,
  tailAt,
  tailBytes,
  usedBytes,
} from './page';
import {
  divide,
  gathered,
  gatheredValue,
  gatherLoose,
  gatherPage,
  insertSeparator,
  pack,
  rangeBytes,
  separator,
  startGather,
} from './page-pack';
import { attach, child, detach, discard, own, parent, plantPage } from './tree-path';
import { nextGeneration } from './tree-root';

/** Under 40 % full a page looks for a neighbour. */
export const LOW_BYTES: i32 = (ROOM_BYTES * 2) / 5;
/** Merged pages keep a tenth free, so that the next put does not divide them again. Above that two inner pages that
 * share have at least (0.9 * 4056 - 285) / 2 = 1682 bytes each, which is more than LOW_BYTES. */
const MERGED_BYTES_MAX: i32 = (ROOM_BYTES * 9) / 10;
/** Leaves share only if the emptier one gains this much: what they hold may not divide better. */
const GAIN_BYTES: i32 = ROOM_BYTES / 8;

/** Divides the inner page in `frame`. Two spare frames are there. */
export function widen(frame: i32): void {
  own(frame, child);
  const page = pageAt(frame);
  startGather();
  gatherPage(page, 0, -1);
  const n = gathered;
  // At the tree's right edge the left half stays nearly full: pages are filled in rising order there.
  const cut = divide(isLastWay() ? n - 2 : 0);
  const right = plantPage(INNER);
  fillBoth(frame, right, cut, n);
  separator(cut);
  attach(frame, right);
}

function isLastWay(): bool {
  return parent === NONE || child === countOf(pageAt(parent));
}

/** [0, cut) to the left page, (cut, n) to the right one, whose first child is that of the cell between. */
function fillBoth(left: i32, right: i32, cut: i32, n: i32): void {
  const middle = gatheredValue(cut);
  const to = pageAt(right);
  setChild(to, 0, load<u32>(middle), <u64>load<u32>(middle, 4));
  pack(pageAt(left), 0, cut);
  pack(to, cut + 1, n);
}

/** The frame of the child's neighbour, the left one if there is one; NONE when `want` comes first. Pinned. */
export function bringBeside(): i32 {
  const page = pageAt(parent);
  const index = child > 0 ? child - 1 : 1;
  const frame = bring(childNumber(page, index), childGeneration(page, index));
  if (frame !== NONE) pin(frame);
  return frame;
}

/** Merges the child in `frame` with the neighbour in `beside`, or lets them share; leaves them if nothing is won.
 * A merge takes one child from the parent, and the parent from a root with no other. */
export function mend(frame: i32, beside: i32): void {
  const index = child > 0 ? child - 1 : 0;
  const left = child > 0 ? beside : frame;
  const right = child > 0 ? frame : beside;
  const isInner = kindOf(pageAt(frame)) === INNER;
  gatherBoth(pageAt(left), pageAt(right), index, isInner);
  const n = gathered;
  const bytes = rangeBytes(0, n);
  const isEmpty = !isInner && countOf(pageAt(frame)) === 0;
  if (bytes <= MERGED_BYTES_MAX || isEmpty) {
    own(left, index);
    pack(pageAt(left), 0, n);
    discard(right);
    detach(index);
    return;
  }
  const cut = divide(0);
  if (!isInner && !isWorth(frame, cut, n)) return;
  spread(left, right, index, cut);
}

/** Gives two neighbours what is gathered, cut in two; `index` is the parent's cell between them. */
export function spread(left: i32, right: i32, index: i32, cut: i32): void {
  const n = gathered;
  own(left, index);
  own(right, index + 1);
  if (kindOf(pageAt(left)) === INNER) fillBoth(left, right, cut, n);
  else {
    pack(pageAt(left), 0, cut);
    pack(pageAt(right), cut, n);
  }
  separator(cut);
  const above = pageAt(parent);
  dropCell(above, index);
  insertSeparator(above, index, numberOf(pageAt(right)), nextGeneration());
  mark(parent);
}

function gatherBoth(left: usize, right: usize, index: i32, isInner: bool): void {
  startGather();
  gatherPage(left, 0, -1);
  if (isInner) {
    const cell = cellAt(pageAt(parent), index);
    gatherLoose(0, gathered, tailAt(cell), tailBytes(cell), childAt(right, 0), CHILD_BYTES);
  }
  gatherPage(right, 1, -1);
}

function isWorth(frame: i32, cut: i32, n: i32): bool {
  const emptier = min(rangeBytes(0, cut), rangeBytes(cut, n));
  return emptier >= usedBytes(pageAt(frame)) + GAIN_BYTES;
}
