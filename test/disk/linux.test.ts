// What only a real Linux file system shows: names of any bytes, deep paths, exact times, full and read-only disks.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realSystem, type System } from '../../agent/disk/system.ts';
import { type Effect, TIME_MAX, TIME_MIN } from '../../agent/engine/ports.ts';
import { PATH_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { ask, type Bench, examine, LIFE, list, mustLook, openBench, path, stage, Turns } from './bench.ts';
import { closeGround, errno, openGround, systemWith } from './ground.ts';

const isRoot = process.getuid?.() === 0;
const SECOND = 1_000_000;

let bench: Bench;
beforeEach(() => {
  bench = openBench(openGround());
  bench.events.length = 0;
});
afterEach(() => {
  bench.disk.close();
  closeGround(bench);
});

function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}

const did = (effect: Effect) => ask(bench, effect, 'did');

function put(slot: number, text: string, bytes: string | Uint8Array, mtime = SECOND) {
  stage(bench, slot, Buffer.from(bytes as string));
  const items = [{ slot, path: path(text), mode: 0o644, mtime, expect: undefined }];
  return ask(bench, { do: 'place', items }, 'placed').items[0];
}

test('names: bytes that are not UTF-8 -> listed, read, placed, removed as they are', () => {
  const names = ['\xff', '\xfe\x80', '\xc3', '\xc3\xa9', 'a\nb', ' ', '\x01', '-rf', '\xed\xa0\x80'];
  names.forEach((name, slot) => {
    expect(put(slot, name, name)?.trouble).toBeUndefined();
  });
  expect(list(bench, path('')).names).toEqual([...names].sort());
  for (const name of names) {
    const read = ask(bench, { do: 'read', path: path(name), offset: 0, length: 10 }, 'read');
    expect(Buffer.from(bench.arena.run.subarray(0, read.bytes)).toString()).toBe(name);
    const expectation = mustLook(bench, path(name));
    expect(did({ do: 'remove', path: path(name), expect: expectation }).trouble).toBeUndefined();
  }
});

test('names: rules over names that are not UTF-8 -> no two become one', () => {
  fs.writeFileSync(join(bench.root, '.toastboxignore'), Buffer.from('x\xff*\n\xc3\xa9\n', 'latin1'));
  bench.disk.checkRoot();
  const ignored = (name: string) => bench.disk.rules.isIgnored(path(name), false);
  expect(['x\xff', 'x\xffy', '\xc3\xa9'].map(ignored)).toEqual([true, true, true]);
  expect(['x\xfe', 'x\xef\xbf\xbd', 'x\xc3\xbf', '\xe9', '\xc3'].map(ignored)).toEqual(Array(5).fill(false));
});

test('rules: 20,000 paths asked -> verdicts stay right and few', () => {
  fs.writeFileSync(join(bench.root, '.toastboxignore'), '*.o\n/out/\n');
  bench.disk.checkRoot();
  for (let i = 0; i < 20_000; i++) {
    expect(bench.disk.rules.isIgnored(path(`d${i % 100}/f${i}.o`), false)).toBe(true);
    expect(bench.disk.rules.isIgnored(path(`d${i % 100}/f${i}.c`), false)).toBe(false);
  }
  expect(bench.disk.rules.isIgnored(path('out/x'), false)).toBe(true);
});

test('rules: asked for 50 paths of 2,000 directories each -> the verdicts kept take no more than for one', () => {
  fs.writeFileSync(join(bench.root, '.toastboxignore'), '*.o\n');
  bench.disk.checkRoot();
  const ask = (i: number) => bench.disk.rules.isIgnored(path(`${i}${'/d'.repeat(2_000)}`), true);
  ask(0);
  const before = heapBytes();
  for (let i = 1; i <= 50; i++) expect(ask(i)).toBe(false);
  expect(heapBytes() - before).toBeLessThan(16 * 1024 * 1024);
});

test('paths: the longest that travels, 205 directories deep -> made, listed, looked at', () => {
  const parts = Array.from({ length: 204 }, () => 'd'.repeat(19)).concat('e'.repeat(15));
  const at = (depth: number) => path(parts.slice(0, depth).join('/'));
  for (let depth = 1; depth <= parts.length; depth++)
    expect(did({ do: 'makeDirectory', path: at(depth), mode: 0o755 }).trouble).toBeUndefined();
  expect(at(205).length).toBe(PATH_BYTES_MAX);
  expect(mustLook(bench, at(205)).kind).toBe(Kind.DIRECTORY);
  expect(list(bench, at(204)).names).toEqual([parts[204]]);
  expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
});

