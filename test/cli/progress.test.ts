import { describe, expect, test } from 'vitest';
import type { Progress } from '../../agent/status.ts';
import { barText, cutFront, lineText, Pace } from '../../cli/screen/progress.ts';
import { BAR_MS, LINE_MS, Screen } from '../../cli/screen/screen.ts';
import { TestOut } from './out.ts';

const MIB = 2 ** 20;
const at = (done: number, total = 100): Progress => ({
  doing: 'up',
  path: 'photos/a.raw',
  bytesDone: done * MIB,
  bytesTotal: total * MIB,
  filesDone: done,
  filesTotal: total,
});
/** A pace that has seen one MiB and one file a second for `seconds`. */
const steady = (seconds: number): Pace => {
  const pace = new Pace();
  for (let second = 0; second <= seconds; second++) pace.read(at(second), second * 1000);
  return pace;
};

describe('progress', () => {
  test('progress: half done, 100 columns -> bar, bytes, files, time, path', () => {
    expect(barText(at(50), steady(50), 110)).toBe(
      'up    [############............]  50%  50 MiB of 100 MiB  50 of 100 files  0:50 left  photos/a.raw',
    );
  });
  test('progress: any width -> never longer, always what matters most', () => {
    const pace = steady(50);
    for (let columns = 0; columns <= 200; columns++)
      expect(barText(at(50), pace, columns).length).toBeLessThanOrEqual(columns);
    expect([60, 40, 22, 12, 5].map(columns => barText(at(50), pace, columns))).toEqual([
      'up    [########........]  50%  50 MiB of 100 MiB  0:50 left',
      'up    [#######........]  50%  0:50 left',
      'up     50%  0:50 left',
      'up     50%',
      'up',
    ]);
  });
  test('progress: a scan without total -> files and their rate, no bar', () => {
    const pace = new Pace();
    const scan = (files: number): Progress => ({
      doing: 'scan',
      path: '',
      bytesDone: 0,
      bytesTotal: 0,
      filesDone: files,
      filesTotal: 0,
    });
    for (let second = 0; second <= 5; second++) pace.read(scan(second * 1200), second * 1000);
    expect(barText(scan(6000), pace, 80)).toBe('scan  6,000 files, 1,200/s');
    expect(lineText(scan(6000), pace)).toBe('scan: 6,000 files');
  });
  test('progress: nearly done -> 99%, not 100%', () => {
    const nearly = { ...at(100), bytesDone: 100 * MIB - 1 };
    expect(barText(nearly, new Pace(), 80)).toContain(' 99%');
    expect(barText(at(100), new Pace(), 80)).toContain('100%');
  });
  test('progress: at the start, or when nothing moves -> no time left is claimed', () => {
    const pace = new Pace();
    pace.read(at(0), 0);
    pace.read(at(1), 1000);
    expect(pace.secondsLeft(at(1))).toBeUndefined();
    for (let second = 2; second < 9; second++) pace.read(at(0), second * 1000);
    expect(pace.secondsLeft(at(0))).toBeUndefined();
    expect(barText(at(0), pace, 80)).toContain('-:-- left');
  });
  test('progress: one burst in a steady pace -> the time left moves by less than half', () => {
    const pace = steady(30);
    const before = pace.secondsLeft(at(30))!;
    pace.read(at(36), 31_000);
    const after = pace.secondsLeft(at(36))!;
    expect(before).toBeCloseTo(70, 0);
    expect(after).toBeGreaterThan(before / 2);
  });
  test('progress: a pace that halves -> the time left follows within a minute', () => {
    const pace = steady(40);
    for (let step = 1; step <= 60; step++) pace.read(at(40 + step / 2), 40_000 + step * 1000);
    expect(pace.secondsLeft(at(70))! / 60).toBeCloseTo(1, 1);
  });
  test('progress: a million small files and one large one -> both count', () => {
    const pace = new Pace();
    const small = (files: number): Progress => ({
      ...at(0),
      filesDone: files,
      filesTotal: 2000,
      bytesTotal: 2000,
      bytesDone: files,
    });
    for (let second = 0; second <= 10; second++) pace.read(small(second * 100), second * 1000);
    expect(pace.secondsLeft(small(1000))).toBeCloseTo(10, 3);
  });
  test('progress: other work or a smaller amount done -> the pace starts over', () => {
    const pace = steady(30);
    pace.read({ ...at(31), doing: 'down' }, 31_000);
    expect(pace.secondsLeft(at(31))).toBeUndefined();
  });
  test('progress: a long path, wide and combining letters -> cut at the front to the columns left', () => {
    expect(cutFront('abcdefghij', 10)).toBe('abcdefghij');
    expect(cutFront('abcdefghijk', 10)).toBe('...efghijk');
    expect(cutFront('写真/東京/駅.jpg', 12)).toBe('...京/駅.jpg');
    expect(cutFront('写真/東京/駅.jpg', 13)).toBe('...京/駅.jpg');
    expect(cutFront('e\u0301'.repeat(10), 10)).toBe('e\u0301'.repeat(10));
  });
  test('progress: a line for a log -> everything once', () => {
    expect(lineText(at(50), steady(50))).toBe('up 50%: 50 MiB of 100 MiB, 50 of 100 files, 50 s left');
    expect(lineText(at(50), new Pace())).toBe('up 50%: 50 MiB of 100 MiB, 50 of 100 files');
  });
});

