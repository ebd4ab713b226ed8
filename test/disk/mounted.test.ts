// What is mounted inside the folder, by stat's device another file system or not. Only root may mount.

import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { mountsBelow } from '../../agent/disk/mounts.ts';
import { FOREIGN } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import { Mounts, whyNoMounts } from '../system/mounts.ts';
import { ask, type Bench, list, mustLook, openBench, path, shorthands, stage } from './bench.ts';
import { closeGround, openGround } from './ground.ts';

/** With what the table of mounts has to escape. */
const STICK = 'st ick\\';

let bench: Bench;
let mounts: Mounts;
beforeEach(() => {
  bench = openBench(openGround());
  mounts = new Mounts();
});
afterEach(() => {
  mounts.close();
  bench.disk.close();
  closeGround(bench);
});

const { doing, place: put } = shorthands(() => bench);

const WAYS: [string, (place: string) => string][] = [
  ['another file system', place => mounts.tmpfs(place, '64k')],
  ['a directory of the same file system', place => mounts.bind(bench.outside, place)],
];

test.skipIf(whyNoMounts).each(WAYS)(
  'mounted: %s -> told as what it is, and all else is EXDEV',
  (_, mount) => {
    const place = mount(join(bench.root, STICK));
    fs.mkdirSync(join(place, 'in'));
    fs.writeFileSync(join(place, 'file'), 'x');
    fs.mkdirSync(join(bench.root, 'here'));
    expect(list(bench, path('')).names).toEqual(['here', STICK]);
    const stick = mustLook(bench, path(STICK));
    expect([stick.kind, mustLook(bench, path('here')).kind]).toEqual([FOREIGN, Kind.DIRECTORY]);
    for (const dir of [STICK, `${STICK}/in`])
      expect(ask(bench, { do: 'list', dir: path(dir) }, 'listed').trouble).toEqual({ code: 'EXDEV' });
    const file = path(`${STICK}/file`);
    expect(ask(bench, { do: 'look', path: file }, 'looked').trouble?.code).toBe('EXDEV');
    const into = { path: path(`${STICK}/new`), expect: undefined };
    expect(ask(bench, { do: 'stage', slot: 1, bytes: 3, into }, 'wrote').trouble?.code).toBe('EXDEV');
    stage(bench, 1, Buffer.from('x'));
    expect(put(1, `${STICK}/new`, undefined)?.trouble).toEqual({ code: 'EXDEV' });
    expect(doing({ do: 'makeDirectory', path: path(`${STICK}/new`), mode: 0o755 }).trouble?.code).toBe(
      'EXDEV',
    );
    for (const effect of [
      { do: 'remove', path: path(STICK), expect: stick },
      { do: 'retouch', path: path(STICK), mode: 0o700, mtime: 0, expect: stick },
      { do: 'setAside', path: path(STICK), to: path('aside'), expect: stick },
    ] as const)
      expect(doing(effect).trouble?.code).toMatch(/EXDEV|CHANGED/);
    expect(fs.readdirSync(place).sort()).toEqual(['file', 'in']);
  },
);

test.skipIf(whyNoMounts)('mounted: in a folder whose own path has what the table escapes -> found', () => {
  const folder = join(bench.outside, STICK);
  const place = mounts.bind(bench.root, join(folder, 'sub', STICK));
  const top = fs.openSync(folder, 'r');
  try {
    expect(mountsBelow(top)).toEqual([`sub/${STICK}`]);
  } finally {
    fs.closeSync(top);
    mounts.unmount(place);
  }
});

test.skipIf(whyNoMounts)('mounted: between two listings, and a way into it -> nothing is seen of it', () => {
  fs.mkdirSync(join(bench.root, 'photos'));
  fs.writeFileSync(join(bench.root, 'photos', 'p'), 'x');
  fs.writeFileSync(join(bench.outside, 'q'), 'x');
  expect(list(bench, path('photos')).names).toEqual(['p']);
  const place = mounts.bind(bench.outside, join(bench.root, 'photos'));
  expect(list(bench, path('photos')).trouble).toBe('EXDEV');
  expect(ask(bench, { do: 'look', path: path('photos/p') }, 'looked').trouble?.code).toBe('EXDEV');
  mounts.unmount(place);
  expect(list(bench, path('photos')).names).toEqual(['p']);
});

test.skipIf(whyNoMounts)('mounted: a single file -> not looked at, not replaced', () => {
  const place = join(bench.root, 'conf');
  fs.writeFileSync(place, 'hidden');
  fs.writeFileSync(join(bench.outside, 'conf'), 'other');
  const conf = mustLook(bench, path('conf'));
  expect(spawnSync('mount', ['--bind', join(bench.outside, 'conf'), place]).status).toBe(0);
  try {
    expect(list(bench, path('')).names).toEqual(['conf']);
    expect(mustLook(bench, path('conf')).kind).toBe(FOREIGN);
    stage(bench, 1, Buffer.from('x'));
    expect(put(1, 'conf', conf)?.trouble?.code).toBe('EXDEV');
  } finally {
    spawnSync('umount', [place]);
  }
  expect(list(bench, path('')).names).toEqual(['conf']);
  expect(mustLook(bench, path('conf'))).toEqual(conf);
});

test.skipIf(whyNoMounts || !fs.existsSync('/dev/fuse'))(
  'mounted: what nobody serves any more, lstat says ENOTCONN -> named, and all else is listed',
  () => {
    const place = join(bench.root, 'photos');
    fs.mkdirSync(place);
    fs.writeFileSync(join(bench.root, 'file'), 'x');
    const server = fs.openSync('/dev/fuse', 'r+');
    const words = ['-i', '-t', 'fuse', '-o', 'fd=3,rootmode=40000,user_id=0,group_id=0', 'none', place];
    const { status } = spawnSync('mount', words, { stdio: ['ignore', 'ignore', 'ignore', server] });
    fs.closeSync(server);
    expect(status).toBe(0);
    try {
      expect(() => fs.lstatSync(place)).toThrow('ENOTCONN');
      expect(list(bench, path(''))).toMatchObject({ names: ['file', 'photos'], trouble: undefined });
      expect(mustLook(bench, path('photos')).kind).toBe(FOREIGN);
    } finally {
      spawnSync('umount', [place]);
    }
  },
);
