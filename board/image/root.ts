// The tree that becomes a board's root: read-only, so whatever is written at run time is a link to where it may be.
//
//   bin sbin lib     busybox, Debian's libraries, e2fsck, resize2fs, the kernel's modules
//   lib/board        the scripts that start and keep a board (board/root)
//   usr/lib/toastbox Node, and the agent in one file
//   boot data run    mount points: the card's FAT, the data partition, memory

import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { unpackNpm } from '../fetch/npm.ts';
import { ROOT } from '../places.ts';
import { takeModules } from './kernel.ts';
import { type Parts, PROGRAMS } from './parts.ts';

const FOLDERS = [
  'bin',
  'boot',
  'data',
  'dev',
  'etc/board',
  'lib',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'tmp',
  'usr/bin',
];
const LINKS: Readonly<Record<string, string>> = {
  'bin/sh': 'busybox',
  // The agent makes many changes durable at once by `sync -f`.
  'bin/sync': 'busybox',
  'sbin/init': '../bin/busybox',
  // The kernel calls it by this name, for a file system that is not loaded yet, say.
  'sbin/modprobe': '../bin/busybox',
  'sbin/reboot': '../bin/busybox',
  'etc/resolv.conf': '../run/resolv.conf',
  'usr/bin/toastbox': '../lib/toastbox/agent/toastbox',
};

export interface RootPieces {
  /** Debian's packages, unpacked over each other. */
  debian: string;
  kernel: string;
  /** The agent's bundle. */
  agent: string;
  /** Node's package of npm, as it was fetched. */
  node: string;
  /** Seconds since 1970. */
  built: number;
}

export function makeRoot(
  into: string,
  parts: Parts,
  { debian, kernel, agent, node, built }: RootPieces,
): void {
  for (const folder of FOLDERS) mkdirSync(join(into, folder), { recursive: true });
  for (const program of PROGRAMS) take(join(debian, program), join(into, program), 0o755);
  takeLibraries(debian, parts.libraries, into);
  takeModules(kernel, into, true);
  cpSync(join(ROOT, 'board', 'root'), into, { recursive: true });
  for (const script of readdirSync(join(into, 'lib', 'board')))
    chmodSync(join(into, 'lib', 'board', script), 0o755);
  const toastbox = join(into, 'usr', 'lib', 'toastbox');
  mkdirSync(toastbox, { recursive: true });
  cpSync(agent, join(toastbox, 'agent'), { recursive: true });
  const npm = join(into, 'npm');
  mkdirSync(npm);
  unpackNpm(node, npm, ['bin/node']);
  take(join(npm, 'bin', 'node'), join(toastbox, 'node'), 0o755);
  rmSync(npm, { recursive: true });
  writeFileSync(join(into, 'etc', 'board', 'built'), `${built}\n`);
  writeFileSync(join(into, 'etc', 'hostname'), 'toastbox\n');
  writeFileSync(join(into, 'etc', 'passwd'), 'root::0:0:root:/root:/bin/sh\n');
  for (const [name, to] of Object.entries(LINKS)) symlinkSync(to, join(into, name));
}

/** The shared libraries themselves, at one place: neither locales nor converters nor programs of the same packages. */
function takeLibraries(debian: string, triplet: string, into: string): void {
  const to = join(into, 'lib', triplet);
  mkdirSync(to, { recursive: true });
  for (const place of [join(debian, 'lib', triplet), join(debian, 'usr', 'lib', triplet)]) {
    if (!existsSync(place)) continue;
    for (const entry of readdirSync(place, { withFileTypes: true }))
      if (entry.isFile() || entry.isSymbolicLink())
        cpSync(join(place, entry.name), join(to, entry.name), { verbatimSymlinks: true });
  }
  // The loader's name is in every program, outside of the place for libraries.
  for (const name of readdirSync(join(debian, 'lib')).filter(file => file.startsWith('ld-linux')))
    symlinkSync(`${triplet}/${name}`, join(into, 'lib', basename(name)));
}

function take(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}
