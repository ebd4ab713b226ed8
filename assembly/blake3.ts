// BLAKE3 of any number of bytes, at once or piece by piece (paper, section 5.1.2: the incremental form).
//
//   chunks of 1 KiB    0   1   2   3   4   5            stack of subtree values, after 6 chunks:
//                       \ /     \ /     \ /
//                        o       o       o              [ values of chunks 0..3 | values of 4..5 ]
//                         \     /
//                            o                          one entry per set bit of the number of chunks: 0b110
//
// The last chunk stays in the buffer until more comes or finishHash() is called, because only the last compression of
// all carries ROOT.
//
// A hasher is HASHER_BYTES of the arena. It takes up to 2^53 bytes: 43 bits of chunks, so 43 values are stacked at
// most.

import { compressAll, flush, queue } from './batch';
import { CHUNK_BYTES, CHUNK_END, CHUNK_START, MESSAGE_BYTES, PARENT, ROOT, VALUE_BYTES } from './compress';

const STACK_VALUES_MAX: u32 = 43 + 1;

// A hasher: chunks done u64, bytes in the buffer u32, values on the stack u32, buffer, stack.
const CHUNKS: usize = 0;
const FILL: usize = 8;
const DEPTH: usize = 12;
const BUFFER: usize = 16;
const STACK: usize = BUFFER + CHUNK_BYTES;
export const HASHER_BYTES: usize = STACK + STACK_VALUES_MAX * VALUE_BYTES;

/** Chunks that are hashed side by side. */
const SIDE_BY_SIDE: usize = 4;
const sideValues = memory.data(SIDE_BY_SIDE * VALUE_BYTES, 16);

/** For bytes that come in pieces but in one go: a block from outside the arena. */
export const onceHasher = memory.data(HASHER_BYTES, 16);
/** For a kept list of records, at its own pace beside a content that is being cut. */
export const listHasher = memory.data(HASHER_BYTES, 16);
/** Where the host lets a hash be left: it stands until the next one. */
export const digest = memory.data(VALUE_BYTES, 16);

/** The whole hash of `bytes` at `at`, 32 bytes at `out`. */
export function hash(at: usize, bytes: usize, out: usize): void {
  startHash(onceHasher);
  updateHash(onceHasher, at, bytes);
  finishHash(onceHasher, out);
}

export function startHash(hasher: usize): void {
  store<u64>(hasher, 0, CHUNKS);
  store<u32>(hasher, 0, FILL);
  store<u32>(hasher, 0, DEPTH);
}

export function updateHash(hasher: usize, at: usize, bytes: usize): void {
  let fill: usize = load<u32>(hasher, FILL);
  while (bytes > 0) {
    if (fill === CHUNK_BYTES) {
      pushChunk(hasher, hasher + BUFFER);
      fill = 0;
    }
    if (fill === 0) {
      // Whole chunks straight from where they lie, as long as they are surely not the last.
      while (bytes > SIDE_BY_SIDE * CHUNK_BYTES) {
        pushSideBySide(hasher, at);
        at += SIDE_BY_SIDE * CHUNK_BYTES;
        bytes -= SIDE_BY_SIDE * CHUNK_BYTES;
      }
      while (bytes > CHUNK_BYTES) {
        pushChunk(hasher, at);
        at += CHUNK_BYTES;
        bytes -= CHUNK_BYTES;
      }
    }
    const part = min(CHUNK_BYTES - fill, bytes);
    memory.copy(hasher + BUFFER + fill, at, part);
    fill += part;
    at += part;
    bytes -= part;
  }
  store<u32>(hasher, <u32>fill, FILL);
}

/** Leaves the hash of all that came since startHash() at `out`, 32 bytes. The hasher must be started again. */
export function finishHash(hasher: usize, out: usize): void {
  let depth = load<u32>(hasher, DEPTH);
  const isOnlyChunk = depth === 0;
  const counter = load<u64>(hasher, CHUNKS);
  // The free place above the stack takes the last value: it and the one below it are then a parent's message.
  const top = hasher + STACK + depth * VALUE_BYTES;
  const last = isOnlyChunk ? CHUNK_END | ROOT : CHUNK_END;
  compressAll(hasher + BUFFER, load<u32>(hasher, FILL), counter, CHUNK_START, last, top);
  while (depth > 0) {
    depth--;
    const children = hasher + STACK + depth * VALUE_BYTES;
    compressAll(children, MESSAGE_BYTES, 0, PARENT, depth === 0 ? ROOT : 0, children);
  }
  memory.copy(out, hasher + STACK, VALUE_BYTES);
}

function pushChunk(hasher: usize, at: usize): void {
  compressAll(at, CHUNK_BYTES, load<u64>(hasher, CHUNKS), CHUNK_START, CHUNK_END, sideValues);
  pushValue(hasher, sideValues);
}

function pushSideBySide(hasher: usize, at: usize): void {
  const counter = load<u64>(hasher, CHUNKS);
  for (let index: usize = 0; index < SIDE_BY_SIDE; index++) {
    const chunk = at + index * CHUNK_BYTES;
    queue(chunk, CHUNK_BYTES, counter + index, CHUNK_START, CHUNK_END, sideValues + index * VALUE_BYTES);
  }
  flush();
  for (let index: usize = 0; index < SIDE_BY_SIDE; index++)
    pushValue(hasher, sideValues + index * VALUE_BYTES);
}

/** One more chunk's value: as many parents are complete as the new count of chunks has zero bits at its end. */
function pushValue(hasher: usize, value: usize): void {
  const chunks = load<u64>(hasher, CHUNKS) + 1;
  let depth = load<u32>(hasher, DEPTH);
  assert(depth < STACK_VALUES_MAX);
  memory.copy(hasher + STACK + depth * VALUE_BYTES, value, VALUE_BYTES);
  for (let rest = chunks; (rest & 1) === 0; rest >>= 1) {
    depth--;
    const children = hasher + STACK + depth * VALUE_BYTES;
    compressAll(children, MESSAGE_BYTES, 0, PARENT, 0, children);
  }
  store<u64>(hasher, chunks, CHUNKS);
  store<u32>(hasher, depth + 1, DEPTH);
}
