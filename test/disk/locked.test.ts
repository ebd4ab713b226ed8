// A directory of fscrypt's whose key is not there, as ext4 shows it: other names, and ENOKEY for what they name. The
// kernel's own was tried by hand; here its answers stand in.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realSystem, type System } from '../../agent/disk/system.ts';
import { ask, type Bench, list, look, mustLook, openBench, path } from './bench.ts';
import { closeGround, errno, openGround, systemWith } from './ground.ts';

/** As `plan.txt` was shown by ext4. */
const SHOWN = 'EoO0puNY_I8v0fJCmQPmSc3GvTx8qL6fOKYimf9dC11DSt1BRCq5zg';

let bench: Bench;
let isLocked: boolean;
let unnamed: number;
beforeEach(() => {
  isLocked = true;
  unnamed = 0;
  const openSync: System['openSync'] = (place, flags, mode) => {
    const isUnnamed = (flags & realSystem.flags.UNNAMED) === realSystem.flags.UNNAMED;
    if (isUnnamed) unnamed++;
    const isFile = String(place).endsWith(SHOWN) && !fs.statSync(place).isDirectory();
    if (isLocked && (isUnnamed || isFile)) throw errno('ENOKEY');
    return fs.openSync(place, flags, mode);
  };
  bench = openBench({ ...openGround(), system: systemWith({ openSync }) });
  fs.mkdirSync(join(bench.root, 'secret'));
});
afterEach(() => {
  bench.disk.close();
  closeGround(bench);
});

test.each([
  ['a file', (place: string) => fs.writeFileSync(place, 'x')],
  ['a directory', (place: string) => fs.mkdirSync(place)],
])('locked: %s shows its place -> ENOKEY for all in there, until the key is there', (_, make) => {
  make(join(bench.root, 'secret', SHOWN));
  expect(list(bench, path('secret')).trouble).toBe('ENOKEY');
  // What it held before has no such name now.
  for (const below of ['secret/sub', 'secret/sub/deep'])
    expect(ask(bench, { do: 'list', dir: path(below) }, 'listed').trouble?.code).toBe('ENOKEY');
  for (const below of ['secret/plan.txt', 'secret/sub/file'])
    expect(ask(bench, { do: 'look', path: path(below) }, 'looked').trouble?.code).toBe('ENOKEY');
  expect(list(bench, path(''))).toMatchObject({ names: ['secret'], trouble: undefined });
  isLocked = false;
  expect(list(bench, path('secret'))).toMatchObject({ names: [SHOWN], trouble: undefined });
  expect(look(bench, path('secret/plan.txt'))).toBeUndefined();
  expect(mustLook(bench, path(`secret/${SHOWN}`)).kind).toBeDefined();
});

test('locked: names like any other -> nothing is asked, nothing is made', () => {
  fs.writeFileSync(join(bench.root, 'secret', 'a'.repeat(31)), 'x');
  fs.writeFileSync(join(bench.root, 'secret', `${SHOWN}.txt`), 'x');
  expect(list(bench, path('secret')).names).toHaveLength(2);
  expect(look(bench, path('secret/gone'))).toBeUndefined();
  expect(unnamed).toBe(0);
});
