// Whether a directory is one of fscrypt's whose key is not there. Then it shows other names than those that it has,
// base64url of what is on the disk, and finds none of its own: all in it would count as deleted. It is ENOKEY instead,
// from which nothing is concluded.
//
// No call tells that of a directory. What can be asked is one of its files, which cannot be opened then, or else for a
// file without a name in it, which cannot be made. Cost: a look at its first name; the rest only where that is like
// such a name, as few are.

import { PRIVATE_FILE } from './home.ts';
import type { System } from './system.ts';
import { codeOf, DiskError } from './trouble.ts';

/** A hash of 8 bytes and a name of 16 or more (struct fscrypt_nokey_name in the kernel). */
const SHOWN_NAME = /^[A-Za-z0-9_-]{32,}$/;
const TYPE_MASK = 0o170000;
const TYPE_FILE = 0o100000;

/** Throws ENOKEY if the directory is locked. `first`: a name that it shows, if one is known. */
export function refuseLocked(system: System, directory: number, first = firstOf(system, directory)): void {
  if (first === undefined || !SHOWN_NAME.test(first)) return;
  const { flags } = system;
  const file = system.at(directory, Buffer.from(first, 'latin1'));
  const isFile = answer(system, () => {
    const fd = system.openSync(file, flags.RDONLY | flags.NOFOLLOW | flags.NONBLOCK);
    return { fd, isTold: (system.fstatSync(fd).mode & TYPE_MASK) === TYPE_FILE };
  });
  if (isFile) return;
  answer(system, () => {
    const fd = system.openSync(system.self(directory), flags.RDWR | flags.UNNAMED, PRIVATE_FILE);
    return { fd, isTold: true };
  });
}

function firstOf(system: System, directory: number): string | undefined {
  const handle = system.opendirSync(system.self(directory), { encoding: 'latin1', bufferSize: 1 });
  try {
    return handle.readSync()?.name;
  } finally {
    handle.closeSync();
  }
}

/** False where it could not be asked. */
function answer(system: System, ask: () => { fd: number; isTold: boolean }): boolean {
  try {
    const { fd, isTold } = ask();
    system.closeSync(fd);
    return isTold;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOKEY') throw new DiskError('ENOKEY');
    if (code === undefined) throw error;
    return false;
  }
}
