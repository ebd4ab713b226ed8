// The values on the `facts` shelf, byte by byte. Little-endian; numbers that may pass 2^32 are doubles, which hold
// every integer we allow exactly.
//
//   version  kind u8 | mode u16 | seq f64 | size f64 | mtime f64 | arrived f64 | board | content
//            (128 more than the kind: those before it are no longer kept)
//   entry    dir f64 | like | version        (dir: the number of the directory here, -1 if there never was one)
//   folder   id 16 | number u32 | head f64 | entries f64 | bytes f64 | dirs f64 | share | dropped f64 | terms f64
//   dir      parent f64 | live children f64 | name
//   content  size f64 | blocks f64 | recipe f64 | the one record | shared u8 | holder's folder u32 | dir f64 | name
//            (recipe 0: its one record stands here; folder 0: no file ever held it; no name: none does any more)
//   block    pack f64 | offset u32 | length u32 | folder u32 (may be missing: it is not known who brought it)
//   board    position f64 | session f64 | last seen f64 | share | name
//
// A text or byte string is its u16 length and its bytes.

import { NO_BYTES } from '../../protocol/bytes.ts';
import type { Kind } from '../../protocol/messages.ts';
import { asBuffer, type DirNumber, type Spot } from './keys.ts';
import type { BoardRecord, FolderNumber, Recipe, RecipeNumber, Version } from './port.ts';

export interface Entry {
  version: Version;
  dir: DirNumber | undefined;
  like: Uint8Array;
}

export interface FolderRow {
  number: FolderNumber;
  id: Uint8Array;
  share: string;
  head: number;
  entries: number;
  bytes: number;
  /** Directory numbers given out so far. */
  dirs: number;
  /** Versions that are no longer kept. */
  dropped: number;
  /** Rows that say which term holds from which seq on. */
  terms: number;
}

export interface DirRow {
  parent: DirNumber;
  liveChildren: number;
  name: Uint8Array;
}

/** The live file that a content stands with. */
export interface Holder extends Spot {
  folder: FolderNumber;
}

export interface ContentRow {
  readonly recipe: Recipe;
  readonly holder: Holder | undefined;
  /** Without a holder: the folder of the last one. */
  readonly was?: FolderNumber | undefined;
  /** Others have, or had, rows of their own. */
  readonly isShared: boolean;
}

export interface BlockRow {
  pack: number;
  offset: number;
  length: number;
  /** That it came for first, where folders are kept apart. */
  folder?: FolderNumber | undefined;
}

class Writer {
  #bytes: Buffer;
  #at = 0;
  constructor(bytesMax: number) {
    this.#bytes = Buffer.allocUnsafe(bytesMax);
  }
  u8(n: number): this {
    this.#at = this.#bytes.writeUInt8(n, this.#at);
    return this;
  }
  u16(n: number): this {
    this.#at = this.#bytes.writeUInt16LE(n, this.#at);
    return this;
  }
  u32(n: number): this {
    this.#at = this.#bytes.writeUInt32LE(n, this.#at);
    return this;
  }
  f64(n: number): this {
    this.#at = this.#bytes.writeDoubleLE(n, this.#at);
    return this;
  }
  raw(bytes: Uint8Array): this {
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }
  string(bytes: Uint8Array): this {
    return this.u16(bytes.length).raw(bytes);
  }
  text(text: string): this {
    return this.string(Buffer.from(text));
  }
  done(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}

class Reader {
  #bytes: Buffer;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = asBuffer(bytes);
  }
  u8(): number {
    return this.#bytes.readUInt8(this.#step(1));
  }
  u16(): number {
    return this.#bytes.readUInt16LE(this.#step(2));
  }
  u32(): number {
    return this.#bytes.readUInt32LE(this.#step(4));
  }
  f64(): number {
    return this.#bytes.readDoubleLE(this.#step(8));
  }
  /** An array of its own: callers keep it. */
  raw(bytes: number): Uint8Array {
    const at = this.#step(bytes);
    const copy = new Uint8Array(bytes);
    copy.set(this.#bytes.subarray(at, at + bytes));
    return copy;
  }
  get isEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
  #step(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    if (this.#at > this.#bytes.length) throw new RangeError('a record of the store is cut short');
    return at;
  }
  string(): Uint8Array {
    return this.raw(this.u16());
  }
  text(): string {
    return asBuffer(this.string()).toString();
  }
}

const CUT = 128;
const VERSION_FIXED_BYTES = 1 + 2 + 4 * 8 + 2 * 2;

function putVersion(into: Writer, v: Version): Writer {
  return into
    .u8(v.kind + (v.isCut ? CUT : 0))
    .u16(v.mode)
    .f64(v.seq)
    .f64(v.size)
    .f64(v.mtime)
    .f64(v.arrived)
    .text(v.board)
    .string(v.content);
}

