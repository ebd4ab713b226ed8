import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Aligner, type RecordList, type Step } from '../../protocol/align.ts';
import { RecipeWriter, readRecipe } from '../../protocol/recipe.ts';
import { RECORD_BYTES } from '../../protocol/record.ts';
import { randomFrom } from './random.ts';

/** Records by number: equal numbers are equal blocks. */
class List implements RecordList {
  readonly count: number;
  reads = 0;
  private readonly blocks: readonly number[];
  // One buffer for all: what at() returned before is overwritten, as its contract allows.
  private readonly record = new Uint8Array(RECORD_BYTES);

  constructor(blocks: readonly number[]) {
    this.blocks = blocks;
    this.count = blocks.length;
  }

  at(ordinal: number): Uint8Array {
    if (ordinal < 0 || ordinal >= this.count) throw new RangeError(`ordinal ${ordinal} of ${this.count}`);
    this.reads++;
    const random = randomFrom(this.blocks[ordinal]! + 1);
    random(2);
    for (let index = 0; index < RECORD_BYTES; index++) this.record[index] = random(256);
    this.record.set([1 + (this.blocks[ordinal]! % 200), 16, 0, 0]);
    return this.record;
  }
}

const sequence = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

/** Follows the steps; fails if a copy names other blocks than the target has. */
function rebuild(
  base: number[],
  target: number[],
  from = 0,
): { steps: Step[]; fresh: number; copies: number } {
  const aligner = new Aligner(new List(base), new List(target), from);
  const steps: Step[] = [];
  let ordinal = from;
  let fresh = 0;
  for (;;) {
    const peeked = aligner.peek();
    const step = aligner.next();
    expect(step).toBe(peeked);
    if (step === undefined) break;
    expect(step.ordinal).toBe(ordinal);
    if (step.is === 'copy') {
      expect(base.slice(step.base, step.base + step.count)).toEqual(
        target.slice(ordinal, ordinal + step.count),
      );
    } else fresh += step.count;
    ordinal += step.count;
    steps.push(step);
  }
  expect(ordinal).toBe(Math.max(from, target.length));
  return { steps, fresh, copies: steps.filter(step => step.is === 'copy').length };
}

/** Writes steps until they end (true) or the part is full (false). */
function writeSteps(writer: RecipeWriter, aligner: Aligner, target: RecordList): boolean {
  for (let step = aligner.peek(); step !== undefined; step = aligner.peek()) {
    const record = target.at(step.ordinal);
    const isAdded =
      step.is === 'copy'
        ? writer.copy(step.base, step.count)
        : writer.fresh(record[0]! | (record[1]! << 8), record.subarray(4));
    if (!isAdded) return false;
    aligner.next();
  }
  return true;
}

describe('align: how much is found', () => {
  const base = sequence(0, 1000);

  test('the same -> one copy', () => {
    expect(rebuild(base, base).steps).toEqual([{ is: 'copy', ordinal: 0, base: 0, count: 1000 }]);
  });

  test('appended to -> one copy and the new', () => {
    expect(rebuild(base, [...base, 5001, 5002])).toMatchObject({ fresh: 2, copies: 1 });
  });

  test('blocks changed in place, put in, taken out -> only those are fresh', () => {
    const target = [...base];
    target[10] = 5000;
    target.splice(200, 0, 5001, 5002, 5003);
    target.splice(500, 7);
    expect(rebuild(base, target)).toMatchObject({ fresh: 4, copies: 4 });
  });

  test('a part moved to the front and to the end -> found', () => {
    const moved = rebuild(base, [...base.slice(400, 500), ...base.slice(0, 400), ...base.slice(500)]);
    expect(moved.fresh).toBeLessThanOrEqual(1);
    const back = rebuild(base, [...base.slice(200), ...base.slice(0, 200)]);
    expect(back.fresh).toBeLessThanOrEqual(4);
  });

  test('one far block between others -> the way goes on where it left', () => {
    const target = [...base];
    target[500] = 3;
    target[502] = 5000;
    expect(rebuild(base, target).fresh).toBeLessThanOrEqual(2);
  });

  test('a base of the same block over and over -> found, and the end too', () => {
    const zeros = new Array(500).fill(7);
    const old = [...zeros, ...sequence(100, 100)];
    expect(rebuild(old, [1, 2, ...zeros, 7, 7, ...sequence(100, 100)]).fresh).toBeLessThanOrEqual(4);
  });

  test('a large base, 10,000 blocks replaced by 9,900 -> fresh beyond them: one in a hundred', () => {
    const old = sequence(0, 100_000);
    const target = [...sequence(0, 30_000), ...sequence(500_000, 9_900), ...sequence(40_000, 60_000)];
    const { fresh } = rebuild(old, target);
    expect(fresh).toBeGreaterThanOrEqual(9_900);
    expect(fresh).toBeLessThan(9_900 + 600);
  });

  test('nothing in common, or nothing at all -> all fresh', () => {
    expect(rebuild(base, sequence(5000, 300))).toMatchObject({ fresh: 300, copies: 0 });
    expect(rebuild([], sequence(0, 5))).toMatchObject({ fresh: 5, copies: 0 });
    expect(rebuild(base, []).steps).toEqual([]);
    expect(rebuild([], []).steps).toEqual([]);
  });

  test('from an ordinal in the middle, the base shifted -> found', () => {
    const target = [...sequence(5000, 30), ...base];
    expect(rebuild(base, target, 600).fresh).toBe(0);
    expect(rebuild(base, [...sequence(5000, 300), ...base], 900).fresh).toBeLessThanOrEqual(4);
    expect(rebuild(base, target, target.length).steps).toEqual([]);
    expect(rebuild(base, target, target.length + 5).steps).toEqual([]);
  });
});

