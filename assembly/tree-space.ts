// Which pages of the file are taken: maps of two bits a page, each kept in one of three homes in turns.
//
//   page   0     1     2   3   4     5 ...          16256 16257 16258   16259 ...
//        +-----+-----+---+---+---+-- - - ----------+-----+-----+-----+-- - -
//        | root| root|  map 0    | pages of map 0  |      map 1      | pages of map 1
//        +-----+-----+---+---+---+-- - - ----------+-----+-----+-----+-- - -
//
//                take                free: written in an earlier generation
//   FREE ------------------> USED ----------------------------------------> FREED_NOW
//    ^  ^                     |  free: written in this generation               |
//    |  +---------------------+                              first change of the map in a later generation
//    |                                                                          v
//    +------ the next change of the map in a generation after that ------ FREED_BEFORE
//
// A page freed in generation g was reached by root g - 1, which stays on the disk until root g + 1 replaces it.
// So it is taken again in g + 2 at the earliest: no page that either of the two last roots reaches is ever written.
// A map remembers the generation of its last change (in the root's directory), so its lately freed pages grow older
// when it changes next, not by a sweep over all maps; one that was not changed for a generation holds none that
// is too young.
//
// A map in home s is written to home s + 1 mod 3 when a new generation changes it: home s is in the last root, home
// s - 1 may be in the one before. Homes are fixed, so a map never needs a page to be taken for it.
//
// The tree does not touch maps in the middle of a step: it takes from a small reserve and leaves what it frees in
// a small list; provide() and settleSpace() move both from and to the maps, one map at a time.
//
// Cost: 3 pages of each 16,256 (0.02 %), one map page written a commit for most commits. A page taken is the first
// free one of the file, so what was freed is filled before the file grows.

import { ask, bring, FULL, plant, spare } from './cache';
import { mark, NONE, pageAt, rename } from './cache-frames';
import { format, HEAD_BYTES, MAP, PAGE_BYTES, setPlace } from './page';
import {
  generation,
  MAPS_MAX,
  mapCount,
  mapFree,
  mapFreed,
  mapGeneration,
  mapSlot,
  nextGeneration,
  pageCount,
  ROOT_PAGES,
  setMap,
  setMapCount,
  setPageCount,
} from './tree-root';

/** Pages that one map accounts for: two bits each. */
export const MAP_PAGES: u32 = (PAGE_BYTES - HEAD_BYTES) * 4;
const HOMES: u32 = 3;

const FREE: u32 = 0;
const USED: u32 = 1;
/** FREED_BEFORE is 2: the only one without the low bit and with the high one. */
const FREED_NOW: u32 = 3;
/** The low bit of each of 32 states. */
const LOW_BITS: u64 = ((<u64>0x55555555) << 32) | 0x55555555;

/** A step takes most when it splits the root: the page itself anew, its right half, a new root. */
const TAKEN_MAX: i32 = 3;
/** A step frees most when it merges below the root: two pages written anew, the right one, the old root. */
const FREED_MAX: i32 = 4;
/** Larger lists only save visits to the maps. */
const LIST_MAX: i32 = 32;

/** In the list of freed pages: written in this generation, so no root has ever reached it. */
const IS_YOUNG: u32 = 0x80000000;

const reserve = memory.data(LIST_MAX * 4, 4);
const freedList = memory.data(LIST_MAX * 4, 4);
export let reserveCount: i32 = 0;
export let freedCount: i32 = 0;
/** No map before this one has a page to give in this generation. */
let mapHand: i32 = 0;
/** Nor has that map one before this page. */
let pageHand: u32 = 0;

export function openSpace(): void {
  reserveCount = 0;
  freedCount = 0;
  startSpace();
}

/** A new generation: pages have grown old enough. */
export function startSpace(): void {
  mapHand = 0;
  pageHand = 0;
}

export function reserveAt(index: i32): u32 {
  return load<u32>(reserve + ((<usize>index) << 2));
}

