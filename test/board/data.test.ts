// The script that checks and mounts a board's data partition: here a plain file, checked by the real e2fsck. Nothing is
// mounted, for that takes root: what would be in it stands beside it.

import { execFileSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect } from 'vitest';
import { play } from './play.ts';
import { testWith } from './tools.ts';

const test = testWith('e2fsck', 'mke2fs', 'debugfs');

const place = mkdtempSync(join(tmpdir(), 'toastbox-data-'));
afterAll(() => rmSync(place, { recursive: true }));

const part = join(place, 'part');
const debugfs = (words: string) =>
  execFileSync('/sbin/debugfs', ['-w', '-R', words, part], { stdio: 'pipe' });
/** As the kernel leaves it that found an error. */
const damage = () => debugfs('ssv state 2');
const MADE = 1_700_000_000;
const programs = { resize2fs: '', mount: '', mkdir: '', e2fsck: 'exec /sbin/e2fsck "$@"', sync: '' };
const start = (more: Readonly<Record<string, string>> = {}) =>
  play(place, 'data', { ...programs, ...more }, [part]);
const state = join(place, 'data/state');
const kept = join(place, 'data/board/checked');
const catalogs = () => readdirSync(state).filter(name => name.startsWith('catalog'));
const ASIDE = [expect.stringMatching(/^catalog\.\d{8}T\d{6}$/)];

const powerGoes = () => rmSync(join(place, 'run'), { recursive: true, force: true });

beforeEach(() => {
  powerGoes();
  rmSync(join(place, 'data'), { recursive: true, force: true });
  mkdirSync(state, { recursive: true });
  writeFileSync(part, Buffer.alloc(2 ** 20));
  const env = { E2FSPROGS_FAKE_TIME: String(MADE) };
  execFileSync('/sbin/mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', part], { env });
  expect(start()).toBe('');
  powerGoes();
  writeFileSync(join(state, 'catalog'), '');
});

test('data: no partition -> said, nothing made', () => {
  rmSync(part);
  expect(start({ mke2fs: 'echo made anew' })).toMatch(/^board: there is no data partition \S+part\n$/);
});

const fsck = (codes: string) =>
  `echo "e2fsck $1"; n=$(($(cat ${place}/runs || echo 0) + 1)); echo $n >${place}/runs; exit $(echo ${codes} | cut -d" " -f$n)`;
test.each([
  ['0', 1, false],
  ['8 8 1', 3, false],
  ['8 8 8 8', 4, true],
])(
  'data: e2fsck that ends with %s -> run until it is mended, all of it after what is safe',
  (codes, runs, isGivenUp) => {
    rmSync(join(place, 'runs'), { force: true });
    const said = start({ e2fsck: fsck(codes) });
    expect(readFileSync(join(place, 'runs'), 'utf8')).toBe(`${runs}\n`);
    expect(said.includes('could not be mended')).toBe(isGivenUp);
  },
);

test('data: what was not mended -> -p is not believed that it is clean', () => {
  start({ e2fsck: 'exit 8' });
  expect(start({ e2fsck: 'echo "e2fsck $1"; [ $1 = -p ] || exit 1' })).toMatch(/e2fsck -fy/);
});

test('data: a fault a line, a hundred thousand -> the last of them are kept and said', () => {
  const said = start({ e2fsck: 'seq 100000; exit 1' });
  expect(said.trim().split('\n')).toEqual(Array.from({ length: 20 }, (_, at) => `board: ${99_981 + at}`));
  expect(statSync(join(place, 'run/board/fsck')).size).toBeLessThan(200);
});

test('data: no directory can be made -> unmounted, for the next try checks it again', () => {
  expect(start({ mkdir: 'exit 1', umount: 'echo umount "$@"' })).toMatch(
    /takes no changes\numount \/data\n$/,
  );
});

test('data: errors that the kernel counted -> those before the mount are kept for tend, none after a check', () => {
  const counted = () => readFileSync(join(place, 'run/board/errors'), 'utf8');
  debugfs('ssv error_count 3');
  start({ mount: `exec /sbin/debugfs -w -R "ssv error_count 4" ${part}` });
  expect(counted()).toBe('3\n');
  damage();
  start();
  expect(counted()).toBe('0\n');
});

