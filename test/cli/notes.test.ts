import { describe, expect, test } from 'vitest';
import type { Note } from '../../agent/engine/ports.ts';
import { reportTo } from '../../cli/running/run.ts';
import { Crowd, LINES_MAX, lineOf, type NoteLine, REPEAT_MS, Repeats } from '../../cli/screen/notes.ts';
import { Screen } from '../../cli/screen/screen.ts';
import { Kind } from '../../protocol/messages.ts';
import { TestOut } from './out.ts';

const path = (text: string) => Buffer.from(text);
const text = (note: Note) => lineOf(note).text;

describe('notes', () => {
  test('notes: each kind -> one line', () => {
    expect(text({ kind: 'sent', path: path('a/b.txt'), what: Kind.FILE, bytes: 1234 })).toBe(
      'up    a/b.txt  1.2 KiB',
    );
    expect(text({ kind: 'received', path: path('a'), what: Kind.DIRECTORY, bytes: 0 })).toBe('down  a/');
    expect(text({ kind: 'sent', path: path('a/l'), what: Kind.SYMLINK, bytes: 3 })).toBe(
      'up    a/l  symlink',
    );
    expect(text({ kind: 'received', path: path('a'), what: Kind.ABSENT, bytes: 0 })).toBe('down  a  deleted');
    expect(text({ kind: 'conflict', path: path('a'), copy: path('a.conflict') })).toBe(
      'keep  a: changed on both sides; what was here is now a.conflict',
    );
    expect(text({ kind: 'skipped', path: path('a:b'), why: 'not on vfat' })).toBe('skip  a:b: not on vfat');
    expect(text({ kind: 'trouble', path: path('a'), code: 'ENOSPC', doing: 'write' })).toBe(
      'fail  a: write: ENOSPC',
    );
    expect(text({ kind: 'trouble', path: path(''), code: 'CHANGED', doing: 'opening the folder' })).toBe(
      'fail  opening the folder: CHANGED',
    );
    expect(text({ kind: 'session', text: 'up' })).toBe('link  up');
  });
  test('notes: names that would move a cursor, break a line or are not UTF-8 -> one printable line', () => {
    const hostile = Uint8Array.of(0x61, 0x0a, 0x1b, 0x5b, 0x32, 0x4a, 0xff, 0xe2, 0x80, 0xae);
    for (const note of [
      { kind: 'sent', path: hostile, what: Kind.FILE, bytes: 1 },
      { kind: 'conflict', path: hostile, copy: hostile },
      { kind: 'skipped', path: hostile, why: 'x' },
      { kind: 'trouble', path: hostile, code: 'EIO', doing: 'read' },
    ] as Note[])
      expect(text(note)).toMatch(/^[ -~]+$/);
  });
  test('notes: what a peer says of itself, or why it refuses -> one printable line', () => {
    const [out, errors] = [new TestOut(), new TestOut()];
    const { onLog, onNote } = reportTo(new Screen({ out, errors, progress: 'none', isQuiet: false }));
    onLog('info', 'one: joined all with x\u001b[31m\nerror: false');
    onLog('warn', 'out of place: toastbox/1/\u009b2J\r');
    onNote({ kind: 'session', text: '\u202ex\ty' });
    onNote({ kind: 'trouble', path: path(''), code: '\u202ex\ty', doing: 'the gateway refuses' });
    expect(out.text).toBe('one: joined all with x\\u{1b}[31m\\u{a}error: false\nlink  \\u{202e}x\\u{9}y\n');
    expect(errors.text).toBe(
      'warn: out of place: toastbox/1/\\u{9b}2J\\u{d}\nfail  the gateway refuses: \\u{202e}x\\u{9}y\n',
    );
  });
});

describe('crowd', () => {
  const up = (name: string): NoteLine => ({ text: name, counts: 'up', bytes: 1024 });

  test('crowd: 812 lines in a second -> the first twenty, then one line for the rest', () => {
    const crowd = new Crowd();
    const shown: string[] = [];
    for (let index = 0; index < 812; index++) shown.push(...crowd.take(up(String(index)), 1000 + index));
    expect(shown).toEqual(Array.from({ length: LINES_MAX }, (_, index) => String(index)));
    expect(crowd.wakeAt()).toBe(2000);
    expect(crowd.flush(1999)).toEqual([]);
    expect(crowd.flush(2000)).toEqual(['...   and more: 792 up (792 KiB)']);
    expect([crowd.wakeAt(), crowd.flush(9999)]).toEqual([undefined, []]);
  });
  test('crowd: several kinds held back -> each is counted', () => {
    const crowd = new Crowd();
    for (let index = 0; index < LINES_MAX; index++) crowd.take(up('x'), 0);
    for (const counts of [
      'up',
      'down',
      'down',
      'conflict',
      'problem',
      'problem',
      'skipped',
      'message',
    ] as const)
      crowd.take({ text: 'x', counts, bytes: 10 }, 1);
    expect(crowd.flush(1, true)).toEqual([
      '...   and more: 1 up (10 B), 2 down (20 B), 1 conflict, 2 problems, 1 skipped name, 1 message',
    ]);
  });
  test('repeats: a trouble every five seconds -> told once a minute, others beside it at once', () => {
    const repeats = new Repeats();
    let told = 0;
    for (let now = 0; now < 2 * REPEAT_MS; now += 5000) if (!repeats.has('a is full', now)) told++;
    expect(told).toBe(2);
    expect(repeats.has('b is full', 2 * REPEAT_MS)).toBe(false);
  });
  test('repeats: a warning again and again while it is quiet -> told once, what is for information never', () => {
    const [out, errors] = [new TestOut(), new TestOut()];
    const { onLog } = reportTo(new Screen({ out, errors, progress: 'none', isQuiet: true }));
    for (let time = 0; time < 3; time++) {
      onLog('warn', 'nothing answers there');
      onLog('info', 'connected');
    }
    expect([out.text, errors.text]).toEqual(['', 'warn: nothing answers there\n']);
  });
  test('crowd: the next second begins -> the summary stands before its lines', () => {
    const crowd = new Crowd();
    for (let index = 0; index <= LINES_MAX; index++) crowd.take(up('x'), 0);
    expect(crowd.take(up('next'), 1000)).toEqual(['...   and more: 1 up (1 KiB)', 'next']);
  });
  test('crowd: nineteen a second for a minute -> every line, no summary', () => {
    const crowd = new Crowd();
    const shown: string[] = [];
    for (let index = 0; index < 19 * 60; index++)
      shown.push(...crowd.take(up(String(index)), (index * 1000) / 19));
    expect(shown.length).toBe(19 * 60);
    expect(crowd.flush(Number.POSITIVE_INFINITY)).toEqual([]);
  });
  test('crowd: any flood -> at most twenty lines and one summary in a second', () => {
    const crowd = new Crowd();
    let shown = 0;
    for (let ms = 0; ms < 10_000; ms++)
      for (let index = 0; index < 5; index++) shown += crowd.take(up('x'), ms).length;
    expect(shown).toBeLessThanOrEqual(10 * (LINES_MAX + 1));
  });
});
