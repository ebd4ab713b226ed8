// The carrier's file system calls on a memfs volume: the disk of a simulated machine.
//
// memfs is no POSIX file system; what the carrier leans on is put right here:
//   - there is no /proc: a descriptor's place is the path that its file has now, so a directory that is moved while
//     it is held open is met under its new path, as on Linux
//   - rename refuses to replace a directory that is not empty (ENOTEMPTY), a directory by a file (EISDIR) and a
//     file by a directory (ENOTDIR), does nothing between two names of one file, and moves a symlink itself, not
//     what it points to
//   - chmod leaves the mtime alone; unlink says EISDIR to a directory, as Linux does
//   - an inode number is never used again, so a new file is never taken for the old one
//
// Fault model: none yet; every call works and is durable at once. Names are UTF-8. Times are whole milliseconds of
// JavaScript's Date: who wants them simulated fakes Date (vi.useFakeTimers({ toFake: ['Date'] })).

import { constants } from 'node:fs';
import type { Volume } from 'memfs';
import type { OpenDirectory, Place, RawStats, Seconds, System } from '../../agent/disk/system.ts';

/** What memfs keeps of an open file; not in its types. */
interface OpenFiles {
  _core: { fds: Record<number, { link: { getPath(): string } } | undefined>; releasedInos: number[] };
}

const TYPE_MASK = 0o170000;
const TYPE_DIRECTORY = 0o040000;
const TYPE_SYMLINK = 0o120000;

export function memorySystem(
  volume: InstanceType<typeof Volume>,
  later: (job: () => void) => void = job => job(),
): System {
  const core = (volume as unknown as OpenFiles)._core;
  const files = core.fds;
  core.releasedInos.push = () => 0;

  const self = (fd: number): string => {
    const file = files[fd];
    if (file === undefined) throw failure('EBADF', `descriptor ${fd}`);
    return file.link.getPath() || '/';
  };

  const text = (place: Place): string => (typeof place === 'string' ? place : place.toString('utf8'));
  const lstat = (place: Place): RawStats => volume.lstatSync(text(place)) as unknown as RawStats;
  const typeOf = (place: Place): number | undefined => {
    try {
      return lstat(place).mode & TYPE_MASK;
    } catch {
      return undefined;
    }
  };

  const keepTimes = (place: Place, act: () => void): void => {
    const before = volume.lstatSync(text(place));
    act();
    volume.lutimesSync(text(place), Number(before.atimeMs) / 1000, Number(before.mtimeMs) / 1000);
  };

  const moveSymlink = (from: string, to: string): void => {
    if (typeOf(to) !== undefined) volume.unlinkSync(to);
    volume.linkSync(from, to);
    volume.unlinkSync(from);
  };

  // memfs counts a child twice when a rename replaced it, and then takes the directory for full for ever.
  const removeDirectory = (path: string): void => {
    if (typeOf(path) !== TYPE_DIRECTORY || volume.readdirSync(path).length > 0) volume.rmdirSync(path);
    else volume.rmSync(path, { recursive: true });
  };

  const replace = (from: string, to: string): void => {
    const fromType = typeOf(from);
    const toType = typeOf(to);
    if (fromType !== undefined && toType !== undefined) {
      if (lstat(from).ino === lstat(to).ino) return;
      if (toType === TYPE_DIRECTORY && fromType !== TYPE_DIRECTORY) throw failure('EISDIR', to);
      if (toType !== TYPE_DIRECTORY && fromType === TYPE_DIRECTORY) throw failure('ENOTDIR', to);
      if (toType === TYPE_DIRECTORY) removeDirectory(to);
    }
    if (fromType === TYPE_SYMLINK) moveSymlink(from, to);
    else volume.renameSync(from, to);
  };

  const at = (directory: number, name: Uint8Array): string =>
    `${self(directory)}/${Buffer.from(name).toString('utf8')}`;

  return {
    flags: {
      RDONLY: constants.O_RDONLY,
      RDWR: constants.O_RDWR,
      CREAT: constants.O_CREAT,
      EXCL: constants.O_EXCL,
      DIRECTORY: constants.O_DIRECTORY,
      NOFOLLOW: constants.O_NOFOLLOW,
      NONBLOCK: constants.O_NONBLOCK,
      PATH: 0,
    },
    at,
    within: (directory, act) =>
      act(name => at(directory, typeof name === 'string' ? Buffer.from(name, 'latin1') : name)),
    self,
    // Later, as a process would: other effects come between.
    syncFileSystem: (_directory, done) => later(() => done(true)),
    roomIn: () => Number.POSITIVE_INFINITY,
    openSync: (place, flags, mode) => volume.openSync(text(place), flags, mode),
    closeSync: fd => volume.closeSync(fd),
    readSync: (fd, into, offset, length, position) => volume.readSync(fd, into, offset, length, position),
    writeSync: (fd, from, offset, length, position) => volume.writeSync(fd, from, offset, length, position),
    fsyncSync: fd => volume.fsyncSync(fd),
    fstatSync: fd => volume.fstatSync(fd) as unknown as RawStats,
    lstatSync: lstat,
    fchmodSync: (fd, mode) => keepTimes(self(fd), () => volume.fchmodSync(fd, mode)),
    chmodSync: (place, mode) => keepTimes(place, () => volume.chmodSync(text(place), mode)),
    futimesSync: (fd, atime, mtime) => volume.futimesSync(fd, toNumber(atime), toNumber(mtime)),
    utimesSync: (place, atime, mtime) => volume.utimesSync(text(place), toNumber(atime), toNumber(mtime)),
    lutimesSync: (place, atime, mtime) => volume.lutimesSync(text(place), toNumber(atime), toNumber(mtime)),
    mkdirSync: (place, mode) => volume.mkdirSync(text(place), { mode }),
    rmdirSync: place => removeDirectory(text(place)),
    unlinkSync: place => {
      if (typeOf(place) === TYPE_DIRECTORY) throw failure('EISDIR', text(place));
      volume.unlinkSync(text(place));
    },
    renameSync: (from, to) => replace(text(from), text(to)),
    linkSync: (from, to) => volume.linkSync(text(from), text(to)),
    symlinkSync: (target, place) => volume.symlinkSync(text(target), text(place)),
    readlinkSync: place => Buffer.from(volume.readlinkSync(text(place)) as string, 'utf8'),
    opendirSync: place => snapshot(volume.readdirSync(text(place), { encoding: 'buffer' }) as Buffer[]),
  };
}

function snapshot(names: Buffer[]): OpenDirectory {
  let next = 0;
  return {
    readSync: () => {
      const name = names[next++];
      return name === undefined ? null : { name: name.toString('latin1') };
    },
    closeSync: () => {},
  };
}

function toNumber(seconds: Seconds): number {
  return Number(seconds);
}

function failure(code: string, about: string): Error {
  return Object.assign(new Error(`${code}: ${about}`), { code });
}
