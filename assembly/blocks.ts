// The ids of many blocks that lie one after the other, hashed together.
//
//   full chunks of all blocks   1 KiB each      four at a time, in order
//   short last chunks           1..1023 bytes   four at a time, chained by length so that lanes end together
//   parents, level by level     64 bytes        four at a time, from one half of the values' region to the other
//
// One block of 4 KiB alone would leave lanes idle at its short chunk and at each parent; sixty of them fill the
// lanes but for a handful of rounds. BLAKE3's tree is the one where neighbours pair up level by level and an odd one
// out moves up as it is: the same tree as the paper's "largest power of two to the left".

import { REGION_BLOCKS, REGION_VALUES, regionAt, regionBytes } from './arena';
import { flush, queue } from './batch';
import { CHUNK_BYTES, CHUNK_END, CHUNK_START, MESSAGE_BYTES, PARENT, ROOT, VALUE_BYTES } from './compress';
import { BLOCK_FACTS_BYTES, ID_BYTES, RECORD_BYTES } from './plan';

// A block's facts, u32 each.
/** Address of its short chunk. */
const SHORT: usize = 0;
/** Its values: offset of the first in the half, and how many are left. */
const VALUES: usize = 4;
const COUNT: usize = 8;
/** Next block whose short chunk has as many messages: index + 1, or 0 at the end. */
const NEXT: usize = 12;

/** Heads of the chains, by messages in the short chunk: index + 1, or 0. */
const MESSAGES_MAX: usize = CHUNK_BYTES / MESSAGE_BYTES;
const chains = memory.data((MESSAGES_MAX + 1) * 4, 4);

/** Gives each of the `count` records the id of its block; the first block starts at `at`. */
export function hashBlocks(at: usize, records: usize, count: u32): void {
  const half = (regionBytes(REGION_VALUES) / 2) & ~(VALUE_BYTES - 1);
  let values = regionAt(REGION_VALUES);
  let joined = values + half;
  const used = queueWholeChunks(at, records, count, values);
  assert(used <= half);
  queueShortChunks(records, values);
  flush();
  while (joinValues(records, count, values, joined)) {
    const swap = values;
    values = joined;
    joined = swap;
  }
}

/** Answers with the bytes of values that all the blocks' chunks make. */
function queueWholeChunks(at: usize, records: usize, count: u32, values: usize): usize {
  const facts = regionAt(REGION_BLOCKS);
  assert(count * BLOCK_FACTS_BYTES <= regionBytes(REGION_BLOCKS));
  memory.fill(chains, 0, (MESSAGES_MAX + 1) * 4);
  let offset: usize = 0;
  for (let index: u32 = 0; index < count; index++) {
    const fact = facts + index * BLOCK_FACTS_BYTES;
    const bytes: usize = load<u32>(records + index * RECORD_BYTES);
    const chunks = (bytes + CHUNK_BYTES - 1) / CHUNK_BYTES;
    const last = chunks === 1 ? CHUNK_END | ROOT : CHUNK_END;
    const whole = bytes / CHUNK_BYTES;
    for (let chunk: usize = 0; chunk < whole; chunk++) {
      const value = values + offset + chunk * VALUE_BYTES;
      queue(at + chunk * CHUNK_BYTES, CHUNK_BYTES, chunk, CHUNK_START, last, value);
    }
    if (whole < chunks) {
      const chain = chains + (((bytes % CHUNK_BYTES) + MESSAGE_BYTES - 1) / MESSAGE_BYTES) * 4;
      store<u32>(fact, <u32>(at + whole * CHUNK_BYTES), SHORT);
      store<u32>(fact, load<u32>(chain), NEXT);
      store<u32>(chain, index + 1);
    }
    store<u32>(fact, <u32>offset, VALUES);
    store<u32>(fact, <u32>chunks, COUNT);
    offset += chunks * VALUE_BYTES;
    at += bytes;
  }
  return offset;
}

function queueShortChunks(records: usize, values: usize): void {
  const facts = regionAt(REGION_BLOCKS);
  for (let messages: usize = MESSAGES_MAX; messages > 0; messages--) {
    for (let next = load<u32>(chains + messages * 4); next !== 0; ) {
      const fact = facts + (next - 1) * BLOCK_FACTS_BYTES;
      const bytes: usize = load<u32>(records + (next - 1) * RECORD_BYTES);
      const whole = bytes / CHUNK_BYTES;
      const last = whole === 0 ? CHUNK_END | ROOT : CHUNK_END;
      const value = values + load<u32>(fact, VALUES) + whole * VALUE_BYTES;
      queue(load<u32>(fact, SHORT), bytes % CHUNK_BYTES, whole, CHUNK_START, last, value);
      next = load<u32>(fact, NEXT);
    }
  }
}

/** One level up for every block that still has several values; an only value is the id. Whether any had several. */
function joinValues(records: usize, count: u32, values: usize, joined: usize): bool {
  const facts = regionAt(REGION_BLOCKS);
  let isMore = false;
  for (let index: u32 = 0; index < count; index++) {
    const fact = facts + index * BLOCK_FACTS_BYTES;
    const left = load<u32>(fact, COUNT);
    if (left === 0) continue;
    const from = values + load<u32>(fact, VALUES);
    if (left === 1) {
      memory.copy(records + index * RECORD_BYTES + (RECORD_BYTES - ID_BYTES), from, ID_BYTES);
      store<u32>(fact, 0, COUNT);
      continue;
    }
    const to = joined + load<u32>(fact, VALUES);
    const pairs = left >> 1;
    const last = left === 2 ? ROOT : 0;
    for (let pair: u32 = 0; pair < pairs; pair++) {
      queue(from + pair * MESSAGE_BYTES, MESSAGE_BYTES, 0, PARENT, last, to + pair * VALUE_BYTES);
    }
    const isOdd = left & 1;
    if (isOdd) memory.copy(to + pairs * VALUE_BYTES, from + (left - 1) * VALUE_BYTES, VALUE_BYTES);
    store<u32>(fact, pairs + isOdd, COUNT);
    isMore = true;
  }
  flush();
  return isMore;
}
