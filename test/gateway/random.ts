// Seeded random numbers (mulberry32): the same seed, the same test.

export interface Random {
  /** 0 <= n < bound */
  below(bound: number): number;
  bytes(count: number): Uint8Array;
}

export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    below: bound => Math.floor((word() / 2 ** 32) * bound),
    bytes(count) {
      const made = new Uint8Array(count);
      for (let at = 0; at < count; at++) made[at] = word() & 0xff;
      return made;
    },
  };
}
