// What happens beside a change of ours, and what only some users meet.

import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ask, type Bench, mustLook, openBench, path } from './bench.ts';
import { closeGround, openGround, systemWith } from './ground.ts';

let bench: Bench | undefined;
afterEach(() => {
  process.seteuid?.(0);
  bench?.disk.close();
  if (bench !== undefined) closeGround(bench);
  bench = undefined;
});

test('aside: the user saves by a rename while the directory is synced -> both are kept, and it is told', () => {
  const ground = openGround();
  const at = (name: string): string => join(ground.root, name);
  let isArmed = false;
  const fsyncSync = (fd: number): void => {
    if (isArmed) {
      isArmed = false;
      fs.writeFileSync(at('tmp'), 'newest');
      fs.renameSync(at('tmp'), at('f'));
    }
    fs.fsyncSync(fd);
  };
  bench = openBench({ ...ground, system: systemWith({ fsyncSync }) });
  fs.writeFileSync(at('f'), 'mine');
  const stands = mustLook(bench, path('f'));
  isArmed = true;
  const did = ask(bench, { do: 'setAside', path: path('f'), to: path('g'), expect: stands }, 'did');
  expect(did.trouble?.code).toBe('CHANGED');
  expect([fs.readFileSync(at('f'), 'utf8'), fs.readFileSync(at('g'), 'utf8')]).toEqual(['newest', 'mine']);
});

test.runIf(process.getuid?.() === 0).each([0o755, 0o300, 0o311, 0o000])(
  'directory: of mode %o, made by who is not root (tried as root only) -> it stands, with that mode',
  mode => {
    const ground = openGround();
    fs.chmodSync(dirname(ground.root), 0o755);
    fs.chownSync(ground.root, 65534, 65534);
    process.seteuid?.(65534);
    bench = openBench(ground);
    const did = ask(bench, { do: 'makeDirectory', path: path('d'), mode }, 'did');
    expect(did.trouble).toBeUndefined();
    expect(fs.lstatSync(join(ground.root, 'd')).mode & 0o777).toBe(mode);
  },
);
