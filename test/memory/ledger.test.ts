// The ledger over a live sync, and of this very process.

import { expect, test } from 'vitest';
import { regionsOf } from '../../agent/arena/regions.ts';
import { folderLedger, processRows } from '../../agent/memory/ledger.ts';
import { Marks } from '../../agent/memory/marks.ts';
import { processReadings } from '../../agent/memory/process.ts';
import { some } from '../disk/bench.ts';
import { ROOT } from '../sim/machine.ts';
import { Pair } from './pair.ts';

const marks = () => new Marks('/nonexistent', 1);

test('ledger: a board at work -> every region, cells that add up, tenants for each cell', () => {
  const pair = new Pair();
  pair.isFlowing = false;
  pair.machine.volume.writeFileSync(`${ROOT}/big`, some(300_000));
  pair.machine.start();
  pair.time.runFor(5_000);
  const { arena, bounds, cache } = folderLedger(pair.memory, [], marks());
  expect(arena.bytes).toBe(2 * 1024 * 1024);
  expect(arena.regions.map(({ name }) => name)).toEqual(regionsOf(pair.memory.arena).map(({ name }) => name));
  for (const region of arena.regions) {
    const { name, cells, cellBytes, bytes, taken, free, thisRun, ever, holders } = region;
    expect(
      holders.reduce((sum, [, count]) => sum + count, 0),
      name,
    ).toBe(cells);
    expect(cells * cellBytes, name).toBeLessThanOrEqual(bytes);
    expect(taken + free, name).toBe(cells);
    expect(thisRun, name).toBeGreaterThanOrEqual(taken);
    expect(ever, name).toBe(thisRun);
    const notFree = holders.reduce((sum, [tenant, count]) => sum + (tenant === 'free' ? 0 : count), 0);
    expect(notFree, name).toBe(taken);
  }
  const region = (name: string) => arena.regions.find(one => one.name === name)!;
  expect(region('frames').holders).toEqual([['link', 4]]);
  expect(region('pages').taken).toBeGreaterThan(0);
  expect(region('window')).toMatchObject({ cells: pair.memory.arena.window.length, thisRun: 65_536 });
  expect(cache.hits).toBeGreaterThan(0);
  // Every gauge is a row, once; the two regions of bytes stand in the arena.
  const names = bounds.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names).toEqual(
    expect.arrayContaining([
      ...['offers', 'needs', 'fetches', 'pull window', 'staged files open'],
      ...['events', 'directories open', 'link queue'],
    ]),
  );
  expect(names).not.toContain('window');
  for (const { name, now, limit, thisRun, whenFull, times } of bounds) {
    expect(name.length, `${name}: as wide as cli/screen/ledger.ts has room for`).toBeLessThanOrEqual(18);
    expect(limit, name).toBeGreaterThan(0);
    expect(now, name).toBeLessThanOrEqual(limit!);
    expect(thisRun, name).toBeLessThanOrEqual(limit!);
    expect([typeof whenFull, typeof times], name).toEqual(['string', 'number']);
  }
});

test('ledger: read twice -> the marks of the first reading stay when what they count has gone', () => {
  const pair = new Pair();
  const book = marks();
  pair.isFlowing = false;
  pair.machine.volume.writeFileSync(`${ROOT}/big`, some(300_000));
  pair.machine.start();
  pair.time.runFor(5_000);
  folderLedger(pair.memory, [{ name: 'stage', unit: 'bytes', now: 500, limit: 1000 }], book);
  pair.flow();
  pair.time.runFor(5_000);
  const { arena, disk } = folderLedger(
    pair.memory,
    [{ name: 'stage', unit: 'bytes', now: 0, limit: 900 }],
    book,
  );
  expect(arena.regions.find(({ name }) => name === 'frames')).toMatchObject({
    taken: 0,
    thisRun: 4,
    ever: 4,
  });
  expect(disk).toEqual([{ name: 'stage', unit: 'bytes', now: 0, limit: 900, thisRun: 500, ever: 500 }]);
});

test('ledger: this process -> what the kernel and V8 count of it, limits beside', () => {
  const rows = processRows(marks(), processReadings());
  const row = (name: string) => rows.find(one => one.name === name)!;
  expect(row('RssAnon').now).toBeGreaterThan(2 ** 20);
  expect(row('RssFile').now).toBeGreaterThan(2 ** 20);
  expect(row('heap used').now).toBeLessThanOrEqual(row('heap total').now);
  expect(row('heap total').now).toBeLessThan(row('heap total').limit!);
  expect(row('threads').now).toBeGreaterThan(1);
  expect(row('descriptors').now).toBeGreaterThan(2);
  expect(row('inotify watches').limit).toBeGreaterThan(0);
});