export function freedAt(index: i32): u32 {
  return load<u32>(freedList + ((<usize>index) << 2)) & ~IS_YOUNG;
}

// ---- what the tree calls

/** Makes sure that one step can take and free what it may need; false when `want` comes first. */
export function provide(): bool {
  while (freedCount > LIST_MAX - FREED_MAX) if (!giveBack()) return false;
  while (reserveCount < TAKEN_MAX) if (!refill()) return false;
  return true;
}

/** A page number for the generation under way. provide() made sure of it. */
export function takePage(): u32 {
  assert(reserveCount > 0);
  return reserveAt(--reserveCount);
}

/** The next one that takePage() gives. */
export function firstFree(): u32 {
  return reserveAt(reserveCount - 1);
}

/** Gives a page back that was last written in `gen`. */
export function freePage(page: u32, gen: u64): void {
  assert(freedCount < LIST_MAX);
  const entry = gen === nextGeneration() ? page | IS_YOUNG : page;
  store<u32>(freedList + ((<usize>freedCount) << 2), entry);
  freedCount++;
}

/** Brings both lists home into the maps, for a commit; false when `want` comes first. */
export function settleSpace(): bool {
  while (freedCount > 0) if (!giveBack()) return false;
  while (reserveCount > 0) {
    const page = reserveAt(reserveCount - 1);
    if (!setState(page, FREE)) return false;
    reserveCount--;
  }
  return true;
}

// ---- maps

/** The page that map `map` stands in while its slot is `slot`. */
export function mapHome(map: i32, slot: i32): u32 {
  return <u32>map * MAP_PAGES + slot + (map === 0 ? ROOT_PAGES : 0);
}

export function bringMap(map: i32): i32 {
  return bring(mapHome(map, mapSlot(map)), mapGeneration(map));
}

/** What a map says of a page, of those it accounts for. */
export function stateIn(mapPage: usize, index: u32): u32 {
  return (load<u8>(mapPage + HEAD_BYTES + (index >> 2)) >> <u8>((index & 3) << 1)) & 3;
}

/** Whether none of the two last roots reaches a page. `isYoung`: the last generation changed the map. */
export function hasLeft(mapPage: usize, index: u32, isYoung: bool): bool {
  const state = stateIn(mapPage, index);
  return state !== USED && !(isYoung && state === FREED_NOW);
}

function setStateIn(mapPage: usize, index: u32, state: u32): void {
  const at = mapPage + HEAD_BYTES + (index >> 2);
  const shift = (index & 3) << 1;
  store<u8>(at, <u8>((<u32>load<u8>(at) & ~((<u32>3) << shift)) | (state << shift)));
}

/** Makes a map that is in memory part of the generation under way: its pages age, and it moves to its next home. */
function ownMap(map: i32, frame: i32): void {
  const next = nextGeneration();
  if (mapGeneration(map) === <u32>next) return;
  const page = pageAt(frame);
  const wasLast = mapGeneration(map) === <u32>generation();
  let taken = 0;
  let freed = 0;
  for (let at = page + HEAD_BYTES; at < page + PAGE_BYTES; at += 8) {
    // 32 states at once: FREED_NOW is both bits set, USED the low one alone.
    const word = load<u64>(at);
    const high = (word >> 1) & LOW_BITS;
    const used = word & LOW_BITS & ~high;
    const young = wasLast ? word & high : 0;
    store<u64>(at, (young << 1) | used);
    freed += <i32>popcnt(young);
    taken += <i32>popcnt(used);
  }
  const free = <i32>MAP_PAGES - taken - freed;
  const slot = (mapSlot(map) + 1) % <i32>HOMES;
  const home = mapHome(map, slot);
  rename(frame, home);
  setPlace(page, home, next);
  setMap(map, <u32>next, slot, free, freed);
  mark(frame);
}

