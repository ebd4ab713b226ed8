// The arena: the one memory of the module, handed in by the host with initial == maximum, carved once.
//
//   0             __heap_base                                              memory.size() * 64 KiB
//   +-------------+--------+--------+------+ ... +--------+-------------------------------+
//   | static data | frames | window | run  |     | values | pages: whatever is left       |
//   +-------------+--------+--------+------+ ... +--------+-------------------------------+
//
// Carve, seal, run: plan.ts carves every region, then seals. After the seal carving traps, so that whatever the
// module will ever use is used from the first second. Nothing here grows the memory and no other file may: the
// module's text holds no memory.grow (test/assembly/memory.test.ts).
//
// Invariants, checked by auditArena():
//   1. Regions lie between the static data and the end of the memory, in carving order, without overlap.
//   2. The memory is as long as it was at the seal.

/** Bytes of one WebAssembly page: the unit in which the host gives memory. */
export const WASM_PAGE_BYTES: usize = 65536;

/** Under this the page cache gets too small for a tree of a million entries to be worked on. */
export const ARENA_BYTES_MIN: usize = 2 * 1024 * 1024;

/** Offsets stay positive as i32 and as V8 small integers on 32-bit boards: 2^30. */
export const ARENA_BYTES_MAX: usize = 1024 * 1024 * 1024;

// The regions, in carving order. What each is for and how large it is stands in plan.ts.
export const REGION_FRAMES: i32 = 0;
export const REGION_WINDOW: i32 = 1;
export const REGION_RUN: i32 = 2;
export const REGION_LISTING: i32 = 3;
export const REGION_RECORDS: i32 = 4;
export const REGION_BLOCKS: i32 = 5;
export const REGION_VALUES: i32 = 6;
export const REGION_SCRATCH: i32 = 7;
export const REGION_HASH: i32 = 8;
export const REGION_PAGES: i32 = 9;
export const REGION_COUNT: i32 = 10;

/** Every region starts at a multiple of this: a cache line, and more than any v128 load needs. */
const ALIGNMENT: usize = 64;

// Per region: offset u32, bytes u32. Zero bytes: not carved.
const regions = memory.data(REGION_COUNT * 8, 8);

let next: usize = 0;
let sealedBytes: usize = 0;

/** Bytes of the whole memory, now. */
export function arenaBytes(): usize {
  return <usize>memory.size() * WASM_PAGE_BYTES;
}

export function isSealed(): bool {
  return sealedBytes !== 0;
}

/** Bytes that carve() could still give to one region. */
export function bytesLeft(): usize {
  const start = alignUp(next === 0 ? __heap_base : next);
  const end = arenaBytes();
  return start < end ? end - start : 0;
}

/** Gives `bytes` of the arena to a region, for the life of the instance. Traps after the seal, when it does not fit,
 * and when the region has its share already. */
export function carve(which: i32, bytes: usize): usize {
  assert(!isSealed());
  assert(which >= 0 && which < REGION_COUNT);
  assert(bytes > 0 && bytes <= bytesLeft());
  assert(regionBytes(which) === 0);
  const offset = alignUp(next === 0 ? __heap_base : next);
  const entry = regions + <usize>which * 8;
  store<u32>(entry, <u32>offset);
  store<u32>(entry, <u32>bytes, 4);
  next = offset + bytes;
  return offset;
}

export function seal(): void {
  assert(!isSealed());
  for (let which = 0; which < REGION_COUNT; which++) assert(regionBytes(which) !== 0);
  sealedBytes = arenaBytes();
}

/** Offset of a region in the memory. */
export function regionAt(which: i32): usize {
  assert(which >= 0 && which < REGION_COUNT);
  return load<u32>(regions + <usize>which * 8);
}

export function regionBytes(which: i32): usize {
  assert(which >= 0 && which < REGION_COUNT);
  return load<u32>(regions + <usize>which * 8, 4);
}

/** 0, or the number of the first invariant that does not hold. */
export function auditArena(): i32 {
  let end: usize = __heap_base;
  for (let which = 0; which < REGION_COUNT; which++) {
    if (regionBytes(which) === 0 || regionAt(which) < end) return 1;
    end = regionAt(which) + regionBytes(which);
  }
  if (end > arenaBytes()) return 1;
  return sealedBytes === arenaBytes() ? 0 : 2;
}

function alignUp(offset: usize): usize {
  return (offset + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}
