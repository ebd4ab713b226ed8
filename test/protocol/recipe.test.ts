import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_BYTES_MAX } from '../../protocol/limits.ts';
import { RecipeWriter, readRecipe } from '../../protocol/recipe.ts';
import { readVarint, unzigzag, varintLength, writeVarint, zigzag } from '../../protocol/varint.ts';
import { randomFrom } from './random.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const id = (fill: number) => new Uint8Array(16).fill(fill);
const ID = '07'.repeat(16);

type Operation = ['copy', number, number] | ['fresh', number, number];

function operations(part: Uint8Array): { read: ReturnType<typeof readRecipe>; seen: Operation[] } {
  const seen: Operation[] = [];
  const read = readRecipe(part, {
    copy: (ordinal, count) => seen.push(['copy', ordinal, count]),
    fresh: (length, block) => seen.push(['fresh', length, block[0]!]),
  });
  return { read, seen };
}

describe('recipe: bytes', () => {
  test('copies that go on, jump back, jump ahead; new blocks -> as the grammar says', () => {
    const writer = new RecipeWriter(new Uint8Array(200));
    writer.copy(0, 3);
    writer.fresh(300, id(7));
    writer.copy(3, 1);
    writer.copy(2, 1);
    writer.fresh(1, id(7));
    writer.fresh(BLOCK_BYTES_MAX, id(7));
    writer.copy(1000, 64);
    expect(Buffer.from(writer.part).toString('hex')).toBe(
      [
        '06 00', // 3 blocks, from 0 where 0 was expected
        `03 ac02 ${ID}`, // 1 new block of 300 bytes
        '02 00', // 1 block, from 3 as expected
        '02 03', // 1 block, 2 before the expected 4
        `05 01 ${ID} 808001 ${ID}`, // 2 new blocks, of 1 and of 16,384 bytes
        '8001 ca0f', // 64 blocks, 997 after the expected 3
      ]
        .join('')
        .replaceAll(' ', ''),
    );
    expect(writer.blocks).toBe(3 + 1 + 1 + 1 + 2 + 64);
    expect(writer.bytes).toBe(writer.part.length);
    expect(operations(writer.part).read).toEqual({ blocks: 72 });
  });

  test('calls that go on -> one operation', () => {
    const writer = new RecipeWriter(new Uint8Array(2000));
    for (let ordinal = 5; ordinal < 300; ordinal++) writer.copy(ordinal, 1);
    expect(writer.bytes).toBe(3);
    // Past 64 the count takes a second byte and the blocks behind it move.
    for (let index = 0; index < 70; index++) writer.fresh(index + 1, id(index));
    expect(operations(writer.part).seen).toEqual([
      ['copy', 5, 295],
      ...Array.from({ length: 70 }, (_, index) => ['fresh', index + 1, index]),
    ]);
    expect(writer.bytes).toBe(3 + 2 + 70 * 17);
  });

  test('the end of what an ordinal may be -> written and read', () => {
    const writer = new RecipeWriter(new Uint8Array(20));
    expect(writer.copy(2 ** 32 - 1, 1)).toBe(true);
    expect(operations(writer.part).seen).toEqual([['copy', 2 ** 32 - 1, 1]]);
    const all = new RecipeWriter(new Uint8Array(20));
    expect(all.copy(0, 2 ** 32)).toBe(true);
    expect(operations(all.part)).toEqual({ read: { blocks: 2 ** 32 }, seen: [['copy', 0, 2 ** 32]] });
  });

  test('our own mistakes -> throw', () => {
    const writer = new RecipeWriter(new Uint8Array(100));
    expect(() => writer.copy(0, 0)).toThrow('broken promise');
    expect(() => writer.copy(-1, 1)).toThrow('broken promise');
    expect(() => writer.copy(2 ** 32, 1)).toThrow('broken promise');
    expect(() => writer.fresh(0, id(1))).toThrow('broken promise');
    expect(() => writer.fresh(BLOCK_BYTES_MAX + 1, id(1))).toThrow('broken promise');
    expect(() => writer.fresh(1, new Uint8Array(15))).toThrow('broken promise');
    expect(writer.bytes).toBe(0);
  });
});