describe('align: what it costs', () => {
  test('an unchanged file -> each record read once', () => {
    const base = new List(sequence(0, 50_000));
    const aligner = new Aligner(base, new List(sequence(0, 50_000)), 0);
    while (aligner.next() !== undefined);
    expect(base.reads).toBe(50_000);
  });

  test('a file changed all over -> some reads a record, and no step of many', () => {
    const base = new List(sequence(0, 50_000));
    const target = new List(sequence(0, 50_000).map(block => (block % 10 === 0 ? block + 1_000_000 : block)));
    const aligner = new Aligner(base, target, 0);
    let most = 0;
    for (;;) {
      const before = base.reads + target.reads;
      if (aligner.next() === undefined) break;
      most = Math.max(most, base.reads + target.reads - before);
    }
    expect(base.reads).toBeLessThan(4 * base.count);
    expect(most).toBeLessThan(2200);
  });

  test('keys that are all equal -> no endless search', () => {
    class Same extends List {
      override at(ordinal: number): Uint8Array {
        const record = super.at(ordinal);
        record.set([0, 0, 0, 0], 4);
        return record;
      }
    }
    const aligner = new Aligner(new Same(sequence(0, 3000)), new Same(sequence(9000, 3000)), 0);
    let fresh = 0;
    for (let step = aligner.next(); step !== undefined; step = aligner.next()) fresh += step.count;
    expect(fresh).toBe(3000);
  });
});

describe('align: property', () => {
  const blocks = fc.array(fc.nat(60), { maxLength: 400 });
  const edit = fc.record({
    at: fc.nat(500),
    out: fc.nat(50),
    into: fc.array(fc.nat(1000), { maxLength: 20 }),
  });

  test('any two lists, any start -> steps rebuild the target', () => {
    fc.assert(
      fc.property(blocks, blocks, fc.nat(450), (base, target, from) => {
        rebuild(base, target, from);
      }),
      { seed: 1, numRuns: 300 },
    );
  });

  test('any edits -> recipe parts of any size, read back, rebuild the target', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5000), { maxLength: 600 }),
        fc.array(edit, { maxLength: 5 }),
        fc.integer({ min: 30, max: 500 }),
        (base, edits, room) => {
          const target = [...base];
          for (const { at, out, into } of edits) target.splice(at % (target.length + 1), out, ...into);
          const list = new List(target);
          const aligner = new Aligner(new List(base), list, 0);
          const rebuilt: string[] = [];
          const known = new List(base);
          const hex = (record: Uint8Array) => Buffer.from(record).toString('hex');
          for (let isEnd = false; !isEnd; ) {
            const writer = new RecipeWriter(new Uint8Array(room));
            isEnd = writeSteps(writer, aligner, list);
            const before = rebuilt.length;
            const read = readRecipe(writer.part, {
              copy(ordinal, count) {
                for (let index = 0; index < count; index++) rebuilt.push(hex(known.at(ordinal + index)));
              },
              fresh(length, id) {
                const record = new Uint8Array(RECORD_BYTES);
                new DataView(record.buffer).setUint32(0, length, true);
                record.set(id, 4);
                rebuilt.push(hex(record));
              },
            });
            expect(read).toEqual({ blocks: writer.blocks });
            expect(rebuilt.length - before).toBe(writer.blocks);
            expect(isEnd || writer.blocks > 0).toBe(true);
          }
          expect(rebuilt).toEqual(target.map((_, ordinal) => hex(list.at(ordinal))));
        },
      ),
      { seed: 1, numRuns: 300 },
    );
  });
});
