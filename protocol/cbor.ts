// A frame's header to bytes and back: plain CBOR (RFC 8949) by cbor-x, which only this file imports.
//
// Refuses to decode what bounds.ts has not walked. The build without `eval` is used: it also leaves out cbor-x's
// native addon, so that no C++ reads what a peer sent.
//
// Written: integers at the shortest width up to 32 bits, 64 bits above (cbor-x would make them floats); byte strings
// without a tag; no maps, records or shared values.
// Cost: a scratch buffer of a little over a frame, for the life of the process, so that encoding leaves no garbage
// larger than the header itself.

import { createRequire } from 'node:module';
import { assert } from './assert.ts';
import { headerLength, type Refusal } from './bounds.ts';
import { FRAME_BYTES_MAX } from './limits.ts';

type CborX = typeof import('cbor-x/index-no-eval');
/** `useBuffer` is missing from cbor-x's types: the next encode starts at the buffer's beginning. */
type Codec = InstanceType<CborX['Encoder']> & { useBuffer(bytes: Uint8Array): void };

// Required, not imported, as is all CommonJS that an agent loads: for an import Node reads the source with a lexer of
// its own, to find out what it exports, and that takes 2 MiB of anonymous memory that do not come back.
const { Encoder } = createRequire(import.meta.url)('cbor-x/index-no-eval') as CborX;

// copyBuffers: decoded byte strings own their bytes; see decodeHeader().
const codec = new Encoder({ useRecords: false, tagUint8Array: false, copyBuffers: true }) as Codec;

// cbor-x moves to a larger buffer when fewer than 2 KiB are left, so a full frame needs that much more.
const scratch = Buffer.allocUnsafeSlow(FRAME_BYTES_MAX + 4096);

/** Made of safe integers, strings, Uint8Arrays and arrays of these; anything else is our bug and throws. */
export function encodeHeader(header: readonly unknown[]): Uint8Array {
  codec.useBuffer(scratch);
  const bytes = new Uint8Array(codec.encode(header.map(exact)));
  assert(headerLength(bytes) === bytes.length, 'a header that we send is one that we would take');
  return bytes;
}

function exact(value: unknown): unknown {
  if (typeof value === 'number') {
    assert(Number.isSafeInteger(value), 'a header holds safe integers only');
    return value > 0xffff_ffff || value < -0x1_0000_0000 ? BigInt(value) : value;
  }
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value === 'string') return value;
  assert(value instanceof Uint8Array, 'a header holds integers, strings, bytes and arrays only');
  return value;
}

/**
 * The array at the start of `bytes` and how many bytes it took, or why it is refused. Integers of 64 bits come as
 * bigint. Byte strings are copies: a message outlives its frame's cell, and keeping one path does not keep 32 KiB.
 */
export function decodeHeader(
  bytes: Uint8Array,
): { header: unknown[]; length: number } | { refusal: Refusal } {
  const length = headerLength(bytes);
  if (typeof length === 'string') return { refusal: length };
  // A plain Uint8Array, even over a Buffer: the copies then are plain ones too.
  const header = codec.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, length)) as unknown[];
  return { header, length };
}
