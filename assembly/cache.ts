// The catalog's pages that are in memory: frames of 4 KiB, found by page number, given up by CLOCK.
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
// no durable root reaches. Pins hold a few pages during one operation: at most PINNED_MAX.
//
// Invariants, checked by checkCache():
//   1. READY and LOADING frames are in the chain of their number, one frame a number; EMPTY ones in the free list.
//   2. dirtyCount is the number of dirty frames; only READY ones are dirty.
//   3. Between operations nothing is LOADING that the host is not reading.

import { generationOf, numberOf, PAGE_BYTES, setSum, sumOf } from './page';
import { sum } from './page-sum';

export const NONE: i32 = -1;

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

const EMPTY: u8 = 0;
const LOADING: u8 = 1;
const READY: u8 = 2;

/** A parent, a child and one beside it, a page of the map, two spare ones: what one step touches, and one more. */
const PINNED_MAX: i32 = 7;
export const FRAMES_MIN: i32 = PINNED_MAX + 1;
/** What one step may dirty, a page and two new ones, and two frames to read with. */
const CLEAN_MIN: i32 = 3 + 2;
/** A frame's index and 1 fit its u16 in the chain heads. */
const FRAMES_MAX: i32 = 65534;

// A frame's record: page number u32, next in chain u32 (index + 1, 0 ends it), state u8, dirty u8, recent u8, pin u8.
const RECORD_BYTES: i32 = 12;
const NEXT: usize = 4;
const STATE: usize = 8;
const DIRTY: usize = 9;
const RECENT: usize = 10;
const PIN: usize = 11;

/** A page, its record, and up to two u16 heads. */
const FRAME_BYTES: i32 = PAGE_BYTES + RECORD_BYTES + 4;

let pagesAt: usize = 0;
let recordsAt: usize = 0;
let headsAt: usize = 0;
let headMask: u32 = 0;
let freeHead: i32 = 0;
let freeCount: i32 = 0;
let hand: i32 = 0;
let sweep: i32 = 0;
let wantedFrame: i32 = NONE;
let wantedGeneration: u32 = 0;
let isGentle: bool = false;

export let frameCount: i32 = 0;
export let dirtyCount: i32 = 0;
export let want: i32 = DONE;
export let wantedPage: u32 = 0;
export let wantedAt: usize = 0;
export let damage: i32 = 0;
export let hits: u32 = 0;
export let misses: u32 = 0;
export let evictions: u32 = 0;
export let pagesWritten: u32 = 0;

/** Takes what fits `bytes`, at most `most` frames, and returns how many. */
export function openCache(at: usize, bytes: i32, most: i32): i32 {
  frameCount = min(min(bytes / FRAME_BYTES, FRAMES_MAX), most);
  assert(frameCount >= FRAMES_MIN);
  let heads: u32 = 1;
  while (heads < <u32>frameCount) heads <<= 1;
  headMask = heads - 1;
  pagesAt = at;
  recordsAt = pagesAt + <usize>frameCount * PAGE_BYTES;
  headsAt = recordsAt + <usize>frameCount * RECORD_BYTES;
  memory.fill(recordsAt, 0, headsAt + heads * 2 - recordsAt);
  freeHead = NONE;
  freeCount = 0;
  for (let frame = frameCount - 1; frame >= 0; frame--) release(frame);
  hand = 0;
  sweep = 0;
  dirtyCount = 0;
  hits = misses = evictions = pagesWritten = 0;
  wantedFrame = NONE;
  want = DONE;
  return frameCount;
}

export function pageAt(frame: i32): usize {
  return pagesAt + <usize>frame * PAGE_BYTES;
}

function record(frame: i32): usize {
  return recordsAt + <usize>frame * RECORD_BYTES;
}

export function isReady(frame: i32): bool {
  return load<u8>(record(frame), STATE) === READY;
}

export function isDirty(frame: i32): bool {
  return load<u8>(record(frame), DIRTY) !== 0;
}

/** Frames that hold a page. */
export function cachedCount(): i32 {
  return frameCount - freeCount;
}

// ---- operations

/** Begins an operation: what an earlier one left behind is forgotten. A gentle one (it only reads) gives up clean
 * pages as long as there are any, so that a full disk does not stop it. */
export function forget(gentle: bool): void {
  isGentle = gentle;
  if (wantedFrame !== NONE && load<u8>(record(wantedFrame), STATE) === LOADING) drop(wantedFrame);
  wantedFrame = NONE;
  for (let frame = 0; frame < pinnedCount; frame++) store<u8>(record(pinned(frame)), 0, PIN);
  pinnedCount = 0;
}

const pins = memory.data(PINNED_MAX * 4, 4);
let pinnedCount: i32 = 0;

function pinned(index: i32): i32 {
  return load<i32>(pins + ((<usize>index) << 2));
}

/** Keeps a frame where it is until unpin() or forget(). */
export function pin(frame: i32): void {
  if (load<u8>(record(frame), PIN) !== 0) return;
  assert(pinnedCount < PINNED_MAX);
  store<u8>(record(frame), 1, PIN);
  store<i32>(pins + ((<usize>pinnedCount) << 2), frame);
  pinnedCount++;
}

