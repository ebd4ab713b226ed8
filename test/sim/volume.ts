// The disk of a simulated machine: its files, what of them is on the medium, and the calls by which a person or a
// program on that machine uses them, under the names that node:fs has. Paths are absolute text. The agent's own calls
// are disk.ts.

import { Files, failure, MODES, type Spot } from './files.ts';
import type { Inode } from './inode.ts';
import { Medium } from './medium.ts';
import type { Random } from './random.ts';

export interface Stats {
  dev: number;
  ino: number;
  mode: number;
  nlink: number;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
  birthtimeMs: number;
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

type Bytes = Uint8Array | string;

export class Volume {
  readonly files: Files;
  readonly medium: Medium;

  constructor(now?: () => number) {
    this.files = new Files(now);
    this.medium = new Medium(this.files);
  }

  /** The power goes. */
  cut(random: Random): void {
    this.medium.cut(random);
  }

  existsSync(path: string): boolean {
    try {
      return this.spot(path, true).inode !== undefined;
    } catch {
      return false;
    }
  }

  lstatSync(path: string): Stats {
    return statsOf(this.find(path, false));
  }

  readdirSync(path: string): string[] {
    return [...namesOf(this.find(path, true)).keys()].map(outer);
  }

  readFileSync(path: string): Buffer {
    const inode = this.find(path, true);
    if (!inode.isFile) throw failure('EISDIR', path);
    return Buffer.from(inode.content);
  }

  readlinkSync(path: string): string {
    const inode = this.find(path, false);
    if (!inode.isSymlink) throw failure('EINVAL', path);
    return outer(inode.target);
  }

  writeFileSync(path: string, bytes: Bytes): void {
    const inode = this.fileAt(path);
    if (inode.size > 0) this.files.resize(inode, 0);
    this.files.write(inode, asBytes(bytes), 0);
  }

  appendFileSync(path: string, bytes: Bytes): void {
    const inode = this.fileAt(path);
    this.files.write(inode, asBytes(bytes), inode.size);
  }

  truncateSync(path: string, size: number): void {
    this.files.resize(this.fileAt(path), size);
  }

  mkdirSync(path: string, options: { recursive?: boolean } = {}): void {
    const parts = path.split('/');
    for (let count = options.recursive === true ? 2 : parts.length; count <= parts.length; count++) {
      const spot = this.spot(parts.slice(0, count).join('/'), false);
      if (spot.inode === undefined || options.recursive !== true)
        this.files.create(spot, MODES.DIRECTORY | 0o755);
    }
  }

  symlinkSync(target: string, path: string): void {
    this.files.create(this.spot(path, false), MODES.SYMLINK | 0o777, inner(target));
  }

  unlinkSync(path: string): void {
    this.files.remove(this.spot(path, false), false);
  }

  rmSync(path: string, options: { recursive?: boolean } = {}): void {
    const spot = this.spot(path, false);
    if (spot.inode?.names !== undefined && options.recursive === true)
      for (const name of this.readdirSync(path)) this.rmSync(`${path}/${name}`, options);
    this.files.remove(spot, spot.inode?.names !== undefined && options.recursive === true);
  }

  renameSync(from: string, to: string): void {
    this.files.rename(this.spot(from, false), this.spot(to, false));
  }

  chmodSync(path: string, mode: number): void {
    this.files.chmod(this.find(path, true), mode);
  }

  utimesSync(path: string, _atime: number, mtime: number): void {
    this.files.setTime(this.find(path, true), mtime * 1000);
  }

  mount(path: string, device: number): () => void {
    return this.files.mount(this.spot(path, true), device);
  }

  private find(path: string, isFollowed: boolean): Inode {
    return this.files.find(inner(path), isFollowed);
  }

  private spot(path: string, isFollowed: boolean): Spot {
    return this.files.spot(inner(path), isFollowed);
  }

  private fileAt(path: string): Inode {
    const spot = this.spot(path, true);
    const inode = spot.inode ?? this.files.create(spot, MODES.FILE | 0o644);
    if (!inode.isFile) throw failure('EISDIR', path);
    return inode;
  }
}

export function statsOf(inode: Inode): Stats {
  return {
    dev: inode.device,
    ino: inode.number,
    mode: inode.mode,
    nlink: inode.links,
    size: inode.isSymlink ? inode.target.length : inode.size,
    mtimeMs: inode.mtimeMs,
    ctimeMs: inode.ctimeMs,
    birthtimeMs: inode.birthtimeMs,
    isFile: () => inode.isFile,
    isDirectory: () => inode.names !== undefined,
    isSymbolicLink: () => inode.isSymlink,
  };
}

export function namesOf(inode: Inode): Map<string, Inode> {
  if (inode.names === undefined) throw failure('ENOTDIR', 'a file');
  return inode.names;
}

const asBytes = (bytes: Bytes): Uint8Array => (typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
/** Text as people have it, and as the files have it: each character one byte. */
const inner = (path: string): string => Buffer.from(path, 'utf8').toString('latin1');
const outer = (name: string): string => Buffer.from(name, 'latin1').toString('utf8');
