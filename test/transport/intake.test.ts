import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Intake } from '../../transport/intake.ts';

const MAX = 100;

function packet(first: number, bodyBytes: number): Buffer {
  const length: number[] = [];
  let left = bodyBytes;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(bodyBytes, first ^ bodyBytes)]);
}

/** What is handed on when `bytes` arrive in pieces that end at `cuts`, each overwritten once it was taken. */
function pass(bytes: Buffer, cuts: readonly number[], packetsMax = Number.POSITIVE_INFINITY) {
  const out: { first: number; body: Buffer }[] = [];
  let swallowed = 0;
  const intake = new Intake({
    packetBytesMax: MAX,
    onPacket(first, body) {
      out.push({ first, body: Buffer.from(body) });
      body.fill(0xee);
      return out.length < packetsMax;
    },
    onSwallow: () => swallowed++,
  });
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    while (from < to) {
      const space = intake.space();
      expect(space.length).toBeGreaterThanOrEqual(64 * 1024);
      const step = Math.min(space.length, to - from);
      bytes.copy(space, 0, from, from + step);
      intake.took(step);
      from += step;
      if (out.length >= packetsMax) return { out, swallowed };
    }
  }
  return { out, swallowed };
}

const bodyOf = (whole: Buffer) => whole.subarray(whole.length < 130 ? 2 : 3);

describe('intake', () => {
  it('intake: any packets cut anywhere -> the short ones whole, the long ones stepped over and counted', () => {
    const packets = fc.array(
      fc.record({
        bytes: fc.oneof(fc.nat(MAX - 2), fc.integer({ min: MAX - 1, max: 200_000 })),
        dup: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    const check = fc.property(packets, fc.array(fc.nat(400_000), { maxLength: 12 }), (list, cuts) => {
      const all = list.map(({ bytes, dup }) => packet(dup ? 0x38 : 0x30, bytes));
      const short = all.filter(one => one.length <= MAX);
      const whole = Buffer.concat(all);
      const places = cuts.filter(at => at < whole.length).sort((a, b) => a - b);
      const { out, swallowed } = pass(whole, places);
      expect(out).toEqual(short.map(one => ({ first: one[0], body: bodyOf(one) })));
      expect(swallowed).toBe(all.length - short.length);
    });
    fc.assert(check, { numRuns: 500, seed: 20 });
  });

  it('intake: one byte at a time -> the same', () => {
    const all = Buffer.concat([packet(0x30, 50), packet(0x30, 20_000), packet(0xd0, 0), packet(0x30, 98)]);
    const { out, swallowed } = pass(
      all,
      Array.from(all, (_, at) => at + 1),
    );
    expect(out.map(({ body }) => body.length)).toEqual([50, 0, 98]);
    expect(swallowed).toBe(1);
  });

  it.each([
    ['a SUBACK', 0x90],
    ['a PUBLISH of QoS 1', 0x32],
  ])('intake: %s over the bound -> refused before its body is taken', (_, first) => {
    const bytes = Buffer.concat([packet(0x30, 5), packet(first, 99)]);
    expect(() => pass(bytes.subarray(0, 9), [])).toThrow('a packet of 99 bytes; 100 are allowed');
  });

  it('intake: a length of more than four bytes -> refused, however it is cut', () => {
    const bytes = Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1]);
    for (const cuts of [[], [1, 2, 3, 4, 5], [4]])
      expect(() => pass(bytes, cuts)).toThrow('a malformed packet length');
  });

  it('intake: whoever takes a packet wants no more -> what follows in the same read is left', () => {
    const { out } = pass(Buffer.concat([packet(0x30, 5), packet(0x30, 6), packet(0x30, 7)]), [], 2);
    expect(out.map(({ body }) => body.length)).toEqual([5, 6]);
  });
});
