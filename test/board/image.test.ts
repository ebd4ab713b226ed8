// The parts of an image, each made for real by the tools that make it, and read back by others: without downloads,
// without QEMU. The whole image is made and booted in test/system/board.test.ts.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, expect } from 'vitest';
import { bootWord } from '../../board/boot/word.ts';
import { checkWord } from '../../board/check/word.ts';
import { runTool, toolEnv } from '../../board/fetch/tool.ts';
import { bootFiles } from '../../board/image/bootfiles.ts';
import { packInitramfs } from '../../board/image/cpio.ts';
import { makeData } from '../../board/image/data.ts';
import { joinDisk } from '../../board/image/disk.ts';
import { makeExt4, roomFor } from '../../board/image/ext4.ts';
import { makeFat } from '../../board/image/fat.ts';
import { settleModes } from '../../board/image/modes.ts';
import { partsOf } from '../../board/image/parts.ts';
import { imageWord } from '../../board/image/word.ts';
import { testWith } from './tools.ts';

const test = testWith('mke2fs', 'mformat', 'sfdisk', 'cpio');

const MIB = 2 ** 20;
const TIME = 1_700_000_000;
const UUID = '12345678-1234-8234-8234-123456789abc';
const place = mkdtempSync(join(tmpdir(), 'toastbox-image-'));
afterAll(() => rmSync(place, { recursive: true }));

/** The same tree, its files made in this order and at that time. */
function tree(name: string, order: (names: string[]) => string[], time: number): string {
  const root = join(place, name);
  mkdirSync(join(root, 'etc', 'deep'), { recursive: true });
  const names = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? `file ${at}` : `etc/deep/${at}`));
  for (const file of order(names)) {
    writeFileSync(join(root, file), file.repeat(500));
    chmodSync(join(root, file), 0o640);
    utimesSync(join(root, file), time, time);
  }
  symlinkSync('../file 2', join(root, 'etc', 'link'));
  return root;
}
const one = tree('one', names => names, 1_600_000_000);
const other = tree('other', names => names.reverse(), 1_500_000_000);

const run = (program: string, ...words: string[]) =>
  execFileSync(program, words, { encoding: 'utf8', env: toolEnv() });
const ext4 = (name: string, root?: string) => {
  const file = join(place, `${name}.ext4`);
  const { bytes, inodes } = root === undefined ? { bytes: 16 * MIB, inodes: 4096 } : roomFor(root);
  makeExt4({
    file,
    label: 'x',
    uuid: UUID,
    time: TIME,
    ...(root && { tree: root }),
    bytes,
    inodes,
    words: [],
  });
  return file;
};
const fat = (name: string, root: string) => {
  const file = join(place, `${name}.fat`);
  makeFat({ file, label: 'TOASTBOX', serial: '12345678', time: TIME, tree: root, bytes: 8 * MIB });
  return file;
};

test('image: a tree made in another order, at another time -> the same ext4, root owning it, fsck content', () => {
  const file = ext4('one', one);
  expect(readFileSync(file).equals(readFileSync(ext4('other', other)))).toBe(true);
  expect(run('e2fsck', '-fn', file)).toMatch(/^x: \d+\/\d+ files/m);
  const stat = run('debugfs', '-R', 'stat "/file 2"', file);
  expect(stat).toMatch(/User:\s+0\s+Group:\s+0/);
  for (const name of ['ctime', 'atime', 'mtime', 'crtime'])
    expect(stat).toMatch(new RegExp(`${name}: 0x${TIME.toString(16)}:0{8}`));
  expect(run('debugfs', '-R', 'cat /etc/deep/1', file)).toBe(readFileSync(join(one, 'etc/deep/1'), 'utf8'));
});

test('image: trees made under another umask -> the same ext4 and initramfs, once their modes are settled', () => {
  const [open, closed] = [0o002, 0o077].map(umask => {
    const old = process.umask(umask);
    try {
      const root = join(place, `umask ${umask}`);
      mkdirSync(join(root, 'bin'), { recursive: true });
      for (const [name, mode] of [
        ['init', 0o777],
        ['bin/text', 0o666],
      ] as const)
        writeFileSync(join(root, name), name, { mode });
      settleModes(root);
      return root;
    } finally {
      process.umask(old);
    }
  }) as [string, string];
  expect(readFileSync(ext4('open', open)).equals(readFileSync(ext4('closed', closed)))).toBe(true);
  expect(packInitramfs(open).equals(packInitramfs(closed))).toBe(true);
  expect(statSync(join(closed, 'init')).mode & 0o777).toBe(0o755);
});

test('image: the same for FAT, and its files come out as they went in', () => {
  const file = fat('one', one);
  expect(readFileSync(file).equals(readFileSync(fat('other', other)))).toBe(true);
  expect(run('mtype', '-i', file, '::etc/deep/1')).toBe(readFileSync(join(one, 'etc/deep/1'), 'utf8'));
});

