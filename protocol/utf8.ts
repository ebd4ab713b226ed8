// Where UTF-8 sequences stand in bytes that may be anything: names are bytes, and texts come from a peer.
//
// Strict as RFC 3629, section 4: no overlong form, no surrogate, nothing above U+10FFFF. Never decodes, never copies.

/** Bytes of the valid sequence that starts at `offset`: 1 to 4; 0 when none does. */
export function sequenceLength(bytes: Uint8Array, offset: number, end = bytes.length): number {
  const first = bytes[offset] ?? 0xff;
  if (offset >= end) return 0;
  if (first < 0x80) return 1;
  // The second byte's range is what rules out overlong forms (E0, F0), surrogates (ED) and the end of Unicode (F4).
  let length = 2;
  let low = 0x80;
  let high = 0xbf;
  if (first >= 0xc2 && first <= 0xdf) length = 2;
  else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first === 0xe0) low = 0xa0;
    if (first === 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first === 0xf0) low = 0x90;
    if (first === 0xf4) high = 0x8f;
  } else return 0;
  if (offset + length > end) return 0;
  const second = bytes[offset + 1]!;
  if (second < low || second > high) return 0;
  for (let index = offset + 2; index < offset + length; index++) {
    if ((bytes[index]! & 0xc0) !== 0x80) return 0;
  }
  return length;
}

export function isUtf8(bytes: Uint8Array, offset = 0, end = bytes.length): boolean {
  for (let at = offset; at < end; ) {
    const length = sequenceLength(bytes, at, end);
    if (length === 0) return false;
    at += length;
  }
  return true;
}