function takeVersion(from: Reader): Version {
  const kind = from.u8();
  return {
    kind: (kind % CUT) as Kind,
    mode: from.u16(),
    seq: from.f64(),
    size: from.f64(),
    mtime: from.f64(),
    arrived: from.f64(),
    board: from.text(),
    content: from.string(),
    ...(kind >= CUT && { isCut: true }),
  };
}

const versionBytes = (v: Version) => VERSION_FIXED_BYTES + Buffer.byteLength(v.board) + v.content.length;

export const writeVersion = (v: Version): Buffer => putVersion(new Writer(versionBytes(v)), v).done();
export const readVersion = (bytes: Uint8Array): Version => takeVersion(new Reader(bytes));

export const writeEntry = (entry: Entry): Buffer =>
  putVersion(
    new Writer(8 + 2 + entry.like.length + versionBytes(entry.version))
      .f64(entry.dir ?? -1)
      .string(entry.like),
    entry.version,
  ).done();

export function readEntry(bytes: Uint8Array): Entry {
  const from = new Reader(bytes);
  const dir = from.f64();
  const like = from.string();
  return { dir: dir < 0 ? undefined : dir, like, version: takeVersion(from) };
}

export const writeFolder = (row: FolderRow): Buffer =>
  new Writer(16 + 4 + 6 * 8 + 2 + Buffer.byteLength(row.share))
    .raw(row.id)
    .u32(row.number)
    .f64(row.head)
    .f64(row.entries)
    .f64(row.bytes)
    .f64(row.dirs)
    .text(row.share)
    .f64(row.dropped)
    .f64(row.terms)
    .done();

export function readFolder(bytes: Uint8Array): FolderRow {
  const from = new Reader(bytes);
  return {
    id: from.raw(16),
    number: from.u32() as FolderNumber,
    head: from.f64(),
    entries: from.f64(),
    bytes: from.f64(),
    dirs: from.f64(),
    share: from.text(),
    dropped: from.f64(),
    terms: from.f64(),
  };
}

export const writeDir = (row: DirRow): Buffer =>
  new Writer(16 + 2 + row.name.length).f64(row.parent).f64(row.liveChildren).string(row.name).done();

export function readDir(bytes: Uint8Array): DirRow {
  const from = new Reader(bytes);
  return { parent: from.f64(), liveChildren: from.f64(), name: from.string() };
}

const CONTENT_FIXED_BYTES = 3 * 8 + 2 + 1 + 4 + 8 + 2;

export function writeContent({ recipe, holder, was, isShared }: ContentRow): Buffer {
  const { size, blockCount, number, only = NO_BYTES } = recipe;
  const name = holder?.name ?? NO_BYTES;
  return new Writer(CONTENT_FIXED_BYTES + only.length + name.length)
    .f64(size)
    .f64(blockCount)
    .f64(number)
    .string(only)
    .u8(Number(isShared))
    .u32(holder?.folder ?? was ?? 0)
    .f64(holder?.dir ?? 0)
    .string(name)
    .done();
}

export function readContent(bytes: Uint8Array): ContentRow {
  const from = new Reader(bytes);
  const list = { size: from.f64(), blockCount: from.f64(), number: from.f64() as RecipeNumber };
  const only = from.string();
  const isShared = from.u8() === 1;
  const holder = { folder: from.u32() as FolderNumber, dir: from.f64(), name: from.string() };
  return {
    recipe: only.length === 0 ? list : { ...list, only },
    ...(holder.name.length > 0 ? { holder } : { holder: undefined, was: holder.folder || undefined }),
    isShared,
  };
}

export function writeBlock({ pack, offset, length, folder }: BlockRow): Buffer {
  const row = new Writer(20).f64(pack).u32(offset).u32(length);
  return (folder === undefined ? row : row.u32(folder)).done();
}

export function readBlock(bytes: Uint8Array): BlockRow {
  const from = new Reader(bytes);
  const place = { pack: from.f64(), offset: from.u32(), length: from.u32() };
  return from.isEnd ? place : { ...place, folder: from.u32() as FolderNumber };
}

export const writeBoard = (board: BoardRecord): Buffer =>
  new Writer(3 * 8 + 4 + Buffer.byteLength(board.share) + Buffer.byteLength(board.name))
    .f64(board.position)
    .f64(board.session)
    .f64(board.lastSeen)
    .text(board.share)
    .text(board.name)
    .done();

export function readBoard(bytes: Uint8Array): BoardRecord {
  const from = new Reader(bytes);
  return {
    position: from.f64(),
    session: from.f64(),
    lastSeen: from.f64(),
    share: from.text(),
    name: from.text(),
  };
}