test('paths: 255 bytes a name -> fine; two files deep apart in one effect -> both found', () => {
  const name = '\xe4'.repeat(255);
  expect(put(1, name, 'x')?.trouble).toBeUndefined();
  const deep = (letter: string) => Array(40).fill(letter).join('/');
  for (const letter of ['a', 'b']) fs.mkdirSync(join(bench.root, deep(letter)), { recursive: true });
  put(2, `${deep('a')}/file`, 'x');
  const aside: Effect = {
    do: 'setAside',
    path: path(`${deep('a')}/file`),
    to: path(`${deep('b')}/file`),
    expect: mustLook(bench, path(`${deep('a')}/file`)),
  };
  expect(did(aside).trouble).toBeUndefined();
  expect(fs.readFileSync(join(bench.root, deep('b'), 'file'), 'utf8')).toBe('x');
});

test('times: any microsecond from 1902 to 2109 -> comes back exactly, of files and symlinks', () => {
  const edges = [0, 1, -1, 499_999, 500_000, -500_001, 999_999, -999_999, 1_000_001].map(us => us);
  const seconds = [
    -2_147_483_000, -1, 1, 1_700_000_000, 2_147_483_647, 2_147_483_648, 4_294_967_296, 4_398_046_510,
  ];
  const times = edges.concat(seconds.flatMap(s => [0, 1, 123_457, 999_999].map(us => s * SECOND + us)));
  for (let i = 0, state = 7; i < 2000; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    times.push(Math.floor((state / 2 ** 32) * 6.5e15) - 2_147_000_000 * SECOND);
  }
  put(1, 'file', 'x');
  let file = mustLook(bench, path('file'));
  let link = did({
    do: 'makeSymlink',
    path: path('link'),
    target: path('x'),
    mtime: 5,
    expect: undefined,
  }).stat;
  for (const mtime of times) {
    const touched = did({ do: 'retouch', path: path('file'), mode: 0o644, mtime, expect: file }).stat;
    expect(touched?.mtime).toBe(mtime);
    file = touched ?? file;
  }
  for (const mtime of times.slice(0, 60)) {
    expect(put(2, 'placed', 'x', mtime)?.stat?.mtime).toBe(mtime);
    fs.unlinkSync(join(bench.root, 'placed'));
    if (link === undefined) throw new Error('no link');
    link = did({ do: 'retouch', path: path('link'), mode: 0o777, mtime, expect: link }).stat;
    expect(link?.mtime).toBe(mtime);
  }
});

test('times: years that ext4 holds and a stat does not -> the nearest that it does', () => {
  const years = { far: '2400-01-01', next: '2109-12-31', old: '1902-01-01', older: '1850-01-01' };
  for (const [name, date] of Object.entries(years)) {
    fs.writeFileSync(join(bench.root, name), name);
    execFileSync('touch', ['-d', `${date} UTC`, join(bench.root, name)]);
  }
  const mtime = (name: string) => mustLook(bench, path(name)).mtime;
  expect([mtime('far'), mtime('next'), mtime('older')]).toEqual([TIME_MAX, TIME_MAX, TIME_MIN]);
  expect(mtime('old')).toBe(Date.UTC(1902, 0) * 1000);
  const touched = did({
    do: 'retouch',
    path: path('next'),
    mode: 0o644,
    mtime: TIME_MAX,
    expect: mustLook(bench, path('next')),
  });
  expect(touched.stat?.mtime).toBe(TIME_MAX);
});

test('retouch: a user appends just before the time is set -> said to have changed, with what stands there', () => {
  put(1, 'file', 'x');
  const file = mustLook(bench, path('file'));
  const utimesSync: System['utimesSync'] = (place, ...times) => {
    fs.appendFileSync(join(bench.root, 'file'), 'y');
    fs.utimesSync(place, ...times);
  };
  const racing = openBench({ ...bench, system: systemWith({ utimesSync }) });
  const effect: Effect = { do: 'retouch', path: path('file'), mode: 0o600, mtime: SECOND, expect: file };
  const told = ask(racing, effect, 'did');
  racing.disk.close();
  expect(told.trouble).toEqual({ code: 'CHANGED' });
  expect(told.stat).toMatchObject({ size: 2, mtime: SECOND });
  expect(fs.readFileSync(join(bench.root, 'file'), 'utf8')).toBe('xy');
});