test('data: mounted again and again, here or on a PC -> the catalog stays', () => {
  for (const mounts of [0, 1, 7, 0]) {
    debugfs(`ssv mnt_count ${mounts}`);
    expect(start()).toBe('');
  }
  expect(catalogs()).toEqual(['catalog']);
});

test('data: all of it was checked on a PC, which mounted it then -> the catalog is put aside, once', () => {
  execFileSync('/sbin/e2fsck', ['-fy', part], { stdio: 'ignore' });
  debugfs('ssv mnt_count 2');
  expect(start()).toMatch(/both sides are compared anew/);
  writeFileSync(join(state, 'catalog'), '');
  expect(start()).toBe('');
  expect(catalogs()).toContain('catalog');
});

test('data: a check took away what was known of the last one -> the catalog is put aside', () => {
  rmSync(kept);
  expect(start()).toMatch(/both sides are compared anew/);
  expect(catalogs()).toEqual(ASIDE);
});

test('data: the check cannot be kept as known, as on a full disk -> the board goes on, and asks again', () => {
  rmSync(kept);
  mkdirSync(kept);
  for (let round = 0; round < 2; round++) {
    const said = start();
    expect(said).toMatch(/both sides are compared anew/);
    expect(said).not.toMatch(/takes no changes/);
    writeFileSync(join(state, 'catalog'), '');
  }
});

test('data: checked again and again in one second -> put aside each time, and the last one is kept', () => {
  const date = `case $1 in +%s) echo ${MADE} ;; *) exec /bin/date "$@" ;; esac`;
  writeFileSync(join(state, 'catalog.20200101T000000'), '');
  for (let round = 0; round < 3; round++) {
    damage();
    expect(start({ date })).toMatch(/both sides are compared anew/);
    expect(catalogs()).toEqual(ASIDE);
    writeFileSync(join(state, 'catalog'), '');
  }
});

test.each([true, false])(
  'data: mended, then power is cut before each step, what was not synced lost: %j -> put aside all the same',
  isLost => {
    const [data, synced] = [join(place, 'data'), join(place, 'synced')];
    const step = `echo >>${place}/steps; [ $(wc -l <${place}/steps) -ne $CUT ] || kill -9 $PPID`;
    let cuts = 0;
    for (let isCut = true; isCut; cuts++) {
      const names = ['mount', 'resize2fs', 'mkdir', 'rm', 'mv', 'sync'];
      const real = (name: string) => ({ rm: 'exec /bin/rm "$@"', mv: 'exec /bin/mv "$@"' })[name] ?? '';
      const save = `/bin/rm -rf ${synced}; cp -a ${data} ${synced}`;
      const steps = names.map(name => [
        name,
        `CUT=${cuts + 1}; ${step}\n${name === 'sync' ? save : real(name)}`,
      ]);
      for (const name of ['steps', 'synced']) rmSync(join(place, name), { recursive: true, force: true });
      for (const name of catalogs()) rmSync(join(state, name));
      writeFileSync(join(state, 'catalog'), '');
      cpSync(data, synced, { recursive: true });
      damage();
      start(Object.fromEntries(steps));
      isCut = readFileSync(join(place, 'steps'), 'utf8').length > cuts;
      if (isLost) {
        rmSync(data, { recursive: true });
        cpSync(synced, data, { recursive: true });
      }
      powerGoes();
      debugfs('ssv mnt_count 1');
      start();
      expect(catalogs(), `cut before step ${cuts + 1}`).toEqual(ASIDE);
    }
    expect(cuts).toBeGreaterThan(6);
  },
);

test('data: mended -> its check is known once the catalog is aside for good, and then for good too', () => {
  const was = readFileSync(kept, 'utf8');
  damage();
  start({ sync: `echo $(ls ${state}) $(cat ${kept}) >>${place}/syncs` });
  const [first, second, ...more] = readFileSync(join(place, 'syncs'), 'utf8').trim().split('\n');
  expect(first).toMatch(new RegExp(`^catalog\\.\\w+ ${was.trim()}$`));
  expect(second).toBe(first?.replace(was.trim(), readFileSync(kept, 'utf8').trim()));
  expect([readFileSync(kept, 'utf8') === was, more]).toEqual([false, []]);
});
