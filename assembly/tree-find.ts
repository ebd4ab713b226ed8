// Looking: the entry of a key, the one after it, the one before it.
//
// A descent holds one page at a time and remembers the nearest child beside its way; when the leaf it ends in has
// nothing on the wanted side, the neighbour's edge has. So two descents at most, and any cache will do.
//
// A leaf that was hit last is tried first (the finger): if the key lies between its first and last, no other leaf
// can hold it. Nothing needs to tell the finger of changes, because a frame that is ready and a leaf is a leaf of
// the tree as it is now: a page that is freed leaves its frame at once. A walk by next() descends once a leaf.

import { ABSENT, bring, DONE, want } from './cache';
import { isReady, NONE, pageAt } from './cache-frames';
import {
  cellAt,
  childFor,
  childGeneration,
  childNumber,
  compareCell,
  countOf,
  isExact,
  keyInto,
  kindOf,
  LEAF,
  seek,
  valueAt,
  valueBytes,
} from './page';
import { height, rootGeneration, rootPage } from './tree-root';

// Which way to look when the key itself will not do.
export const HERE: i32 = 0;
export const AFTER: i32 = 1;
export const BEFORE: i32 = -1;

let way: i32 = HERE;
let isInclusive: bool = false;
let page: u32 = 0;
let gen: u32 = 0;
let level: i32 = 0;
/** The nearest child beside the way down, its level, and whether there is one. */
let besidePage: u32 = 0;
let besideGen: u32 = 0;
let besideLevel: i32 = NONE;
/** Past the leaf of the key: going down the neighbour's edge. */
let isBeside: bool = false;

let keyAt: usize = 0;
let keyBytes: i32 = 0;

/** The leaf of the last hit. */
export let finger: i32 = NONE;
/** Its cell that was hit. */
export let foundIndex: i32 = 0;
/** Where a found entry's value stands. */
export let foundValue: usize = 0;
export let foundValueBytes: i32 = 0;
/** The key of a found neighbour. */
export let foundKey: usize = 0;
export let foundKeyBytes: i32 = 0;

/** `into` has room for a key. */
export function openFind(into: usize): void {
  foundKey = into;
  finger = NONE;
}

export function setFinger(frame: i32): void {
  finger = frame;
}

/** Whether the finger's leaf is the one that the key belongs in, whatever stands above it. */
export function isUnderFinger(key: usize, bytes: i32): bool {
  if (finger === NONE || !isReady(finger)) return false;
  const leaf = pageAt(finger);
  if (kindOf(leaf) !== LEAF) return false;
  const count = countOf(leaf);
  return count > 0 && compareCell(leaf, 0, key, bytes) <= 0 && compareCell(leaf, count - 1, key, bytes) >= 0;
}

export function startFind(key: usize, bytes: i32, direction: i32, inclusive: bool): void {
  keyAt = key;
  keyBytes = bytes;
  way = direction;
  isInclusive = inclusive;
  page = rootPage();
  gen = rootGeneration();
  level = height() - 1;
  besideLevel = NONE;
  isBeside = false;
}

/** Goes on until the entry is found (DONE), is not there (ABSENT) or `want` comes first. */
export function find(): i32 {
  if (level < 0) return ABSENT;
  if (level === height() - 1 && !isBeside && isUnderFinger(keyAt, keyBytes)) {
    const index = choose(pageAt(finger));
    if (index !== NONE) return found(finger, index);
    if (way === HERE) return ABSENT;
  }
  while (true) {
    const frame = bring(page, gen);
    if (frame === NONE) return want;
    const at = pageAt(frame);
    if (level === 0) {
      const index = choose(at);
      if (index !== NONE) return found(frame, index);
      if (way === HERE || besideLevel === NONE) return ABSENT;
      page = besidePage;
      gen = besideGen;
      level = besideLevel;
      besideLevel = NONE;
      isBeside = true;
    } else {
      const last = countOf(at);
      const child = !isBeside ? childFor(at, keyAt, keyBytes) : way === AFTER ? 0 : last;
      const beside = child + way;
      if (way !== HERE && beside >= 0 && beside <= last) {
        besidePage = childNumber(at, beside);
        besideGen = childGeneration(at, beside);
        besideLevel = level - 1;
      }
      page = childNumber(at, child);
      gen = childGeneration(at, child);
      level--;
    }
  }
}

/** The cell of a leaf that is the answer, or NONE. */
function choose(leaf: usize): i32 {
  const index = seek(leaf, keyAt, keyBytes);
  let answer = index;
  if (isExact && (way === HERE || isInclusive)) answer = index;
  else if (way === AFTER) answer = isExact ? index + 1 : index;
  else if (way === BEFORE) answer = index - 1;
  else return NONE;
  return answer < countOf(leaf) ? answer : NONE;
}

function found(frame: i32, index: i32): i32 {
  finger = frame;
  foundIndex = index;
  const leaf = pageAt(frame);
  const cell = cellAt(leaf, index);
  foundValue = valueAt(cell);
  foundValueBytes = valueBytes(cell);
  if (way !== HERE) foundKeyBytes = keyInto(leaf, index, foundKey);
  return DONE;
}