test('examine: a file changed within the last tick -> read when it is over, others at once', () => {
  const now = Date.now();
  fs.writeFileSync(join(bench.root, 'file'), 'x');
  const { ctimeMs } = fs.lstatSync(join(bench.root, 'file'));
  const wait = (ms: number): number[] => {
    const turns = new Turns(() => ctimeMs + ms);
    const later = openBench(bench, {}, turns);
    examine(later, path('file'));
    later.disk.close();
    return turns.waits;
  };
  expect(ctimeMs).toBeGreaterThan(now - 1000);
  expect(wait(2.5)).toEqual([10]);
  expect(wait(-2.5)).toEqual([15]);
  expect(wait(13)).toEqual([]);
});

test('examine: a pipe or device in the place of a file -> CHANGED at once, without waiting for a writer', () => {
  execFileSync('mkfifo', [join(bench.root, 'pipe')]);
  expect(examine(bench, path('pipe')).trouble?.code).toBe('CHANGED');
  expect(ask(bench, { do: 'read', path: path('pipe'), offset: 0, length: 1 }, 'read').trouble?.code).toBe(
    'CHANGED',
  );
  expect(list(bench, path('')).stats.map(stat => stat.kind)).toEqual([4]);
});

test('pipe: in the place of what is to come -> OTHER, before anything is staged as well, and it stays', () => {
  execFileSync('mkfifo', [join(bench.root, 'pipe')]);
  const into = { path: path('pipe'), expect: undefined };
  expect(ask(bench, { do: 'stage', slot: 1, bytes: 3, into }, 'wrote').trouble?.code).toBe('OTHER');
  expect(fs.readdirSync(join(bench.root, '.toastbox/stage'))).toEqual([]);
  expect(put(1, 'pipe', 'x')?.trouble?.code).toBe('OTHER');
  expect(did({ do: 'makeDirectory', path: path('pipe'), mode: 0o755 }).trouble?.code).toBe('OTHER');
  const symlink: Effect = { do: 'makeSymlink', target: path('x'), mtime: SECOND, ...into };
  expect(did(symlink).trouble?.code).toBe('OTHER');
  expect(fs.lstatSync(join(bench.root, 'pipe')).isFIFO()).toBe(true);
});

test('examine: 4 GiB and a bit, sparse -> offsets beyond 32 bits are read', () => {
  const size = 2 ** 32 + 70_000;
  const fd = fs.openSync(join(bench.root, 'big'), 'w');
  fs.writeSync(fd, 'tail', size - 4);
  fs.closeSync(fd);
  const read = ask(bench, { do: 'read', path: path('big'), offset: size - 6, length: 100 }, 'read');
  expect(Buffer.from(bench.arena.run.subarray(0, read.bytes)).toString()).toBe('\0\0tail');
  const expectation = mustLook(bench, path('big'));
  ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
  const copy: Effect = {
    do: 'copy',
    slot: 1,
    offset: size - 4,
    from: path('big'),
    expect: expectation,
    fromOffset: size - 4,
    length: 4,
  };
  expect(ask(bench, copy, 'wrote').trouble).toBeUndefined();
  expect(fs.statSync(join(bench.root, `.toastbox/stage/1.${LIFE}`)).size).toBe(size);
});

test('group: 100 files at once -> synced by one call; where that is not to be had, one by one', () => {
  for (const isToBeHad of [true, false]) {
    let together = 0;
    let single = 0;
    const system = systemWith({
      syncFileSystem: (_directory, done) => {
        together++;
        done(isToBeHad);
      },
      fsyncSync: fd => {
        single++;
        fs.fsyncSync(fd);
      },
    });
    bench.disk.close();
    bench = openBench({ ...bench, system });
    together = 0;
    single = 0;
    const items = Array.from({ length: 100 }, (_, slot) => {
      stage(bench, slot, Buffer.from(`${slot}`));
      return { slot, path: path(`${isToBeHad}${slot}`), mode: 0o600, mtime: 0, expect: undefined };
    });
    const placed = ask(bench, { do: 'place', items }, 'placed');
    expect(placed.items.every(item => item.trouble === undefined && item.stat?.mode === 0o600)).toBe(true);
    expect([together, single]).toEqual(isToBeHad ? [1, 0] : [1, 100]);
  }
});

