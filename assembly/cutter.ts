// The inner loop of everything: a window of file bytes becomes records, one call per window.
//
//   window   | block | block   | block | carried over |        consumed ends before what is carried over
//               |       |         |
//               v       v         v
//   records  | length id | length id | length id |             20 bytes each: u32le, then 16 bytes of BLAKE3
//               |
//               v
//   content hasher -> the content id, at the end
//
// A content: beginContent(), cutWindow() until all its bytes are consumed, endContent(). The host moves the carried
// bytes to the window's start and reads on behind them. One content at a time.
//
// Invariant: after cutWindow() the records' lengths add up to `consumed`.

import { REGION_RECORDS, REGION_VALUES, REGION_WINDOW, regionAt, regionBytes } from './arena';
import { flush, queue } from './batch';
import { digest, finishHash, HASHER_BYTES, startHash, updateHash } from './blake3';
import { hashBlocks } from './blocks';
import { CHUNK_END, CHUNK_START, ROOT, VALUE_BYTES } from './compress';
import { BLOCK_BYTES_MAX, blockBytes } from './gear';
import { ID_BYTES, RECORD_BYTES } from './plan';

const contentHasher = memory.data(HASHER_BYTES, 16);

let isOpen: bool = false;
let consumed: usize = 0;

/** Bytes of the window that the last cutWindow() made into blocks. */
export function cutConsumed(): usize {
  return consumed;
}

export function beginContent(): void {
  startHash(contentHasher);
  isOpen = true;
}

/**
 * Cuts the first `filled` bytes of the window and leaves their records in REGION_RECORDS: how many is the answer.
 * Without `isEnd` it stops where fewer than BLOCK_BYTES_MAX bytes are left, for the next block might need them.
 */
export function cutWindow(filled: usize, isEnd: bool): u32 {
  assert(isOpen);
  assert(filled <= regionBytes(REGION_WINDOW));
  const window = regionAt(REGION_WINDOW);
  const records = regionAt(REGION_RECORDS);
  let count: u32 = 0;
  let offset: usize = 0;
  while (offset < filled && (isEnd || filled - offset >= BLOCK_BYTES_MAX)) {
    const bytes = blockBytes(window + offset, filled - offset);
    store<u32>(records + count * RECORD_BYTES, <u32>bytes);
    offset += bytes;
    count++;
  }
  consumed = offset;
  assert(count * RECORD_BYTES <= regionBytes(REGION_RECORDS));
  hashBlocks(window, records, count);
  updateHash(contentHasher, records, count * RECORD_BYTES);
  return count;
}

/** Address of the content id of all that was cut since beginContent(): it stands until the next hash. */
export function endContent(): usize {
  assert(isOpen);
  isOpen = false;
  finishHash(contentHasher, digest);
  return digest;
}

/**
 * Contents of one block each, one after the other from the window's start; the records hold their lengths. Leaves
 * their ids in the records, and answers with the address of their content ids, 16 bytes each: these stand until the
 * next hash. Four are hashed at a time, which one small content alone cannot be.
 */
export function hashFiles(count: u32): usize {
  const records = regionAt(REGION_RECORDS);
  const contents = regionAt(REGION_VALUES);
  assert(count * RECORD_BYTES <= regionBytes(REGION_RECORDS));
  hashBlocks(regionAt(REGION_WINDOW), records, count);
  for (let index: u32 = 0; index < count; index++) {
    const record = records + index * RECORD_BYTES;
    queue(record, RECORD_BYTES, 0, CHUNK_START, CHUNK_END | ROOT, contents + index * VALUE_BYTES);
  }
  flush();
  for (let index: u32 = 1; index < count; index++) {
    memory.copy(contents + index * ID_BYTES, contents + index * VALUE_BYTES, ID_BYTES);
  }
  return contents;
}
