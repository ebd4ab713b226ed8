// The catalog's tree as the host sees it: an ordered map of byte strings, in a file of 4 KiB pages of any length,
// with as many of them in memory as the arena has room for.
//
//   page.ts        a page: cells in key order          cache*.ts      frames, CLOCK, what I/O is wanted
//   page-pack.ts   cells on the move between pages     tree-root.ts   the two roots
//   page-sum.ts    the checksum                        tree-space.ts  which pages are free
//   tree-find.ts   get, next, previous                 tree-commit.ts pages, sync, root, sync
//   tree-compare.ts  entries beside a listing (rows.ts)
//   tree-shift.ts  a shorter file
//   tree-change.ts put and remove: the way down        tree-path.ts, tree-mend.ts: its steps
//
// Calling: the host writes key and value to treeKey and treeValue and calls an operation. It answers ABSENT or
// DONE, or what it needs first: the host does that, calls treeResume() and gets the next answer, and so on. If the
// I/O fails the host just stops; the next operation finds a whole tree. One tree an instance.

import { ABSENT, bring, DAMAGED, DONE, forget, openCache, settle, want } from './cache';
import { FRAMES_MIN, NONE, pageAt } from './cache-frames';
import { KEY_BYTES_MAX, PAGE_BYTES, VALUE_BYTES_MAX } from './page';
import { openPack, PACK_BYTES } from './page-pack';
import { change, startPut, startRemove } from './tree-change';
import { commit, hasChanged, openCommit, startCommit } from './tree-commit';
import { compareRows, startComparing } from './tree-compare';
import { AFTER, BEFORE, find, HERE, openFind, startFind } from './tree-find';
import {
  judgeRoot,
  mapCount,
  mapFree,
  mapFreed,
  openRoot,
  pageCount,
  plantRoot,
  ROOT_BYTES,
  sealRoot,
  startRoots,
} from './tree-root';
import { shift, startShift, tail } from './tree-shift';
import { MAP_PAGES, openSpace } from './tree-space';

export {
  ABSENT as TREE_ABSENT,
  BAD_GENERATION as TREE_BAD_GENERATION,
  BAD_NUMBER as TREE_BAD_NUMBER,
  BAD_SUM as TREE_BAD_SUM,
  checkCache as treeCheckCache,
  DAMAGED as TREE_DAMAGED,
  DONE as TREE_DONE,
  damage as treeDamage,
  evictions as treeEvictions,
  FULL as TREE_FULL,
  hits as treeHits,
  misses as treeMisses,
  NEED_PAGE as TREE_NEED_PAGE,
  NEED_SYNC as TREE_NEED_SYNC,
  NEED_WRITE as TREE_NEED_WRITE,
  pagesWritten as treePagesWritten,
  wantedAt as treeWantedAt,
  wantedPage as treeWantedPage,
} from './cache';
export {
  cachedCount as treeCached,
  cachedMost as treeCachedMost,
  dirtyCount as treeDirty,
  dirtyMost as treeDirtyMost,
  frameCount as treeFrames,
  HOLDS_CLEAN as TREE_HOLDS_CLEAN,
  HOLDS_DIRTY as TREE_HOLDS_DIRTY,
  HOLDS_NOTHING as TREE_HOLDS_NOTHING,
  holdingOf as treeHolding,
} from './cache-frames';
export {
  childGeneration as treeChildGeneration,
  childNumber as treeChildNumber,
  countOf as treeCountOf,
  INNER as TREE_INNER,
  KEY_BYTES_MAX as TREE_KEY_BYTES_MAX,
  keyInto as treeKeyInto,
  kindOf as treeKindOf,
  LEAF as TREE_LEAF,
  PAGE_BYTES as TREE_PAGE_BYTES,
  VALUE_BYTES_MAX as TREE_VALUE_BYTES_MAX,
} from './page';
export {
  commits as treeCommits,
  doubt as treeDoubt,
  hasChanged as treeHasChanged,
  noted as treeNoted,
} from './tree-commit';
export {
  comparedRow as treeComparedRow,
  DIFFERENT as TREE_DIFFERENT,
  GONE as TREE_GONE,
  giveRows as treeGiveRows,
  goneName as treeGoneName,
  goneNameBytes as treeGoneNameBytes,
  startDirectory as treeStartDirectory,
} from './tree-compare';
export {
  foundKey as treeFoundKey,
  foundKeyBytes as treeFoundKeyBytes,
  foundValue as treeFoundValue,
  foundValueBytes as treeFoundValueBytes,
} from './tree-find';
export {
  entryCount as treeEntryCount,
  FORMAT_VERSION as TREE_FORMAT_VERSION,
  height as treeHeight,
  mapCount as treeMapCount,
  mapFree as treeMapFree,
  mapFreed as treeMapFreed,
  mapGeneration as treeMapGeneration,
  mapSlot as treeMapSlot,
  notes as treeNotes,
  pageCount as treePageCount,
  ROOT_BAD as TREE_ROOT_BAD,
  ROOT_GOOD as TREE_ROOT_GOOD,
  ROOT_NEWER as TREE_ROOT_NEWER,
  ROOT_PAGES as TREE_ROOT_PAGES,
  rootGeneration as treeRootGeneration,
  rootImage as treeRootImage,
  rootPage as treeRootPage,
} from './tree-root';
export { shifted as treeShifted, tailPages as treeTailPages } from './tree-shift';
export {
  freedAt as treeFreedAt,
  freedCount as treeFreedCount,
  MAP_PAGES as TREE_MAP_PAGES,
  mapHome as treeMapHome,
  reserveAt as treeReserveAt,
  reserveCount as treeReserveCount,
  stateIn as treeStateIn,
} from './tree-space';

