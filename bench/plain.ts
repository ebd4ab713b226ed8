// The inner loops as one writes them in JavaScript when one takes care: typed arrays, 32-bit integers, no object made
// inside a loop. What they answer is held against the wasm's.

const MIN = 1024;
const NORMAL = 3328;
const MAX = 16 * 1024;
const GEAR_WINDOW = 32;
const LIMIT_BEFORE = 2 ** (32 - 14);
const LIMIT_AFTER = 2 ** (32 - 10);

/** Bytes of the block that starts at `at`, where `left` are left: assembly/gear.ts. */
export function blockBytes(bytes: Uint8Array, gear: Uint32Array, at: number, left: number): number {
  if (left <= MIN) return left;
  let here = at + MIN - GEAR_WINDOW;
  let rolled = 0;
  const first = at + MIN - 1;
  while (here < first) rolled = ((rolled << 1) + gear[bytes[here++]!]!) | 0;
  const normal = at + Math.min(left, NORMAL);
  while (here < normal) {
    rolled = ((rolled << 1) + gear[bytes[here++]!]!) | 0;
    if (rolled >>> 0 < LIMIT_BEFORE) return here - at;
  }
  const end = at + Math.min(left, MAX);
  while (here < end) {
    rolled = ((rolled << 1) + gear[bytes[here++]!]!) | 0;
    if (rolled >>> 0 < LIMIT_AFTER) return here - at;
  }
  return end - at;
}

/** memcmp order, the shorter first where one starts the other. */
export function compare(bytes: Uint8Array, a: number, aBytes: number, b: number, bBytes: number): number {
  const most = Math.min(aBytes, bBytes);
  for (let at = 0; at < most; at++) {
    const difference = bytes[a + at]! - bytes[b + at]!;
    if (difference !== 0) return difference;
  }
  return aBytes - bBytes;
}

const SLOTS = 40;
const COUNT = 14;

