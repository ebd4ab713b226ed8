// XXH64 a second time, from its specification, in BigInt: what assembly/page-sum.ts is held against.

const M = (1n << 64n) - 1n;
const P1 = 0x9e3779b185ebca87n;
const P2 = 0xc2b2ae3d27d4eb4fn;
const P3 = 0x165667b19e3779f9n;
const P4 = 0x85ebca77c2b2ae63n;
const P5 = 0x27d4eb2f165667c5n;

const rotate = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (64n - by))) & M;
const round = (lane: bigint, word: bigint): bigint => (rotate((lane + word * P2) & M, 31n) * P1) & M;

export function xxh64(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  let h = (seed + P5) & M;
  if (bytes.length >= 32) {
    const lanes = [seed + P1 + P2, seed + P2, seed, seed - P1].map(lane => lane & M);
    for (; at + 32 <= bytes.length; at += 32)
      for (let i = 0; i < 4; i++) lanes[i] = round(lanes[i]!, view.getBigUint64(at + 8 * i, true));
    h = [1n, 7n, 12n, 18n].reduce((sum, by, i) => (sum + rotate(lanes[i]!, by)) & M, 0n);
    for (const lane of lanes) h = ((h ^ round(0n, lane)) * P1 + P4) & M;
  }
  h = (h + BigInt(bytes.length)) & M;
  for (; at + 8 <= bytes.length; at += 8)
    h = (rotate(h ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & M;
  if (at + 4 <= bytes.length) {
    h = (rotate(h ^ ((BigInt(view.getUint32(at, true)) * P1) & M), 23n) * P2 + P3) & M;
    at += 4;
  }
  for (; at < bytes.length; at++) h = (rotate(h ^ ((BigInt(bytes[at]!) * P5) & M), 11n) * P1) & M;
  h = ((h ^ (h >> 33n)) * P2) & M;
  h = ((h ^ (h >> 29n)) * P3) & M;
  return h ^ (h >> 32n);
}
