import { describe, expect, test } from 'vitest';
import { headerLength } from '../../protocol/bounds.ts';
import { decodeHeader, encodeHeader } from '../../protocol/cbor.ts';
import { FRAME_BYTES_MAX, ITEMS_MAX, UINT_MAX } from '../../protocol/limits.ts';
import { isUtf8, sequenceLength } from '../../protocol/utf8.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('bounds: refused', () => {
  test.each([
    ['', 'empty'],
    ['01', 'not an array'],
    ['a0', 'not an array'],
    ['c6 80', 'not an array'],
    ['81', 'truncated'],
    ['82 01', 'truncated'],
    ['81 18', 'truncated'],
    ['81 19 01', 'truncated'],
    ['81 1b 00 00 00', 'truncated'],
    ['81 43 01 02', 'truncated'],
    ['9f 01 ff', 'indefinite length'],
    ['81 9f ff', 'indefinite length'],
    ['81 5f 41 00 ff', 'indefinite length'],
    ['81 7f ff', 'indefinite length'],
    ['81 1f', 'indefinite length'],
    ['81 1c', 'reserved length'],
    ['81 5d', 'reserved length'],
    ['9e', 'reserved length'],
    ['81 a0', 'map, tag, float or simple value'],
    ['81 c1 00', 'map, tag, float or simple value'],
    ['81 f4', 'map, tag, float or simple value'],
    ['81 f6', 'map, tag, float or simple value'],
    ['81 f9 3c 00', 'map, tag, float or simple value'],
    ['81 fb 3f f0 00 00 00 00 00 00', 'map, tag, float or simple value'],
    ['81 ff', 'map, tag, float or simple value'],
    ['81 1b 00 20 00 00 00 00 00 00', 'integer over 2^53'],
    ['81 1b ff ff ff ff ff ff ff ff', 'integer over 2^53'],
    ['81 3b 00 1f ff ff ff ff ff ff', 'integer over 2^53'],
    ['81 81 81 80', 'too deep'],
    ['81 81 81 81 01', 'too deep'],
    ['81 61 ff', 'not UTF-8'],
    ['81 62 c0 80', 'not UTF-8'],
    // The sequence would go on past the text.
    ['82 61 c3 41 a9', 'not UTF-8'],
  ])('%s -> %s', (bytes, reason) => {
    expect(headerLength(hex(bytes))).toBe(reason);
    expect(decodeHeader(hex(bytes))).toEqual({ refusal: reason });
  });
});

describe('bounds: taken', () => {
  test.each([
    ['80', []],
    ['81 00', [0]],
    ['81 80', [[]]],
    ['83 80 81 80 01', [[], [[]], 1]],
    ['81 1b 00 1f ff ff ff ff ff ff', [BigInt(UINT_MAX)]],
    ['81 3b 00 1f ff ff ff ff ff fe', [BigInt(-UINT_MAX)]],
    ['81 3a ff ff ff ff', [-(2 ** 32)]],
    ['82 20 38 ff', [-1, -256]],
    // Longer than need be.
    ['98 01 19 00 05', [5]],
    ['81 5b 00 00 00 00 00 00 00 01 07', [Uint8Array.of(7)]],
    ['81 62 c3 a9', ['é']],
  ])('%s -> its values', (bytes, header) => {
    const given = hex(bytes);
    expect(decodeHeader(given)).toEqual({ header, length: given.length });
  });

  test('bytes after the array -> not looked at', () => {
    expect(headerLength(hex('82 01 02 ff ff ff'))).toBe(3);
    expect(decodeHeader(hex('82 01 02 ff ff ff'))).toEqual({ header: [1, 2], length: 3 });
  });

  test('a header inside a larger buffer -> decoded from where it starts', () => {
    const around = hex('ff ff 82 01 41 07 ff');
    const decoded = decodeHeader(around.subarray(2));
    expect(decoded).toEqual({ header: [1, Uint8Array.of(7)], length: 4 });
    expect(decodeHeader(Buffer.from(around).subarray(2))).toEqual(decoded);
  });

  test('ITEMS_MAX items -> taken; one more -> refused', () => {
    const list = (count: number) =>
      Uint8Array.of(0x81, 0x99, count >> 8, count & 255, ...new Array(count).fill(0));
    expect(headerLength(list(ITEMS_MAX))).toBe(4 + ITEMS_MAX);
    expect(headerLength(list(ITEMS_MAX + 1))).toBe('too many items');
  });
});