test('group: `sync -f` of this machine -> works on a directory handed over', async () => {
  const fd = fs.openSync(bench.root, 'r');
  expect(await new Promise(done => realSystem.syncFileSystem(fd, done))).toBe(true);
  fs.closeSync(fd);
});

test('fsync: EIO on a staged file -> told, not placed, and never good again until staged anew', () => {
  let isBroken = true;
  const system = systemWith({
    fsyncSync: fd => {
      if (isBroken) throw errno('EIO');
      fs.fsyncSync(fd);
    },
  });
  bench.disk.close();
  const marker = { expect: bench.disk.marker, fresh: '' };
  bench = openBench({ ...bench, system }, { marker });
  expect(put(1, 'file', 'x')?.trouble?.code).toBe('EIO');
  isBroken = false;
  const items = [{ slot: 1, path: path('file'), mode: 0o644, mtime: 0, expect: undefined }];
  expect(ask(bench, { do: 'place', items }, 'placed').items[0]?.trouble?.code).toBe('EIO');
  expect(fs.existsSync(join(bench.root, 'file'))).toBe(false);
  expect(put(1, 'file', 'x')?.trouble).toBeUndefined();
});

test('fsync: EIO on a directory, even in the middle of many -> the next sync tells it, once', () => {
  let failing = -1;
  let count = 0;
  const system = systemWith({
    syncFileSystem: (_directory, done) => done(false),
    fsyncSync: fd => {
      if (count++ === failing) throw errno('EIO');
      fs.fsyncSync(fd);
    },
  });
  bench.disk.close();
  bench = openBench({ ...bench, system }, { marker: { expect: bench.disk.marker, fresh: '' } });
  for (const many of [1, 200]) {
    count = 0;
    failing = 1;
    for (let i = 0; i < many; i++) did({ do: 'makeDirectory', path: path(`${many}-${i}`), mode: 0o755 });
    expect(ask(bench, { do: 'sync' }, 'synced').trouble?.code).toBe('EIO');
    failing = -1;
    expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
  }
});

