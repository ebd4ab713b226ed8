// The root of the tree: what pages 0 and 1 of the file hold in turns, and the same for the work under way.
//
//     0      4         8            16     20           24       28          32        40     44     48
//   +------+---------+------------+------+------------+--------+-----------+---------+------+------+-----+
//   | TBXC | version | generation | root | its gener. | height | pageCount | entries | maps | 4096 |notes|
//   +------+---------+------------+------+------------+--------+-----------+---------+------+------+-----+
//    64                                                                      4080
//   +-----------------------------------------------------------------------+-----------------------+
//   | map directory: per map u32 generation, u16 free, u16 (slot << 14 | freed lately)  | sum, 16 bytes|
//   +-----------------------------------------------------------------------+-----------------------+
//
// Generation g stands in page g & 1, so a commit never touches the root before it. The sum is XXH64 of bytes
// 0..4079, once with seed 0 and once with seed 1. Version and sum stay where they are in all versions to come, so
// that a newer file is told apart from a damaged one.
//
// `notes` are 16 bytes of the tree's user, for what changes with every commit: in a page it would cost that page's
// whole path.
//
// The root that is being worked on is kept in the same form: a commit copies it, sums it and hands it out.

import { PAGE_BYTES } from './page';
import { sum } from './page-sum';

/** "TBXC" in the order of the file. */
const MAGIC: u32 = 0x43584254;
export const FORMAT_VERSION: u32 = 1;

const VERSION: usize = 4;
const GENERATION: usize = 8;
const ROOT: usize = 16;
const ROOT_GENERATION: usize = 20;
const HEIGHT: usize = 24;
const PAGE_COUNT: usize = 28;
const ENTRIES: usize = 32;
const MAP_COUNT: usize = 40;
const PAGE_SIZE: usize = 44;
const NOTES: usize = 48;
const DIRECTORY: usize = 64;
const SUM: usize = PAGE_BYTES - 16;

/** Pages 0 and 1. */
export const ROOT_PAGES: u32 = 2;
/** What the directory holds: with 16,256 pages a map, a file of 33 GB. */
export const MAPS_MAX: i32 = <i32>(SUM - DIRECTORY) / 8;
/** At least 14 children a full page of largest keys, so 2^32 pages are never higher than this. */
export const HEIGHT_MAX: i32 = 16;

/** The work under way, and what was read or is to be written. */
export const ROOT_BYTES: i32 = 2 * PAGE_BYTES;

let live: usize = 0;
/** Where the user's notes stand. */
export let notes: usize = 0;
/** Where a root is read to and written from. */
export let rootImage: usize = 0;

export function openRoot(at: usize): void {
  live = at;
  notes = at + NOTES;
  rootImage = at + PAGE_BYTES;
  memory.fill(live, 0, PAGE_BYTES);
}

// ---- the work under way

/** The last generation whose pages are all durable, or that nothing is known of yet. */
export function generation(): u64 {
  return load<u64>(live, GENERATION);
}

/** The generation that changes now belong to. */
export function nextGeneration(): u64 {
  return generation() + 1;
}

export function rootPage(): u32 {
  return load<u32>(live, ROOT);
}

export function rootGeneration(): u32 {
  return load<u32>(live, ROOT_GENERATION);
}

export function setRoot(page: u32, gen: u64): void {
  store<u32>(live, page, ROOT);
  store<u32>(live, <u32>gen, ROOT_GENERATION);
}

/** Levels of the tree: 0 while it was never written to, 1 for a single leaf. */
export function height(): i32 {
  return load<u32>(live, HEIGHT);
}

export function setHeight(value: i32): void {
  store<u32>(live, value, HEIGHT);
}

/** Pages that were ever given out, roots included: what the file holds at most. */
export function pageCount(): u32 {
  return load<u32>(live, PAGE_COUNT);
}

export function setPageCount(value: u32): void {
  store<u32>(live, value, PAGE_COUNT);
}

export function entryCount(): u64 {
  return load<u64>(live, ENTRIES);
}

export function addEntries(count: i64): void {
  store<u64>(live, entryCount() + count, ENTRIES);
}

// ---- the map directory

export function mapCount(): i32 {
  return load<u32>(live, MAP_COUNT);
}

export function setMapCount(value: i32): void {
  store<u32>(live, value, MAP_COUNT);
}

function mapEntry(map: i32): usize {
  return live + DIRECTORY + ((<usize>map) << 3);
}

export function mapGeneration(map: i32): u32 {
  return load<u32>(mapEntry(map));
}

/** Pages of a map that are FREE. */
export function mapFree(map: i32): i32 {
  return load<u16>(mapEntry(map), 4);
}

/** Pages of a map that were freed too lately to be used. */
export function mapFreed(map: i32): i32 {
  return load<u16>(mapEntry(map), 6) & 0x3fff;
}

/** Which of a map's three homes it is in. */
export function mapSlot(map: i32): i32 {
  return load<u16>(mapEntry(map), 6) >> 14;
}

export function setMap(map: i32, gen: u32, slot: i32, free: i32, freed: i32): void {
  const entry = mapEntry(map);
  store<u32>(entry, gen);
  store<u16>(entry, <u16>free, 4);
  store<u16>(entry, <u16>((slot << 14) | freed), 6);
}

// ---- images

export const ROOT_BAD: i32 = 0;
export const ROOT_GOOD: i32 = 1;
export const ROOT_NEWER: i32 = 2;

let isFound: bool = false;

/** Begins a search for the newest root. */
export function startRoots(): void {
  isFound = false;
  memory.fill(live, 0, PAGE_BYTES);
}

/** Judges the root read to rootImage from page `slot`, and keeps it if it is the newest so far. */
export function judgeRoot(slot: u32): i32 {
  const image = rootImage;
  if (load<u32>(image) !== MAGIC) return ROOT_BAD;
  if (load<u64>(image, SUM) !== sum(image, SUM, 0) || load<u64>(image, SUM + 8) !== sum(image, SUM, 1))
    return ROOT_BAD;
  if (load<u32>(image, VERSION) > FORMAT_VERSION) return ROOT_NEWER;
  const gen = load<u64>(image, GENERATION);
  if (load<u32>(image, VERSION) !== FORMAT_VERSION || load<u32>(image, PAGE_SIZE) !== PAGE_BYTES)
    return ROOT_BAD;
  if (
    (<u32>gen & 1) !== slot ||
    load<u32>(image, HEIGHT) > <u32>HEIGHT_MAX ||
    load<u32>(image, MAP_COUNT) > <u32>MAPS_MAX
  )
    return ROOT_BAD;
  if (!isFound || gen > generation()) memory.copy(live, image, PAGE_BYTES);
  isFound = true;
  return ROOT_GOOD;
}

/** The root of a tree without anything, generation 0. */
export function plantRoot(): void {
  memory.fill(live, 0, PAGE_BYTES);
  store<u32>(live, MAGIC);
  store<u32>(live, FORMAT_VERSION, VERSION);
  store<u32>(live, PAGE_BYTES, PAGE_SIZE);
  setPageCount(ROOT_PAGES);
}

/** Makes the work under way generation `gen` and its image. */
export function sealRoot(gen: u64): void {
  store<u64>(live, gen, GENERATION);
  memory.copy(rootImage, live, SUM);
  store<u64>(rootImage, sum(rootImage, SUM, 0), SUM);
  store<u64>(rootImage, sum(rootImage, SUM, 1), SUM + 8);
}

/** The page that the image belongs in. */
export function imagePage(): u32 {
  return load<u32>(rootImage, GENERATION) & 1;
}
