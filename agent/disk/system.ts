// The file system calls that the disk carrier makes: node:fs under its own names, and one way to name a thing by
// its directory's descriptor.
//
// `/proc/self/fd/N/name` is Node's openat(): the kernel starts at the very directory that N holds, so nothing
// that is swapped into the path above it can lead elsewhere. The last part may still be a symlink: calls here
// either do not follow it (lstat, rename, unlink, link, readlink, lutimes) or are opened with O_NOFOLLOW.
//
// An interface, so that a simulated disk can stand in. Linux only, with /proc mounted.

import { type ChildProcess, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { mountOf, mountsBelow } from './mounts.ts';

/** A path as the calls take it; bytes on the real system, so that a name need not be UTF-8. */
export type Place = string | Buffer;
/** Seconds since 1970. As text it may be negative: Node turns a negative number into the present time. */
export type Seconds = number | string;

export interface RawStats {
  dev: number;
  ino: number;
  mode: number;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  /** When it was made; 0 where the file system does not keep that. */
  birthtimeMs: number;
}

/** An open directory that hands out its names one by one, without '.' and '..': text, each character one byte. */
export interface OpenDirectory {
  readSync(): { name: string } | null;
  closeSync(): void;
}

export interface Flags {
  readonly RDONLY: number;
  readonly RDWR: number;
  readonly CREAT: number;
  readonly EXCL: number;
  readonly DIRECTORY: number;
  readonly NOFOLLOW: number;
  readonly NONBLOCK: number;
  /** Names a thing without opening its content: needs no permission on it. */
  readonly PATH: number;
  /** Makes a file without a name in the directory that is opened. */
  readonly UNNAMED: number;
  /** What accessSync is asked about names in a directory. */
  readonly CHANGES: number;
}

export interface System {
  readonly flags: Flags;
  /** `name` (one part of a path) in the directory that `directory` holds. */
  at(directory: number, name: Uint8Array): Place;
  /** The very thing that `fd` holds. */
  self(fd: number): Place;
  /** Runs `act`, in which `near` names things of that directory for less than `at` does; text must be ASCII. */
  within<T>(directory: number, act: (near: (name: Uint8Array | string) => Place) => T): T;
  /**
   * Makes the whole file system under the directory durable in one go, and calls back, at once or later; with false
   * where that cannot be had.
   */
  syncFileSystem(directory: number, done: (isDone: boolean) => void): void;
  /** Which mount `fd` was opened through: a bind mount of the same file system is another. */
  mountOf(fd: number): number;
  /** Paths below the directory at which something is mounted, as of now; text, each character one byte. */
  mountsBelow(directory: number): string[];
  /** Bytes that may still be written to the file system under the directory; Infinity where it does not say. */
  roomIn(directory: number): number;

  openSync(place: Place, flags: number, mode?: number): number;
  closeSync(fd: number): void;
  readSync(fd: number, into: Uint8Array, offset: number, length: number, position: number): number;
  writeSync(fd: number, from: Uint8Array, offset: number, length: number, position: number): number;
  fsyncSync(fd: number): void;
  fstatSync(fd: number): RawStats;
  lstatSync(place: Place): RawStats;
  accessSync(place: Place, mode: number): void;
  fchmodSync(fd: number, mode: number): void;
  chmodSync(place: Place, mode: number): void;
  futimesSync(fd: number, atime: Seconds, mtime: Seconds): void;
  utimesSync(place: Place, atime: Seconds, mtime: Seconds): void;
  lutimesSync(place: Place, atime: Seconds, mtime: Seconds): void;
  mkdirSync(place: Place, mode: number): unknown;
  rmdirSync(place: Place): void;
  unlinkSync(place: Place): void;
  renameSync(from: Place, to: Place): void;
  linkSync(from: Place, to: Place): void;
  symlinkSync(target: Place, place: Place): void;
  readlinkSync(place: Place, options: { encoding: 'buffer' }): Buffer;
  opendirSync(place: Place, options: { encoding: 'latin1'; bufferSize: number }): OpenDirectory;
}

const O = fs.constants;

/** O_PATH is not among Node's constants; it is this on every architecture that Node runs on (asm-generic/fcntl.h). */
const O_PATH = 0o10000000;
/** The same goes for this, which comes with O_DIRECTORY. */
const O_TMPFILE = 0o20000000;

/** False once there turned out to be no program `sync`. */
let hasSync = true;

/** Where the child finds the directory handed to it as fourth descriptor. */
const HANDED_DIRECTORY = '/proc/self/fd/3';

/** Where the process stood before it first stood elsewhere. */
let homeFd: number | undefined;

export const realSystem: System = {
  flags: {
    RDONLY: O.O_RDONLY,
    RDWR: O.O_RDWR,
    CREAT: O.O_CREAT,
    EXCL: O.O_EXCL,
    DIRECTORY: O.O_DIRECTORY,
    NOFOLLOW: O.O_NOFOLLOW,
    NONBLOCK: O.O_NONBLOCK,
    PATH: O_PATH,
    UNNAMED: O_TMPFILE | O.O_DIRECTORY,
    CHANGES: O.W_OK | O.X_OK,
  },

  at(directory, name) {
    const prefix = `/proc/self/fd/${directory}/`;
    const place = Buffer.allocUnsafe(prefix.length + name.length);
    place.write(prefix, 0, 'latin1');
    place.set(name, prefix.length);
    return place;
  },

  self: fd => Buffer.from(`/proc/self/fd/${fd}`, 'latin1'),

  // A path through /proc costs twice what a bare name costs (7 and 4 microseconds here), and a scan makes one per
  // file. So the process stands in the directory for the moment; nothing else runs meanwhile but what other threads
  // do, and nobody here uses relative paths once started. A worker thread may not; it pays.
  within(directory, act) {
    if (!isMainThread) return act(name => realSystem.at(directory, toBytes(name)));
    homeFd ??= fs.openSync('.', O_PATH | O.O_DIRECTORY);
    process.chdir(`/proc/self/fd/${directory}`);
    try {
      return act(name =>
        typeof name === 'string' ? name : Buffer.from(name.buffer, name.byteOffset, name.length),
      );
    } finally {
      process.chdir(`/proc/self/fd/${homeFd}`);
    }
  },

  // Node has no syncfs(2); coreutils' `sync -f` is that call. It reports what fails from now on; an error that the
  // kernel met before it is only told to fsync. So whoever must know of each file asks fsync of each. Where a process
  // is too much for now, so does everyone: spawn throws for want of memory, and tells other troubles by an event.
  syncFileSystem(directory, done) {
    if (!hasSync) {
      done(false);
      return;
    }
    const stdio = ['ignore', 'ignore', 'ignore', directory] as const;
    let child: ChildProcess;
    try {
      child = spawn('sync', ['-f', HANDED_DIRECTORY], { stdio: [...stdio] });
    } catch {
      done(false);
      return;
    }
    child.once('error', ({ code }: NodeJS.ErrnoException) => {
      hasSync = code !== 'ENOENT';
      done(false);
    });
    child.once('exit', code => done(code === 0));
  },

  roomIn(directory) {
    try {
      const { blocks, bavail, bsize } = fs.statfsSync(`/proc/self/fd/${directory}`);
      // No blocks at all: a tmpfs without a limit, or a file system that does not count.
      return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  },

  mountOf,
  mountsBelow,

  openSync: fs.openSync,
  closeSync: fs.closeSync,
  readSync: fs.readSync,
  writeSync: fs.writeSync,
  fsyncSync: fs.fsyncSync,
  fstatSync: fs.fstatSync,
  lstatSync: fs.lstatSync,
  accessSync: fs.accessSync,
  fchmodSync: fs.fchmodSync,
  chmodSync: fs.chmodSync,
  futimesSync: fs.futimesSync,
  utimesSync: fs.utimesSync,
  lutimesSync: fs.lutimesSync,
  mkdirSync: fs.mkdirSync,
  rmdirSync: fs.rmdirSync,
  unlinkSync: fs.unlinkSync,
  renameSync: fs.renameSync,
  linkSync: fs.linkSync,
  symlinkSync: fs.symlinkSync,
  readlinkSync: fs.readlinkSync,
  opendirSync: fs.opendirSync,
};

const toBytes = (name: Uint8Array | string): Uint8Array =>
  typeof name === 'string' ? Buffer.from(name, 'latin1') : name;
