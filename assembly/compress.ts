// BLAKE3's compression function, one at a time: "BLAKE3, one function, fast everywhere" (O'Connor, Aumasson, Neves,
// Wilcox-O'Hearn), section 2.2. Written out round by round, because the order of the message words is then a
// constant of each line and the sixteen words of state stay in registers.
//
// Only the first 32 bytes of output are made: a chaining value, or an id.

export const IV_0: u32 = 0x6a09e667;
export const IV_1: u32 = 0xbb67ae85;
export const IV_2: u32 = 0x3c6ef372;
export const IV_3: u32 = 0xa54ff53a;
export const IV_4: u32 = 0x510e527f;
export const IV_5: u32 = 0x9b05688c;
export const IV_6: u32 = 0x1f83d9ab;
export const IV_7: u32 = 0x5be0cd19;

/** Bytes that one call takes, and the most that one chunk has: 16 blocks in the paper's words. */
export const MESSAGE_BYTES: usize = 64;
export const CHUNK_BYTES: usize = 1024;
/** Bytes of a chaining value, and of the whole hash. */
export const VALUE_BYTES: usize = 32;

// Flags, table 3 of the paper.
export const CHUNK_START: u32 = 1;
export const CHUNK_END: u32 = 2;
export const PARENT: u32 = 4;
export const ROOT: u32 = 8;

/** The chaining value that every chunk and parent starts from. */
export const initialValue = memory.data<u32>([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);

/**
 * Compresses 64 bytes at `message` into 32 bytes at `out`, which may be where `value`, the chaining value, is.
 * `length` is how many of the 64 count; the rest must be zero.
 */
// biome-ignore format: a line is half a quarter-round, so that a round can be held against the paper.
export function compress(value: usize, message: usize, counter: u64, length: u32, flags: u32, out: usize): void {
  let v0 = load<u32>(value, 0), v1 = load<u32>(value, 4), v2 = load<u32>(value, 8), v3 = load<u32>(value, 12);
  let v4 = load<u32>(value, 16), v5 = load<u32>(value, 20), v6 = load<u32>(value, 24), v7 = load<u32>(value, 28);
  let v8 = IV_0, v9 = IV_1, v10 = IV_2, v11 = IV_3;
  let v12 = <u32>counter, v13 = <u32>(counter >> 32), v14 = length, v15 = flags;
  // Round 1: columns, then diagonals.
  v0 += v4 + load<u32>(message, 0); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 4); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 8); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 12); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 16); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 20); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 24); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 28); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 32); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 36); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 40); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 44); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 48); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 52); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 56); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 60); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 2: columns, then diagonals.
  v0 += v4 + load<u32>(message, 8); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 24); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 12); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 40); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 28); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 0); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 16); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 52); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 4); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 44); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 48); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 20); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 36); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 56); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 60); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 32); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 3: columns, then diagonals.
  v0 += v4 + load<u32>(message, 12); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 16); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 40); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 48); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 52); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 8); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 28); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 56); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 24); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 20); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 36); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 0); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 44); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 60); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 32); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 4); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 4: columns, then diagonals.
  v0 += v4 + load<u32>(message, 40); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 28); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 48); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 36); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 56); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 12); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 52); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 60); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 16); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 0); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 44); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 8); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 20); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 32); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 4); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 24); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 5: columns, then diagonals.
  v0 += v4 + load<u32>(message, 48); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 52); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 36); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 44); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 60); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 40); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 56); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 32); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 28); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 8); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 20); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 12); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 0); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 4); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 24); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 16); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 6: columns, then diagonals.
  v0 += v4 + load<u32>(message, 36); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 56); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 44); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 20); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 32); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 48); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 60); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 4); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 52); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 12); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 0); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 40); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 8); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 24); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 16); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 28); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  // Round 7: columns, then diagonals.
  v0 += v4 + load<u32>(message, 44); v12 = rotr(v12 ^ v0, 16); v8 += v12; v4 = rotr(v4 ^ v8, 12);
  v0 += v4 + load<u32>(message, 60); v12 = rotr(v12 ^ v0, 8); v8 += v12; v4 = rotr(v4 ^ v8, 7);
  v1 += v5 + load<u32>(message, 20); v13 = rotr(v13 ^ v1, 16); v9 += v13; v5 = rotr(v5 ^ v9, 12);
  v1 += v5 + load<u32>(message, 0); v13 = rotr(v13 ^ v1, 8); v9 += v13; v5 = rotr(v5 ^ v9, 7);
  v2 += v6 + load<u32>(message, 4); v14 = rotr(v14 ^ v2, 16); v10 += v14; v6 = rotr(v6 ^ v10, 12);
  v2 += v6 + load<u32>(message, 36); v14 = rotr(v14 ^ v2, 8); v10 += v14; v6 = rotr(v6 ^ v10, 7);
  v3 += v7 + load<u32>(message, 32); v15 = rotr(v15 ^ v3, 16); v11 += v15; v7 = rotr(v7 ^ v11, 12);
  v3 += v7 + load<u32>(message, 24); v15 = rotr(v15 ^ v3, 8); v11 += v15; v7 = rotr(v7 ^ v11, 7);
  v0 += v5 + load<u32>(message, 56); v15 = rotr(v15 ^ v0, 16); v10 += v15; v5 = rotr(v5 ^ v10, 12);
  v0 += v5 + load<u32>(message, 40); v15 = rotr(v15 ^ v0, 8); v10 += v15; v5 = rotr(v5 ^ v10, 7);
  v1 += v6 + load<u32>(message, 8); v12 = rotr(v12 ^ v1, 16); v11 += v12; v6 = rotr(v6 ^ v11, 12);
  v1 += v6 + load<u32>(message, 48); v12 = rotr(v12 ^ v1, 8); v11 += v12; v6 = rotr(v6 ^ v11, 7);
  v2 += v7 + load<u32>(message, 12); v13 = rotr(v13 ^ v2, 16); v8 += v13; v7 = rotr(v7 ^ v8, 12);
  v2 += v7 + load<u32>(message, 16); v13 = rotr(v13 ^ v2, 8); v8 += v13; v7 = rotr(v7 ^ v8, 7);
  v3 += v4 + load<u32>(message, 28); v14 = rotr(v14 ^ v3, 16); v9 += v14; v4 = rotr(v4 ^ v9, 12);
  v3 += v4 + load<u32>(message, 52); v14 = rotr(v14 ^ v3, 8); v9 += v14; v4 = rotr(v4 ^ v9, 7);
  store<u32>(out, v0 ^ v8, 0); store<u32>(out, v1 ^ v9, 4);
  store<u32>(out, v2 ^ v10, 8); store<u32>(out, v3 ^ v11, 12);
  store<u32>(out, v4 ^ v12, 16); store<u32>(out, v5 ^ v13, 20);
  store<u32>(out, v6 ^ v14, 24); store<u32>(out, v7 ^ v15, 28);
}
