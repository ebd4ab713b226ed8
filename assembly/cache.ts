// The catalog's pages that are in memory: what an operation needs is brought, what was used least is given up.
//
//            bring                    settle, all checks passed
//   EMPTY ----------> LOADING --------------------------------> READY, clean --- mark --> READY, dirty
//     ^                  |  I/O failed, or damaged               |      ^                      |
//     +------------------+                                       |      +---- settle a write --+
//     +------------------------- evict, drop --------------------+
//
// The module does no I/O. What it lacks it says: bring() answers NONE, `want` says what is needed and
// `wantedPage` and `wantedAt` where; the host does it and calls the operation again after settle(). If the host's
// I/O fails it does not: the next operation begins with forget(), and no frame is half anything.
//
// A dirty page may leave at any time, by being written to its own place: copy-on-write has given it a number that
// no durable root reaches. Pins (cache-frames.ts) hold a few pages during one operation.
//
// Invariants, checked by checkCache() with those of the frames:
//   3. Between operations nothing is LOADING that the host was not asked to read.

import {
  checkFrames,
  dirtyCount,
  drop,
  find,
  frameCount,
  freeCount,
  isDirty,
  isLoading,
  isPinned,
  isReady,
  isRecent,
  LOADING,
  mark,
  NONE,
  openFrames,
  pageAt,
  READY,
  setClean,
  setReady,
  setRecent,
  take,
  unpinAll,
} from './cache-frames';
import { generationOf, numberOf, PAGE_BYTES, setSum, sumOf } from './page';
import { sum } from './page-sum';

// What an operation answers.
export const ABSENT: i32 = 0;
export const DONE: i32 = 1;
/** Read page `wantedPage` to `wantedAt`, settle, go on. */
export const NEED_PAGE: i32 = 2;
/** Write `wantedAt` to page `wantedPage`, settle, go on. */
export const NEED_WRITE: i32 = 3;
/** Make all that was written durable, settle, go on. */
export const NEED_SYNC: i32 = 4;
/** Page `wantedPage` is not what was written there: `damage` says why. */
export const DAMAGED: i32 = 5;
/** The file has all the pages that a root page can account for. */
export const FULL: i32 = 6;

// Why a page is refused.
export const BAD_SUM: i32 = 1;
export const BAD_NUMBER: i32 = 2;
export const BAD_GENERATION: i32 = 3;

/** What one step may dirty, a page and two new ones, and two frames to read with. */
const CLEAN_MIN: i32 = 3 + 2;

/** CLOCK's hand, and where the last page was found that had to be written. */
let hand: i32 = 0;
let sweep: i32 = 0;
let wantedFrame: i32 = NONE;
let wantedGeneration: u32 = 0;
let isGentle: bool = false;

export let want: i32 = DONE;
export let wantedPage: u32 = 0;
export let wantedAt: usize = 0;
export let damage: i32 = 0;
export let hits: u32 = 0;
export let misses: u32 = 0;
export let evictions: u32 = 0;
export let pagesWritten: u32 = 0;

/** Takes what fits `bytes`, at most `most` frames. */
export function openCache(at: usize, bytes: i32, most: i32): void {
  openFrames(at, bytes, most);
  hand = 0;
  sweep = 0;
  hits = 0;
  misses = 0;
  evictions = 0;
  pagesWritten = 0;
  wantedFrame = NONE;
  want = DONE;
}

// ---- operations

/** Begins an operation: what an earlier one left behind is forgotten. A gentle one (it only reads) gives up clean
 * pages as long as there are any, so that a full disk does not stop it. */
export function forget(gentle: bool): void {
  isGentle = gentle;
  if (wantedFrame !== NONE && isLoading(wantedFrame)) drop(wantedFrame);
  wantedFrame = NONE;
  unpinAll();
}

