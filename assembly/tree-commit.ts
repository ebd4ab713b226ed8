// Making changes durable: all pages of the generation, a sync, the root, a sync.
//
//            changed             pages synced, root sealed           root synced
//   CLEAN -------------> OPEN -------------------------> SEALED --------------------> CLEAN
//     ^                  | ^                               | ^
//     |                  +-+ a write or the sync failed     +-+ a write or the sync failed
//
//   OPEN     no root reaches a page of generation g + 1; any of them may be written over.
//   SEALED   the root of g + 1 may be on the disk or not. Its pages are durable and are not written over: changes
//            belong to g + 2 from now on. The next commit begins by writing the same root again.
//
// After a failed sync nobody knows what reached the disk, and the system may drop what did not. So all that was
// written since the last good one is written again before a commit may succeed: revive() walks the pages of the
// generation under way (below an older page all are older) and marks them dirty. If the system has dropped one, it
// is found damaged; the file still holds the last commit.

import { ask, bring, DONE, NEED_SYNC, NEED_WRITE, want, writeNext } from './cache';
import { mark, NONE, pageAt } from './cache-frames';
import { childGeneration, childNumber, countOf, INNER, kindOf } from './page';
import {
  HEIGHT_MAX,
  height,
  imagePage,
  mapCount,
  mapGeneration,
  nextGeneration,
  rootGeneration,
  rootImage,
  rootPage,
  sealRoot,
} from './tree-root';
import { bringMap, settleSpace, startSpace } from './tree-space';

// Where a commit stands; each but the last is left by settling what it asked for.
const REVIVING: i32 = 0;
const WRITING: i32 = 1;
const SYNCING: i32 = 2;
const SEALED: i32 = 3;
const ROOT_SYNCING: i32 = 4;
const ROOT_SYNCED: i32 = 5;
const CLEAN: i32 = 6;

let stage: i32 = CLEAN;
let isSealed: bool = false;
let isDoubtful: bool = false;
/** The root's notes differ from those of the last one. */
let isNoted: bool = false;
export let commits: u32 = 0;

// The walk of revive(): per level a page, its generation and the next child to visit; then the maps.
const LEVEL_BYTES: usize = 12;
const walk = memory.data(HEIGHT_MAX * 12, 4);
let depth: i32 = 0;
let nextMap: i32 = 0;

/** `isNew`: a file without a root; its first one is to be written. */
export function openCommit(isNew: bool): void {
  commits = 0;
  isDoubtful = false;
  isNoted = false;
  isSealed = isNew;
  stage = CLEAN;
}

/** Whether a commit would write. */
export function hasChanged(): bool {
  return isSealed || isNoted || isTreeChanged();
}

function isTreeChanged(): bool {
  return height() > 0 && rootGeneration() === <u32>nextGeneration();
}

/** The host wrote to the notes. */
export function noted(): void {
  isNoted = true;
}

/** The host's sync failed. */
export function doubt(): void {
  isDoubtful = true;
}

export function startCommit(): void {
  if (isSealed) stage = SEALED;
  else startWriting();
}

function startWriting(): void {
  if (!hasChanged()) {
    stage = CLEAN;
    return;
  }
  stage = isDoubtful ? REVIVING : WRITING;
  depth = 0;
  nextMap = 0;
  if (isTreeChanged()) enter(rootPage(), rootGeneration());
}

/** Goes on until all is durable (DONE), or `want` comes first. */
export function commit(): i32 {
  while (true) {
    if (stage === REVIVING) {
      if (!revive()) return want;
      stage = WRITING;
    } else if (stage === WRITING) {
      if (!settleSpace() || writeNext()) return want;
      stage = SYNCING;
      ask(NEED_SYNC, 0, 0);
      return want;
    } else if (stage === SYNCING) {
      sealRoot(nextGeneration());
      startSpace();
      isSealed = true;
      isNoted = false;
      isDoubtful = false;
      stage = SEALED;
    } else if (stage === SEALED) {
      stage = ROOT_SYNCING;
      ask(NEED_WRITE, imagePage(), rootImage);
      return want;
    } else if (stage === ROOT_SYNCING) {
      stage = ROOT_SYNCED;
      ask(NEED_SYNC, 0, 0);
      return want;
    } else if (stage === ROOT_SYNCED) {
      isSealed = false;
      commits++;
      startWriting();
    } else {
      return DONE;
    }
  }
}

// ---- revive

function enter(page: u32, gen: u32): void {
  const at = walk + <usize>depth * LEVEL_BYTES;
  depth++;
  store<u32>(at, page);
  store<u32>(at, gen, 4);
  store<u32>(at, 0, 8);
}

/** Marks every page of the generation under way; false when `want` comes first. */
function revive(): bool {
  const next = <u32>nextGeneration();
  while (depth > 0) {
    const at = walk + <usize>(depth - 1) * LEVEL_BYTES;
    const frame = bring(load<u32>(at), load<u32>(at, 4));
    if (frame === NONE) return false;
    const page = pageAt(frame);
    let child = <i32>load<u32>(at, 8);
    if (child === 0) mark(frame);
    const last = kindOf(page) === INNER ? countOf(page) : NONE;
    while (child <= last && childGeneration(page, child) !== next) child++;
    store<u32>(at, child + 1, 8);
    if (child <= last) enter(childNumber(page, child), next);
    else depth--;
  }
  for (; nextMap < mapCount(); nextMap++) {
    if (mapGeneration(nextMap) !== next) continue;
    const frame = bringMap(nextMap);
    if (frame === NONE) return false;
    mark(frame);
  }
  return true;
}
