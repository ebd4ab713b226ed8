// What a power cut leaves on the simulated disk: never less than was synced, never what was not written.

import { expect, test } from 'vitest';
import { memorySystem } from './disk.ts';
import { Random } from './random.ts';
import { Volume } from './volume.ts';

const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

function open() {
  const volume = new Volume(() => 1_700_000_000_000);
  const system = memorySystem(volume);
  const sync = (path: string): void => {
    const fd = system.openSync(path, system.flags.RDONLY);
    system.fsyncSync(fd);
    system.closeSync(fd);
  };
  volume.mkdirSync('/d');
  sync('/');
  return { volume, system, sync };
}

const contents = (make: (disk: ReturnType<typeof open>) => void, path: string): Set<string> =>
  new Set(
    SEEDS.map(seed => {
      const disk = open();
      make(disk);
      disk.volume.cut(new Random(seed));
      return disk.volume.existsSync(path) ? disk.volume.readFileSync(path).toString() : 'none';
    }),
  );

test('cut: a file whose bytes and name were synced -> there, whole', () => {
  const found = contents(({ volume, sync }) => {
    volume.writeFileSync('/d/f', 'bytes');
    sync('/d/f');
    sync('/d');
  }, '/d/f');
  expect(found).toEqual(new Set(['bytes']));
});

test('cut: its bytes were synced, its name was not -> there or not', () => {
  const found = contents(({ volume, sync }) => {
    volume.writeFileSync('/d/f', 'bytes');
    sync('/d/f');
  }, '/d/f');
  expect(found).toEqual(new Set(['bytes', 'none']));
});

test('cut: its name was synced, its bytes were not -> there, empty or whole', () => {
  const found = contents(({ volume, sync }) => {
    volume.writeFileSync('/d/f', 'bytes');
    sync('/d');
  }, '/d/f');
  expect(found).toEqual(new Set(['bytes', '']));
});

test('cut: a rename over a file was not synced -> one of the two, whole', () => {
  const found = contents(({ volume, sync }) => {
    volume.writeFileSync('/d/f', 'old');
    volume.writeFileSync('/d/g', 'new');
    sync('/d/f');
    sync('/d/g');
    sync('/d');
    volume.renameSync('/d/g', '/d/f');
  }, '/d/f');
  expect(found).toEqual(new Set(['old', 'new']));
});

test('cut: a file grew by pages that were not synced -> the old bytes are there, of the new ones any', () => {
  const old = 'o'.repeat(5_000);
  const found = contents(({ volume, sync }) => {
    volume.writeFileSync('/d/f', old);
    sync('/d/f');
    sync('/d');
    volume.appendFileSync('/d/f', 'n'.repeat(5_000));
  }, '/d/f');
  expect(found.size).toBeGreaterThan(1);
  for (const bytes of found) expect(bytes.startsWith(old.slice(0, 4_096))).toBe(true);
});

test('cut: an fsync failed, the next one did not -> what the first one dropped is not there', () => {
  const volume = new Volume(() => 1_700_000_000_000);
  let isFailing = true;
  const system = memorySystem(volume, {
    gate: call => {
      if (call === 'fsyncSync' && isFailing) throw Object.assign(new Error('EIO'), { code: 'EIO' });
    },
  });
  volume.writeFileSync('/f', 'bytes');
  const fd = system.openSync('/f', system.flags.RDWR);
  expect(() => system.fsyncSync(fd)).toThrow('EIO');
  isFailing = false;
  system.fsyncSync(fd);
  volume.medium.sync(volume.files.root);
  volume.cut(new Random(1));
  expect(String(volume.readFileSync('/f'))).toBe('');
});

test('numbers: a file is removed, another is made -> it has the same number', () => {
  const volume = new Volume();
  volume.writeFileSync('/a', 'a');
  const { ino } = volume.lstatSync('/a');
  volume.unlinkSync('/a');
  volume.writeFileSync('/b', 'b');
  expect(volume.lstatSync('/b').ino).toBe(ino);
});
