// Who gets how much of the arena, and why: every capacity is a sum of named needs.
//
// What depends on the arena's size grows in proportion between 2 MiB and 6 MiB and stays there: beyond that only
// the catalog's page cache gains by more memory.
//
//   region     at 2 MiB   at 6 MiB   for
//   frames      128 KiB    256 KiB   bodies of frames on their way out
//   window       64 KiB    256 KiB   file bytes being cut and hashed
//   run          64 KiB     64 KiB   a dictionary and a run of bytes behind it
//   listing     128 KiB    512 KiB   names and stats of the directory being read
//   records       1 KiB      5 KiB   what the window was cut into
//   blocks        1 KiB      4 KiB   the same blocks while they are hashed
//   values        8 KiB     32 KiB   chaining values of their chunks, twice
//   scratch       8 KiB      8 KiB   a key and a value on their way into or out of the catalog
//   hash         16 KiB     16 KiB   bytes from outside the arena that want a block id
//   pages      1.6 MiB     4.8 MiB   the catalog's page cache: all the rest

import {
  ARENA_BYTES_MAX,
  ARENA_BYTES_MIN,
  arenaBytes,
  bytesLeft,
  carve,
  REGION_BLOCKS,
  REGION_FRAMES,
  REGION_HASH,
  REGION_LISTING,
  REGION_PAGES,
  REGION_RECORDS,
  REGION_RUN,
  REGION_SCRATCH,
  REGION_VALUES,
  REGION_WINDOW,
  seal,
} from './arena';
import { CHUNK_BYTES, VALUE_BYTES } from './compress';
import { BLOCK_BYTES_MAX, BLOCK_BYTES_MIN, fillGear } from './gear';
import { makePool, POOL_FRAMES, poolBytes } from './pool';

const KIB: usize = 1024;

/** One MQTT payload with its header: protocol/limits.ts says the same. */
const FRAME_CELL_BYTES: usize = 32 * KIB;

/**
 * Frame cells, most and least.
 *
 * Most: 4 handed to the link and not yet given back (agent/main.ts: WINDOW_FRAMES), 1 being filled,
 * 1 for an offer or recipe that must not wait behind blocks, 2 waiting to be sent: 4 + 1 + 1 + 2 = 8.
 * Least: 2 handed over, 1 being filled, 1 for an offer or recipe: 2 + 1 + 1 = 4.
 */
const FRAME_CELLS_MAX: usize = 8;
const FRAME_CELLS_MIN: usize = 4;

/** A deflate window of dictionary and one run behind it: 32 + 28 = 60 KiB, to a whole wasm page. */
const RUN_REGION_BYTES: usize = 64 * KIB;

/** A block's length (u32le) and id. */
export const ID_BYTES: usize = 16;
export const RECORD_BYTES: usize = 4 + ID_BYTES;

/** What blocks.ts keeps of a block while it is hashed: four words. */
export const BLOCK_FACTS_BYTES: usize = 16;

/** A key and a value of the catalog, one page each at most. */
const SCRATCH_REGION_BYTES: usize = 2 * 4 * KIB;

/** One block of the largest kind in one piece; longer bytes pass through it bit by bit. */
const HASH_REGION_BYTES: usize = BLOCK_BYTES_MAX;

/** Carves the whole arena, seals it and makes what is computed once. The host calls it once, first. */
export function openArena(): void {
  const bytes = arenaBytes();
  assert(bytes >= ARENA_BYTES_MIN && bytes <= ARENA_BYTES_MAX);

  // Four for each three MiB.
  const frames = min(max((4 * bytes) / (3 * 1024 * KIB), FRAME_CELLS_MIN), FRAME_CELLS_MAX);
  const frameBytes = poolBytes(frames, FRAME_CELL_BYTES);
  makePool(POOL_FRAMES, carve(REGION_FRAMES, frameBytes), frameBytes, FRAME_CELL_BYTES);

  // The window holds at least four blocks of the largest kind, so that what is carried over to the next
  // filling (less than one) stays a small part of it. Past 256 KiB readSync gets no faster.
  const windowBytes = inProportion(bytes, 24, 64 * KIB, 256 * KIB);
  carve(REGION_WINDOW, windowBytes);
  carve(REGION_RUN, RUN_REGION_BYTES);

  // Some 1,300 names of average length with their stats at the least: a longer listing is sorted in runs.
  carve(REGION_LISTING, inProportion(bytes, 12, 128 * KIB, 512 * KIB));

  // All blocks of one window if each is as short as may be, and the short one at the end of a file.
  const blocks = windowBytes / BLOCK_BYTES_MIN + 1;
  carve(REGION_RECORDS, blocks * RECORD_BYTES);
  carve(REGION_BLOCKS, blocks * BLOCK_FACTS_BYTES);
  // Every whole chunk of the window and a short one per block; values of one level and of the next.
  carve(REGION_VALUES, 2 * (windowBytes / CHUNK_BYTES + blocks) * VALUE_BYTES);
  carve(REGION_SCRATCH, SCRATCH_REGION_BYTES);
  carve(REGION_HASH, HASH_REGION_BYTES);
  carve(REGION_PAGES, bytesLeft() & ~(4 * KIB - 1));
  seal();
  fillGear();
}

function inProportion(bytes: usize, share: usize, least: usize, most: usize): usize {
  return min(max(bytes / share, least), most) & ~(64 * KIB - 1);
}
