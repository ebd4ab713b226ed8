// One entry of the catalog: what is on disk (local), what both ends last agreed on (synced), what the gateway
// last said where that is something else (remote). Observations only; what to do follows from them (decide.ts).
//
//   value   +-------+----+-----------------+------------------+------------------+
//           | flags | id | synced          | local            | remote           |
//           +-------+----+-----------------+------------------+------------------+
//             1 byte       facts, seq, list  same as synced:    facts, seq, list
//                                            ctime, inode only
//
// Numbers are LEB128, times zigzag. A settled file of 24 name bytes takes 60 to 80 bytes with its key.

import { assert } from '../../protocol/assert.ts';
import { sameBytes } from '../../protocol/bytes.ts';
import { ID_BYTES } from '../../protocol/limits.ts';
import { type Facts, Kind } from '../../protocol/messages.ts';
import { readVarint, unzigzag, VARINT_BYTES_MAX, writeVarint, zigzag } from '../../protocol/varint.ts';
import { FOREIGN, HIDDEN, isWholeSecond, OTHER, type Stat } from './ports.ts';

/** A directory's key as a parent, and a block list's key. Never used twice in one catalog. */
export type EntryId = number;

/** Facts that the gateway numbered, but that `content` is the hash of a SYMLINK's target. `list`: key of the block
 * list, 0 for none (single-block files have none). */
export interface Version extends Facts {
  seq: number;
  list: EntryId;
}

/** What lstat said when the content was read; `content` is undefined until it was. */
export interface Local extends Omit<Facts, 'content'> {
  ctime: number;
  inode: number;
  content: Uint8Array | undefined;
  list: EntryId;
}

export interface Entry {
  /** Given to directories when first seen, kept while they have children; 0 for none. */
  id: EntryId;
  local: Local | undefined;
  /** Undefined: both ends agree that nothing is here. */
  synced: Version | undefined;
  /** Undefined: the same as synced. A deletion is a version of kind ABSENT. */
  remote: Version | undefined;
}

export const NO_CONTENT = new Uint8Array(0);

export const freshEntry = (): Entry => ({ id: 0, local: undefined, synced: undefined, remote: undefined });

export const isBlank = (entry: Entry): boolean =>
  entry.local === undefined && entry.synced === undefined && entry.remote === undefined;

const isKind = (kind: Stat['kind']): kind is Kind => kind !== OTHER && kind !== FOREIGN && kind !== HIDDEN;

/** Local facts of a stat whose content is not known yet. Directories have none to know. */
export const localOf = (stat: Stat): Local => ({
  kind: isKind(stat.kind) ? stat.kind : Kind.ABSENT,
  mode: stat.mode,
  size: stat.kind === Kind.FILE ? stat.size : 0,
  mtime: stat.mtime,
  ctime: stat.ctime,
  inode: stat.inode,
  content: stat.kind === Kind.DIRECTORY ? NO_CONTENT : undefined,
  list: 0,
});

/** Local facts of what was put or touched there just now. Where times are whole seconds an edit since may show in none
 * of them: what a file holds is to be read. */
export const localAfter = (stat: Stat, { content, list }: Pick<Local, 'content' | 'list'>): Local =>
  stat.kind === Kind.FILE && isWholeSecond(stat.ctime) ? localOf(stat) : { ...localOf(stat), content, list };

/** The stat that a local observation was made from, to be expected by whoever changes the path. */
export const statOf = (local: Local): Stat => ({
  kind: local.kind,
  mode: local.mode,
  size: local.size,
  mtime: local.mtime,
  ctime: local.ctime,
  inode: local.inode,
});

/**
 * Whether a look at the disk shows what was seen before. Size, mtime, ctime and inode together: npm packs other
 * bytes with one size and mtime. A directory's mtime and a symlink's mode say nothing about what travels.
 */
export function looksLike(local: Local, stat: Stat): boolean {
  if (local.kind !== stat.kind || local.inode !== stat.inode) return false;
  if (local.kind === Kind.DIRECTORY) return local.mode === stat.mode && local.ctime === stat.ctime;
  const isSameTime = local.mtime === stat.mtime && local.ctime === stat.ctime;
  if (local.kind === Kind.SYMLINK) return isSameTime;
  return isSameTime && local.size === stat.size && local.mode === stat.mode;
}

/** Same thing, whatever its permissions and time. Unread content is the same as nothing. */
export const hasSameContent = (
  a: { kind: Kind; content: Uint8Array | undefined },
  b: { kind: Kind; content: Uint8Array | undefined },
): boolean =>
  a.kind === b.kind && a.content !== undefined && b.content !== undefined && sameBytes(a.content, b.content);

