// Public vectors, both builds, through every way in: one piece inside the arena, pieces from outside, lists.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { randomBytes, xorshift } from './seeded.ts';

const vectors = readFileSync(new URL('../golden/blake3.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split(' ') as [string, string])
  .map(([length, hash]) => ({ length: Number(length), hash }));

const input = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** The whole 32 bytes, of bytes that are put at `offset` of the window. */
function hashInWindow(arena: Arena, bytes: Uint8Array, offset: number): string {
  arena.window.set(bytes, offset);
  const out = arena.exports.digest.value;
  arena.exports.hash(arena.window.byteOffset + offset, bytes.length, out);
  return hex(arena.bytes.subarray(out, out + 32));
}

function* pieces(bytes: Uint8Array, seed: number, longest: number): Iterable<Uint8Array> {
  const next = xorshift(seed);
  for (let offset = 0; offset < bytes.length; ) {
    const length = 1 + (next() % longest);
    yield bytes.subarray(offset, offset + length);
    offset += length;
  }
}

describe.each([
  { build: 'simd', simd: true },
  { build: 'plain', simd: false },
])('blake3 ($build)', ({ simd }) => {
  const arena = openArena({ bytes: 8 * 2 ** 20, simd });

  it('blake3: the official vectors -> the published hashes, at any alignment', () => {
    expect(vectors.length).toBe(35);
    for (const { length, hash } of vectors) {
      for (const offset of [0, 1, 7, 61]) {
        expect(hashInWindow(arena, input(length), offset), `${length} bytes at ${offset}`).toBe(hash);
      }
    }
  });

  it('blake3: a vector from outside the arena -> the first half of the published hash', () => {
    for (const { length, hash } of vectors) {
      expect(hex(arena.blockId(input(length))), `${length} bytes`).toBe(hash.slice(0, 32));
    }
  });

  it('blake3: a vector in pieces of any size -> the same hash', () => {
    for (const { length, hash } of vectors) {
      for (const longest of [1, 64, 1000, 5000, 50_000]) {
        if (length > 10_000 && longest === 1) continue;
        const id = arena.contentIdOf(pieces(input(length), length + longest, longest));
        expect(hex(id), `${length} bytes in pieces of up to ${longest}`).toBe(hash.slice(0, 32));
      }
    }
  });

  it('blake3: an id -> fresh bytes, not a view that the next id writes over', () => {
    const first = arena.blockId(input(1));
    const kept = hex(first);
    arena.blockId(input(2));
    expect(hex(first)).toBe(kept);
    expect(first.buffer).not.toBe(arena.memory.buffer);
  });
});

it('blake3: a million random bytes -> both builds agree, byte range by byte range', () => {
  const bytes = randomBytes(42, 1_000_000);
  const [simd, plain] = [true, false].map(simd => openArena({ bytes: 2 * 2 ** 20, simd })) as [Arena, Arena];
  const next = xorshift(43);
  for (let round = 0; round < 200; round++) {
    const from = next() % bytes.length;
    const range = bytes.subarray(from, from + (next() % 70_000));
    expect(hex(simd.blockId(range)), `${range.length} bytes from ${from}`).toBe(hex(plain.blockId(range)));
  }
  expect(hex(simd.blockId(bytes))).toBe(hex(plain.blockId(bytes)));
});
