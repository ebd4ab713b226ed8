// Real inotify: events are awaited, never slept for.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realScheduler } from '../../agent/disk/schedule.ts';
import { InotifyWatcher, type WatcherPorts } from '../../agent/disk/watcher.ts';
import type { Event, Path } from '../../agent/engine/ports.ts';
import { WATCHES_MAX } from '../../agent/options.ts';
import { type Ground, openBench, path } from './bench.ts';
import { closeGround, errno, openGround } from './ground.ts';

type Hint = Extract<Event, { is: 'hint' | 'hintsLost' }>;

let ground: Ground;
let watcher: InotifyWatcher;
let seen: string[];
let troubles: string[];
let wake: () => void;

beforeEach(() => {
  ground = openGround();
  seen = [];
  troubles = [];
  wake = () => {};
});
afterEach(() => {
  watcher.close();
  closeGround(ground);
});

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const at = (name: string): string => join(ground.root, name);

function toText(event: Hint): string {
  if (event.is === 'hintsLost') return 'lost';
  return `${text(event.dir)}:${event.name === undefined ? '*' : text(event.name)}`;
}

function open(budget = WATCHES_MAX, ports: Partial<WatcherPorts> = {}): void {
  watcher = new InotifyWatcher(
    {
      withDirectory: (dir: Path, use) => {
        const fd = fs.openSync(at(text(dir)), 'r');
        try {
          return use(fd);
        } finally {
          fs.closeSync(fd);
        }
      },
      tell: event => {
        seen.push(toText(event));
        wake();
      },
      onTrouble: code => troubles.push(code),
      scheduler: realScheduler,
      ...ports,
    },
    budget,
  );
}

/** Waits until every one of these was told. */
async function until(...wanted: string[]): Promise<void> {
  while (!wanted.every(hint => seen.includes(hint)))
    await new Promise<void>(resolve => {
      wake = resolve;
    });
}

test('watcher: created, written, renamed, deleted -> hints with the names, bytes as they are', async () => {
  open();
  fs.mkdirSync(at('dir'));
  watcher.watch(path(''), false);
  watcher.watch(path('dir'), false);
  fs.writeFileSync(Buffer.concat([Buffer.from(`${ground.root}/dir/`), Buffer.from([0x66, 0xff])]), 'x');
  fs.writeFileSync(at('file'), 'x');
  await until('dir:f\xff', ':file');
  seen.length = 0;
  fs.renameSync(at('file'), at('dir/other'));
  fs.chmodSync(at('dir/other'), 0o600);
  fs.unlinkSync(at('dir/other'));
  await until(':file', 'dir:other');
});

test('watcher: a name written many times -> told once a gathering', async () => {
  open();
  watcher.watch(path(''), false);
  for (let i = 0; i < 1000; i++) fs.appendFileSync(at('log'), 'line\n');
  fs.writeFileSync(at('last'), '');
  await until(':last');
  expect(seen).toEqual([':log', ':last']);
});

test('watcher: very many names in one directory -> told as one, once it is quiet there', async () => {
  open();
  fs.mkdirSync(at('crowded'));
  watcher.watch(path(''), false);
  watcher.watch(path('crowded'), false);
  for (let i = 0; i < 300; i++) fs.writeFileSync(at(`crowded/f${i}`), '');
  fs.writeFileSync(at('other'), '');
  await until('crowded:*', ':other');
  expect(seen.filter(hint => hint !== ':other')).toEqual(['crowded:*']);
  fs.writeFileSync(at('crowded/later'), '');
  await until('crowded:later');
  expect(seen).not.toContain('lost');
});

test('watcher: more distinct names than it gathers, in many directories -> hintsLost', async () => {
  open();
  for (let i = 0; i < 30; i++) {
    fs.mkdirSync(at(`d${i}`));
    watcher.watch(path(`d${i}`), false);
  }
  for (let i = 0; i < 600; i++) fs.writeFileSync(at(`d${i % 30}/f${i}`), '');
  await until('lost');
  expect(seen.length).toBe(257);
});

test('watcher: a hundred directories, a budget of four -> the first stay watched, however often all are asked for', async () => {
  open(4);
  const names = Array.from({ length: 100 }, (_, i) => `d${i}`);
  for (const name of names) fs.mkdirSync(at(name));
  for (let scan = 1; scan <= 3; scan++) {
    for (const name of names) watcher.watch(path(name), false);
    expect(watcher.count).toBe(4);
    expect(watcher.gauges()[0]).toEqual({
      name: 'watches',
      unit: 'count',
      taken: 4,
      limit: 4,
      highWater: 4,
      whenFull: 'refuses',
      times: 96 * scan,
    });
  }
  for (const name of names) fs.writeFileSync(at(`${name}/new`), '');
  await until(...names.slice(0, 4).map(name => `${name}:new`));
  expect(seen.length).toBe(4);
});

test('watcher: something changes in a directory over the budget -> it takes the place of the least active', async () => {
  open(3);
  for (const name of ['a', 'b', 'c', 'd', 'e']) fs.mkdirSync(at(name));
  for (const name of ['a', 'b', 'c']) watcher.watch(path(name), false);
  fs.writeFileSync(at('a/active'), '');
  await until('a:active');
  watcher.watch(path('d'), true);
  watcher.watch(path('e'), true);
  expect(watcher.count).toBe(3);
  for (const name of ['a', 'b', 'c', 'd', 'e']) fs.writeFileSync(at(`${name}/again`), '');
  await until('a:again', 'd:again', 'e:again');
  expect(seen).not.toContain('b:again');
  expect(seen).not.toContain('c:again');
  expect(seen).not.toContain('lost');
});