describe('screen', () => {
  const screenOn = (
    columns: number | undefined,
    more: { progress?: 'auto' | 'lines' | 'none'; isQuiet?: boolean } = {},
  ) => {
    const [out, errors] = [new TestOut(columns), new TestOut(columns)];
    const screen = new Screen({ out, errors, progress: 'auto', isQuiet: false, ...more });
    return { screen, out, errors };
  };
  /** Reads the progress of `seconds` of steady work every 20 ms, as no caller would. */
  const work = (screen: Screen, seconds: number) => {
    for (let ms = 0; ms <= seconds * 1000; ms += 20) screen.progress(at(ms / 1000), ms);
  };

  test('screen: a terminal, ten seconds of work -> a bar at most ten times a second, gone at the end', () => {
    const { screen, out, errors } = screenOn(80);
    work(screen, 10);
    const draws = errors.take().split('\r').slice(1);
    expect(draws.length).toBeGreaterThan(50);
    expect(draws.length).toBeLessThanOrEqual((10 * 1000) / BAR_MS);
    expect(draws.every(draw => draw.replace('\u001b[K', '').length < 80)).toBe(true);
    screen.end();
    expect([errors.take(), out.take()]).toEqual(['\r\u001b[K', '']);
  });
  test('screen: a line while the bar stands -> the bar is erased first, drawn at the next reading', () => {
    const { screen, out, errors } = screenOn(80);
    work(screen, 3);
    errors.take();
    screen.say('hello');
    expect([errors.take(), out.take()]).toEqual(['\r\u001b[K', 'hello\n']);
    screen.progress(at(3), 3 * 1000 + BAR_MS);
    expect(errors.take()).toMatch(/^\rup /);
  });
  test('screen: no terminal, 21 seconds of work -> a line every five seconds, no control characters', () => {
    const { screen, out, errors } = screenOn(undefined);
    work(screen, 21);
    screen.end();
    const lines = errors.text.split('\n').slice(0, -1);
    expect(lines.map(line => line.slice(0, 5))).toEqual(['up 5%', 'up 10', 'up 15', 'up 20']);
    expect(errors.text).toMatch(/^[ -~\n]+$/);
    expect(LINE_MS).toBe(5000);
    expect(out.text).toBe('');
  });
  test('screen: work of half a second -> nothing is shown', () => {
    for (const columns of [80, undefined]) {
      const { screen, errors } = screenOn(columns);
      for (let round = 0; round < 40; round++) {
        work(screen, 0.5);
        screen.progress(undefined, 600);
      }
      expect(errors.text).toBe('');
    }
  });
  test('screen: quiet, or progress none -> no progress; quiet -> warnings only', () => {
    for (const more of [{ isQuiet: true }, { progress: 'none' as const }]) {
      const { screen, errors } = screenOn(80, more);
      work(screen, 10);
      expect(errors.text).toBe('');
    }
    const { screen, out, errors } = screenOn(undefined, { isQuiet: true });
    screen.say('hello');
    screen.note({ text: 'up    a', counts: 'up', bytes: 0 }, 0);
    screen.note({ text: 'fail  b', counts: 'problem', bytes: 0 }, 0, true);
    screen.warn('careful');
    expect([out.text, errors.text]).toEqual(['', 'fail  b\ncareful\n']);
  });
  test('screen: the reader goes away -> nothing more is written there, and it is told once', () => {
    const [out, errors] = [new TestOut(), new TestOut()];
    let gone = 0;
    const screen = new Screen({ out, errors, progress: 'auto', isQuiet: false, onGone: () => gone++ });
    out.emit('error', new Error('EPIPE'));
    out.emit('error', new Error('EPIPE'));
    screen.say('hello');
    screen.warn('careful');
    expect([out.text, errors.text, gone]).toEqual(['', 'careful\n', 1]);
  });
});
