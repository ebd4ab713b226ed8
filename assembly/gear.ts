// Where a content's blocks end: a gear hash with two masks (Xia et al., "FastCDC", USENIX ATC 2016, sections 3.2
// to 3.4), the same for every file and every board. SPEC.md repeats this rule for other implementations.
//
//   0          1024            NORMAL                                  16384    bytes of the block
//   +-----------+----------------+-------------------------------------+
//   | never     | 14 bits zero   | 10 bits zero: ends                  | always
//   +-----------+----------------+-------------------------------------+
//
// The hash rolls in one byte as (hash << 1) + gear[byte], in 32 bits, so it knows the last 32 bytes and nothing
// else. It starts 31 bytes before the first place where a block may end: there it is complete. A cut thus depends on
// the block's own bytes only, not on how the window was filled, and two contents that share a stretch of some
// blocks' length cut the rest of the stretch alike.
//
// gear[b] is the first word (u32le) of the BLAKE3 hash of the one byte b: nobody needs our table.

import { hash } from './blake3';
import { VALUE_BYTES } from './compress';

/** The last block of a file may be shorter. protocol/limits.ts says the same. */
export const BLOCK_BYTES_MIN: usize = 1024;
export const BLOCK_BYTES_MAX: usize = 16 * 1024;

/**
 * From here on a block ends easily.
 *
 * The average on random bytes is 4 KiB: a block ends before NORMAL with 13 % (2,304 places at 2^-14), else some
 * 1,024 bytes behind it.
 */
const BLOCK_BYTES_NORMAL: usize = 3328;

/** A block ends where the hash has this many zero bits at its top. Fewer bits: shorter blocks. */
const BITS_BEFORE_NORMAL: u32 = 14;
const BITS_AFTER_NORMAL: u32 = 10;

/** Bytes that a 32-bit gear hash remembers. */
const GEAR_WINDOW_BYTES: usize = 32;

const LIMIT_BEFORE: u32 = 1 << (32 - BITS_BEFORE_NORMAL);
const LIMIT_AFTER: u32 = 1 << (32 - BITS_AFTER_NORMAL);

const gear = memory.data(256 * 4, 64);

/** Makes the table. Before this cut() must not be called. */
export function fillGear(): void {
  const byte = memory.data(1);
  const value = memory.data(VALUE_BYTES, 16);
  for (let index: u32 = 0; index < 256; index++) {
    store<u8>(byte, <u8>index);
    hash(byte, 1, value);
    store<u32>(gear + index * 4, load<u32>(value));
  }
}

/** Bytes of the block that starts at `at`, where `bytes` are left: fewer than BLOCK_BYTES_MAX only at the end. */
export function blockBytes(at: usize, bytes: usize): usize {
  if (bytes <= BLOCK_BYTES_MIN) return bytes;
  let here = at + BLOCK_BYTES_MIN - GEAR_WINDOW_BYTES;
  let rolled: u32 = 0;
  const first = at + BLOCK_BYTES_MIN - 1;
  while (here < first) rolled = (rolled << 1) + load<u32>(gear + ((<usize>load<u8>(here++)) << 2));

  const normal = at + min(bytes, BLOCK_BYTES_NORMAL);
  while (here < normal) {
    rolled = (rolled << 1) + load<u32>(gear + ((<usize>load<u8>(here++)) << 2));
    if (rolled < LIMIT_BEFORE) return here - at;
  }
  const end = at + min(bytes, BLOCK_BYTES_MAX);
  while (here < end) {
    rolled = (rolled << 1) + load<u32>(gear + ((<usize>load<u8>(here++)) << 2));
    if (rolled < LIMIT_AFTER) return here - at;
  }
  return end - at;
}
