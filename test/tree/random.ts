// Seeded randomness (xorshift32), keys and values for the tree's tests.

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = (Math.imul(seed + 1, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  }

  below(limit: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % limit;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

/** Keys as the catalog's (few first bytes, many names) and as nobody's: long, short, one the start of another. */
export function randomKey(random: Random, longest: number): Uint8Array {
  const kind = random.below(10);
  if (kind === 0) return new Uint8Array(1 + random.below(longest)).fill(random.below(3));
  if (kind === 1) return random.bytes(1 + random.below(2));
  const key = new Uint8Array(9 + 1 + random.below(kind === 2 ? longest - 9 : 12));
  key[7] = random.below(4);
  for (let index = 9; index < key.length; index++) key[index] = 97 + random.below(4);
  return key;
}

export function randomValue(random: Random, longest: number): Uint8Array {
  const kind = random.below(12);
  const length = kind === 0 ? 0 : kind < 3 ? random.below(longest + 1) : random.below(80);
  return new Uint8Array(length).fill(random.below(256));
}

/** The seeds to run: `SEED=n` runs one, `SEEDS=n` that many. */
export function seeds(usual: number): number[] {
  if (process.env.SEED !== undefined) return [Number(process.env.SEED)];
  return Array.from({ length: Number(process.env.SEEDS ?? usual) }, (_, index) => index + 1);
}
