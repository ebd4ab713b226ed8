// BLAKE3's compression function, four at a time: lane i of every vector belongs to message i. Only the SIMD build
// has this file's code. Same order of work as compress.ts, to be read beside it.
//
//   messages, as they lie           words, transposed
//   lane 0: a0 a1 a2 ... a15        word 0: a0 b0 c0 d0
//   lane 1: b0 b1 b2 ... b15        word 1: a1 b1 c1 d1
//   lane 2: c0 c1 c2 ... c15          ...
//   lane 3: d0 d1 d2 ... d15        word 15: a15 b15 c15 d15

import { IV_0, IV_1, IV_2, IV_3 } from './compress';

/** Bytes of four chaining values and of four messages, transposed. */
export const VALUES_BYTES: usize = 4 * 32;
export const WORDS_BYTES: usize = 4 * 64;

/** Compresses the transposed messages at `words` into the transposed chaining values at `values`. */
// biome-ignore format: a line is half a quarter-round, so that a round can be held against the paper.
export function compressLanes(values: usize, words: usize, counterLow: v128, counterHigh: v128, lengths: v128, flags: v128): void {
  let v0 = v128.load(values, 0), v1 = v128.load(values, 16), v2 = v128.load(values, 32), v3 = v128.load(values, 48);
  let v4 = v128.load(values, 64), v5 = v128.load(values, 80), v6 = v128.load(values, 96), v7 = v128.load(values, 112);
  let v8 = i32x4.splat(IV_0), v9 = i32x4.splat(IV_1), v10 = i32x4.splat(IV_2), v11 = i32x4.splat(IV_3);
  let v12 = counterLow, v13 = counterHigh, v14 = lengths, v15 = flags;
  // Round 1: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 0)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 16)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 32)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 48)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 64)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 80)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 96)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 112)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 128)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 144)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 160)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 176)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 192)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 208)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 224)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 240)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 2: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 32)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 96)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 48)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 160)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 112)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 0)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 64)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 208)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 16)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 176)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 192)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 80)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 144)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 224)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 240)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 128)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 3: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 48)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 64)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 160)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 192)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 208)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 32)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 112)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 224)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 96)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 80)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 144)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 0)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 176)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 240)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 128)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 16)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 4: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 160)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 112)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 192)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 144)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 224)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 48)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 208)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 240)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 64)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 0)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 176)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 32)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 80)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 128)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 16)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 96)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 5: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 192)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 208)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 144)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 176)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 240)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 160)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 224)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 128)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 112)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 32)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 80)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 48)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 0)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 16)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 96)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 64)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 6: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 144)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 224)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 176)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 80)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 128)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 192)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 240)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 16)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 208)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 48)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 0)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 160)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 32)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 96)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 64)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 112)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  // Round 7: columns, then diagonals.
  v0 = add(add(v0, v4), v128.load(words, 176)); v12 = r16(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r12(v128.xor(v4, v8));
  v0 = add(add(v0, v4), v128.load(words, 240)); v12 = r8(v128.xor(v12, v0)); v8 = add(v8, v12); v4 = r7(v128.xor(v4, v8));
  v1 = add(add(v1, v5), v128.load(words, 80)); v13 = r16(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r12(v128.xor(v5, v9));
  v1 = add(add(v1, v5), v128.load(words, 0)); v13 = r8(v128.xor(v13, v1)); v9 = add(v9, v13); v5 = r7(v128.xor(v5, v9));
  v2 = add(add(v2, v6), v128.load(words, 16)); v14 = r16(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r12(v128.xor(v6, v10));
  v2 = add(add(v2, v6), v128.load(words, 144)); v14 = r8(v128.xor(v14, v2)); v10 = add(v10, v14); v6 = r7(v128.xor(v6, v10));
  v3 = add(add(v3, v7), v128.load(words, 128)); v15 = r16(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r12(v128.xor(v7, v11));
  v3 = add(add(v3, v7), v128.load(words, 96)); v15 = r8(v128.xor(v15, v3)); v11 = add(v11, v15); v7 = r7(v128.xor(v7, v11));
  v0 = add(add(v0, v5), v128.load(words, 224)); v15 = r16(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r12(v128.xor(v5, v10));
  v0 = add(add(v0, v5), v128.load(words, 160)); v15 = r8(v128.xor(v15, v0)); v10 = add(v10, v15); v5 = r7(v128.xor(v5, v10));
  v1 = add(add(v1, v6), v128.load(words, 32)); v12 = r16(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r12(v128.xor(v6, v11));
  v1 = add(add(v1, v6), v128.load(words, 192)); v12 = r8(v128.xor(v12, v1)); v11 = add(v11, v12); v6 = r7(v128.xor(v6, v11));
  v2 = add(add(v2, v7), v128.load(words, 48)); v13 = r16(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r12(v128.xor(v7, v8));
  v2 = add(add(v2, v7), v128.load(words, 64)); v13 = r8(v128.xor(v13, v2)); v8 = add(v8, v13); v7 = r7(v128.xor(v7, v8));
  v3 = add(add(v3, v4), v128.load(words, 112)); v14 = r16(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r12(v128.xor(v4, v9));
  v3 = add(add(v3, v4), v128.load(words, 208)); v14 = r8(v128.xor(v14, v3)); v9 = add(v9, v14); v4 = r7(v128.xor(v4, v9));
  v128.store(values, v128.xor(v0, v8), 0); v128.store(values, v128.xor(v1, v9), 16);
  v128.store(values, v128.xor(v2, v10), 32); v128.store(values, v128.xor(v3, v11), 48);
  v128.store(values, v128.xor(v4, v12), 64); v128.store(values, v128.xor(v5, v13), 80);
  v128.store(values, v128.xor(v6, v14), 96); v128.store(values, v128.xor(v7, v15), 112);
}

/** Reads 64 bytes at each of four addresses and leaves them transposed at `words`. */
export function transpose(lane0: usize, lane1: usize, lane2: usize, lane3: usize, words: usize): void {
  for (let offset: usize = 0; offset < 64; offset += 16) {
    const a = v128.load(lane0 + offset);
    const b = v128.load(lane1 + offset);
    const c = v128.load(lane2 + offset);
    const d = v128.load(lane3 + offset);
    // Pairs of words of two lanes, then pairs of pairs.
    const ab01 = v128.shuffle<u32>(a, b, 0, 4, 1, 5);
    const ab23 = v128.shuffle<u32>(a, b, 2, 6, 3, 7);
    const cd01 = v128.shuffle<u32>(c, d, 0, 4, 1, 5);
    const cd23 = v128.shuffle<u32>(c, d, 2, 6, 3, 7);
    v128.store(words + offset * 4, v128.shuffle<u64>(ab01, cd01, 0, 2), 0);
    v128.store(words + offset * 4, v128.shuffle<u64>(ab01, cd01, 1, 3), 16);
    v128.store(words + offset * 4, v128.shuffle<u64>(ab23, cd23, 0, 2), 32);
    v128.store(words + offset * 4, v128.shuffle<u64>(ab23, cd23, 1, 3), 48);
  }
}

function add(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

// Rotations to the right. By whole bytes it is one shuffle, else two shifts.

function r16(a: v128): v128 {
  return v128.shuffle<u8>(a, a, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}

function r12(a: v128): v128 {
  return v128.or(i32x4.shr_u(a, 12), i32x4.shl(a, 20));
}

function r8(a: v128): v128 {
  return v128.shuffle<u8>(a, a, 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12);
}

function r7(a: v128): v128 {
  return v128.or(i32x4.shr_u(a, 7), i32x4.shl(a, 25));
}
