// Deflate and inflate, raw (RFC 1951, no header), with the bytes that the other end already has as dictionary.
//
// Inflating is work on a peer's bytes: whatever they are, the answer is the right number of bytes or undefined,
// and no more than `length` bytes are ever given out. Bytes left over behind the end of the stream are refused too, so
// one content has no second spelling by padding. No memory for it is the machine's trouble (ENOMEM), not the peer's.
//
// Cost: zlib's state lives for one call only, some 260 KiB to deflate and 45 KiB to inflate, outside the V8 heap, and
// one buffer for the answer.

import { deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';
import type { Squeeze } from '../engine/ports.ts';
import { litter } from '../litter.ts';
import { DiskError } from './trouble.ts';

/** zlib's usual trade: 9 gains under 1 % on runs of 28 KiB and costs half as much time again. */
const LEVEL = 6;

/**
 * Node makes a second buffer as soon as one is full, so each has this much more room than its answer needs. It is the
 * least that zlib's own settings take for a whole one, too.
 */
const ROOM_BYTES = 64;

/** What zlib says of bytes that it cannot inflate. */
const REFUSALS = new Set<unknown>(['Z_DATA_ERROR', 'Z_BUF_ERROR', 'Z_NEED_DICT', 'ERR_BUFFER_TOO_LARGE']);

/** What zlib says where there is no memory. V8, with none for the answer, throws a RangeError without a code. */
const NO_MEMORY = new Set<unknown>(['Z_MEM_ERROR', 'ERR_MEMORY_ALLOCATION_FAILED']);

/** `info` makes zlib tell how much of its input it took; Node documents it, its types do not. */
type WithInfo = { buffer: Uint8Array; engine: { bytesWritten: number } };

export const squeeze: Squeeze = {
  deflate(bytes, dictionary) {
    const chunkSize = bytes.length + ROOM_BYTES;
    litter(chunkSize);
    return deflateRawSync(bytes, { level: LEVEL, chunkSize, ...preset(dictionary) });
  },

  inflate(bytes, dictionary, length) {
    const chunkSize = length + ROOM_BYTES;
    litter(chunkSize);
    const options = {
      info: true,
      maxOutputLength: Math.max(length, 1),
      chunkSize,
      ...preset(dictionary),
    };
    try {
      const { buffer, engine } = inflateRawSync(bytes, options) as unknown as WithInfo;
      if (buffer.length !== length || engine.bytesWritten !== bytes.length) return undefined;
      return buffer;
    } catch (error) {
      const { code } = error as { code?: unknown };
      if (REFUSALS.has(code)) return undefined;
      if (NO_MEMORY.has(code) || (error instanceof RangeError && code === undefined))
        throw new DiskError('ENOMEM');
      throw error;
    }
  },
};

function preset(dictionary: Uint8Array): ZlibOptions {
  return dictionary.length > 0 ? { dictionary } : {};
}