/** The first cell of a page of the catalog whose key is not below the key at `key`: assembly/page.ts. */
export function seek(bytes: Uint8Array, page: number, key: number, keyBytes: number): number {
  let low = 0;
  let high = bytes[page + COUNT]! | (bytes[page + COUNT + 1]! << 8);
  while (low < high) {
    const middle = (low + high) >> 1;
    const slot = page + SLOTS + middle * 2;
    const cell = page + (bytes[slot]! | (bytes[slot + 1]! << 8));
    const tail = (bytes[cell]! | (bytes[cell + 1]! << 8)) & 0xfff;
    const order = compare(bytes, cell + 3, tail, key, keyBytes);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

// ---- BLAKE3

const IV = Int32Array.of(
  ...[0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19],
);
const PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
/** Which word of the message each of the 7 rounds takes at each of its 16 places. */
const SCHEDULE = Uint8Array.from({ length: 7 * 16 }, (_, place) => {
  let word = place % 16;
  for (let round = Math.floor(place / 16); round > 0; round--) word = PERMUTATION[word]!;
  return word;
});
const [CHUNK_START, CHUNK_END, PARENT, ROOT] = [1, 2, 4, 8];
const CHUNK_BYTES = 1024;

const message = new Int32Array(16);
/** The chaining value that a compression takes and leaves. */
const value = new Int32Array(8);

// biome-ignore format: a line is a quarter-round.
function compress(counter: number, length: number, flags: number): void {
  const m = message;
  let v0 = value[0]!, v1 = value[1]!, v2 = value[2]!, v3 = value[3]!;
  let v4 = value[4]!, v5 = value[5]!, v6 = value[6]!, v7 = value[7]!;
  let v8 = IV[0]!, v9 = IV[1]!, v10 = IV[2]!, v11 = IV[3]!;
  let v12 = counter | 0, v13 = 0, v14 = length, v15 = flags;
  let x = 0;
  for (let at = 0; at < 112; at += 16) {
    v0 = (v0 + v4 + m[SCHEDULE[at]!]!) | 0; x = v12 ^ v0; v12 = (x >>> 16) | (x << 16); v8 = (v8 + v12) | 0; x = v4 ^ v8; v4 = (x >>> 12) | (x << 20);
    v0 = (v0 + v4 + m[SCHEDULE[at + 1]!]!) | 0; x = v12 ^ v0; v12 = (x >>> 8) | (x << 24); v8 = (v8 + v12) | 0; x = v4 ^ v8; v4 = (x >>> 7) | (x << 25);
    v1 = (v1 + v5 + m[SCHEDULE[at + 2]!]!) | 0; x = v13 ^ v1; v13 = (x >>> 16) | (x << 16); v9 = (v9 + v13) | 0; x = v5 ^ v9; v5 = (x >>> 12) | (x << 20);
    v1 = (v1 + v5 + m[SCHEDULE[at + 3]!]!) | 0; x = v13 ^ v1; v13 = (x >>> 8) | (x << 24); v9 = (v9 + v13) | 0; x = v5 ^ v9; v5 = (x >>> 7) | (x << 25);
    v2 = (v2 + v6 + m[SCHEDULE[at + 4]!]!) | 0; x = v14 ^ v2; v14 = (x >>> 16) | (x << 16); v10 = (v10 + v14) | 0; x = v6 ^ v10; v6 = (x >>> 12) | (x << 20);
    v2 = (v2 + v6 + m[SCHEDULE[at + 5]!]!) | 0; x = v14 ^ v2; v14 = (x >>> 8) | (x << 24); v10 = (v10 + v14) | 0; x = v6 ^ v10; v6 = (x >>> 7) | (x << 25);
    v3 = (v3 + v7 + m[SCHEDULE[at + 6]!]!) | 0; x = v15 ^ v3; v15 = (x >>> 16) | (x << 16); v11 = (v11 + v15) | 0; x = v7 ^ v11; v7 = (x >>> 12) | (x << 20);
    v3 = (v3 + v7 + m[SCHEDULE[at + 7]!]!) | 0; x = v15 ^ v3; v15 = (x >>> 8) | (x << 24); v11 = (v11 + v15) | 0; x = v7 ^ v11; v7 = (x >>> 7) | (x << 25);
    v0 = (v0 + v5 + m[SCHEDULE[at + 8]!]!) | 0; x = v15 ^ v0; v15 = (x >>> 16) | (x << 16); v10 = (v10 + v15) | 0; x = v5 ^ v10; v5 = (x >>> 12) | (x << 20);
    v0 = (v0 + v5 + m[SCHEDULE[at + 9]!]!) | 0; x = v15 ^ v0; v15 = (x >>> 8) | (x << 24); v10 = (v10 + v15) | 0; x = v5 ^ v10; v5 = (x >>> 7) | (x << 25);
    v1 = (v1 + v6 + m[SCHEDULE[at + 10]!]!) | 0; x = v12 ^ v1; v12 = (x >>> 16) | (x << 16); v11 = (v11 + v12) | 0; x = v6 ^ v11; v6 = (x >>> 12) | (x << 20);
    v1 = (v1 + v6 + m[SCHEDULE[at + 11]!]!) | 0; x = v12 ^ v1; v12 = (x >>> 8) | (x << 24); v11 = (v11 + v12) | 0; x = v6 ^ v11; v6 = (x >>> 7) | (x << 25);
    v2 = (v2 + v7 + m[SCHEDULE[at + 12]!]!) | 0; x = v13 ^ v2; v13 = (x >>> 16) | (x << 16); v8 = (v8 + v13) | 0; x = v7 ^ v8; v7 = (x >>> 12) | (x << 20);
    v2 = (v2 + v7 + m[SCHEDULE[at + 13]!]!) | 0; x = v13 ^ v2; v13 = (x >>> 8) | (x << 24); v8 = (v8 + v13) | 0; x = v7 ^ v8; v7 = (x >>> 7) | (x << 25);
    v3 = (v3 + v4 + m[SCHEDULE[at + 14]!]!) | 0; x = v14 ^ v3; v14 = (x >>> 16) | (x << 16); v9 = (v9 + v14) | 0; x = v4 ^ v9; v4 = (x >>> 12) | (x << 20);
    v3 = (v3 + v4 + m[SCHEDULE[at + 15]!]!) | 0; x = v14 ^ v3; v14 = (x >>> 8) | (x << 24); v9 = (v9 + v14) | 0; x = v4 ^ v9; v4 = (x >>> 7) | (x << 25);
  }
  value[0] = v0 ^ v8; value[1] = v1 ^ v9; value[2] = v2 ^ v10; value[3] = v3 ^ v11;
  value[4] = v4 ^ v12; value[5] = v5 ^ v13; value[6] = v6 ^ v14; value[7] = v7 ^ v15;
}

function hashChunk(view: DataView, at: number, bytes: number, counter: number, rootFlag: number): void {
  value.set(IV);
  const last = Math.max(0, Math.ceil(bytes / 64) - 1);
  for (let block = 0; block <= last; block++) {
    const length = Math.min(64, bytes - block * 64);
    const from = at + block * 64;
    if (length === 64)
      for (let word = 0; word < 16; word++) message[word] = view.getInt32(from + word * 4, true);
    else {
      message.fill(0);
      for (let byte = 0; byte < length; byte++)
        message[byte >> 2]! |= view.getUint8(from + byte) << ((byte & 3) * 8);
    }
    const edges = (block === 0 ? CHUNK_START! : 0) | (block === last ? CHUNK_END! | rootFlag : 0);
    compress(counter, length, edges);
  }
}

/** Values of subtrees that are not joined yet, one for each set bit of the number of chunks. */
const stack = new Int32Array(8 * 54);

/** The first 16 bytes of BLAKE3 of so many bytes, as four words. */
export function hash(view: DataView, at: number, bytes: number): Int32Array {
  let chunks = 0;
  let depth = 0;
  for (; bytes - chunks * CHUNK_BYTES > CHUNK_BYTES; ) {
    hashChunk(view, at + chunks * CHUNK_BYTES, CHUNK_BYTES, chunks, 0);
    chunks++;
    for (let joined = chunks; (joined & 1) === 0; joined >>= 1) joinUnder(--depth, 0);
    stack.set(value, depth++ * 8);
  }
  hashChunk(view, at + chunks * CHUNK_BYTES, bytes - chunks * CHUNK_BYTES, chunks, depth === 0 ? ROOT! : 0);
  while (depth > 0) joinUnder(--depth, depth === 0 ? ROOT! : 0);
  return value.subarray(0, 4);
}

/** The value in hand becomes that of the parent of the stack's entry and itself. */
function joinUnder(entry: number, rootFlag: number): void {
  for (let word = 0; word < 8; word++) {
    message[word] = stack[entry * 8 + word]!;
    message[8 + word] = value[word]!;
  }
  value.set(IV);
  compress(0, 64, PARENT! | rootFlag);
}