/** The host did what `want` says. Answers whether the operation may go on; if not, the page is damaged. */
export function settle(): bool {
  const frame = wantedFrame;
  wantedFrame = NONE;
  if (frame === NONE) return true;
  if (want === NEED_WRITE) {
    setClean(frame);
    pagesWritten++;
    return true;
  }
  const page = pageAt(frame);
  damage = 0;
  if (sumOf(page) !== pageSum(page)) damage = BAD_SUM;
  else if (numberOf(page) !== wantedPage) damage = BAD_NUMBER;
  else if (<u32>generationOf(page) !== wantedGeneration) damage = BAD_GENERATION;
  if (damage !== 0) {
    drop(frame);
    want = DAMAGED;
    return false;
  }
  setReady(frame);
  return true;
}

function pageSum(page: usize): u64 {
  return sum(page + 8, PAGE_BYTES - 8, 0);
}

/** Asks for something that is not about a frame. */
export function ask(status: i32, page: u32, at: usize): void {
  want = status;
  wantedPage = page;
  wantedAt = at;
  wantedFrame = NONE;
}

// ---- pages

/** The frame that holds a page, whose parent knows the low half of its generation; NONE when `want` comes first. */
export function bring(page: u32, generation: u32): i32 {
  let frame = find(page);
  if (frame !== NONE) {
    hits++;
    setRecent(frame, true);
    return frame;
  }
  if (!spare(1)) return NONE;
  misses++;
  frame = take(page, LOADING);
  ask(NEED_PAGE, page, pageAt(frame));
  wantedFrame = frame;
  wantedGeneration = generation;
  return NONE;
}

/** Makes sure of `count` free frames; false when `want` comes first. */
export function spare(count: i32): bool {
  while (freeCount < count) {
    const frame = victim();
    if (frame === NONE) return false;
    drop(frame);
    evictions++;
  }
  return true;
}

/** A free frame (spare() made sure of it) for a page that is yet to be written. Dirty. */
export function plant(page: u32): i32 {
  const frame = take(page, READY);
  mark(frame);
  return frame;
}

/** Asks for the next dirty page to be written; false when there is none. */
export function writeNext(): bool {
  if (dirtyCount === 0) return false;
  while (!isDirty(sweep)) sweep = after(sweep);
  askWrite(sweep);
  return true;
}

/** Whether enough frames are clean for a change to begin. */
export function isEased(): bool {
  return dirtyCount <= frameCount - max(frameCount >> 2, CLEAN_MIN);
}

/** Before a change: writes dirty pages until a quarter of the frames is clean; false when `want` comes first. So a
 * disk that is full stops changes before it stops reading. */
export function ease(): bool {
  return isEased() || !writeNext();
}

function askWrite(frame: i32): void {
  const page = pageAt(frame);
  setSum(page, pageSum(page));
  ask(NEED_WRITE, numberOf(page), page);
  wantedFrame = frame;
}

function after(frame: i32): i32 {
  return frame + 1 === frameCount ? 0 : frame + 1;
}

/** CLOCK, which passes over dirty pages at first: writing one costs more than reading one. NONE when a write comes
 * first; the hand stays there, and finds the page clean. */
function victim(): i32 {
  const isClean = isGentle || isEased();
  for (let turn = 0; turn < 4 * frameCount; turn++) {
    const frame = hand;
    const isPassed = isClean && turn < 2 * frameCount && isDirty(frame);
    if (isReady(frame) && !isPinned(frame) && !isPassed) {
      if (isRecent(frame)) setRecent(frame, false);
      else if (!isDirty(frame)) return frame;
      else {
        askWrite(frame);
        return NONE;
      }
    }
    hand = after(hand);
  }
  // More pages pinned than FRAMES_MIN allows for.
  unreachable();
  return NONE;
}

/** 0, or the number of the first invariant that does not hold. Walks all frames. */
export function checkCache(): i32 {
  for (let frame = 0; frame < frameCount; frame++) if (isLoading(frame) && frame !== wantedFrame) return 3;
  return checkFrames();
}