test('image: the same for the initramfs, which cpio reads', () => {
  const packed = packInitramfs(one);
  expect(packed.equals(packInitramfs(other))).toBe(true);
  const names = execFileSync('cpio', ['-t', '--quiet'], { input: gunzipSync(packed), encoding: 'utf8' });
  expect(names.trim().split('\n')).toHaveLength(43);
  expect(names).toContain('etc/link\n');
});

test('image: partitions -> where the table says, each whole, the data last', () => {
  const files = { boot: fat('boot', one), root: ext4('root', one), data: ext4('data') };
  const image = join(place, 'disk.img');
  const layout = joinDisk(image, 'cafe0123', files);
  expect(JSON.parse(readFileSync(`${image}.json`, 'utf8'))).toEqual(layout);
  const table = JSON.parse(run('sfdisk', '--json', image)).partitiontable;
  expect(table).toMatchObject({ label: 'dos', id: '0xcafe0123' });
  const places = [layout.boot, layout.root, layout.data];
  expect(
    table.partitions.map((row: { start: number; size: number }) => [row.start * 512, row.size * 512]),
  ).toEqual(places.map(({ offset, bytes }) => [offset, bytes]));
  expect(table.partitions.map((row: { type: string }) => row.type)).toEqual(['e', '83', '83']);
  const bytes = readFileSync(image);
  for (const name of ['boot', 'root', 'data'] as const) {
    const { offset, bytes: count } = layout[name];
    expect(bytes.subarray(offset, offset + count).equals(readFileSync(files[name])), name).toBe(true);
  }
  expect(layout.data.offset + layout.data.bytes).toBe(statSync(image).size);
});

test('image: put together only in part -> there is none, not even the one from before', () => {
  const files = { boot: fat('boot', one), root: ext4('root', one), data: join(place, 'not there') };
  const image = join(place, 'broken.img');
  writeFileSync(image, 'from before');
  expect(() => joinDisk(image, 'cafe0123', files)).toThrow('ENOENT');
  expect(existsSync(image)).toBe(false);
});

test('image: the data partition, put at the start of a card of 2 GiB -> grows to its end, with room for more', () => {
  const file = join(place, 'grown.ext4');
  makeData(file, UUID, TIME);
  const facts = () => {
    const text = run('dumpe2fs', '-h', file);
    return (name: string) => new RegExp(`^${name}: +(.+)$`, 'm').exec(text)?.[1];
  };
  const small = facts();
  // Blocks of descriptors of 32 bytes for groups of 128 MiB, up to 512 GiB: these are one block of them and 31 more.
  expect(small('Reserved GDT blocks')).toBe('31');
  truncateSync(file, 2 ** 31);
  run('e2fsck', '-fp', file);
  run('resize2fs', file);
  const grown = facts();
  expect(Number(grown('Block count')) * 4096).toBe(2 ** 31);
  expect(Number(grown('Inode count'))).toBe(16 * Number(small('Inode count')));
  expect(2 ** 31 / Number(grown('Inode count'))).toBe(8192);
  expect([grown('Total journal size'), grown('Filesystem features')]).toEqual([
    '4096k',
    expect.not.stringContaining('64bit'),
  ]);
});

test.each(['armv7', 'arm64'])(
  'image: what starts %s -> no console is named, so it is the one of the board',
  word => {
    const files = bootFiles(partsOf(word));
    for (const text of Object.values(files)) expect(text).not.toContain('console=');
    expect(files['extlinux/extlinux.conf']).toMatch(/^ {2}append quiet /m);
  },
);

test.each([
  ['image', imageWord],
  ['boot', bootWord],
  ['check', checkWord],
])("image: %s of a board by Debian's name for it -> refused, and which boards there are", async (_, run) => {
  await expect(run(['armhf'])).rejects.toMatchObject({
    kind: 'usage',
    message: 'there is no board armhf',
    advice: 'the boards are armv7, arm64',
  });
});

test('image: a Raspberry Pi -> asked for no cut-down firmware, and to take the description that Linux has', () => {
  const config = bootFiles(partsOf('arm64'))['config.txt'];
  expect(config).toMatch(/^arm_64bit=1$/m);
  expect(config).toMatch(/^upstream_kernel=1$/m);
  // With gpu_mem=16 it would look for start_cd.elf and fixup_cd.dat.
  expect(config).not.toContain('gpu_mem');
});

test('image: a user whose PATH has no sbin -> made all the same; a tool that is missing -> its package is named', () => {
  const { PATH } = process.env;
  try {
    process.env.PATH = '/usr/bin:/bin';
    expect(readFileSync(ext4('user')).length).toBe(16 * MIB);
    expect(() => runTool('no-such-tool', [], { package: 'kmod' })).toThrow(
      expect.objectContaining({ kind: 'environment', advice: 'install it: apt-get install kmod' }),
    );
  } finally {
    process.env.PATH = PATH;
  }
});
