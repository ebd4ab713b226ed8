// Making the file shorter: pages at its end move to free places before it, then the end is cut off.
//
//   shift   walks the tree; what stands at page `bound` or behind is written anew (as a change would) in the first
//           free place, until that is no better or enough was moved
//   tail    finds where the file may end: behind the last page that one of the two last roots reaches
//
// A shift changes no entry and no shape, so where its walk stands is a child's index a level, and each step begins at
// the root. Leaves are not read to be passed over: their parents say where they are. What a shift moved is committed
// as any change is; an I/O error leaves a whole tree, and the next shift begins anew.
//
// Cost: a way down a leaf, in inner pages; a page and its path written for each that moves.

import { bring, DONE, ease, want } from './cache';
import { NONE, pageAt, pin, unpinAll } from './cache-frames';
import { childGeneration, childNumber, countOf } from './page';
import { aimAt, aimRoot, child, childGen, childPage, goDown, level, own, startPath } from './tree-path';
import {
  generation,
  HEIGHT_MAX,
  height,
  mapCount,
  mapGeneration,
  nextGeneration,
  pageCount,
  rootGeneration,
  rootPage,
  setPageCount,
} from './tree-root';
import { bringMap, firstFree, hasLeft, MAP_PAGES, provide } from './tree-space';

// What the walk finds.
const NOWHERE: i32 = 0;
const HERE: i32 = 1;
/** `want` comes first. */
const AWAITED: i32 = 2;

/** Which child of a page comes next, for the pages on the way: by level, the leaves' parents at 1. */
const places = memory.data(HEIGHT_MAX * 4, 4);

let bound: u32 = 0;
let left: i32 = 0;
/** On the way down: gone on with, not begun anew, or a small cache would write the same page for ever. */
let isMoving: bool = false;
/** Leaves that the last shift moved. */
export let shifted: i32 = 0;

function place(above: i32): usize {
  return places + ((<usize>above) << 2);
}

/** Moves at most `most` leaves with what stands above them. */
export function startShift(from: u32, most: i32): void {
  bound = from;
  left = most;
  shifted = 0;
  isMoving = false;
  memory.fill(places, 0, HEIGHT_MAX * 4);
}

/** Goes on until nothing more can be moved (DONE), or `want` comes first. */
export function shift(): i32 {
  while (left > 0 && height() > 0) {
    if (!isMoving) {
      unpinAll();
      if (!provide() || !ease()) return want;
      const next = seekMisplaced();
      if (next === AWAITED) return want;
      if (next === NOWHERE || firstFree() >= bound) return DONE;
      startPath();
      aimRoot();
      isMoving = true;
    }
    if (!move()) return want;
    isMoving = false;
    left--;
    shifted++;
  }
  return DONE;
}

/** Leads the places on to the next way with a page to be moved. */
function seekMisplaced(): i32 {
  const root = height() - 1;
  while (true) {
    let page = rootPage();
    let gen = rootGeneration();
    let isFound = isMisplaced(page, gen);
    let at = root;
    for (; at > 0; at--) {
      const frame = bring(page, gen);
      if (frame === NONE) return AWAITED;
      const inner = pageAt(frame);
      const index = load<i32>(place(at));
      if (index > countOf(inner)) break;
      page = childNumber(inner, index);
      gen = childGeneration(inner, index);
      if (isMisplaced(page, gen)) isFound = true;
    }
    if (at === 0 && isFound) return HERE;
    if (at === root) return NOWHERE;
    memory.fill(places, 0, (at + 1) << 2);
    store<i32>(place(at + 1), load<i32>(place(at + 1)) + 1);
  }
}

function isMisplaced(page: u32, gen: u32): bool {
  return page >= bound && gen !== <u32>nextGeneration();
}

/** Makes the way that the places show part of the generation under way; false when `want` comes first. */
function move(): bool {
  while (true) {
    if (!provide() || !ease()) return false;
    const frame = bring(childPage, childGen);
    if (frame === NONE) return false;
    pin(frame);
    if (level === 0) {
      own(frame, child);
      return true;
    }
    goDown(frame);
    aimAt(load<i32>(place(level + 1)));
  }
}

/** Where the file may end, once tail() is DONE. */
export let tailPages: u32 = 0;

/** Right after a commit. DONE, or `want` comes first. */
export function tail(): i32 {
  tailPages = pageCount();
  const map = mapCount() - 1;
  if (map < 0 || mapGeneration(map) === <u32>nextGeneration()) return DONE;
  const frame = bringMap(map);
  if (frame === NONE) return want;
  // Freed by the last generation, a page is still reached by the root before it.
  const isYoung = mapGeneration(map) === <u32>generation();
  const first = <u32>map * MAP_PAGES;
  while (tailPages > first && hasLeft(pageAt(frame), tailPages - 1 - first, isYoung)) tailPages--;
  setPageCount(tailPages);
  return DONE;
}
