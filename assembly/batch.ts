// Compressions that do not wait for each other, collected four by four: chunks of several blocks, then parents.
//
// A job is up to 1 KiB that becomes one chaining value: a chunk, or the 64 bytes of two children. In the SIMD build
// jobs wait until four are there and run in four lanes; a lane whose job is shorter idles until the longest ends, so
// jobs should come sorted by length. In the plain build a job runs at once. Either way its value is sure to stand at
// `out` only after flush(), and its bytes must stay as they are until then.

import {
  CHUNK_BYTES,
  compress,
  IV_0,
  IV_1,
  IV_2,
  IV_3,
  IV_4,
  IV_5,
  IV_6,
  IV_7,
  initialValue,
  MESSAGE_BYTES,
  VALUE_BYTES,
} from './compress';
import { compressLanes, transpose, VALUES_BYTES, WORDS_BYTES } from './lanes';

const LANES: u32 = 4;

// What each lane does, one u32 per lane in each row.
const jobs = memory.data(8 * 16, 16);
const AT: usize = 0;
const COUNTER_LOW: usize = 16;
const COUNTER_HIGH: usize = 32;
const FIRST: usize = 48;
const LAST: usize = 64;
const MESSAGES: usize = 80;
const TAIL: usize = 96;
const OUT: usize = 112;

const values = memory.data(VALUES_BYTES, 16);
const words = memory.data(WORDS_BYTES, 16);
/** A last message that is not full, padded with zeros: one per lane. */
const pads = memory.data(LANES * MESSAGE_BYTES, 16);
/** Where idle lanes leave their value. */
const nowhere = memory.data(VALUE_BYTES, 16);

let queued: u32 = 0;

/**
 * `bytes` at `at`, 1 to CHUNK_BYTES (0 only for the empty hash), become 32 bytes at `out`. `first` and `last` are the
 * flags that the first and the last message carry.
 */
export function queue(at: usize, bytes: usize, counter: u64, first: u32, last: u32, out: usize): void {
  if (!ASC_FEATURE_SIMD) {
    compressAll(at, bytes, counter, first, last, out);
    return;
  }
  assert(bytes <= CHUNK_BYTES);
  const messages = bytes === 0 ? 1 : (<u32>bytes + MESSAGE_BYTES - 1) / MESSAGE_BYTES;
  const lane = jobs + queued * 4;
  store<u32>(lane, <u32>at, AT);
  store<u32>(lane, <u32>counter, COUNTER_LOW);
  store<u32>(lane, <u32>(counter >> 32), COUNTER_HIGH);
  store<u32>(lane, first, FIRST);
  store<u32>(lane, last, LAST);
  store<u32>(lane, messages, MESSAGES);
  store<u32>(lane, <u32>(bytes - (messages - 1) * MESSAGE_BYTES), TAIL);
  store<u32>(lane, <u32>out, OUT);
  if (++queued === LANES) runLanes();
}

/** Finishes every queued job. */
export function flush(): void {
  if (!ASC_FEATURE_SIMD || queued === 0) return;
  if (queued === 1) {
    // One lane of four would cost four times what the plain way costs.
    queued = 0;
    const messages = load<u32>(jobs, MESSAGES);
    const counter = ((<u64>load<u32>(jobs, COUNTER_HIGH)) << 32) | load<u32>(jobs, COUNTER_LOW);
    const bytes = (messages - 1) * MESSAGE_BYTES + load<u32>(jobs, TAIL);
    compressAll(
      load<u32>(jobs, AT),
      bytes,
      counter,
      load<u32>(jobs, FIRST),
      load<u32>(jobs, LAST),
      load<u32>(jobs, OUT),
    );
    return;
  }
  for (; queued < LANES; queued++) {
    for (let row: usize = 0; row < OUT; row += 16) store<u32>(jobs + queued * 4 + row, load<u32>(jobs + row));
    store<u32>(jobs + queued * 4, <u32>nowhere, OUT);
  }
  runLanes();
}

/** One job, one message after the other. */
export function compressAll(at: usize, bytes: usize, counter: u64, first: u32, last: u32, out: usize): void {
  let value = initialValue;
  let flags = first;
  while (bytes > MESSAGE_BYTES) {
    compress(value, at, counter, <u32>MESSAGE_BYTES, flags, out);
    value = out;
    flags = 0;
    at += MESSAGE_BYTES;
    bytes -= MESSAGE_BYTES;
  }
  compress(
    value,
    bytes === MESSAGE_BYTES ? at : pad(at, bytes, pads),
    counter,
    <u32>bytes,
    flags | last,
    out,
  );
}

function pad(at: usize, bytes: usize, into: usize): usize {
  memory.fill(into, 0, MESSAGE_BYTES);
  memory.copy(into, at, bytes);
  return into;
}

function runLanes(): void {
  queued = 0;
  let most: u32 = 0;
  for (let lane: u32 = 0; lane < LANES; lane++) most = max(most, load<u32>(jobs + lane * 4, MESSAGES));

  v128.store(values, i32x4.splat(IV_0), 0);
  v128.store(values, i32x4.splat(IV_1), 16);
  v128.store(values, i32x4.splat(IV_2), 32);
  v128.store(values, i32x4.splat(IV_3), 48);
  v128.store(values, i32x4.splat(IV_4), 64);
  v128.store(values, i32x4.splat(IV_5), 80);
  v128.store(values, i32x4.splat(IV_6), 96);
  v128.store(values, i32x4.splat(IV_7), 112);

  for (let index: u32 = 0; index < most; index++) {
    transpose(messageOf(0, index), messageOf(1, index), messageOf(2, index), messageOf(3, index), words);
    const isLast = i32x4.eq(v128.load(jobs, MESSAGES), i32x4.splat(index + 1));
    const lengths = v128.bitselect(v128.load(jobs, TAIL), i32x4.splat(<u32>MESSAGE_BYTES), isLast);
    let flags = v128.and(v128.load(jobs, LAST), isLast);
    if (index === 0) flags = v128.or(flags, v128.load(jobs, FIRST));
    compressLanes(values, words, v128.load(jobs, COUNTER_LOW), v128.load(jobs, COUNTER_HIGH), lengths, flags);
    if (!v128.any_true(isLast)) continue;
    for (let lane: u32 = 0; lane < LANES; lane++) {
      if (load<u32>(jobs + lane * 4, MESSAGES) === index + 1) putValue(lane, load<u32>(jobs + lane * 4, OUT));
    }
  }
}

/** Where message `index` of a lane's job can be read whole; anywhere once the job has ended. */
function messageOf(lane: u32, index: u32): usize {
  const job = jobs + lane * 4;
  const at = load<u32>(job, AT) + index * MESSAGE_BYTES;
  const count = load<u32>(job, MESSAGES);
  if (index + 1 < count) return at;
  if (index + 1 > count) return pads;
  const tail = load<u32>(job, TAIL);
  return tail === MESSAGE_BYTES ? at : pad(at, tail, pads + lane * MESSAGE_BYTES);
}

function putValue(lane: u32, out: usize): void {
  const from = values + lane * 4;
  for (let word: usize = 0; word < 8; word++) store<u32>(out + word * 4, load<u32>(from + word * 16));
}
