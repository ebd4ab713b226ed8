import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Marks } from '../../agent/memory/marks.ts';

const NOW = 1_700_000_000_000;
let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'toastbox-marks-'));
  file = join(root, 'high-water');
});
afterEach(() => rmSync(root, { recursive: true }));

test('marks: raised, saved, read again -> ever survives, this run begins anew', () => {
  const first = new Marks(file, NOW);
  expect(first.raise('a', 7)).toEqual({ thisRun: 7, ever: 7 });
  expect(first.raise('a', 3)).toEqual({ thisRun: 7, ever: 7 });
  first.save(true);
  const second = new Marks(file, NOW + 1000);
  expect(second.since).toBe(NOW);
  expect(second.raise('a', 2)).toEqual({ thisRun: 2, ever: 7 });
  expect(second.raise('b', 1)).toEqual({ thisRun: 1, ever: 1 });
  expect(readFileSync(file, 'utf8')).toBe(`{"version":1,"since":${NOW},"marks":{"a":7}}\n`);
});

test('marks: a small rise -> waits for the end; nothing risen -> nothing is written', () => {
  const marks = new Marks(file, NOW);
  marks.raise('a', 160);
  marks.save(false);
  const inode = () => readFileSync(file, 'utf8');
  rmSync(file);
  marks.save(true);
  expect(readdirSync(root)).toEqual([]);
  marks.raise('a', 169);
  marks.save(false);
  expect(readdirSync(root)).toEqual([]);
  marks.raise('a', 170);
  marks.save(false);
  expect(inode()).toContain('"a":170');
  marks.raise('a', 171);
  marks.save(true);
  expect(inode()).toContain('"a":171');
});

test('marks: the file cut off anywhere, or of another kind -> begun anew, never half of it', () => {
  const whole = new Marks(file, NOW);
  whole.raise('a', 7);
  whole.raise('b', 8);
  whole.save(true);
  const text = readFileSync(file, 'utf8');
  // All but the line's end: without it every byte is there.
  for (let bytes = 0; bytes < text.length - 1; bytes++) {
    writeFileSync(file, text.slice(0, bytes));
    const marks = new Marks(file, NOW + 5);
    expect(marks.since, `cut at ${bytes}`).toBe(NOW + 5);
    expect(marks.raise('a', 1).ever, `cut at ${bytes}`).toBe(1);
  }
  for (const other of [
    'null',
    '[]',
    '{"version":2,"since":1,"marks":{}}',
    '{"version":1,"since":1,"marks":{"a":-1}}',
  ]) {
    writeFileSync(file, other);
    expect(new Marks(file, NOW).raise('a', 1).ever, other).toBe(1);
  }
});

test('marks: a kill between writing and renaming -> the old marks, and the next saving succeeds', () => {
  const marks = new Marks(file, NOW);
  marks.raise('a', 7);
  marks.save(true);
  writeFileSync(`${file}.new`, '{"versi');
  const next = new Marks(file, NOW);
  expect(next.raise('a', 9)).toEqual({ thisRun: 9, ever: 9 });
  next.save(true);
  expect(readdirSync(root)).toEqual(['high-water']);
  expect(new Marks(file, NOW).raise('a', 0).ever).toBe(9);
});

test('marks: nowhere to write -> thrown, and nothing is left behind', () => {
  const marks = new Marks(join(root, 'missing', 'high-water'), NOW);
  marks.raise('a', 1);
  expect(() => marks.save(true)).toThrow(/ENOENT/);
  expect(readdirSync(root)).toEqual([]);
});
