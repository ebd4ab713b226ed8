// The way down of an operation that changes the tree: the parent, the child that comes next, and what both go
// through when pages get new numbers, neighbours and roots.
//
// Invariant: the parent is NONE (the child is the root), or it is owned and pinned.

import { plant } from './cache';
import { drop, mark, NONE, pageAt, pin, rename, unpin } from './cache-frames';
import {
  childFor,
  childGeneration,
  childNumber,
  countOf,
  dropCell,
  format,
  generationOf,
  INNER,
  numberOf,
  setChild,
  setPlace,
} from './page';
import { insertSeparator } from './page-pack';
import { height, nextGeneration, rootGeneration, rootPage, setHeight, setRoot } from './tree-root';
import { freePage, takePage } from './tree-space';

/** The frame above. */
export let parent: i32 = NONE;
/** Which of its children comes next, that one's page, the low half of its generation, its level (0: a leaf). */
export let child: i32 = 0;
export let childPage: u32 = 0;
export let childGen: u32 = 0;
export let level: i32 = 0;

export function startPath(): void {
  parent = NONE;
}

/** Finds the child of the parent, or the root, that a key belongs under. */
export function aim(key: usize, bytes: i32): void {
  if (parent === NONE) aimRoot();
  else aimAt(childFor(pageAt(parent), key, bytes));
}

export function aimRoot(): void {
  child = 0;
  childPage = rootPage();
  childGen = rootGeneration();
  level = height() - 1;
}

export function aimAt(index: i32): void {
  const page = pageAt(parent);
  child = index;
  childPage = childNumber(page, index);
  childGen = childGeneration(page, index);
}

/** The child becomes the parent. */
export function goDown(frame: i32): void {
  own(frame, child);
  unpin(parent);
  parent = frame;
  level--;
}

/** Makes a page part of the generation under way. `index` says which child of the parent it is. */
export function own(frame: i32, index: i32): void {
  const page = pageAt(frame);
  const next = nextGeneration();
  if (generationOf(page) !== next) {
    const number = takePage();
    freePage(numberOf(page), generationOf(page));
    rename(frame, number);
    setPlace(page, number, next);
    if (parent === NONE) setRoot(number, next);
    else {
      setChild(pageAt(parent), index, number, next);
      mark(parent);
    }
  }
  mark(frame);
}

/** An empty page in a frame of its own; spare() has made room. */
export function plantPage(kind: i32): i32 {
  const number = takePage();
  const frame = plant(number);
  format(pageAt(frame), kind, number, nextGeneration());
  return frame;
}

/** The first leaf of a tree without one. */
export function plantFirst(kind: i32): void {
  setRoot(numberOf(pageAt(plantPage(kind))), nextGeneration());
  setHeight(1);
}

/** Puts `right` beside the child, which is in `frame`, divided by the separator that is kept. A root gets a root
 * above it. */
export function attach(frame: i32, right: i32): void {
  const next = nextGeneration();
  if (parent === NONE) {
    parent = plantPage(INNER);
    pin(parent);
    const root = pageAt(parent);
    setChild(root, 0, numberOf(pageAt(frame)), next);
    setRoot(numberOf(root), next);
    setHeight(height() + 1);
    child = 0;
  }
  insertSeparator(pageAt(parent), child, numberOf(pageAt(right)), next);
  mark(parent);
}

/** Takes the child right of cell `index` out of the parent. A root with one child left gives way to it. */
export function detach(index: i32): void {
  const page = pageAt(parent);
  dropCell(page, index);
  mark(parent);
  if (height() - 2 !== level || countOf(page) > 0) return;
  setRoot(childNumber(page, 0), nextGeneration());
  setHeight(height() - 1);
  discard(parent);
  parent = NONE;
}

/** Gives up a page with its frame. */
export function discard(frame: i32): void {
  const page = pageAt(frame);
  freePage(numberOf(page), generationOf(page));
  drop(frame);
}
