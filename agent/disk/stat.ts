// What lstat says, in the engine's terms, and times in both directions.
//
// Times are whole microseconds in a double. Reading rounds lstat's milliseconds; writing adds half a microsecond,
// because libuv cuts the rest off. Both together give back exactly what was set, from 1901 to 2109. A time further
// off, which file systems do hold (ext4 until 2446), is told as the nearest of these: here is where times come in.

import { MODE_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { FOREIGN, HIDDEN, OTHER, type Stat, TIME_MAX, TIME_MIN } from '../engine/ports.ts';
import { isLent, ownMode } from './lend.ts';
import type { RawStats, Seconds } from './system.ts';

const TYPE_MASK = 0o170000;
const TYPE_FILE = 0o100000;
const TYPE_DIRECTORY = 0o040000;
const TYPE_SYMLINK = 0o120000;

/** Of what is mounted inside the folder, and not looked at. */
export const MOUNTED: Stat = { kind: FOREIGN, mode: 0, size: 0, mtime: 0, ctime: 0, inode: 0 };

/** Of what the disk says nothing of. */
export const UNKNOWN: Stat = { ...MOUNTED, kind: HIDDEN };

/**
 * Only a file has a size that travels: a symlink's is that of its target's name, a directory's is its own. A directory
 * is told from a later one with the same inode number by when it was made, where the file system keeps that (0 if not).
 * `device`: that of the folder, where a directory may be of another.
 */
export function toStat(raw: RawStats, device = raw.dev): Stat {
  const type = kindOf(raw.mode);
  const kind = type === Kind.DIRECTORY && raw.dev !== device ? FOREIGN : type;
  return {
    kind,
    mode: (isLent(raw.mode) ? ownMode(raw.mode) : raw.mode) & MODE_MAX,
    size: kind === Kind.FILE ? raw.size : 0,
    mtime: toTime(raw.mtimeMs, TIME_MIN),
    ctime: toTime(kind === Kind.DIRECTORY ? raw.birthtimeMs : raw.ctimeMs, 0),
    inode: raw.ino,
  };
}

const toTime = (ms: number, least: number): number =>
  Math.min(Math.max(Math.round(ms * 1000), least), TIME_MAX);

function kindOf(mode: number): Stat['kind'] {
  switch (mode & TYPE_MASK) {
    case TYPE_FILE:
      return Kind.FILE;
    case TYPE_DIRECTORY:
      return Kind.DIRECTORY;
    case TYPE_SYMLINK:
      return Kind.SYMLINK;
    default:
      return OTHER;
  }
}

/**
 * Whether what stands there is still what was seen. A directory's size and mtime change with its children, and every
 * call that could lose one of those fails by itself (ENOTEMPTY).
 */
export function isSame(stands: Stat | undefined, seen: Stat | undefined): boolean {
  if (stands === undefined || seen === undefined) return stands === seen;
  if (stands.kind !== seen.kind || stands.inode !== seen.inode || stands.mode !== seen.mode) return false;
  if (stands.ctime !== seen.ctime) return false;
  return stands.kind === Kind.DIRECTORY || (stands.size === seen.size && stands.mtime === seen.mtime);
}

/** Microseconds as the utimes calls take them. */
export function toSeconds(microseconds: number): Seconds {
  const seconds = (microseconds + (microseconds < 0 ? -0.5 : 0.5)) / 1e6;
  return microseconds < 0 ? String(seconds) : seconds;
}
