// What a user wrote and both ends agreed on is on the disk before the catalog says so: the power goes after the sync.

import { expect, test } from 'vitest';
import type { Path } from '../../agent/engine/ports.ts';
import { memorySystem } from '../sim/disk.ts';
import { Random } from '../sim/random.ts';
import { Volume } from '../sim/volume.ts';
import { ask, openBench, path } from './bench.ts';

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);
const FILES = ['dir/new', 'dir/other'];

/** What is left of the user's files after power cuts, one of each seed: content, or none. */
function left(keep: (name: string) => Path | undefined, isKept = true): Set<string> {
  const found = new Set<string>();
  for (const seed of SEEDS) {
    const volume = new Volume();
    volume.mkdirSync('/home/folder/dir', { recursive: true });
    volume.medium.syncAll();
    const bench = openBench({
      system: memorySystem(volume),
      root: '/home/folder',
      outside: '/',
      hands: volume,
    });
    for (const name of FILES) volume.writeFileSync(`/home/folder/${name}`, `all of ${name}`);
    if (isKept) for (const name of FILES) bench.disk.carry({ do: 'keep', path: keep(name) });
    expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
    bench.disk.close();
    volume.cut(new Random(seed));
    for (const name of FILES) {
      const place = `/home/folder/${name}`;
      found.add(volume.existsSync(place) ? volume.readFileSync(place).toString() : 'none');
    }
  }
  return found;
}

test('keep: two new files of a user, a sync, a power cut -> both whole', () => {
  expect(left(path)).toEqual(new Set(FILES.map(name => `all of ${name}`)));
});

test('keep: everything in the folder -> whole as well, by a sync of the file system', () => {
  expect(left(() => undefined)).toEqual(new Set(FILES.map(name => `all of ${name}`)));
});

test('keep: not asked for -> a power cut may take them, so the tests above can fail', () => {
  expect(left(path, false)).toContain('none');
});

test('keep: each fsync of a sync fails in turn, the next sync does not, a power cut -> every name is there', () => {
  const NAMES = ['a', 'b', 'c'];
  for (const [failing, seed] of SEEDS.map(seed => [seed % 7, seed] as const)) {
    const volume = new Volume();
    volume.mkdirSync('/home/folder', { recursive: true });
    volume.medium.syncAll();
    let fsyncs = Number.NEGATIVE_INFINITY;
    const gate = (call: string): void => {
      if (call === 'fsyncSync' && fsyncs++ === failing)
        throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    const system = memorySystem(volume, { gate });
    const bench = openBench({ system, root: '/home/folder', outside: '/', hands: volume });
    for (const name of NAMES) ask(bench, { do: 'makeDirectory', path: path(name), mode: 0o755 }, 'did');
    fsyncs = 0;
    // The folder's, and each directory's.
    const { trouble } = ask(bench, { do: 'sync' }, 'synced');
    expect(trouble?.code).toBe(failing < NAMES.length + 1 ? 'EIO' : undefined);
    expect(fsyncs).toBe(NAMES.length + 1);
    fsyncs = Number.NEGATIVE_INFINITY;
    expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
    bench.disk.close();
    volume.cut(new Random(seed));
    expect(volume.readdirSync('/home/folder').filter(name => NAMES.includes(name))).toEqual(NAMES);
    expect(volume.files.openCount).toBe(0);
  }
});
