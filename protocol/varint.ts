// Numbers as LEB128: seven bits a byte, the low ones first, the high bit set on all but the last.
//
// One number has one form: a last byte of zero after others is refused, as is a byte more than there may be.

/** More than any number on the wire takes: 2^35 - 1 in five bytes. */
const WIRE_BYTES_MAX = 5;
/** Eight bytes for all that a double holds exactly, two for times that nobody lives to see. */
export const VARINT_BYTES_MAX = 10;

export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++;
  return length;
}

/** The offset after it. The caller has made sure of room. */
export function writeVarint(into: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) into[at++] = (rest % 128) | 128;
  into[at++] = rest;
  return at;
}

/** A place in bytes that varints are read from one after the other. */
export interface Cursor {
  at: number;
}

/** The number at the cursor, which moves past it; undefined when there is none. */
export function readVarint(bytes: Uint8Array, cursor: Cursor, bytesMax = WIRE_BYTES_MAX): number | undefined {
  let value = 0;
  let unit = 1;
  for (let index = 0; index < bytesMax; index++) {
    const byte = bytes[cursor.at + index];
    if (byte === undefined) return undefined;
    value += (byte & 127) * unit;
    unit *= 128;
    if (byte >= 128) continue;
    if (byte === 0 && index > 0) return undefined;
    cursor.at += index + 1;
    return value;
  }
  return undefined;
}

/** Signed to unsigned, small to small: 0, -1, 1, -2 ... become 0, 1, 2, 3 ... Exact from -2^52 to 2^53: below,
 * the word is odd and no double. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
