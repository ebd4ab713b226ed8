// A conflict copy and its original while the power goes: whatever was synced by then, one of the two names has it.

import { expect, test } from 'vitest';
import { memorySystem } from '../sim/disk.ts';
import { failure } from '../sim/files.ts';
import { Random } from '../sim/random.ts';
import { Volume } from '../sim/volume.ts';
import { ask, type Bench, mustLook, openBench, path } from './bench.ts';

const ROOT = '/home/folder';
const SEEDS = Array.from({ length: 200 }, (_, seed) => seed);

/** A folder with a file that is durable, on a disk whose next fsync may fail. */
function openScene(): { volume: Volume; bench: Bench; failing: { isArmed: boolean } } {
  const volume = new Volume();
  volume.mkdirSync(`${ROOT}/deep`, { recursive: true });
  volume.writeFileSync(`${ROOT}/deep/file`, 'mine');
  volume.medium.syncAll();
  const failing = { isArmed: false };
  const system = memorySystem(volume, {
    gate: call => {
      if (failing.isArmed && call === 'fsyncSync') throw failure('EIO', call);
    },
    later: job => job(),
  });
  return { volume, bench: openBench({ system, root: ROOT, outside: '/', hands: volume }), failing };
}

function setAside(bench: Bench, to: string): string | undefined {
  const expect = mustLook(bench, path('deep/file'));
  return ask(bench, { do: 'setAside', path: path('deep/file'), to: path(to), expect }, 'did').trouble?.code;
}

test.each(['deep/copy', 'copy'])(
  'aside: to %s, the power goes before a sync -> there under a name, whole',
  to => {
    const left = new Set<string>();
    for (const seed of SEEDS) {
      const { volume, bench } = openScene();
      expect(setAside(bench, to)).toBeUndefined();
      bench.disk.close();
      volume.cut(new Random(seed));
      const names = ['deep/file', to].filter(name => volume.existsSync(`${ROOT}/${name}`));
      for (const name of names) expect(volume.readFileSync(`${ROOT}/${name}`).toString()).toBe('mine');
      left.add(names.join(' and '));
    }
    expect(left).toContain(to);
    expect(left).not.toContain('');
  },
);

test('aside: the new name cannot be made durable -> said, and the old one stays', () => {
  const { volume, bench, failing } = openScene();
  failing.isArmed = true;
  expect(setAside(bench, 'copy')).toBe('EIO');
  failing.isArmed = false;
  expect(volume.readFileSync(`${ROOT}/deep/file`).toString()).toBe('mine');
  bench.disk.close();
});