test('watcher: a watched directory is removed -> a hint, and its watch is gone', async () => {
  open();
  fs.mkdirSync(at('dir/sub'), { recursive: true });
  for (const dir of ['', 'dir', 'dir/sub']) watcher.watch(path(dir), false);
  fs.rmSync(at('dir'), { recursive: true });
  await until('dir:*', ':dir');
  expect(watcher.count).toBe(1);
});

test('watcher: a watched directory moves -> its watches go, at the new place they speak anew', async () => {
  open();
  fs.mkdirSync(at('dir/sub'), { recursive: true });
  for (const dir of ['', 'dir', 'dir/sub']) watcher.watch(path(dir), false);
  fs.renameSync(at('dir'), at('new'));
  await until(':dir', ':new', 'dir:*');
  expect(watcher.count).toBe(1);
  for (const dir of ['new', 'new/sub']) watcher.watch(path(dir), false);
  fs.writeFileSync(at('new/sub/file'), '');
  await until('new/sub:file');
});

test('watcher: a watched directory moves -> it and those below are hinted at, wherever they are by then', async () => {
  open();
  fs.mkdirSync(at('dir/sub/deep'), { recursive: true });
  for (const dir of ['', 'dir', 'dir/sub', 'dir/sub/deep']) watcher.watch(path(dir), false);
  fs.renameSync(at('dir'), at('away'));
  await until('dir:*', 'dir/sub:*', 'dir/sub/deep:*');
  fs.renameSync(at('away'), at('dir'));
  for (const dir of ['dir', 'dir/sub']) watcher.watch(path(dir), true);
  fs.writeFileSync(at('dir/sub/file'), '');
  await until('dir/sub:file');
});

test('watcher: another directory with the inode number of a removed one -> is watched, though never told of', async () => {
  open();
  let first = -1;
  let second = -2;
  // ext4 gives the lowest free number at once, most times; where it never does, there is nothing to tell apart.
  for (let tries = 0; tries < 20 && first !== second; tries++) {
    fs.mkdirSync(at('dir'));
    first = fs.statSync(at('dir')).ino;
    watcher.watch(path('dir'), false);
    fs.rmdirSync(at('dir'));
    fs.mkdirSync(at('dir'));
    second = fs.statSync(at('dir')).ino;
    watcher.watch(path('dir'), false);
    fs.writeFileSync(at('dir/file'), '');
    await until('dir:file');
    fs.rmSync(at('dir'), { recursive: true });
    seen.length = 0;
  }
});

test('watcher: a directory moves in one that is not watched -> its watch speaks until it is taken back', async () => {
  open();
  fs.mkdirSync(at('dir/sub'), { recursive: true });
  watcher.watch(path('dir/sub'), false);
  fs.renameSync(at('dir'), at('new'));
  watcher.watch(path('new/sub'), false);
  fs.writeFileSync(at('new/sub/file'), '');
  await until('dir/sub:file', 'new/sub:file');
  expect(watcher.count).toBe(2);
  watcher.unwatch(path('dir/sub'));
  watcher.unwatch(path('never watched'));
  expect(watcher.count).toBe(1);
  seen.length = 0;
  fs.rmSync(at('new/sub'), { recursive: true });
  await until('new/sub:*');
  expect(watcher.count).toBe(0);
  expect(seen).not.toContain('dir/sub:file');
});

test('watcher: permissions of a watched directory change -> a hint, and the watch stays', async () => {
  open();
  fs.mkdirSync(at('dir'));
  watcher.watch(path('dir'), false);
  fs.chmodSync(at('dir'), 0o700);
  await until('dir:*');
  expect(watcher.count).toBe(1);
  fs.writeFileSync(at('dir/file'), '');
  await until('dir:file');
});

test('watcher: the directory was swapped before the watch -> it sits on what was opened', async () => {
  open(undefined, {
    withDirectory: (_, use) => {
      const fd = fs.openSync(at('dir'), 'r');
      fs.renameSync(at('dir'), at('moved'));
      fs.mkdirSync(at('dir'));
      try {
        return use(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
  });
  fs.mkdirSync(at('dir'));
  watcher.watch(path('dir'), false);
  fs.writeFileSync(at('dir/wrong'), '');
  fs.writeFileSync(at('moved/right'), '');
  await until('dir:right');
  expect(seen).toEqual(['dir:right']);
});

test('watcher: the kernel has no watches left -> told, works with those it has', async () => {
  let isFull = false;
  open(undefined, {
    withDirectory: (dir, use) => {
      if (isFull) throw errno('EMFILE');
      const fd = fs.openSync(at(text(dir)), 'r');
      try {
        return use(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
  });
  watcher.watch(path(''), false);
  isFull = true;
  watcher.watch(path('dir'), false);
  expect(watcher.count).toBe(1);
  fs.writeFileSync(at('file'), '');
  await until(':file');
});

test('disk: hints of its own state -> not told; of the rules -> rulesChanged first', async () => {
  open();
  const bench = openBench(ground, {
    scheduler: realScheduler,
    openWatcher: ports => new InotifyWatcher(ports, WATCHES_MAX),
    tell: event => {
      if (event.is === 'hint' || event.is === 'hintsLost') seen.push(toText(event));
      else seen.push(event.is);
      wake();
    },
  });
  seen.length = 0;
  bench.disk.carry({ do: 'watch', dir: path(''), isActive: false });
  fs.mkdirSync(at('.toastbox/x'));
  fs.chmodSync(at('.toastbox'), 0o755);
  fs.writeFileSync(at('.toastboxignore'), '*.log\n');
  fs.writeFileSync(at('file'), '');
  await until(':file');
  expect(seen).toEqual(['rulesChanged', ':.toastboxignore', ':file']);
  bench.disk.close();
});
