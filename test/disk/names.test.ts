import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedNames } from '../../agent/disk/names.ts';
import { realSystem } from '../../agent/disk/system.ts';
import { path } from './bench.ts';

function sorted(names: Uint8Array[], bufferBytes: number): { names: Uint8Array[]; spills: number } {
  let spills = 0;
  const file = join(fs.mkdtempSync(join(tmpdir(), 'toastbox-names-')), 'spill');
  const sorter = new SortedNames(realSystem, new Uint8Array(bufferBytes), () => {
    spills++;
    return fs.openSync(file, 'wx+');
  });
  try {
    for (const name of names) sorter.add(name);
    sorter.finish();
    const out: Uint8Array[] = [];
    for (let name = sorter.next(); name !== undefined; name = sorter.next()) out.push(name.slice());
    return { names: out, spills };
  } finally {
    sorter.close();
    fs.rmSync(join(file, '..'), { recursive: true });
  }
}

function expected(names: Uint8Array[]): Uint8Array[] {
  const order = [...names].sort(Buffer.compare);
  return order.filter((name, i) => i === 0 || Buffer.compare(name, order[i - 1] as Uint8Array) !== 0);
}

const same = (a: Uint8Array[], b: Uint8Array[]): boolean =>
  a.length === b.length && a.every((name, i) => Buffer.compare(name, b[i] as Uint8Array) === 0);

test('names: any bytes of any length, some twice -> in order, each once', () => {
  const name = fc.uint8Array({ minLength: 1, maxLength: 255 });
  const few = fc.uint8Array({ minLength: 1, maxLength: 2, max: 3 });
  fc.assert(
    fc.property(fc.array(fc.oneof(name, few), { maxLength: 400 }), names => {
      expect(same(sorted(names, 16 * 1024).names, expected(names))).toBe(true);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test('names: far more than three runs of a level -> merged over and over, in order, through one spill file', () => {
  const names = Array.from({ length: 120_000 }, (_, i) => path(`${Math.imul(i, 2_654_435_761) >>> 0}`));
  const result = sorted(names, 16 * 1024);
  expect(result.spills).toBe(1);
  expect(same(result.names, expected(names))).toBe(true);
});

test('names: just as many as fit, and one more -> in place, then one run more', () => {
  const fitting = Math.floor((16 * 1024 - 4096) / (1 + 5 + 4));
  const names = Array.from({ length: fitting + 1 }, (_, i) => path(`${99_999 - i}`));
  expect(sorted(names.slice(1), 16 * 1024).spills).toBe(0);
  const spilled = sorted(names, 16 * 1024);
  expect(spilled.spills).toBe(1);
  expect(same(spilled.names, expected(names))).toBe(true);
});

test('names: a buffer too small for runs -> a mistake of ours', () => {
  expect(() => new SortedNames(realSystem, new Uint8Array(12 * 1024), () => -1)).toThrow(RangeError);
});
