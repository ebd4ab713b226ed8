// A directory of the folder is swapped for a symlink and back, as fast as another thread can, while the carrier works
// below it. What the symlink points to must never change. SWAPS sets how many swaps there are at least, tens of them
// during each round of all effects.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { toStat } from '../../agent/disk/stat.ts';
import type { Effect, Event } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import { ask, type Bench, look, openBench, path, stage } from './bench.ts';
import { closeGround, openGround } from './ground.ts';

const SWAPS = Number(process.env.SWAPS ?? 10_000);
const ROUNDS_LEAST = 500;

// renameat2 cannot exchange from Node: two renames, so that the name is also missing for a moment.
const SWAPPER = `
  const { renameSync, symlinkSync } = require('node:fs');
  const { workerData, parentPort } = require('node:worker_threads');
  const { dir, away, link, stop, count } = workerData;
  while (Atomics.load(stop, 0) === 0) {
    renameSync(dir, away); renameSync(link, dir);
    renameSync(dir, link); renameSync(away, dir);
    Atomics.add(count, 0, 1);
  }
  parentPort.postMessage('done');
`;

async function underSwaps(bench: Bench, round: (i: number) => void): Promise<void> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const count = new Int32Array(new SharedArrayBuffer(4));
  const dir = join(bench.root, 'dir');
  const link = join(bench.root, 'link');
  fs.symlinkSync(bench.outside, link);
  const worker = new Worker(SWAPPER, {
    eval: true,
    workerData: { dir, away: `${dir}.away`, link, stop, count },
  });
  const ended = new Promise((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  await new Promise(resolve => worker.on('online', resolve));
  for (let i = 0; i < ROUNDS_LEAST || Atomics.load(count, 0) < SWAPS; i++) round(i);
  Atomics.store(stop, 0, 1);
  await ended;
}

function snapshot(dir: string): string[] {
  return fs.readdirSync(dir, { recursive: true }).map(name => {
    const place = join(dir, name as string);
    const { mode, mtimeMs, size, ctimeMs, ino } = fs.lstatSync(place);
    const bytes = fs.statSync(place).isFile() ? fs.readFileSync(place, 'utf8') : '';
    return [name, mode, mtimeMs, size, ctimeMs, ino, bytes].join(' ');
  });
}

test('swaps: a directory becomes a symlink under every effect -> nothing outside is read, written or deleted', async () => {
  const bench = openBench(openGround());
  const inside = join(bench.root, 'dir');
  fs.mkdirSync(inside);
  for (const name of ['file', 'empty']) {
    for (const dir of [inside, bench.outside]) {
      if (name === 'empty') fs.mkdirSync(join(dir, name));
      else fs.writeFileSync(join(dir, name), dir === inside ? 'inside' : 'SECRET');
    }
  }
  const before = snapshot(bench.outside);
  const codes = new Map<string, number>();
  const tally = (event: Event | undefined): void => {
    const trouble = event !== undefined && 'trouble' in event ? event.trouble : undefined;
    const item = event?.is === 'placed' ? event.items[0]?.trouble : trouble;
    const key = `${event?.is} ${item?.code ?? 'fine'}`;
    codes.set(key, (codes.get(key) ?? 0) + 1);
  };
  const outside = toStat(fs.lstatSync(join(bench.outside, 'file')));
  const round = (i: number): void => {
    // As an attacker would have it: what stands outside is announced as expected.
    const expectation = i % 2 === 0 ? outside : look(bench, path('dir/file'));
    const file = expectation ?? { kind: Kind.FILE, mode: 0, size: 0, mtime: 0, ctime: 0, inode: 0 };
    const read = ask(bench, { do: 'read', path: path('dir/file'), offset: 0, length: 9 }, 'read');
    expect(Buffer.from(bench.arena.run.subarray(0, read.bytes)).toString()).not.toBe('SECRET');
    stage(bench, 1, path('inside'));
    const effects: [Effect, Event['is']][] = [
      [{ do: 'list', dir: path('dir') }, 'listed'],
      [
        {
          do: 'place',
          items: [{ slot: 1, path: path('dir/file'), mode: 0o600, mtime: 0, expect: expectation }],
        },
        'placed',
      ],
      [{ do: 'makeDirectory', path: path(`dir/made${i}`), mode: 0o755 }, 'did'],
      [
        { do: 'makeSymlink', path: path(`dir/ln${i}`), target: path('x'), mtime: 0, expect: undefined },
        'did',
      ],
      [
        {
          do: 'retouch',
          path: path('dir/file'),
          mode: 0o640,
          mtime: i * 1000,
          expect: look(bench, path('dir/file')) ?? file,
        },
        'did',
      ],
      [
        {
          do: 'setAside',
          path: path('dir/file'),
          to: path(`dir/aside${i}`),
          expect: look(bench, path('dir/file')) ?? file,
        },
        'did',
      ],
      [{ do: 'remove', path: path('dir/empty'), expect: look(bench, path('dir/empty')) ?? file }, 'did'],
      [
        { do: 'remove', path: path(`dir/aside${i}`), expect: look(bench, path(`dir/aside${i}`)) ?? file },
        'did',
      ],
      [
        { do: 'remove', path: path(`dir/made${i}`), expect: look(bench, path(`dir/made${i}`)) ?? file },
        'did',
      ],
      [{ do: 'remove', path: path(`dir/ln${i}`), expect: look(bench, path(`dir/ln${i}`)) ?? file }, 'did'],
    ];
    for (const [effect, answer] of effects) tally(ask(bench, effect, answer));
    tally(ask(bench, { do: 'examine', path: path('dir/file'), staged: undefined }, 'examined'));
  };
  try {
    await underSwaps(bench, round);
    expect(snapshot(bench.outside)).toEqual(before);
    expect(fs.readFileSync(join(bench.outside, 'file'), 'utf8')).toBe('SECRET');
    // Both ways were met, or nothing was tested.
    const met = (code: string) => [...codes].filter(([key]) => key.endsWith(code)).length;
    expect([met('REFUSED') > 3, met('fine') > 3]).toEqual([true, true]);
  } finally {
    bench.disk.close();
    closeGround(bench);
  }
}, 120_000);
