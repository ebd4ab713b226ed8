// Fixed-size cells carved from one region of the arena.
//
//   region   +--------+--------+--------+--------+----------------------+
//            | cell 0 | cell 1 | cell 2 | cell 3 | facts: 8 bytes each  |
//            +--------+--------+--------+--------+----------------------+
//
//   facts      0             1             2             3              freeHead -> 1
//            +-------------+-------------+-------------+-------------+
//            | 5, 1, TAKEN | 2, 0, o-----+-------------+-> 2, 0, END |   generation, tenant, next free cell
//            +-------------+-------------+-------------+-------------+
//
// A cell belongs to its taker until it is released, every byte of it. The tenant is the taker's number, which the
// host gives and may pass on: the memory ledger shows who holds what. A handle is
// (generation << 16 | pool << 12 | index): release() moves the generation on, so that a stale handle, one released
// twice or one of another pool is refused, not obeyed. Generations come round after 32,767 releases of one cell; a
// handle is never 0 and never negative.
//
// Invariants, checked by auditPool():
//   1. taken + free == cells, always.
//   2. The free list visits every free cell once and ends at END.
//   3. Taken cells are at most as many as the high water mark.
//   4. A taken cell has a tenant, a free one has none.
//
// takeCell() and releaseCell() are O(1). The caller learns NO_ROOM and has a plan for it.

export const POOL_FRAMES: i32 = 0;
const POOL_COUNT: i32 = 1;

/** What takeCell() answers when every cell is taken. */
export const NO_ROOM: i32 = 0;

/** The tenant of a free cell. */
const NO_TENANT: i32 = 0;
const TENANT_MAX: i32 = 0xffff;

/** What a cell costs beside its bytes. */
const CELL_FACTS_BYTES: usize = 8;

/** The index has 12 bits of a handle. */
const CELLS_MAX: u32 = 1 << 12;
const GENERATION_MAX: u32 = 0x7fff;
const END: u32 = 0xffff_fffe;
const TAKEN: u32 = 0xffff_ffff;

// A pool: region's offset, bytes of a cell, cells, head of the free list, cells taken, most ever taken, how often
// somebody had to wait for a cell, whether somebody does now; u32 each.
const POOL_BYTES: usize = 32;
const AT: usize = 0;
const CELL_BYTES: usize = 4;
const CELLS: usize = 8;
const FREE_HEAD: usize = 12;
const TAKEN_COUNT: usize = 16;
const HIGH_WATER: usize = 20;
const WAITS: usize = 24;
const IS_WAITED_FOR: usize = 28;
const pools = memory.data(POOL_COUNT * POOL_BYTES, 4);

// A cell's facts: u16, u16, u32.
const GENERATION: usize = 0;
const TENANT: usize = 2;
const NEXT: usize = 4;

/** Bytes of the region that `cells` cells need. */
export function poolBytes(cells: usize, cellBytes: usize): usize {
  return cells * (cellBytes + CELL_FACTS_BYTES);
}

/** Lays a pool out in `bytes` of the arena at `at`: as many cells as fit, all free. Once, before the seal. */
export function makePool(pool: i32, at: usize, bytes: usize, cellBytes: usize): void {
  const entry = entryOf(pool);
  const cells = <u32>(bytes / (cellBytes + CELL_FACTS_BYTES));
  assert(load<u32>(entry, CELLS) === 0);
  assert(cells > 0 && cells <= CELLS_MAX && (cellBytes & 7) === 0);
  store<u32>(entry, <u32>at, AT);
  store<u32>(entry, <u32>cellBytes, CELL_BYTES);
  store<u32>(entry, cells, CELLS);
  store<u32>(entry, 0, FREE_HEAD);
  for (let index: u32 = 0; index < cells; index++) {
    const facts = factsOf(entry, index);
    store<u16>(facts, 1, GENERATION);
    store<u16>(facts, <u16>NO_TENANT, TENANT);
    store<u32>(facts, index + 1 < cells ? index + 1 : END, NEXT);
  }
}

/** A handle of a cell that is the caller's from now on, or NO_ROOM. Its bytes are as the last owner left them. */
export function takeCell(pool: i32, tenant: i32): i32 {
  assert(tenant > NO_TENANT && tenant <= TENANT_MAX);
  const entry = entryOf(pool);
  const index = load<u32>(entry, FREE_HEAD);
  if (index === END) {
    // Asking again before a cell came back is the same wait.
    if (load<u32>(entry, IS_WAITED_FOR) === 0) store<u32>(entry, load<u32>(entry, WAITS) + 1, WAITS);
    store<u32>(entry, 1, IS_WAITED_FOR);
    return NO_ROOM;
  }
  const facts = factsOf(entry, index);
  store<u32>(entry, load<u32>(facts, NEXT), FREE_HEAD);
  store<u32>(facts, TAKEN, NEXT);
  store<u16>(facts, <u16>tenant, TENANT);
  const taken = load<u32>(entry, TAKEN_COUNT) + 1;
  store<u32>(entry, taken, TAKEN_COUNT);
  store<u32>(entry, max(taken, load<u32>(entry, HIGH_WATER)), HIGH_WATER);
  return handleOf(pool, index, load<u16>(facts, GENERATION));
}

