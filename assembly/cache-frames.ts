// The frames of the page cache: where pages are in memory, and which page is in which frame.
//
//   +------------------------------+----------------------------+---------------------+
//   | pages, 4 KiB each            | records, 12 bytes a frame  | heads of chains, u16 |
//   +------------------------------+----------------------------+---------------------+
//
//   record   page number u32 | next in its chain u32 | state u8 | dirty u8 | recent u8 | pinned u8
//
// `next` and heads are a frame's index and 1; 0 ends a chain. A page's chain is chosen by a hash of its number. EMPTY
// frames are chained in the free list.
//
// Invariants, checked by checkFrames():
//   1. READY and LOADING frames are in the chain of their number, one frame a number; EMPTY ones in the free list.
//   2. dirtyCount is the number of dirty frames; only READY ones are dirty.
//
// Everything is O(1), chains being as long as chance makes them: there is a head or more for every frame.

import { numberOf, PAGE_BYTES } from './page';

export const NONE: i32 = -1;

const EMPTY: u8 = 0;
/** The host is reading into it. */
export const LOADING: u8 = 1;
export const READY: u8 = 2;

/** A parent, a child and one beside it, a page of the map, two spare ones: what one step touches, and one more. */
const PINNED_MAX: i32 = 7;
export const FRAMES_MIN: i32 = PINNED_MAX + 1;
/** A frame's index and 1 fit the u16 of a head. */
const FRAMES_MAX: i32 = 65534;

const RECORD_BYTES: i32 = 12;
const NEXT: usize = 4;
const STATE: usize = 8;
const DIRTY: usize = 9;
const RECENT: usize = 10;
const PIN: usize = 11;

/** A page, its record, and up to two heads. */
const FRAME_BYTES: i32 = PAGE_BYTES + RECORD_BYTES + 4;

let pagesAt: usize = 0;
let recordsAt: usize = 0;
let headsAt: usize = 0;
let headMask: u32 = 0;
let freeHead: i32 = NONE;
export let freeCount: i32 = 0;
export let frameCount: i32 = 0;
export let dirtyCount: i32 = 0;
/** The most that there ever were at once. */
export let cachedMost: i32 = 0;
export let dirtyMost: i32 = 0;

// What a frame holds, as the memory ledger tells it.
export const HOLDS_NOTHING: i32 = 0;
export const HOLDS_CLEAN: i32 = 1;
export const HOLDS_DIRTY: i32 = 2;

const pins = memory.data(PINNED_MAX * 4, 4);
let pinnedCount: i32 = 0;

/** Takes what fits `bytes`, at most `most` frames. Traps when it is less than FRAMES_MIN. */
export function openFrames(at: usize, bytes: i32, most: i32): void {
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
  dirtyCount = 0;
  cachedMost = 0;
  dirtyMost = 0;
  pinnedCount = 0;
  for (let frame = frameCount - 1; frame >= 0; frame--) release(frame);
}

function record(frame: i32): usize {
  return recordsAt + <usize>frame * RECORD_BYTES;
}

export function pageAt(frame: i32): usize {
  return pagesAt + <usize>frame * PAGE_BYTES;
}

/** Frames that hold a page or are about to. */
export function cachedCount(): i32 {
  return frameCount - freeCount;
}

/** What a frame holds. Their pages stand side by side from the region's start on. */
export function holdingOf(frame: i32): i32 {
  assert(frame >= 0 && frame < frameCount);
  return stateOf(frame) === EMPTY ? HOLDS_NOTHING : isDirty(frame) ? HOLDS_DIRTY : HOLDS_CLEAN;
}

// ---- what a frame is

function stateOf(frame: i32): u8 {
  return load<u8>(record(frame), STATE);
}

export function isReady(frame: i32): bool {
  return stateOf(frame) === READY;
}

export function isLoading(frame: i32): bool {
  return stateOf(frame) === LOADING;
}

export function setReady(frame: i32): void {
  store<u8>(record(frame), READY, STATE);
}

export function isDirty(frame: i32): bool {
  return load<u8>(record(frame), DIRTY) !== 0;
}

/** The page in this frame is not as the file has it. */
export function mark(frame: i32): void {
  if (isDirty(frame)) return;
  store<u8>(record(frame), 1, DIRTY);
  dirtyCount++;
  dirtyMost = max(dirtyMost, dirtyCount);
}

export function setClean(frame: i32): void {
  if (!isDirty(frame)) return;
  store<u8>(record(frame), 0, DIRTY);
  dirtyCount--;
}

