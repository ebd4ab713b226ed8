// Files that hold secrets or lead to them: refused by name if they are not what they should be, and told of if others
// may read them.
//
// A password may also come through a pipe (/dev/stdin, <(...) of a shell) or be typed. Devices and directories are
// refused before anything is read of them.

import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { isatty } from 'node:tty';
import { Failure } from '../../agent/failure.ts';
import { failureOf } from '../exits.ts';

/** No password is longer: it is the wrong file. MQTT's own limit is 65,535 (MQTT 5, 3.1.3.6). */
const PASSWORD_BYTES_MAX = 4096;

type Warn = (text: string) => void;

/** Refuses what cannot be read, or is no file. */
export function probe(file: string): Stats {
  try {
    accessSync(file, constants.R_OK);
    const stats = statSync(file);
    if (stats.isFile()) return stats;
  } catch (error) {
    throw failureOf(error);
  }
  throw new Failure('environment', `${file}: it is not a file`);
}

/** A private key's file. */
export function probeKey(file: string, warn: Warn): void {
  const stats = probe(file);
  if (isShared(stats)) warn(sharedText(file, 'private key'));
}

export function readPassword(file: string, warn: Warn): string {
  const text = readAll(file, stats => {
    if (stats.isFile() && isShared(stats)) warn(sharedText(file, 'password'));
  }).replace(/\r?\n$/, '');
  if (text === '' || text.includes('\n'))
    throw new Failure('usage', `${file}: must hold the password in one line`);
  return text;
}

export const sharedText = (file: string, what: string): string =>
  `${file} holds a ${what} and others may read it: chmod 600 ${file}`;

/** Whether others than whom it is for may read it. One of root's that is read by another user is so by its group. */
export function isShared({ mode, uid }: Stats): boolean {
  const isRoots = uid === 0 && process.getuid?.() !== 0;
  return (mode & (isRoots ? 0o037 : 0o077)) !== 0;
}

function readAll(file: string, look: (stats: Stats) => void): string {
  let fd: number | undefined;
  try {
    fd = openSync(file, 'r');
    const stats = fstatSync(fd);
    if (!stats.isFile() && !stats.isFIFO() && !isatty(fd))
      throw new Failure('usage', `${file}: it is neither a file nor a pipe`);
    look(stats);
    const bytes = Buffer.alloc(PASSWORD_BYTES_MAX + 1);
    let count = 0;
    for (let read = -1; read !== 0 && count < bytes.length; count += read)
      read = readSync(fd, bytes, count, bytes.length - count, null);
    if (count > PASSWORD_BYTES_MAX) throw new Failure('usage', `${file}: too long for a password`);
    return bytes.toString('utf8', 0, count);
  } catch (error) {
    throw failureOf(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
