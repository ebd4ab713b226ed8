// A POSIX file system in memory: what stands on the disk of a simulated machine, by the rules of Linux.
//
// Paths are text of which each character is one byte, absolute, or from an open directory as `/proc/self/fd/N/...`
// has them. Nothing is refused for want of permission here. Times are whole ticks of the clock that it is given, as a
// kernel's are, or whole seconds, as ext3 has them: what changes twice within one shows it in nothing but its size.
//
// What a power cut would leave of it is medium.ts's matter, which is told of every change.

import { Inode, Numbers, TYPE_DIRECTORY, TYPE_FILE, TYPE_MASK, TYPE_SYMLINK } from './inode.ts';

/** A kernel's tick at CONFIG_HZ=100, the longest there is. */
const TICK_MS = 10;
/** Of a tick after the second: a real one hits none. */
const OFFSET_MS = 3;
const SECOND_MS = 1_000;
const LINKS_FOLLOWED_MAX = 40;

/** Before the number of an open directory. */
const DESCRIPTORS = '/proc/self/fd/';
const SLASH = 0x2f;

/** Whoever wants to know of changes. */
export interface Witness {
  /** Names of directories were set, all at once: to an inode or to nothing. */
  named(sets: readonly NameSet[]): void;
  wrote(inode: Inode, from: number, until: number): void;
  /** Permissions or times. */
  touched(inode: Inode): void;
  made(inode: Inode): void;
}

export interface NameSet {
  directory: Inode;
  name: string;
  inode: Inode | undefined;
}

/** Where the last part of a path stands, and what stands there. */
export interface Spot {
  directory: Inode;
  name: string;
  inode: Inode | undefined;
}

export class Files {
  readonly root: Inode;
  readonly numbers = new Numbers();
  readonly witnesses: Witness[] = [];
  /** Times are whole seconds. */
  isCoarse = false;
  private readonly now: () => number;
  private readonly descriptors = new Map<number, Inode>();
  private nextDescriptor = 3;

  constructor(now: () => number = Date.now) {
    this.now = now;
    this.root = this.make(TYPE_DIRECTORY | 0o755);
    this.root.links = 1;
  }

  // ---- by path

  find(path: string, isFollowed: boolean): Inode {
    const { inode } = this.spot(path, isFollowed);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }

  spot(path: string, isFollowed = false, depth = 0): Spot {
    if (depth > LINKS_FOLLOWED_MAX) throw failure('ELOOP', path);
    const isOpen = path.startsWith(DESCRIPTORS);
    let at = isOpen ? endOfPart(path, DESCRIPTORS.length) : 0;
    let inode = isOpen ? this.descriptor(Number(path.slice(DESCRIPTORS.length, at))) : this.root;
    let spot: Spot = { directory: inode, name: '', inode };
    for (at = startOfPart(path, at); at < path.length; ) {
      const end = endOfPart(path, at);
      const name = path.slice(at, end);
      at = startOfPart(path, end);
      const isLast = at === path.length;
      const directory = inode;
      if (directory.names === undefined) throw failure('ENOTDIR', path);
      if (name.length > 255) throw failure('ENAMETOOLONG', path);
      const found = directory.names.get(name);
      spot = { directory, name, inode: found };
      if (isLast && (found === undefined || !found.isSymlink || !isFollowed)) return spot;
      if (found === undefined) throw failure('ENOENT', path);
      if (!found.isSymlink) {
        inode = found;
        continue;
      }
      const before = found.target.startsWith('/') ? '' : `${directory.path}/`;
      spot = this.spot(`${before}${found.target}`, true, depth + 1);
      if (isLast) return spot;
      if (spot.inode === undefined) throw failure('ENOENT', path);
      inode = spot.inode;
    }
    return spot;
  }

  // ---- descriptors

  open(inode: Inode): number {
    const descriptor = this.nextDescriptor++;
    this.descriptors.set(descriptor, inode);
    inode.opens++;
    return descriptor;
  }

  descriptor(descriptor: number): Inode {
    const inode = this.descriptors.get(descriptor);
    if (inode === undefined) throw failure('EBADF', `descriptor ${descriptor}`);
    return inode;
  }

  close(descriptor: number): void {
    const inode = this.descriptor(descriptor);
    this.descriptors.delete(descriptor);
    inode.opens--;
    this.letGo(inode);
  }

  /** Nobody holds anything open any more: the machine's processes are gone. */
  closeAll(): void {
    for (const descriptor of [...this.descriptors.keys()]) this.close(descriptor);
  }

  get openCount(): number {
    return this.descriptors.size;
  }

  // ---- changes

  create(spot: Spot, mode: number, target = ''): Inode {
    if (spot.inode !== undefined) throw failure('EEXIST', spot.name);
    this.mustLive(spot.directory);
    const inode = this.make(mode);
    inode.target = target;
    inode.device = spot.directory.device;
    this.set([{ ...spot, inode }]);
    return inode;
  }

  link(inode: Inode, to: Spot): void {
    if (to.inode !== undefined) throw failure('EEXIST', to.name);
    if (inode.names !== undefined) throw failure('EPERM', to.name);
    if (inode.device !== to.directory.device) throw failure('EXDEV', to.name);
    this.mustLive(to.directory);
    this.set([{ ...to, inode }]);
    this.stampChange(inode);
  }