/** Changes what the maps say of one page; false when `want` comes first. */
function setState(page: u32, state: u32): bool {
  const map = <i32>(page / MAP_PAGES);
  const frame = bringMap(map);
  if (frame === NONE) return false;
  ownMap(map, frame);
  const index = page % MAP_PAGES;
  setStateIn(pageAt(frame), index, state);
  mark(frame);
  const free = state === FREE ? 1 : 0;
  setMap(map, mapGeneration(map), mapSlot(map), mapFree(map) + free, mapFreed(map) + 1 - free);
  if (state === FREE && (map < mapHand || (map === mapHand && index < pageHand))) {
    mapHand = map;
    pageHand = index;
  }
  return true;
}

function giveBack(): bool {
  const entry = load<u32>(freedList + ((<usize>(freedCount - 1)) << 2));
  if (!setState(entry & ~IS_YOUNG, entry === (entry | IS_YOUNG) ? FREE : FREED_NOW)) return false;
  freedCount--;
  return true;
}

/** Fills the reserve from the first map that has something; false when `want` comes first. */
function refill(): bool {
  while (mapHand < mapCount()) {
    const map = mapHand;
    if (mapFree(map) + mapFreed(map) > 0) {
      const frame = bringMap(map);
      if (frame === NONE) return false;
      if (canGive(map, pageAt(frame))) {
        ownMap(map, frame);
        takeFrom(map, frame);
        if (reserveCount >= TAKEN_MAX) return true;
      }
    }
    mapHand++;
    pageHand = 0;
  }
  return plantMap();
}

/** Whether a map has a page for this generation, without changing it. */
function canGive(map: i32, page: usize): bool {
  if (mapFree(map) > 0) return true;
  if (mapGeneration(map) === <u32>nextGeneration()) return false;
  if (mapGeneration(map) !== <u32>generation()) return true;
  for (let at = page + HEAD_BYTES; at < page + PAGE_BYTES; at += 8) {
    const word = load<u64>(at);
    if (((word >> 1) & LOW_BITS & ~word) !== 0) return true;
  }
  return false;
}

function takeFrom(map: i32, frame: i32): void {
  const page = pageAt(frame);
  mark(frame);
  let free = mapFree(map);
  let index = pageHand;
  // Taken from the reserve's end: filled backwards, lower pages go first.
  const from = reserveCount;
  for (; free > 0 && reserveCount < LIST_MAX && index < MAP_PAGES; index++) {
    const byte = load<u8>(page + HEAD_BYTES + (index >> 2));
    // None of these four is FREE.
    if ((index & 3) === 0 && ((byte | (byte >> 1)) & 0x55) === 0x55) {
      index += 3;
      continue;
    }
    if (stateIn(page, index) !== FREE) continue;
    setStateIn(page, index, USED);
    const number = <u32>map * MAP_PAGES + index;
    store<u32>(reserve + ((<usize>reserveCount) << 2), number);
    reserveCount++;
    if (number >= pageCount()) setPageCount(number + 1);
    free--;
  }
  pageHand = index;
  for (let low = from, high = reserveCount - 1; low < high; low++, high--) {
    const number = reserveAt(low);
    store<u32>(reserve + ((<usize>low) << 2), reserveAt(high));
    store<u32>(reserve + ((<usize>high) << 2), number);
  }
  setMap(map, mapGeneration(map), mapSlot(map), free, mapFreed(map));
}

/** The file grows by a map, all of whose pages are free but its homes. */
function plantMap(): bool {
  const map = mapCount();
  if (map === MAPS_MAX) {
    ask(FULL, 0, 0);
    return false;
  }
  if (!spare(1)) return false;
  const home = mapHome(map, 0);
  const frame = plant(home);
  const page = pageAt(frame);
  format(page, MAP, home, nextGeneration());
  const used = (map === 0 ? ROOT_PAGES : 0) + HOMES;
  for (let index: u32 = 0; index < used; index++) setStateIn(page, index, USED);
  setMapCount(map + 1);
  setMap(map, <u32>nextGeneration(), 0, <i32>(MAP_PAGES - used), 0);
  setPageCount(<u32>map * MAP_PAGES + used);
  return true;
}
