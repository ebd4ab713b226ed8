// The guard before the CBOR decoder: walks the bytes of a header and takes no memory for them.
//
// cbor-x sizes arrays and strings by what the bytes say. This walk runs first and lets through only what a header may
// be: one array at offset 0, of definite lengths, made of integers, byte strings, texts and arrays. After it the
// decoder cannot be made to throw or to recurse deeply, and takes at most some 200 times the frame for a moment: an
// empty byte string is one byte on the wire and an object of about 200 here.
//
//   refused: maps, tags, floats, simple values, indefinite and reserved lengths, more than HEADER_DEPTH_MAX arrays
//   inside each other, lists over ITEMS_MAX, lengths past the frame, integers a double cannot hold, text not in UTF-8.
//   Integers and lengths longer than need be are taken: RFC 8949 calls the short form preferred, not required.
//
// O(bytes walked), no recursion, one array of HEADER_DEPTH_MAX counters.

import { HEADER_DEPTH_MAX, ITEMS_MAX, UINT_MAX } from './limits.ts';
import { isUtf8 } from './utf8.ts';

export type Refusal =
  | 'empty'
  | 'not an array'
  | 'truncated'
  | 'indefinite length'
  | 'reserved length'
  | 'map, tag, float or simple value'
  | 'integer over 2^53'
  | 'too deep'
  | 'too many items'
  | 'not UTF-8';

// RFC 8949, section 3.1.
const UINT = 0;
const NINT = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;

/** Bytes of the one CBOR array at offset 0, or why it is refused. What follows it is not looked at. */
export function headerLength(bytes: Uint8Array): number | Refusal {
  if (bytes.length === 0) return 'empty';
  if (bytes[0]! >> 5 !== ARRAY) return 'not an array';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still to come in each open array, the innermost last. */
  const open: number[] = [];
  let at = 0;
  do {
    if (at >= bytes.length) return 'truncated';
    const major = bytes[at]! >> 5;
    const info = bytes[at]! & 0x1f;
    at++;
    if (major > ARRAY) return 'map, tag, float or simple value';
    if (info === 31) return 'indefinite length';
    if (info > 27) return 'reserved length';

    let value = info;
    if (info >= 24) {
      const width = 1 << (info - 24);
      if (at + width > bytes.length) return 'truncated';
      if (width === 1) value = view.getUint8(at);
      else if (width === 2) value = view.getUint16(at);
      else if (width === 4) value = view.getUint32(at);
      // Rounds above 2^53, which is refused below either way.
      else value = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
      at += width;
    }

    if (open.length > 0) open[open.length - 1]!--;
    if (major === UINT || major === NINT) {
      if (value > (major === UINT ? UINT_MAX : UINT_MAX - 1)) return 'integer over 2^53';
    } else if (major === BYTES || major === TEXT) {
      if (value > bytes.length - at) return 'truncated';
      if (major === TEXT && !isUtf8(bytes, at, at + value)) return 'not UTF-8';
      at += value;
    } else {
      if (open.length === HEADER_DEPTH_MAX) return 'too deep';
      if (value > ITEMS_MAX) return 'too many items';
      // An item takes a byte at least: a count that cannot come true ends the walk here.
      if (value > bytes.length - at) return 'truncated';
      open.push(value);
    }
    while (open.length > 0 && open[open.length - 1] === 0) open.pop();
  } while (open.length > 0);
  return at;
}
