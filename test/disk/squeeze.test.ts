import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { DICTIONARY_BYTES_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';

const none = new Uint8Array(0);
const bytesOf = (max: number) => fc.uint8Array({ maxLength: max });

test('squeeze: any bytes and dictionary -> come back whole, the same bytes each time', () => {
  fc.assert(
    fc.property(bytesOf(2000), bytesOf(500), (bytes, dictionary) => {
      const stored = squeeze.deflate(bytes, dictionary);
      expect(Buffer.compare(squeeze.deflate(bytes, dictionary), stored)).toBe(0);
      const back = squeeze.inflate(stored, dictionary, bytes.length);
      expect(back && Buffer.compare(back, bytes)).toBe(0);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('squeeze: largest run after largest dictionary -> a repeat costs a thirtieth', () => {
  const dictionary = new Uint8Array(DICTIONARY_BYTES_MAX).map(
    (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255,
  );
  const bytes = dictionary.slice(0, RUN_BYTES_MAX);
  const stored = squeeze.deflate(bytes, dictionary);
  expect(stored.length).toBeLessThan(RUN_BYTES_MAX / 30);
  expect(Buffer.from(squeeze.inflate(stored, dictionary, RUN_BYTES_MAX) ?? none).equals(bytes)).toBe(true);
});

test('squeeze: length differs from what is stored -> undefined', () => {
  const stored = squeeze.deflate(Buffer.alloc(1000, 7), none);
  for (const length of [0, 1, 999, 1001, 100_000])
    expect(squeeze.inflate(stored, none, length)).toBeUndefined();
});

test('squeeze: a bomb -> refused at its announced length', () => {
  const bomb = deflateRawSync(Buffer.alloc(64 << 20));
  expect(squeeze.inflate(bomb, none, 1000)).toBeUndefined();
});

test('squeeze: cut short, padded or another dictionary -> undefined', () => {
  const dictionary = Buffer.from('the quick brown fox jumps over the lazy dog');
  const stored = squeeze.deflate(dictionary, dictionary);
  const padded = Buffer.concat([stored, Buffer.from([0])]);
  for (let end = 0; end < stored.length; end++)
    expect(squeeze.inflate(stored.subarray(0, end), dictionary, dictionary.length)).toBeUndefined();
  expect(squeeze.inflate(padded, dictionary, dictionary.length)).toBeUndefined();
  expect(squeeze.inflate(stored, none, dictionary.length)).toBeUndefined();
});

test('squeeze: arbitrary bytes of a peer -> undefined or the right length, never an exception', () => {
  fc.assert(
    fc.property(bytesOf(300), bytesOf(100), fc.nat(400), (bytes, dictionary, length) => {
      const back = squeeze.inflate(bytes, dictionary, length);
      expect(back === undefined || back.length === length).toBe(true);
    }),
    { seed: 2, numRuns: 3000 },
  );
});

test('squeeze: no room for the answer -> ENOMEM, and no word against the bytes', () => {
  const stored = squeeze.deflate(Buffer.from('of a peer'), none);
  expect(() => squeeze.inflate(stored, none, 2 ** 53 - 1)).toThrow('ENOMEM');
});
