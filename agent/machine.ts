// What this machine gives a process: RAM, or less by its cgroup; free disk at a place. For the check at a start, and
// for the memory ledger.
//
// A limit counts wherever it stands above the process: each directory of its cgroup path up to the root is asked, in
// version 2 (memory.max) and version 1 (memory.limit_in_bytes). A container may see its own cgroup as the root, under
// a path that does not exist for it: what cannot be read limits nothing.

import { readFileSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Version 1 says "no limit" by a number near 2^63. */
const NO_LIMIT_BYTES = 2 ** 53;

export interface Ram {
  bytes: number;
  /** Who says so. */
  by: 'machine' | 'cgroup';
}

type ReadText = (path: string) => string;

const readText: ReadText = path => readFileSync(path, 'latin1');

/** RAM and swap of the machine, or a cgroup's limit if that is less; undefined where /proc does not say. */
export function readRam(read: ReadText = readText): Ram | undefined {
  const meminfo = readOr(read, '/proc/meminfo');
  const line = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const machine = line('MemTotal') + line('SwapTotal');
  const limit = readCgroupLimit(read);
  if (limit !== undefined && (machine === 0 || limit < machine)) return { bytes: limit, by: 'cgroup' };
  return machine === 0 ? undefined : { bytes: machine, by: 'machine' };
}

/** Undefined where there is none. */
export function readCgroupLimit(read: ReadText = readText): number | undefined {
  let least: number | undefined;
  for (const line of readOr(read, '/proc/self/cgroup').split('\n')) {
    const [, hierarchy, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    const files: string[] = [];
    if (hierarchy === '0') files.push('/sys/fs/cgroup*/memory.max', '/sys/fs/cgroup/unified*/memory.max');
    else if (controllers?.split(',').includes('memory'))
      files.push('/sys/fs/cgroup/memory*/memory.limit_in_bytes');
    for (const file of files) {
      for (const above of ancestors(path as string)) {
        const bytes = Number.parseInt(
          readOr(
            read,
            file.replace('*', () => above),
          ),
          10,
        );
        if (bytes < (least ?? NO_LIMIT_BYTES)) least = bytes;
      }
    }
  }
  return least;
}

/** '/a/b': '/a/b', '/a' and ''. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '');
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`).concat('');
}

function readOr(read: ReadText, path: string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}

/** Bytes that a process may still write at this place, or where it would be made; undefined where nobody knows. */
export function freeDiskBytes(place: string): number | undefined {
  try {
    const { bavail, bsize, blocks } = statfsSync(place);
    return blocks === 0 ? undefined : bavail * bsize;
  } catch {
    const above = dirname(place);
    return above === place ? undefined : freeDiskBytes(above);
  }
}
