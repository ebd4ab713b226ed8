// XXH64, the checksum of catalog pages: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
//
// Against decay, torn writes and misdirected writes, not against an enemy: whoever can write the catalog's file
// can write a checksum too. Every step is a bijection of the word it takes in, so a change confined to one
// 8-byte word, a flipped bit above all, is always noticed; any other damage slips through once in 2^64.

const P1: u64 = ((<u64>0x9e3779b1) << 32) | 0x85ebca87;
const P2: u64 = ((<u64>0xc2b2ae3d) << 32) | 0x27d4eb4f;
const P3: u64 = ((<u64>0x165667b1) << 32) | 0x9e3779f9;
const P4: u64 = ((<u64>0x85ebca77) << 32) | 0xc2b2ae63;
const P5: u64 = ((<u64>0x27d4eb2f) << 32) | 0x165667c5;

/** XXH64 of `bytes` bytes at `at`. Reads nothing beyond them. */
export function sum(at: usize, bytes: usize, seed: u64): u64 {
  const end = at + bytes;
  let h: u64;
  if (bytes >= 32) {
    let a = seed + P1 + P2;
    let b = seed + P2;
    let c = seed;
    let d = seed - P1;
    do {
      a = round(a, load<u64>(at));
      b = round(b, load<u64>(at, 8));
      c = round(c, load<u64>(at, 16));
      d = round(d, load<u64>(at, 24));
      at += 32;
    } while (at + 32 <= end);
    h = rotl(a, 1) + rotl(b, 7) + rotl(c, 12) + rotl(d, 18);
    h = merge(merge(merge(merge(h, a), b), c), d);
  } else {
    h = seed + P5;
  }
  h += <u64>bytes;
  for (; at + 8 <= end; at += 8) h = rotl(h ^ round(0, load<u64>(at)), 27) * P1 + P4;
  if (at + 4 <= end) {
    h = rotl(h ^ (<u64>load<u32>(at) * P1), 23) * P2 + P3;
    at += 4;
  }
  for (; at < end; at++) h = rotl(h ^ (<u64>load<u8>(at) * P5), 11) * P1;
  h = (h ^ (h >> 33)) * P2;
  h = (h ^ (h >> 29)) * P3;
  return h ^ (h >> 32);
}

function round(lane: u64, word: u64): u64 {
  return rotl(lane + word * P2, 31) * P1;
}

function merge(h: u64, lane: u64): u64 {
  return (h ^ round(0, lane)) * P1 + P4;
}