/** Same in all that travels: directories have no mtime of their own, symlinks no mode. */
export const hasSameFacts = (a: Omit<Facts, 'content'>, b: Omit<Facts, 'content'>): boolean =>
  a.kind === b.kind &&
  a.size === b.size &&
  (a.kind === Kind.SYMLINK || a.mode === b.mode) &&
  (a.kind === Kind.DIRECTORY || a.mtime === b.mtime);

const HAS_ID = 1;
const HAS_LOCAL = 2;
const HAS_SYNCED = 4;
const HAS_REMOTE = 8;
const LOCAL_IS_SYNCED = 16;
const LOCAL_IS_READ = 32;

/** Longest encoded entry: flags, id, three sets of facts. */
const ENTRY_BYTES_MAX = 1 + 5 + 3 * (1 + 2 + 8 + 8 + 1 + ID_BYTES + 8 + 5) + 16;

export class EntryCodec {
  private readonly scratch = new Uint8Array(ENTRY_BYTES_MAX);
  private bytes: Uint8Array = this.scratch;
  /** Where the next number stands. */
  at = 0;

  /** The entry's bytes, in one reused buffer: valid until the next call. */
  encode(entry: Entry): Uint8Array {
    const { local, synced, remote } = entry;
    const isAsSynced =
      local !== undefined &&
      synced !== undefined &&
      local.content !== undefined &&
      hasSameContent(local, synced) &&
      hasSameFacts(local, synced) &&
      local.mode === synced.mode &&
      local.mtime === synced.mtime &&
      local.list === synced.list;
    this.bytes = this.scratch;
    this.bytes[0] =
      (entry.id !== 0 ? HAS_ID : 0) |
      (local !== undefined ? HAS_LOCAL : 0) |
      (synced !== undefined ? HAS_SYNCED : 0) |
      (remote !== undefined ? HAS_REMOTE : 0) |
      (isAsSynced ? LOCAL_IS_SYNCED : 0) |
      (local?.content !== undefined ? LOCAL_IS_READ : 0);
    this.at = 1;
    if (entry.id !== 0) this.writeUint(entry.id);
    if (synced !== undefined) this.writeVersion(synced);
    if (local !== undefined) {
      if (!isAsSynced) this.writeFacts({ ...local, content: local.content ?? NO_CONTENT });
      if (!isAsSynced) this.writeUint(local.list);
      this.writeUint(zigzag(local.ctime - local.mtime));
      this.writeUint(local.inode);
    }
    if (remote !== undefined) this.writeVersion(remote);
    return this.bytes.subarray(0, this.at);
  }

  decode(bytes: Uint8Array): Entry {
    this.bytes = bytes;
    this.at = 1;
    const flags = bytes[0] as number;
    const entry = freshEntry();
    if (flags & HAS_ID) entry.id = this.readUint();
    if (flags & HAS_SYNCED) entry.synced = this.readVersion();
    if (flags & HAS_LOCAL) {
      const isAsSynced = (flags & LOCAL_IS_SYNCED) !== 0;
      const facts = isAsSynced ? (entry.synced as Version) : this.readFacts();
      const list = isAsSynced ? (entry.synced as Version).list : this.readUint();
      const content = flags & LOCAL_IS_READ ? facts.content : undefined;
      const ctime = facts.mtime + unzigzag(this.readUint());
      const { kind, mode, size, mtime } = facts;
      entry.local = { kind, mode, size, mtime, ctime, inode: this.readUint(), content, list };
    }
    if (flags & HAS_REMOTE) entry.remote = this.readVersion();
    return entry;
  }

  private writeVersion(version: Version): void {
    this.writeFacts(version);
    this.writeUint(version.seq);
    this.writeUint(version.list);
  }

  private readVersion(): Version {
    const { kind, mode, size, mtime, content } = this.readFacts();
    const seq = this.readUint();
    return { kind, mode, size, mtime, content, seq, list: this.readUint() };
  }

  private writeFacts(facts: Facts): void {
    this.writeUint((facts.mode << 2) | facts.kind);
    this.writeUint(facts.size);
    this.writeUint(zigzag(facts.mtime));
    this.bytes[this.at++] = facts.content.length;
    this.bytes.set(facts.content, this.at);
    this.at += facts.content.length;
  }

  private readFacts(): Facts {
    const word = this.readUint();
    const size = this.readUint();
    const mtime = unzigzag(this.readUint());
    const length = this.bytes[this.at++] as number;
    const content = this.bytes.slice(this.at, this.at + length);
    this.at += length;
    return { kind: (word & 3) as Kind, mode: word >>> 2, size, mtime, content };
  }

  private writeUint(value: number): void {
    this.at = writeVarint(this.bytes, this.at, value);
  }

  private readUint(): number {
    const value = readVarint(this.bytes, this, VARINT_BYTES_MAX);
    assert(value !== undefined, 'an entry of the catalog is whole');
    return value;
  }
}