export function unpin(frame: i32): void {
  if (frame === NONE || load<u8>(record(frame), PIN) === 0) return;
  store<u8>(record(frame), 0, PIN);
  let index = 0;
  while (pinned(index) !== frame) index++;
  store<i32>(pins + ((<usize>index) << 2), pinned(--pinnedCount));
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
  store<u8>(record(frame), READY, STATE);
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

// ---- frames

/** The frame that holds a page, whose parent knows the low half of its generation; NONE when `want` comes first. */
export function bring(page: u32, generation: u32): i32 {
  let frame = find(page);
  if (frame !== NONE) {
    hits++;
    store<u8>(record(frame), 1, RECENT);
    return frame;
  }
  if (!spare(1)) return NONE;
  misses++;
  frame = take(page, LOADING);
  want = NEED_PAGE;
  wantedFrame = frame;
  wantedPage = page;
  wantedGeneration = generation;
  wantedAt = pageAt(frame);
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

/** Gives the page in a frame another number. */
export function rename(frame: i32, page: u32): void {
  unchain(frame);
  store<u32>(record(frame), page);
  chain(frame);
}

export function mark(frame: i32): void {
  if (isDirty(frame)) return;
  store<u8>(record(frame), 1, DIRTY);
  dirtyCount++;
}

function setClean(frame: i32): void {
  if (!isDirty(frame)) return;
  store<u8>(record(frame), 0, DIRTY);
  dirtyCount--;
}

/** Forgets the page in a frame, written or not. */
export function drop(frame: i32): void {
  unpin(frame);
  setClean(frame);
  unchain(frame);
  release(frame);
}

/** Asks for the next dirty page to be written; false when there is none. */
export function writeNext(): bool {
  if (dirtyCount === 0) return false;
  while (!isDirty(sweep)) sweep = sweep + 1 === frameCount ? 0 : sweep + 1;
  askWrite(sweep);
  return true;
}

function askWrite(frame: i32): void {
  const page = pageAt(frame);
  setSum(page, pageSum(page));
  ask(NEED_WRITE, numberOf(page), page);
  wantedFrame = frame;
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

/** CLOCK, which passes over dirty pages at first: writing one costs more than reading one. */
function victim(): i32 {
  const isClean = isGentle || isEased();
  for (let turn = 0; turn < 4 * frameCount; turn++) {
    const frame = hand;
    const entry = record(frame);
    const isPassed = isClean && turn < 2 * frameCount && load<u8>(entry, DIRTY) !== 0;
    if (load<u8>(entry, STATE) === READY && load<u8>(entry, PIN) === 0 && !isPassed) {
      if (load<u8>(entry, RECENT) !== 0) store<u8>(entry, 0, RECENT);
      else if (load<u8>(entry, DIRTY) === 0) return frame;
      else {
        askWrite(frame);
        return NONE;
      }
    }
    hand = hand + 1 === frameCount ? 0 : hand + 1;
  }
  // More pages pinned than FRAMES_MIN allows for.
  unreachable();
  return NONE;
}

// ---- chains and the free list

function headOf(page: u32): usize {
  return headsAt + <usize>(((page * 0x9e3779b1) >> 7) & headMask) * 2;
}

export function find(page: u32): i32 {
  let next = <u32>load<u16>(headOf(page));
  while (next !== 0) {
    const entry = record(next - 1);
    if (load<u32>(entry) === page) return load<u8>(entry, STATE) === READY ? next - 1 : NONE;
    next = load<u32>(entry, NEXT);
  }
  return NONE;
}

function chain(frame: i32): void {
  const entry = record(frame);
  const head = headOf(load<u32>(entry));
  store<u32>(entry, load<u16>(head), NEXT);
  store<u16>(head, <u16>(frame + 1));
}

function unchain(frame: i32): void {
  const entry = record(frame);
  const head = headOf(load<u32>(entry));
  const after = load<u32>(entry, NEXT);
  let next = <u32>load<u16>(head);
  if (next === frame + 1) {
    store<u16>(head, <u16>after);
    return;
  }
  for (;;) {
    const before = record(next - 1);
    next = load<u32>(before, NEXT);
    if (next === frame + 1) {
      store<u32>(before, after, NEXT);
      return;
    }
  }
}

function take(page: u32, state: u8): i32 {
  const frame = freeHead;
  const entry = record(frame);
  freeHead = <i32>load<u32>(entry, NEXT) - 1;
  freeCount--;
  store<u32>(entry, page);
  store<u32>(entry, 0, STATE);
  store<u8>(entry, state, STATE);
  store<u8>(entry, 1, RECENT);
  chain(frame);
  return frame;
}

function release(frame: i32): void {
  const entry = record(frame);
  store<u32>(entry, 0);
  store<u32>(entry, <u32>(freeHead + 1), NEXT);
  store<u32>(entry, <u32>EMPTY, STATE);
  freeHead = frame;
  freeCount++;
}

/** 0, or the number of the first invariant that does not hold. Walks all frames. */
export function checkCache(): i32 {
  let dirty = 0;
  let free = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const state = load<u8>(record(frame), STATE);
    if (isDirty(frame)) dirty++;
    if (state === EMPTY) free++;
    else if (
      state === READY &&
      (find(load<u32>(record(frame))) !== frame || numberOf(pageAt(frame)) !== load<u32>(record(frame)))
    )
      return 1;
    if (isDirty(frame) && state !== READY) return 2;
    if (state === LOADING && frame !== wantedFrame) return 3;
  }
  return free !== freeCount ? 1 : dirty !== dirtyCount ? 2 : 0;
}