test.skipIf(!isRoot)(
  'disk full: a file system of 1 MB (needs root) -> ENOSPC, and it works once there is room',
  () => {
    const home = fs.mkdtempSync(join(tmpdir(), 'toastbox-full-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', home]);
    const small = openBench(openGround(home));
    try {
      fs.writeFileSync(join(small.root, 'ballast'), Buffer.alloc(700_000));
      ask(small, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
      const patch: Effect = {
        do: 'patch',
        slot: 1,
        offset: 0,
        length: 500_000,
        stored: Buffer.alloc(500_000, 1),
        dictionary: { from: undefined, tail: 0 },
      };
      expect(ask(small, patch, 'wrote').trouble?.code).toBe('ENOSPC');
      // Said before anything is written, of a file that would not fit.
      const tooLarge: Effect = { do: 'stage', slot: 2, bytes: 2_000_000, into: undefined };
      expect(ask(small, tooLarge, 'wrote').trouble?.code).toBe('ENOSPC');
      expect(fs.readdirSync(join(small.root, '.toastbox', 'stage'))).toEqual([`1.${LIFE}`]);
      fs.unlinkSync(join(small.root, 'ballast'));
      expect(ask(small, patch, 'wrote').trouble).toBeUndefined();
      const items = [{ slot: 1, path: path('file'), mode: 0o644, mtime: 0, expect: undefined }];
      expect(ask(small, { do: 'place', items }, 'placed').items[0]?.trouble).toBeUndefined();
    } finally {
      small.disk.close();
      execFileSync('umount', [home]);
      fs.rmdirSync(home);
    }
  },
);

test.skipIf(!isRoot)(
  'read-only: a mounted folder turns so (needs root) -> reading goes on, changes say EROFS, it heals',
  () => {
    const home = fs.mkdtempSync(join(tmpdir(), 'toastbox-readonly-'));
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', home]);
    const remount = (how: string) => execFileSync('mount', ['-o', `remount,${how}`, home]);
    const ground = openGround(home);
    const first = openBench(ground);
    fs.writeFileSync(join(ground.root, 'file'), 'x');
    first.disk.close();
    remount('ro');
    const bench = openBench(ground, { marker: { expect: first.disk.marker, fresh: '' } });
    try {
      expect(list(bench, path('')).names).toEqual(['file']);
      expect(examine(bench, path('file')).trouble).toBeUndefined();
      expect(ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote').trouble?.code).toBe(
        'EROFS',
      );
      const made = ask(bench, { do: 'makeDirectory', path: path('dir'), mode: 0o755 }, 'did');
      expect(made.trouble?.code).toBe('EROFS');
      remount('rw');
      expect(
        ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote').trouble,
      ).toBeUndefined();
    } finally {
      bench.disk.close();
      execFileSync('umount', [home]);
      fs.rmdirSync(home);
    }
  },
);

test.skipIf(!isRoot)(
  'folder: unmounted and mounted again (needs root) -> trouble, then the same folder',
  () => {
    const home = fs.mkdtempSync(join(tmpdir(), 'toastbox-stick-'));
    const image = join(home, 'image');
    const root = join(home, 'stick');
    fs.mkdirSync(root);
    fs.mkdirSync(image);
    fs.writeFileSync(join(image, 'file'), 'x');
    const mount = () => execFileSync('mount', ['--bind', image, root]);
    mount();
    const bench = openBench({ ...openGround(fs.mkdtempSync(join(home, 'x-'))), root });
    try {
      expect(list(bench, path('')).names).toEqual(['file']);
      execFileSync('umount', ['-l', root]);
      expect(list(bench, path('')).trouble).toBe('CHANGED');
      expect(fs.readdirSync(root)).toEqual([]);
      mount();
      expect(bench.disk.checkRoot()).toBeUndefined();
      expect(list(bench, path('')).names).toEqual(['file']);
      expect(put.call(undefined, 1, 'x', 'x')?.trouble).toBeUndefined();
    } finally {
      bench.disk.close();
      execFileSync('umount', ['-l', root]);
      fs.rmSync(home, { recursive: true });
    }
  },
);

test('no hard links (vfat) -> files and links are placed by rename, still never over something', () => {
  const system = systemWith({
    linkSync: () => {
      throw errno('EPERM');
    },
  });
  bench.disk.close();
  bench = openBench({ ...bench, system });
  expect(put(1, 'file', 'x')?.trouble).toBeUndefined();
  expect(put(2, 'file', 'y')?.trouble?.code).toBe('CHANGED');
  const before = mustLook(bench, path('file'));
  const aside = (to: string) => did({ do: 'setAside', path: path('file'), to: path(to), expect: before });
  fs.writeFileSync(join(bench.root, 'taken'), '');
  expect(aside('taken').trouble?.code).toBe('EEXIST');
  expect(aside('free').trouble).toBeUndefined();
});

test('state: under a second name of the directory (vfat short names) -> refused all the same', () => {
  // Seen by the carrier, TOASTB~1 is .toastbox itself.
  const alias = (place: string | Buffer): Buffer =>
    Buffer.from(Buffer.from(place).toString('latin1').replace('TOASTB~1', '.toastbox'), 'latin1');
  const system = systemWith({
    openSync: (place, flags, mode) => fs.openSync(alias(place), flags, mode),
    lstatSync: place => fs.lstatSync(alias(place)),
    rmdirSync: place => fs.rmdirSync(alias(place)),
  });
  bench.disk.close();
  bench = openBench({ ...bench, system });
  const looked = ask(bench, { do: 'look', path: path('TOASTB~1/folder') }, 'looked');
  expect(looked.trouble?.code).toBe('REFUSED');
  expect(list(bench, path('TOASTB~1')).trouble).toBe('REFUSED');
  const stands = mustLook(bench, path('TOASTB~1'));
  const effects: Effect[] = [
    { do: 'remove', path: path('TOASTB~1'), expect: stands },
    { do: 'retouch', path: path('TOASTB~1'), mode: 0, mtime: 0, expect: stands },
    { do: 'setAside', path: path('TOASTB~1'), to: path('x'), expect: stands },
  ];
  for (const effect of effects) expect(did(effect).trouble?.code).toBe('REFUSED');
});