/** Used since CLOCK's hand came by. */
export function isRecent(frame: i32): bool {
  return load<u8>(record(frame), RECENT) !== 0;
}

export function setRecent(frame: i32, value: bool): void {
  store<u8>(record(frame), value ? 1 : 0, RECENT);
}

// ---- pins

function pinned(index: i32): i32 {
  return load<i32>(pins + ((<usize>index) << 2));
}

export function isPinned(frame: i32): bool {
  return load<u8>(record(frame), PIN) !== 0;
}

/** Keeps a frame where it is until unpin() or unpinAll(). */
export function pin(frame: i32): void {
  if (isPinned(frame)) return;
  assert(pinnedCount < PINNED_MAX);
  store<u8>(record(frame), 1, PIN);
  store<i32>(pins + ((<usize>pinnedCount) << 2), frame);
  pinnedCount++;
}

export function unpin(frame: i32): void {
  if (frame === NONE || !isPinned(frame)) return;
  store<u8>(record(frame), 0, PIN);
  let index = 0;
  while (pinned(index) !== frame) index++;
  store<i32>(pins + ((<usize>index) << 2), pinned(--pinnedCount));
}

export function unpinAll(): void {
  for (let index = 0; index < pinnedCount; index++) store<u8>(record(pinned(index)), 0, PIN);
  pinnedCount = 0;
}

// ---- pages in frames

function headOf(page: u32): usize {
  return headsAt + <usize>(((page * 0x9e3779b1) >> 7) & headMask) * 2;
}

/** The READY frame of a page, or NONE. */
export function find(page: u32): i32 {
  let next = <u32>load<u16>(headOf(page));
  while (next !== 0) {
    const frame = <i32>next - 1;
    const entry = record(frame);
    if (load<u32>(entry) === page) return load<u8>(entry, STATE) === READY ? frame : NONE;
    next = load<u32>(entry, NEXT);
  }
  return NONE;
}

/** A free frame for this page; there must be one. */
export function take(page: u32, state: u8): i32 {
  const frame = freeHead;
  const entry = record(frame);
  freeHead = <i32>load<u32>(entry, NEXT) - 1;
  freeCount--;
  cachedMost = max(cachedMost, cachedCount());
  store<u32>(entry, page);
  store<u32>(entry, 0, STATE);
  store<u8>(entry, state, STATE);
  store<u8>(entry, 1, RECENT);
  chain(frame);
  return frame;
}

/** Gives the page in a frame another number. */
export function rename(frame: i32, page: u32): void {
  unchain(frame);
  store<u32>(record(frame), page);
  chain(frame);
}

/** Forgets the page in a frame, written or not. */
export function drop(frame: i32): void {
  unpin(frame);
  setClean(frame);
  unchain(frame);
  release(frame);
}

function release(frame: i32): void {
  const entry = record(frame);
  store<u32>(entry, 0);
  store<u32>(entry, <u32>(freeHead + 1), NEXT);
  store<u32>(entry, <u32>EMPTY, STATE);
  freeHead = frame;
  freeCount++;
}

function chain(frame: i32): void {
  const entry = record(frame);
  const head = headOf(load<u32>(entry));
  store<u32>(entry, load<u16>(head), NEXT);
  store<u16>(head, <u16>(frame + 1));
}

function unchain(frame: i32): void {
  const link = <u32>(frame + 1);
  const entry = record(frame);
  const head = headOf(load<u32>(entry));
  const after = load<u32>(entry, NEXT);
  let next = <u32>load<u16>(head);
  if (next === link) {
    store<u16>(head, <u16>after);
    return;
  }
  while (next !== 0) {
    const before = record(<i32>next - 1);
    next = load<u32>(before, NEXT);
    if (next === link) {
      store<u32>(before, after, NEXT);
      return;
    }
  }
  assert(false);
}

/** 0, or the number of the first invariant that does not hold. Walks all frames. */
export function checkFrames(): i32 {
  let dirty = 0;
  let free = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const page = load<u32>(record(frame));
    if (isDirty(frame)) dirty++;
    if (stateOf(frame) === EMPTY) free++;
    else if (isReady(frame) && (find(page) !== frame || numberOf(pageAt(frame)) !== page)) return 1;
    if (isDirty(frame) && !isReady(frame)) return 2;
  }
  return free !== freeCount ? 1 : dirty !== dirtyCount ? 2 : 0;
}
