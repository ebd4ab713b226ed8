// The carrier's file system calls on the disk of a simulated machine.
//
// Fault model: a gate stands before each call. Whoever keeps it may let an errno come instead of the call, change the
// files before the call sees them, or end the process or the power there. What is not synced is lost with the power,
// as medium.ts has it. The agent is not root: it changes no names in a directory that its owner may not write, and
// opens none that its owner may not read.

import { constants } from 'node:fs';
import type { OpenDirectory, Place, RawStats, Seconds, System } from '../../agent/disk/system.ts';
import { failure, MODES, type Spot } from './files.ts';
import type { Inode } from './inode.ts';
import { namesOf, statsOf, type Volume } from './volume.ts';

export type Call = Exclude<keyof System, 'flags' | 'at' | 'self' | 'within'>;

export interface DiskPorts {
  /** Called before each call, with the path that it changes, if it does. What it throws is what the call throws. */
  gate(call: Call, path?: Place): void;
  /** Runs a job after a while. */
  later(job: () => void): void;
}

const PORTS: DiskPorts = { gate: () => {}, later: job => job() };
const PERMISSIONS = 0o7777;
const OWNER_READS = 0o400;
const OWNER_WRITES = 0o200;

export function memorySystem({ files, medium }: Volume, ports: Partial<DiskPorts> = {}): System {
  const { gate, later } = { ...PORTS, ...ports };
  const find = (place: Place, isFollowed: boolean) => files.find(text(place), isFollowed);
  const spotToChange = (place: Place): Spot => {
    const spot = files.spot(text(place));
    if ((spot.directory.mode & OWNER_WRITES) === 0) throw failure('EACCES', text(place));
    return spot;
  };
  const { O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = constants;

  const openSync = (place: Place, flags: number, mode = 0o666): number => {
    gate('openSync', (flags & O_CREAT) !== 0 ? place : undefined);
    const path = text(place);
    const spot = files.spot(path, (flags & O_NOFOLLOW) === 0);
    let { inode } = spot;
    if (inode === undefined) {
      if ((flags & O_CREAT) === 0) throw failure('ENOENT', path);
      inode = files.create(spotToChange(place), MODES.FILE | (mode & PERMISSIONS));
    } else if ((flags & O_CREAT) !== 0 && (flags & O_EXCL) !== 0) throw failure('EEXIST', path);
    if ((flags & O_DIRECTORY) !== 0 && inode.names === undefined) throw failure('ENOTDIR', path);
    if ((flags & O_NOFOLLOW) !== 0 && inode.isSymlink && (flags & PATH) === 0) throw failure('ELOOP', path);
    const isClosed = inode.names !== undefined && (inode.mode & OWNER_READS) === 0;
    if (isClosed && (flags & PATH) === 0) throw failure('EACCES', path);
    return files.open(inode);
  };

  const setTime = (inode: Inode, mtime: Seconds): void => files.setTime(inode, toMilliseconds(mtime));

  return {
    flags: {
      RDONLY: constants.O_RDONLY,
      RDWR: constants.O_RDWR,
      CREAT: O_CREAT,
      EXCL: O_EXCL,
      DIRECTORY: O_DIRECTORY,
      NOFOLLOW: O_NOFOLLOW,
      NONBLOCK: constants.O_NONBLOCK,
      PATH,
      UNNAMED: 0o20000000 | O_DIRECTORY,
      CHANGES: constants.W_OK | constants.X_OK,
    },
    at: (directory, name) => `/proc/self/fd/${directory}/${latin1(name)}`,
    self: fd => `/proc/self/fd/${fd}`,
    within: (directory, act) =>
      act(name => `/proc/self/fd/${directory}/${typeof name === 'string' ? name : latin1(name)}`),

    // What was written before it began is on the medium, and nothing else need be.
    syncFileSystem: (_directory, done) => {
      let isDone = true;
      try {
        gate('syncFileSystem');
        medium.syncAll();
      } catch (error) {
        if ((error as { code?: string }).code === undefined) throw error;
        isDone = false;
      }
      later(() => done(isDone));
    },
    mountOf: fd => files.descriptor(fd).device,
    mountsBelow: () => [],
    roomIn: () => Number.POSITIVE_INFINITY,

    openSync,
    closeSync: fd => files.close(fd),
    readSync: (fd, into, offset, length, position) => {
      gate('readSync');
      const inode = files.descriptor(fd);
      if (!inode.isFile) throw failure('EISDIR', `descriptor ${fd}`);
      const bytes = inode.content.subarray(position, position + length);
      into.set(bytes, offset);
      return bytes.length;
    },
    writeSync: (fd, from, offset, length, position) => {
      gate('writeSync', `/proc/self/fd/${fd}`);
      files.write(files.descriptor(fd), from.subarray(offset, offset + length), position);
      return length;
    },
    fsyncSync: fd => {
      const inode = files.descriptor(fd);
      try {
        gate('fsyncSync');
      } catch (error) {
        // One that failed. Where the process ended instead, the kernel keeps the pages.
        if ((error as { code?: string }).code !== undefined) medium.spoil(inode);
        throw error;
      }
      medium.sync(inode);
    },
    fstatSync: fd => {
      gate('fstatSync');
      return statsOf(files.descriptor(fd)) as RawStats;
    },
    lstatSync: place => {
      gate('lstatSync');
      return statsOf(find(place, false)) as RawStats;
    },
    accessSync: place => {
      gate('accessSync');
      if ((find(place, true).mode & OWNER_WRITES) === 0) throw failure('EACCES', text(place));
    },
    fchmodSync: (fd, mode) => {
      gate('fchmodSync', `/proc/self/fd/${fd}`);
      files.chmod(files.descriptor(fd), mode);
    },
    chmodSync: (place, mode) => {
      gate('chmodSync', place);
      files.chmod(find(place, true), mode);
    },
    futimesSync: (fd, _atime, mtime) => {
      gate('futimesSync', `/proc/self/fd/${fd}`);
      setTime(files.descriptor(fd), mtime);
    },
    utimesSync: (place, _atime, mtime) => {
      gate('utimesSync', place);
      setTime(find(place, true), mtime);
    },
    lutimesSync: (place, _atime, mtime) => {
      gate('lutimesSync', place);
      setTime(find(place, false), mtime);
    },
    mkdirSync: (place, mode) => {
      gate('mkdirSync', place);
      files.create(spotToChange(place), MODES.DIRECTORY | (mode & PERMISSIONS));
    },
    rmdirSync: place => {
      gate('rmdirSync', place);
      files.remove(spotToChange(place), true);
    },
    unlinkSync: place => {
      gate('unlinkSync', place);
      files.remove(spotToChange(place), false);
    },
    renameSync: (from, to) => {
      gate('renameSync', to);
      files.rename(spotToChange(from), spotToChange(to));
    },
    linkSync: (from, to) => {
      gate('linkSync', to);
      files.link(find(from, false), spotToChange(to));
    },
    symlinkSync: (target, place) => {
      gate('symlinkSync', place);
      files.create(spotToChange(place), MODES.SYMLINK | 0o777, text(target));
    },
    readlinkSync: place => {
      gate('readlinkSync');
      const inode = find(place, false);
      if (!inode.isSymlink) throw failure('EINVAL', text(place));
      return Buffer.from(inode.target, 'latin1');
    },
    opendirSync: place => {
      gate('opendirSync');
      return snapshot([...namesOf(find(place, true)).keys()]);
    },
  };
}

/** O_PATH is not among Node's constants. */
const PATH = 0o10000000;

function snapshot(names: string[]): OpenDirectory {
  let next = 0;
  return {
    readSync: () => {
      const name = names[next++];
      return name === undefined ? null : { name };
    },
    closeSync: () => {},
  };
}

/** Whole microseconds: what is more is cut off, as libuv does. */
const toMilliseconds = (seconds: Seconds): number => Math.trunc(Number(seconds) * 1e6) / 1e3;

const text = (place: Place): string => (typeof place === 'string' ? place : place.toString('latin1'));
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