describe('bounds: bombs', () => {
  const repeat = (unit: string, count: number) => hex(unit.repeat(count)).subarray(0, FRAME_BYTES_MAX);
  const bombs: [string, Uint8Array, string][] = [
    ['an array of 2^32 - 1', hex('9a ff ff ff ff'), 'too many items'],
    ['an array of 2^64 - 1', hex('9b ff ff ff ff ff ff ff ff'), 'too many items'],
    ['arrays 10,000 deep', repeat('81', 10_000), 'too deep'],
    ['arrays of ITEMS_MAX in each other', repeat('99 08 00', 3000), 'too deep'],
    ['a byte string of 4 GiB', hex('81 5a ff ff ff ff 00'), 'truncated'],
    ['a byte string of 2^64 - 1', hex('81 5b ff ff ff ff ff ff ff ff 00'), 'truncated'],
    ['a text of 4 GiB', hex('81 7a ff ff ff ff 00'), 'truncated'],
    ['a text of 2^53', hex('81 7b 00 20 00 00 00 00 00 00'), 'truncated'],
    ['a map of 2^32', hex('81 ba ff ff ff ff'), 'map, tag, float or simple value'],
    ['records of cbor-x', hex('81 d9 df ff 84 19 e0 00 81 61 61 01'), 'map, tag, float or simple value'],
  ];

  test.each(bombs)('%s -> refused', (_, bytes, reason) => {
    expect(decodeHeader(bytes)).toEqual({ refusal: reason });
  });

  test('each bomb a thousand times -> no memory taken', () => {
    const before = process.memoryUsage();
    for (let round = 0; round < 1000; round++) for (const [, bytes] of bombs) headerLength(bytes);
    const after = process.memoryUsage();
    const taken = after.heapUsed + after.external - before.heapUsed - before.external;
    // Half a KiB a call: the counters and the view. A single bomb that went off would be gigabytes.
    expect(taken).toBeLessThan(bombs.length * 1000 * 512);
  });

  test('the frame that makes the most objects -> some 200 times its size, for a moment', () => {
    // 16 lists of 2,048 empty byte strings.
    const list = hex(`99 08 00${'40'.repeat(ITEMS_MAX)}`);
    const lists = Array.from({ length: 15 }, () => list);
    const frame = Uint8Array.from(Buffer.concat([hex('8f'), ...lists]));
    expect(frame.length).toBeLessThan(FRAME_BYTES_MAX);
    const before = process.memoryUsage();
    const decoded = decodeHeader(frame);
    const after = process.memoryUsage();
    expect(decoded).toHaveProperty('length', frame.length);
    const taken = after.heapUsed + after.external - before.heapUsed - before.external;
    expect(taken).toBeLessThan(400 * frame.length);
  });
});

describe('cbor: written', () => {
  test.each<[unknown[], string]>([
    [[0, 23, 24, 255, 256, 65_535, 65_536], '87 00 17 18 18 18 ff 19 01 00 19 ff ff 1a 00 01 00 00'],
    [[2 ** 32 - 1, 2 ** 32], '82 1a ff ff ff ff 1b 00 00 00 01 00 00 00 00'],
    [[UINT_MAX], '81 1b 00 1f ff ff ff ff ff ff'],
    [[-1, -24, -25, -256, -257], '85 20 37 38 18 38 ff 39 01 00'],
    [[-(2 ** 31) - 1, -(2 ** 32)], '82 3a 80 00 00 00 3a ff ff ff ff'],
    [[-(2 ** 32) - 1, -UINT_MAX], '82 3b 00 00 00 01 00 00 00 00 3b 00 1f ff ff ff ff ff fe'],
    [[-0], '81 00'],
    [[new Uint8Array(2), Buffer.from('a')], '82 42 00 00 41 61'],
    [['', 'é€😀'], '82 60 69 c3 a9 e2 82 ac f0 9f 98 80'],
    [[[], [[]]], '82 80 81 80'],
  ])('values %# -> their shortest bytes', (header, bytes) => {
    expect(Buffer.from(encodeHeader(header)).toString('hex')).toBe(bytes.replaceAll(' ', ''));
  });

  test('what a header cannot hold -> throws', () => {
    for (const value of [
      1.5,
      Number.NaN,
      2 ** 53,
      null,
      undefined,
      true,
      {},
      new Map(),
      [[[1]]],
      '\ud800',
      5n,
    ]) {
      expect(() => encodeHeader([value]), String(value)).toThrow('broken promise');
    }
    expect(() => encodeHeader([new Array(ITEMS_MAX + 1).fill(0)])).toThrow('broken promise');
  });

  test('encoding again -> what was encoded before stays', () => {
    const first = encodeHeader([1, 'first']);
    const copy = Uint8Array.from(first);
    encodeHeader([2, 'other', new Uint8Array(5000)]);
    expect(first).toEqual(copy);
  });
});

describe('utf8: sequences', () => {
  const decodes = (bytes: Uint8Array) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
      return true;
    } catch {
      return false;
    }
  };

  test('all of two bytes, the edges of three and four -> as the platform decoder says', () => {
    const edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
    const leads = [0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff];
    const differ: Uint8Array[] = [];
    let valid = 0;
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        const bytes = Uint8Array.of(first, second);
        if (isUtf8(bytes) !== decodes(bytes)) differ.push(bytes);
      }
    }
    for (const first of leads)
      for (const second of edges)
        for (const third of edges)
          for (const fourth of [...edges, undefined]) {
            const bytes = Uint8Array.from([first, second, third, ...(fourth === undefined ? [] : [fourth])]);
            if (isUtf8(bytes) !== decodes(bytes)) differ.push(bytes);
            if (sequenceLength(bytes, 0) === bytes.length) valid++;
          }
    expect(differ).toEqual([]);
    expect(valid).toBeGreaterThan(50);
  });

  test('an end before the sequence ends -> none', () => {
    const bytes = Buffer.from('😀');
    expect(sequenceLength(bytes, 0)).toBe(4);
    expect(sequenceLength(bytes, 0, 3)).toBe(0);
    expect(sequenceLength(bytes, 1)).toBe(0);
    expect(sequenceLength(bytes, 4)).toBe(0);
  });
});
