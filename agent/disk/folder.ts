// From a path to an open directory, one part at a time, never through a symlink.
//
// Each part is opened with O_NOFOLLOW in the directory before it, from the root's descriptor on; what is done at
// the end of the path is done by name in the last descriptor (system.ts). So a symlink anywhere on the way is
// refused, and one swapped in behind us is not met any more.
//
// A directory that someone moves out of the folder while we hold it open would take our work with it. Hence
// nothing is held longer than one effect: release() closes what the effect opened, and the next one starts from
// the root again. What is left of that race is what any program has that changes a file by name.
//
// Refused: what protocol/path.ts refuses (this is the second time a peer's path is checked: here a mistake above
// would be paid), and `.toastbox` under a name that only the file system knows (vfat's TOASTB~1), by its inode. What
// is mounted inside the folder is EXDEV: it hides what is known of the folder, and is gone with its medium. That is
// asked of each directory's device, and of the mount at the end of the way: below another mount all is of another.
//
// Cost: one open and close a part, less what the effect has open already, and a look into /proc for the last one. At
// most 16 descriptors.

import { latin1, SLASH } from '../../protocol/bytes.ts';
import { checkPath } from '../../protocol/path.ts';
import type { Path } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Home } from './home.ts';
import { openToGiveBack } from './lend.ts';
import { refuseLocked } from './locked.ts';
import type { Place, System } from './system.ts';
import { codeOf, DiskError } from './trouble.ts';

/** Directories open at once. An operation uses two at most; a group of files placed together gains from more. */
const DIRECTORIES_OPEN_MAX = 16;

/** Where a path's last part stands. `isRoot` when the directory is the folder's root. */
export interface Spot {
  directory: number;
  name: Uint8Array;
  place: Place;
  isRoot: boolean;
}

export class Folder {
  readonly #system: System;
  readonly #home: Home;
  /** By path, least recently used first. */
  readonly #open = new Map<string, number>();
  readonly gauge = new Gauge('directories open', DIRECTORIES_OPEN_MAX, 'evicts', () => this.#open.size);

  constructor(system: System, home: Home) {
    this.#system = system;
    this.#home = home;
  }

  /** The directory at `path`, open until release() or until 15 others were asked for. The root is not closed. */
  directory(path: Path): number {
    refuseUnclean(path);
    this.#refuseMounted(path);
    return this.#directory(path);
  }

  /** The parent directory of `path` and its last name; nothing need stand there. */
  spot(path: Path): Spot {
    if (path.length === 0) throw new DiskError('REFUSED');
    refuseUnclean(path);
    this.#refuseMounted(path);
    const slash = path.lastIndexOf(SLASH);
    const name = path.subarray(slash + 1);
    const directory = this.#directory(path.subarray(0, Math.max(slash, 0)));
    return { directory, name, place: this.#system.at(directory, name), isRoot: slash < 0 };
  }

  /** Closes every directory but the root. */
  release(): void {
    for (const fd of this.#open.values()) this.#system.closeSync(fd);
    this.#open.clear();
  }

  #refuseMounted(path: Path): void {
    if (this.#home.isMounted(path)) throw new DiskError('EXDEV');
  }

  #directory(path: Path): number {
    if (path.length === 0) return this.#home.rootFd;
    const key = latin1(path);
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#open.delete(key);
      this.#open.set(key, known);
      return known;
    }
    const fd = this.#walk(path, key);
    this.#open.set(key, fd);
    if (this.#open.size <= DIRECTORIES_OPEN_MAX) {
      this.gauge.grew();
      return fd;
    }
    this.gauge.met();
    const [oldest, oldestFd] = this.#open.entries().next().value as [string, number];
    this.#open.delete(oldest);
    this.#system.closeSync(oldestFd);
    return fd;
  }

  /** Opens `path` from the deepest directory above it that is open. */
  #walk(path: Path, key: string): number {
    let at = key.lastIndexOf('/');
    while (at > 0 && !this.#open.has(key.slice(0, at))) at = key.lastIndexOf('/', at - 1);
    const start = at > 0 ? (this.#open.get(key.slice(0, at)) as number) : this.#home.rootFd;
    let fd = start;
    for (let from = at > 0 ? at + 1 : 0; from <= path.length; ) {
      const slash = path.indexOf(SLASH, from);
      const end = slash < 0 ? path.length : slash;
      let child: number;
      try {
        child = this.#enter(fd, path.subarray(from, end), from === 0);
      } finally {
        if (fd !== start) this.#system.closeSync(fd);
      }
      fd = child;
      from = end + 1;
    }
    try {
      if (this.#system.mountOf(fd) !== this.#home.mount) throw new DiskError('EXDEV');
    } catch (error) {
      if (fd !== start) this.#system.closeSync(fd);
      throw error;
    }
    return fd;
  }

  #enter(directory: number, name: Uint8Array, isInRoot: boolean): number {
    const fd = this.#openIn(directory, name);
    try {
      const { ino, dev } = this.#system.fstatSync(fd);
      if (dev !== this.#home.device) throw new DiskError('EXDEV');
      if (isInRoot && ino === this.#home.stateInode) throw new DiskError('REFUSED');
      return fd;
    } catch (error) {
      this.#system.closeSync(fd);
      throw error;
    }
  }

  #openIn(directory: number, name: Uint8Array): number {
    try {
      return this.#openDirectory(this.#system.at(directory, name));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') refuseLocked(this.#system, directory);
      throw error;
    }
  }

  #openDirectory(place: Place, isSecondTry = false): number {
    const { flags } = this.#system;
    try {
      return this.#system.openSync(place, flags.RDONLY | flags.DIRECTORY | flags.NOFOLLOW);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'EACCES' && !isSecondTry && openToGiveBack(this.#system, place))
        return this.#openDirectory(place, true);
      if (code === 'ELOOP') throw new DiskError('REFUSED');
      // Linux says ENOTDIR to O_DIRECTORY | O_NOFOLLOW on a symlink too. Nothing can stand under a file.
      if (code === 'ENOTDIR') throw new DiskError(this.#isSymlink(place) ? 'REFUSED' : 'ENOENT');
      throw error;
    }
  }

  #isSymlink(place: Place): boolean {
    try {
      return (this.#system.lstatSync(place).mode & 0o170000) === 0o120000;
    } catch {
      return false;
    }
  }
}

/** Throws REFUSED unless a peer may name this path; the root it may. */
function refuseUnclean(path: Path): void {
  if (path.length > 0 && checkPath(path) !== undefined) throw new DiskError('REFUSED');
}
