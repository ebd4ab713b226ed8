// A store that is read by a second process, as by `toastbox verify` and `toastbox history`, which ends in the middle.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLmdbShelves } from '../../gateway/store/lmdb.ts';
import { makeRandom } from './random.ts';

const KEYS = 16;
const VALUE_BYTES = 64 * 1024;

// As it comes: the built files need not be there.
const READER = `
  import { open } from 'lmdb';
  const root = open({ path: process.argv[1], readOnly: true, maxDbs: 4, keyEncoding: 'binary', encoding: 'binary' });
  const packs = root.openDB({ name: 'packs', keyEncoding: 'binary', encoding: 'binary' });
  packs.get(Buffer.from('0'));
  process.stdout.write('reading');
  for (;;) packs.get(Buffer.from('0'));
`;

test('store: who reads it is killed -> what becomes free is used again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'toastbox-reader-'));
  const shelves = openLmdbShelves(directory);
  const random = makeRandom(7);
  const writeAnew = (times: number) => {
    for (let time = 0; time < times; time++)
      shelves.transaction(() => {
        for (let key = 0; key < KEYS; key++)
          shelves.packs.put(Buffer.from(`${key}`), random.bytes(VALUE_BYTES));
      });
  };
  try {
    writeAnew(8);
    const reader = spawn(process.execPath, ['--input-type=module', '-e', READER, directory], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(reader.stdout, 'data');
    reader.kill('SIGKILL');
    await once(reader, 'exit');
    writeAnew(4);
    const before = shelves.bytes();
    writeAnew(16);
    expect(shelves.bytes() - before).toBeLessThan(4 * KEYS * VALUE_BYTES);
  } finally {
    await shelves.close();
    rmSync(directory, { recursive: true });
  }
});
