// The cut of a content is part of the protocol: a golden table holds it, made by another program.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { BLOCK_BYTES_AIM, BLOCK_BYTES_MAX, BLOCK_BYTES_MIN } from '../../protocol/limits.ts';
import { namedBytes, randomBytes, xorshift } from './seeded.ts';

const golden = readFileSync(new URL('../golden/cuts.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
  .map(line => line.split(' ') as [string, string, string, string, string])
  .map(([name, bytes, blocks, lengths, content]) => ({
    name,
    bytes: Number(bytes),
    blocks,
    lengths,
    content,
  }));

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Whole {
  records: Buffer;
  lengths: number[];
  content: string;
}

/** Cuts a content as the disk does: fill, cut, move the rest to the front. `fill` says how much is read at once. */
function cutWhole(arena: Arena, bytes: Uint8Array, fill = (room: number): number => room): Whole {
  const { window } = arena;
  const records: Uint8Array[] = [];
  let held = 0;
  let offset = 0;
  arena.beginContent();
  for (let isEnd = false; !isEnd; ) {
    const part = bytes.subarray(offset, offset + fill(window.length - held));
    window.set(part, held);
    offset += part.length;
    held += part.length;
    isEnd = offset === bytes.length;
    const cut = arena.cut(held, isEnd);
    records.push(cut.records.slice());
    expect(cut.records.length).toBe(cut.count * 20);
    window.copyWithin(0, cut.consumed, held);
    held -= cut.consumed;
  }
  expect(held).toBe(0);
  const all = Buffer.concat(records);
  const lengths: number[] = [];
  for (let at = 0; at < all.length; at += 20) lengths.push(all.readUInt32LE(at));
  return { records: all, lengths, content: hex(arena.endContent()) };
}

describe.each([
  { build: 'simd', simd: true },
  { build: 'plain', simd: false },
])('cutter ($build)', ({ simd }) => {
  const arena = openArena({ bytes: 8 * 2 ** 20, simd });
  const small = openArena({ bytes: 2 * 2 ** 20, simd });

  it.each(golden)('cutter: $bytes bytes of $name -> as the golden table', row => {
    const bytes = namedBytes(row.name, row.bytes);
    for (const one of [arena, small]) {
      const whole = cutWhole(one, bytes);
      const table = new Uint8Array(Uint32Array.from(whole.lengths).buffer);
      expect({
        blocks: String(whole.lengths.length),
        lengths: hex(one.blockId(table)),
        content: whole.content,
      }).toEqual({
        blocks: row.blocks,
        lengths: row.lengths,
        content: row.content,
      });
    }
  });

  it('cutter: any pattern of filling the window -> the cuts of full windows', () => {
    const bytes = randomBytes(11, 700_000);
    const expected = cutWhole(arena, bytes);
    for (let seed = 1; seed <= 20; seed++) {
      const next = xorshift(seed);
      const longest = [1 + (next() % 300), 5000, 70_000][seed % 3]!;
      const fill = (room: number): number => Math.min(room, (next() % longest) + (longest < 301 ? 200 : 0));
      const whole = cutWhole(seed % 2 === 0 ? arena : small, bytes, fill);
      expect(whole.content, `seed ${seed}`).toBe(expected.content);
      expect(whole.records.equals(expected.records), `seed ${seed}`).toBe(true);
    }
  });

  it('cutter: every block -> its record holds the id of just these bytes', () => {
    for (const bytes of [randomBytes(12, 500_000), namedBytes('text:9', 500_000)]) {
      const { records } = cutWhole(arena, bytes);
      let offset = 0;
      for (let at = 0; at < records.length; at += 20) {
        const block = bytes.subarray(offset, offset + records.readUInt32LE(at));
        expect(hex(records.subarray(at + 4, at + 20)), `block at ${offset}`).toBe(hex(arena.blockId(block)));
        offset += block.length;
      }
      expect(offset).toBe(bytes.length);
    }
  });

  it('cutter: the kept records of a content, hashed while another is being cut -> the same two content ids', () => {
    const first = cutWhole(arena, randomBytes(13, 300_000));
    const second = randomBytes(14, 200_000);
    const alone = cutWhole(arena, second).content;
    arena.beginContent();
    arena.window.set(second.subarray(0, 100_000));
    const cut = arena.cut(100_000, false);
    expect(hex(arena.contentIdOf([first.records.subarray(0, 1000), first.records.subarray(1000)]))).toBe(
      first.content,
    );
    arena.window.set(second.subarray(cut.consumed));
    arena.cut(second.length - cut.consumed, true);
    expect(hex(arena.endContent())).toBe(alone);
  });

  it('cutter: bytes inserted in the middle -> blocks outside the neighbourhood stay', () => {
    const before = randomBytes(15, 1_000_000);
    const after = Buffer.concat([
      before.subarray(0, 400_000),
      randomBytes(16, 100),
      before.subarray(400_000),
    ]);
    const idsOf = (whole: Whole): string[] =>
      whole.lengths.map((_, index) => hex(whole.records.subarray(index * 20, index * 20 + 20)));
    const known = new Set(idsOf(cutWhole(arena, before)));
    const fresh = idsOf(cutWhole(arena, after)).filter(id => !known.has(id));
    expect(fresh.length).toBeGreaterThan(0);
    expect(fresh.length).toBeLessThanOrEqual(4);
  });

  it('cutter: cutting without a content begun, or more than the window holds -> traps', () => {
    const idle = openArena({ bytes: 2 * 2 ** 20, simd });
    expect(() => idle.cut(10, true)).toThrow(WebAssembly.RuntimeError);
    idle.beginContent();
    expect(() => idle.cut(idle.window.length + 1, true)).toThrow(WebAssembly.RuntimeError);
  });
});

it('cutter: 32 MiB of random bytes -> 4 KiB on average, none outside the bounds', () => {
  const { lengths } = cutWhole(openArena({ bytes: 8 * 2 ** 20 }), randomBytes(17, 32 * 2 ** 20));
  const average = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  expect(Math.abs(average - BLOCK_BYTES_AIM)).toBeLessThan(BLOCK_BYTES_AIM * 0.03);
  expect(Math.min(...lengths.slice(0, -1))).toBeGreaterThanOrEqual(BLOCK_BYTES_MIN);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
});

it('cutter: one byte value over and over -> blocks as long as may be, but for the one value the table dislikes', () => {
  const arena = openArena({ bytes: 2 * 2 ** 20 });
  const short: number[] = [];
  for (let value = 0; value < 256; value++) {
    const { lengths } = cutWhole(arena, new Uint8Array(3 * BLOCK_BYTES_MAX).fill(value));
    if (lengths.length > 3) short.push(value, lengths[0]!);
  }
  // 32 times the same byte roll to -gear[byte], whose top 10 bits are zero for 231 alone.
  expect(short).toEqual([231, 3329]);
});