/** Notes another tenant of a taken cell. False, and nothing done, when the handle stands for none of this pool. */
export function passCell(pool: i32, handle: i32, tenant: i32): bool {
  assert(tenant > NO_TENANT && tenant <= TENANT_MAX);
  const index = indexOf(pool, handle);
  if (index === END) return false;
  store<u16>(factsOf(entryOf(pool), index), <u16>tenant, TENANT);
  return true;
}

/** Gives a cell back. False, and nothing done, when the handle does not stand for a taken cell of this pool. */
export function releaseCell(pool: i32, handle: i32): bool {
  const entry = entryOf(pool);
  const index = indexOf(pool, handle);
  if (index === END) return false;
  const facts = factsOf(entry, index);
  const generation = <u32>load<u16>(facts, GENERATION);
  store<u16>(facts, <u16>(generation === GENERATION_MAX ? 1 : generation + 1), GENERATION);
  store<u16>(facts, <u16>NO_TENANT, TENANT);
  store<u32>(facts, load<u32>(entry, FREE_HEAD), NEXT);
  store<u32>(entry, index, FREE_HEAD);
  store<u32>(entry, load<u32>(entry, TAKEN_COUNT) - 1, TAKEN_COUNT);
  store<u32>(entry, 0, IS_WAITED_FOR);
  return true;
}

/** Where the cell's bytes are; 0 when the handle does not stand for a taken cell of this pool. */
export function cellAt(pool: i32, handle: i32): usize {
  const index = indexOf(pool, handle);
  if (index === END) return 0;
  const entry = entryOf(pool);
  return load<u32>(entry, AT) + index * load<u32>(entry, CELL_BYTES);
}

export function poolCells(pool: i32): u32 {
  return load<u32>(entryOf(pool), CELLS);
}

export function poolCellBytes(pool: i32): u32 {
  return load<u32>(entryOf(pool), CELL_BYTES);
}

export function poolTaken(pool: i32): u32 {
  return load<u32>(entryOf(pool), TAKEN_COUNT);
}

export function poolHighWater(pool: i32): u32 {
  return load<u32>(entryOf(pool), HIGH_WATER);
}

/** How often somebody found every cell taken and had to wait until one came back. */
export function poolWaits(pool: i32): u32 {
  return load<u32>(entryOf(pool), WAITS);
}

/** Who holds a cell, by its index; NO_TENANT when it is free. */
export function tenantOf(pool: i32, index: u32): i32 {
  const entry = entryOf(pool);
  assert(index < load<u32>(entry, CELLS));
  return load<u16>(factsOf(entry, index), TENANT);
}

/** 0, or the number of the first invariant that does not hold. */
export function auditPool(pool: i32): i32 {
  const entry = entryOf(pool);
  const cells = load<u32>(entry, CELLS);
  let taken: u32 = 0;
  for (let index: u32 = 0; index < cells; index++) {
    const isTaken = load<u32>(factsOf(entry, index), NEXT) === TAKEN;
    if (isTaken) taken++;
    if (isTaken !== (tenantOf(pool, index) !== NO_TENANT)) return 4;
  }
  if (taken !== load<u32>(entry, TAKEN_COUNT)) return 1;
  // A list that never meets a taken cell and ends after just so many steps has visited every free cell once.
  let steps: u32 = 0;
  for (let index = load<u32>(entry, FREE_HEAD); index !== END; steps++) {
    if (index >= cells || steps === cells - taken) return 2;
    index = load<u32>(factsOf(entry, index), NEXT);
  }
  if (steps !== cells - taken) return 2;
  return taken <= load<u32>(entry, HIGH_WATER) ? 0 : 3;
}

function entryOf(pool: i32): usize {
  assert(pool >= 0 && pool < POOL_COUNT);
  return pools + pool * POOL_BYTES;
}

function factsOf(entry: usize, index: u32): usize {
  const cells = load<u32>(entry, CELLS);
  return load<u32>(entry, AT) + cells * load<u32>(entry, CELL_BYTES) + index * CELL_FACTS_BYTES;
}

function handleOf(pool: i32, index: u32, generation: u32): i32 {
  return (generation << 16) | (pool << 12) | index;
}

/** The index of the taken cell that a handle stands for, or END. */
function indexOf(pool: i32, handle: i32): u32 {
  const entry = entryOf(pool);
  const index = <u32>handle & (CELLS_MAX - 1);
  if (index >= load<u32>(entry, CELLS)) return END;
  const facts = factsOf(entry, index);
  if (load<u32>(facts, NEXT) !== TAKEN) return END;
  return handle === handleOf(pool, index, load<u16>(facts, GENERATION)) ? index : END;
}