describe('recipe: room', () => {
  test('every room up to a whole recipe -> refused operations change nothing, no byte past the end', () => {
    const random = randomFrom(11);
    for (let room = 0; room < 400; room++) {
      const around = new Uint8Array(room + 8).fill(0xee);
      const writer = new RecipeWriter(around.subarray(0, room));
      const added: Operation[] = [];
      for (let index = 0; index < 60; index++) {
        const before = Buffer.from(writer.part);
        const operation: Operation =
          random(2) === 0
            ? ['copy', random(50_000), 1 + random(300)]
            : ['fresh', 1 + random(9000), random(256)];
        const isAdded =
          operation[0] === 'copy'
            ? writer.copy(operation[1], operation[2])
            : writer.fresh(operation[1], id(operation[2]));
        if (isAdded) added.push(operation);
        else expect(before.equals(writer.part)).toBe(true);
      }
      expect(operations(writer.part).seen).toEqual(merged(added));
      expect(around.subarray(room)).toEqual(new Uint8Array(8).fill(0xee));
    }
  });
});

function merged(added: Operation[]): Operation[] {
  const all: Operation[] = [];
  for (const operation of added) {
    const last = all.at(-1);
    if (operation[0] === 'copy' && last?.[0] === 'copy' && last[1] + last[2] === operation[1])
      last[2] += operation[2];
    else all.push([...operation]);
  }
  return all;
}

describe('recipe: malformed', () => {
  test.each([
    ['00 00', 'no blocks'],
    ['01', 'no blocks'],
    ['02', 'truncated'],
    ['80', 'truncated'],
    ['82 00 00', 'truncated'], // 2 in two bytes: overlong
    ['82 80 80 80 80 00 00', 'truncated'], // six bytes
    ['02 80 00', 'truncated'],
    ['02 01', 'ordinal out of range'], // before the first block
    ['02 00 02 03', 'ordinal out of range'],
    ['02 80 80 80 80 20', 'ordinal out of range'], // 2^32
    ['80 80 80 80 20 02', 'ordinal out of range'], // 2^32 blocks from 1 on
    ['80 80 80 80 20 00 02 01', 'too many blocks'], // and one more
    ['ff ff ff ff 7f', 'too many blocks'],
    ['ff ff ff ff 1f', 'truncated'], // 2^32 - 1 new blocks in no bytes
    ['03', 'truncated'],
    ['03 05', 'truncated'],
    [`03 05 ${ID.slice(2)}`, 'truncated'],
    [`05 05 ${ID}`, 'truncated'],
    [`03 00 ${ID}`, 'block length out of range'],
    [`03 81 80 01 ${ID}`, 'block length out of range'],
    [`03 ff ff ff ff 7f ${ID}`, 'block length out of range'],
    // Right at first, wrong later: nothing is handed on.
    [`02 00 03 05 ${ID} 00`, 'no blocks'],
  ])('%s -> %s, nothing visited', (part, fault) => {
    expect(operations(hex(part))).toEqual({ read: { malformed: fault }, seen: [] });
  });

  test('no operations -> no blocks, well formed', () => {
    expect(operations(new Uint8Array(0))).toEqual({ read: { blocks: 0 }, seen: [] });
  });

  test('random bytes -> never a throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), part => {
        const { read, seen } = operations(part);
        expect('blocks' in read || seen.length === 0).toBe(true);
      }),
      { seed: 1, numRuns: 5000 },
    );
  });
});

describe('varint', () => {
  test('any number -> back, in as many bytes as said', () => {
    const ends = [0, 127, 128, 16_383, 16_384, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 35 - 1];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.constantFrom(...ends),
          fc.maxSafeNat().map(n => n % 2 ** 35),
        ),
        value => {
          const bytes = new Uint8Array(8);
          const end = writeVarint(bytes, 1, value);
          expect(end - 1).toBe(varintLength(value));
          const cursor = { at: 1 };
          expect(readVarint(bytes, cursor)).toBe(value);
          expect(cursor.at).toBe(end);
          cursor.at = 1;
          expect(readVarint(bytes.subarray(0, end - 1), cursor)).toBeUndefined();
          expect(cursor.at).toBe(1);
        },
      ),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('zigzag -> small for small, and back', () => {
    expect([0, -1, 1, -2, 2].map(zigzag)).toEqual([0, 1, 2, 3, 4]);
    for (const value of [0, 1, -1, 2 ** 32, -(2 ** 32), 2 ** 33, 12_345, -12_345]) {
      expect(unzigzag(zigzag(value))).toBe(value);
    }
  });
});