/** What carveTree() takes beside the frames: roots, cells on the move, a found key. */
const FIXED_BYTES: i32 = ROOT_BYTES + ((PACK_BYTES + 63) & ~63) + ((KEY_BYTES_MAX + 63) & ~63);

/** Where the host writes a key and a value. */
export let treeKey: usize = 0;
export let treeValue: usize = 0;

const NOTHING: i32 = 0;
const FINDING: i32 = 1;
const CHANGING: i32 = 2;
const SEEKING: i32 = 3;
const COMMITTING: i32 = 4;
const VISITING: i32 = 5;
const COMPARING: i32 = 6;
const SHIFTING: i32 = 7;
const TAILING: i32 = 8;
let doing: i32 = NOTHING;

/**
 * Gives the tree its memory: `bytes` at `at` for frames and scratch, `key` and `value` for what the host hands in.
 * At most `framesMost` frames are used. Traps when there is no room for FRAMES_MIN.
 */
export function treeCarve(at: usize, bytes: i32, key: usize, value: usize, framesMost: i32): void {
  treeKey = key;
  treeValue = value;
  assert(bytes >= FIXED_BYTES + FRAMES_MIN * PAGE_BYTES);
  openCache(at + FIXED_BYTES, bytes - FIXED_BYTES, framesMost);
  openRoot(at);
  openPack(at + ROOT_BYTES);
  openFind(at + FIXED_BYTES - ((KEY_BYTES_MAX + 63) & ~63));
  openSpace();
  doing = NOTHING;
}

/** Begins to look for the newest root: the host reads pages 0 and 1 to treeRootImage and has each judged. */
export function treeStartRoots(): void {
  startRoots();
}

export function treeJudgeRoot(slot: u32): i32 {
  return judgeRoot(slot);
}

/** Opens the best root that was found; `isNew`: makes a tree without entries, which the first commit writes. */
export function treeOpen(isNew: bool): void {
  if (isNew) {
    plantRoot();
    sealRoot(0);
  }
  openCommit(isNew);
}

function begin(what: i32, isGentle: bool): void {
  forget(isGentle);
  doing = what;
}

function run(): i32 {
  if (doing === FINDING) return find();
  if (doing === CHANGING) return change();
  if (doing === COMMITTING) return commit();
  if (doing === VISITING) return visit();
  if (doing === COMPARING) return compareRows();
  if (doing === SHIFTING) return shift();
  if (doing === TAILING) return tail();
  if (doing === SEEKING) {
    const answer = find();
    if (answer !== DONE) return answer;
    startRemove(treeKey, seekBytes);
    doing = CHANGING;
    return change();
  }
  return ABSENT;
}

/** What was asked for is done. */
export function treeResume(): i32 {
  return settle() ? run() : DAMAGED;
}

function isKey(bytes: i32): bool {
  return bytes > 0 && bytes <= KEY_BYTES_MAX;
}

export function treeGet(keyBytes: i32): i32 {
  assert(isKey(keyBytes));
  begin(FINDING, true);
  startFind(treeKey, keyBytes, HERE, true);
  return run();
}

/** The smallest key from the given one on, or after it. */
export function treeNext(keyBytes: i32, isInclusive: bool): i32 {
  assert(isKey(keyBytes));
  begin(FINDING, true);
  startFind(treeKey, keyBytes, AFTER, isInclusive);
  return run();
}

/** The largest key up to the given one, or before it. */
export function treePrevious(keyBytes: i32, isInclusive: bool): i32 {
  assert(isKey(keyBytes));
  begin(FINDING, true);
  startFind(treeKey, keyBytes, BEFORE, isInclusive);
  return run();
}

/** Goes on to the next difference between rows (treeGiveRows) and entries. */
export function treeCompare(): i32 {
  begin(COMPARING, true);
  startComparing();
  return run();
}

export function treePut(keyBytes: i32, valueBytes: i32): i32 {
  assert(isKey(keyBytes) && valueBytes >= 0 && valueBytes <= VALUE_BYTES_MAX);
  begin(CHANGING, false);
  startPut(treeKey, keyBytes, treeValue, valueBytes);
  return run();
}

let seekBytes: i32 = 0;

/** Looks first: removing what is not there writes nothing. */
export function treeRemove(keyBytes: i32): i32 {
  assert(isKey(keyBytes));
  begin(SEEKING, false);
  seekBytes = keyBytes;
  startFind(treeKey, keyBytes, HERE, true);
  return run();
}

export function treeCommit(): i32 {
  begin(COMMITTING, false);
  startCommit();
  return run();
}

/** Moves at most `leaves` leaves that stand at page `bound` or behind to free places before it. */
export function treeShift(bound: u32, leaves: i32): i32 {
  begin(SHIFTING, false);
  startShift(bound, leaves);
  return run();
}

/** Right after a commit: how many pages the file needs, its free end not counted, to treeTailPages. */
export function treeTail(): i32 {
  assert(!hasChanged());
  begin(TAILING, true);
  return run();
}

/** Pages that were given out and are free again, too young ones included. */
export function treeFreePages(): u32 {
  let free: u32 = 0;
  let covered: u32 = 0;
  for (let map = 0; map < mapCount(); map++) {
    free += mapFree(map) + mapFreed(map);
    covered += MAP_PAGES;
  }
  return mapCount() === 0 ? 0 : free - (covered - pageCount());
}

// ---- a page as it is, for the audit

let visitPage: u32 = 0;
let visitGen: u32 = 0;
export let treeVisited: usize = 0;

export function treeVisit(page: u32, gen: u32): i32 {
  begin(VISITING, true);
  visitPage = page;
  visitGen = gen;
  return run();
}

function visit(): i32 {
  const frame = bring(visitPage, visitGen);
  if (frame === NONE) return want;
  treeVisited = pageAt(frame);
  return DONE;
}