  remove({ directory, name, inode }: Spot, isDirectory: boolean): void {
    if (inode === undefined) throw failure('ENOENT', name);
    if (isDirectory !== (inode.names !== undefined)) throw failure(isDirectory ? 'ENOTDIR' : 'EISDIR', name);
    if ((inode.names?.size ?? 0) > 0) throw failure('ENOTEMPTY', name);
    inode.ctimeMs = this.tick();
    this.set([{ directory, name, inode: undefined }]);
  }

  rename(from: Spot, to: Spot): void {
    const { inode } = from;
    if (inode === undefined) throw failure('ENOENT', from.name);
    if (inode === to.inode) return;
    if (inode.device !== to.directory.device) throw failure('EXDEV', to.name);
    this.mustLive(to.directory);
    for (let above: Inode | undefined = to.directory; above !== undefined; above = above.parent)
      if (above === inode) throw failure('EINVAL', to.name);
    if (to.inode !== undefined) {
      if (inode.names !== undefined && to.inode.names === undefined) throw failure('ENOTDIR', to.name);
      if (inode.names === undefined && to.inode.names !== undefined) throw failure('EISDIR', to.name);
      if ((to.inode.names?.size ?? 0) > 0) throw failure('ENOTEMPTY', to.name);
    }
    this.set([
      { ...from, inode: undefined },
      { ...to, inode },
    ]);
    this.stampChange(inode);
  }

  write(inode: Inode, bytes: Uint8Array, position: number): void {
    inode.write(bytes, position);
    this.stampWrite(inode, position, position + bytes.length);
  }

  resize(inode: Inode, size: number): void {
    const from = Math.min(size, inode.size);
    const until = Math.max(size, inode.size);
    inode.resize(size);
    this.stampWrite(inode, from, until);
  }

  chmod(inode: Inode, mode: number): void {
    inode.mode = (inode.mode & TYPE_MASK) | (mode & 0o7777);
    this.stampChange(inode);
  }

  setTime(inode: Inode, mtimeMs: number): void {
    inode.mtimeMs = this.isCoarse ? Math.floor(mtimeMs / SECOND_MS) * SECOND_MS : mtimeMs;
    this.stampChange(inode);
  }

  /** Another file system, fresh, hides what stands there until the answer is called. */
  mount({ directory, name, inode }: Spot, device: number): () => void {
    const { names } = directory;
    if (names === undefined || inode?.names === undefined) throw failure('ENOTDIR', name);
    const mounted = this.make(TYPE_DIRECTORY | 0o777);
    mounted.device = device;
    mounted.parent = directory;
    mounted.links = 1;
    names.set(name, mounted);
    return () => names.set(name, inode);
  }

  /** Forgets what has neither a name nor a descriptor. */
  letGo(inode: Inode): void {
    if (inode.links === 0 && inode.opens === 0) this.numbers.free(inode.number);
  }

  private make(mode: number): Inode {
    const inode = new Inode(this.numbers.give(), mode, this.tick());
    for (const witness of this.witnesses) witness.made(inode);
    return inode;
  }

  private set(sets: readonly NameSet[]): void {
    const now = this.tick();
    const gone: Inode[] = [];
    for (const { directory, name, inode } of sets) {
      const names = directory.names as Map<string, Inode>;
      const before = names.get(name);
      if (inode === undefined) names.delete(name);
      else {
        names.set(name, inode);
        inode.parent = directory;
        inode.links++;
      }
      if (before !== undefined) {
        before.links--;
        gone.push(before);
      }
      directory.mtimeMs = now;
      directory.ctimeMs = now;
    }
    for (const witness of this.witnesses) witness.named(sets);
    for (const inode of gone) this.letGo(inode);
  }

  private mustLive(directory: Inode): void {
    if (directory.links === 0) throw failure('ENOENT', 'the directory was removed');
  }

  private stampChange(inode: Inode): void {
    inode.ctimeMs = this.tick();
    for (const witness of this.witnesses) witness.touched(inode);
  }

  private stampWrite(inode: Inode, from: number, until: number): void {
    inode.mtimeMs = this.tick();
    inode.ctimeMs = inode.mtimeMs;
    for (const witness of this.witnesses) witness.wrote(inode, from, until);
  }

  private tick(): number {
    if (this.isCoarse) return Math.floor(this.now() / SECOND_MS) * SECOND_MS;
    return Math.floor((this.now() - OFFSET_MS) / TICK_MS) * TICK_MS + OFFSET_MS;
  }
}

// By index: every call of a simulated disk walks a path, and an array of its parts costs more than the walk.

function startOfPart(path: string, from: number): number {
  let at = from;
  while (at < path.length && path.charCodeAt(at) === SLASH) at++;
  return at;
}

function endOfPart(path: string, from: number): number {
  const slash = path.indexOf('/', from);
  return slash < 0 ? path.length : slash;
}

export const MODES = { FILE: TYPE_FILE, DIRECTORY: TYPE_DIRECTORY, SYMLINK: TYPE_SYMLINK };

/** An errno as it comes out of node:fs. Without a stack, which would cost more than all calls that fail. */
export function failure(code: string, about: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${code}: ${about}`), { code });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
