// The folder's root and what is ours under it, held open by descriptor.
//
//   ROOT/                     rootFd
//     .toastbox/              stateFd     never listed, never reached by a path
//       folder                            the marker: which folder this is
//       stage/                stageFd     files on their way in, by slot and life
//
// A stick that is unmounted leaves an empty mount point, which must not look like a folder whose files were all
// deleted. So the root counts only while its marker is there and right. check() finds that out, and finds the
// folder again when it is back, be it on another inode.
//
// Invariant: unless `trouble` says otherwise, the three descriptors are open and belong to one folder with our
// marker. `.toastbox` itself is opened without following links; the root's path may lead through some.

import { latin1 } from '../../protocol/bytes.ts';
import { RESERVED_NAME } from '../../protocol/path.ts';
import type { Path, Trouble } from '../engine/ports.ts';
import type { System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

const STATE_NAME = Buffer.from(RESERVED_NAME);
const STAGE_NAME = Buffer.from('stage');
const MARKER_NAME = Buffer.from('folder');

/** A marker is a short line; more would not be ours. */
const MARKER_BYTES_MAX = 256;
/** Of a life's random text, in the names of what it stages. */
const LIFE_LENGTH = 8;
/** What making something says where nothing can be made. */
const READ_ONLY = new Set(['EROFS', 'EACCES']);
export const PRIVATE_FILE = 0o600;
const PRIVATE_DIRECTORY = 0o700;

/** The marker that the folder must have; undefined at first start, when `fresh` is written unless one is there. */
export interface Marker {
  expect: string | undefined;
  fresh: string;
}

export class Home {
  rootFd = -1;
  stateFd = -1;
  stageFd = -1;
  /** Of `.toastbox`: it is refused by inode too, for file systems that know it under a second name. */
  stateInode = -1;
  /** Of the root: a file system mounted inside the folder has another. */
  device = -1;
  /** What the root was opened through: a directory mounted inside the folder has another, whatever its device. */
  mount = -1;
  /** Why the folder may not be used now. */
  trouble: Trouble | undefined = { code: 'ENOENT' };
  /** In the name of all that this life stages: should another agent be in the folder, neither takes the other's. */
  readonly life: string;
  /** The folder's marker, once known. */
  marker: string | undefined;
  readonly #system: System;
  readonly #root: string;
  readonly #fresh: string;
  #rootInode = -1;
  #stageInode = -1;
  /**
   * Where something was mounted inside the folder at the last check. Nothing is asked of what is there: a server that
   * does not answer would hold up everything. What is mounted since then is found by its number (folder.ts).
   */
  #mounts: ReadonlySet<string> = new Set();
  /** The marker was written, and not made durable. */
  #isDoubtful = false;

  constructor(system: System, root: string, marker: Marker) {
    this.#system = system;
    this.#root = root;
    this.#fresh = marker.fresh;
    this.life = marker.fresh.slice(0, LIFE_LENGTH);
    this.marker = marker.expect;
  }

  /**
   * Looks whether the folder is there and the right one, and opens it anew when it is not the one held. True when
   * it was opened. The staging area is empty then, and also when there was trouble before.
   */
  check(): boolean {
    const { flags } = this.#system;
    let root = -1;
    let state = -1;
    let stage = -1;
    const hadTrouble = this.trouble !== undefined;
    try {
      root = this.#system.openSync(this.#root, flags.RDONLY | flags.DIRECTORY);
      state = this.#openState(root);
      this.#checkMarker(root, state);
      const { dev, ino } = this.#system.fstatSync(root);
      const stateInode = this.#system.fstatSync(state).ino;
      const mount = this.#system.mountOf(root);
      this.#mounts = new Set(this.#system.mountsBelow(root));
      this.trouble = undefined;
      const isKnown = dev === this.device && ino === this.#rootInode && stateInode === this.stateInode;
      const isSame = isKnown && this.#stageInodeIn(state) === this.#stageInode;
      if (isSame && this.stageFd >= 0) {
        // What was staged before was given up then, and could not be removed.
        if (hadTrouble) this.#empty(this.stageFd);
        return false;
      }
      stage = this.#openStage(state);
      if (stage >= 0) this.#empty(stage);
      const stageInode = stage < 0 ? -1 : this.#system.fstatSync(stage).ino;
      if (isSame) {
        // None could be made before: the folder may be writable by now.
        [this.stageFd, this.#stageInode] = [stage, stageInode];
        stage = -1;
        return false;
      }
      this.close();
      this.device = dev;
      this.mount = mount;
      this.#rootInode = ino;
      this.stateInode = stateInode;
      this.#stageInode = stageInode;
      [this.rootFd, this.stateFd, this.stageFd] = [root, state, stage];
      [root, state, stage] = [-1, -1, -1];
      return true;
    } catch (error) {
      this.trouble = troubleOf(error);
      return false;
    } finally {
      for (const fd of [root, state, stage]) if (fd >= 0) this.#system.closeSync(fd);
    }
  }

  close(): void {
    for (const fd of [this.rootFd, this.stateFd, this.stageFd]) if (fd >= 0) this.#system.closeSync(fd);
    this.rootFd = -1;
    this.stateFd = -1;
    this.stageFd = -1;
    this.device = -1;
    this.mount = -1;
    this.#rootInode = -1;
    this.#stageInode = -1;
    this.stateInode = -1;
  }

  /** Whether something was mounted at `name` in `dir` at the last check: a directory or a single file. */
  isMountPoint(dir: Path, name: string): boolean {
    return this.#mounts.size > 0 && this.#mounts.has(dir.length === 0 ? name : `${latin1(dir)}/${name}`);
  }

  /** Whether something was mounted at this path, or above it, at the last check. */
  isMounted(path: Path): boolean {
    if (this.#mounts.size === 0) return false;
    const text = `${latin1(path)}/`;
    for (const point of this.#mounts) if (text.startsWith(`${point}/`)) return true;
    return false;
  }

  #openState(root: number): number {
    const place = this.#system.at(root, STATE_NAME);
    try {
      return this.#openDirectory(place);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      if (this.marker !== undefined) throw new DiskError('CHANGED');
      this.#system.mkdirSync(place, PRIVATE_DIRECTORY);
      return this.#openDirectory(place);
    }
  }

  #checkMarker(root: number, state: number): void {
    const found = this.#readMarker(state);
    if (this.marker !== undefined) {
      if (found !== this.marker) throw new DiskError('CHANGED');
      return;
    }
    // The catalog is about to count on it. A former life may have ended before it was durable, and an fsync that failed
    // has dropped what was written: so it is written again, whoever wrote it.
    const fd = this.#openMarker(state, found !== undefined && !this.#isDoubtful);
    const text = found ?? this.#fresh;
    if (fd >= 0) this.#writeMarker(fd, state, root, text);
    this.marker = text;
  }

  #readMarker(state: number): string | undefined {
    const { flags } = this.#system;
    let fd: number;
    try {
      fd = this.#system.openSync(
        this.#system.at(state, MARKER_NAME),
        flags.RDONLY | flags.NOFOLLOW | flags.NONBLOCK,
      );
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
    try {
      const bytes = Buffer.alloc(MARKER_BYTES_MAX);
      const count = this.#system.readSync(fd, bytes, 0, bytes.length, 0);
      const text = bytes.toString('latin1', 0, count).trim();
      // An empty marker is one whose writing was cut off: there was no first start yet.
      return text === '' && this.marker === undefined ? undefined : text;
    } finally {
      this.#system.closeSync(fd);
    }
  }

  /** -1 on a file system that is read-only, and has what is read from it. */
  #openMarker(state: number, mayBeReadOnly: boolean): number {
    const { flags } = this.#system;
    const place = this.#system.at(state, MARKER_NAME);
    try {
      return this.#system.openSync(place, flags.RDWR | flags.CREAT | flags.NOFOLLOW, PRIVATE_FILE);
    } catch (error) {
      if (mayBeReadOnly && READ_ONLY.has(codeOf(error) ?? '')) return -1;
      throw error;
    }
  }

  /** Closes `fd`. */
  #writeMarker(fd: number, state: number, root: number, text: string): void {
    this.#isDoubtful = true;
    try {
      const line = Buffer.from(`${text}\n`, 'latin1');
      this.#system.writeSync(fd, line, 0, line.length, 0);
      for (const kept of [fd, state, root]) this.#system.fsyncSync(kept);
    } finally {
      this.#system.closeSync(fd);
    }
    this.#isDoubtful = false;
  }

  /** Opens the staging directory. -1 where none can be made: on a read-only file system looking still works, and
   * staging says what is wrong. */
  #openStage(state: number): number {
    const place = this.#system.at(state, STAGE_NAME);
    try {
      this.#system.mkdirSync(place, PRIVATE_DIRECTORY);
    } catch (error) {
      const code = codeOf(error);
      if (READ_ONLY.has(code ?? '')) return -1;
      if (code !== 'EEXIST') throw error;
    }
    return this.#openDirectory(place);
  }

  #stageInodeIn(state: number): number {
    try {
      return this.#system.lstatSync(this.#system.at(state, STAGE_NAME)).ino;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return -1;
      throw error;
    }
  }

  /** What a former life left there is of no use. */
  #empty(stage: number): void {
    const directory = this.#system.opendirSync(this.#system.self(stage), {
      encoding: 'latin1',
      bufferSize: 64,
    });
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        try {
          this.#system.unlinkSync(this.#system.at(stage, Buffer.from(entry.name, 'latin1')));
        } catch {
          // Not a file, or read-only: staging under that name will say so.
        }
      }
    } finally {
      directory.closeSync();
    }
  }

  #openDirectory(place: Parameters<System['openSync']>[0]): number {
    const { flags } = this.#system;
    return this.#system.openSync(place, flags.RDONLY | flags.DIRECTORY | flags.NOFOLLOW);
  }
}
