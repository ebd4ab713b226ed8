// A fresh directory of the real file system, with a folder and a place beside it.

import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realSystem, type System } from '../../agent/disk/system.ts';
import type { Ground, Hands } from './bench.ts';

/** The real one, but that a sync has ended when the call returns: the tests' turns are not those of the event loop. */
const groundSystem: System = {
  ...realSystem,
  syncFileSystem(directory, done) {
    const stdio = ['ignore', 'ignore', 'ignore', directory] as const;
    done(spawnSync('sync', ['-f', '/proc/self/fd/3'], { stdio: [...stdio] }).status === 0);
  },
};

export function openGround(home = fs.mkdtempSync(join(tmpdir(), 'toastbox-disk-'))): Ground {
  const root = join(home, 'folder');
  const outside = join(home, 'outside');
  fs.mkdirSync(root);
  fs.mkdirSync(outside);
  return { system: groundSystem, root, outside, hands: fs as unknown as Hands };
}

/** Ground in memory, where there is some: for tests that make very many files. */
export function openQuickGround(): Ground {
  const shm = '/dev/shm';
  return openGround(fs.mkdtempSync(join(fs.existsSync(shm) ? shm : tmpdir(), 'toastbox-disk-')));
}

export function closeGround({ root }: Ground): void {
  // Not fs.rmSync: a folder may hold paths longer than one call takes.
  execFileSync('rm', ['-rf', join(root, '..')]);
}

/** The real system, but for some calls. */
export function systemWith(calls: Partial<System>): System {
  return { ...groundSystem, ...calls };
}

/** An error as the kernel's errno comes out of node:fs, which has no names for some. */
export function errno(code: string): Error {
  if (code === 'EUCLEAN')
    return Object.assign(new Error(code), {
      code: 'Unknown system error -117',
      errno: -117,
      syscall: 'test',
    });
  if (code === 'EDQUOT')
    return Object.assign(new Error(code), { code: 'UNKNOWN', errno: -122, syscall: 'test' });
  return Object.assign(new Error(code), { code, errno: -1, syscall: 'test' });
}
