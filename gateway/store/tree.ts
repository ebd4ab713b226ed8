// Folders: their entries, the log of changes, replaced versions, and which files hold a content.
//
// One commit moves the old version into the history, puts the new one in its place and gives the path the newest
// seq in the log:
//
//          before                          commit                  after
//   E  notes/a -> v4                   E  notes/a -> v9
//   L  4 -> notes/a                    L  9 -> notes/a              (4 is no longer in the log)
//   V                                  V  notes/a 4 -> v4
//
// So the log is as long as the folder has paths, and a board that was away for a year reads each path once.
//
// Invariants:
//   1. An entry's seq is its log row's key, and no other log row names that path.
//   2. A directory's count of live children is the number of its entries whose kind is not ABSENT.
//   3. Every live file of more than 0 bytes stands with its content: the first as its holder (contents.ts), the others
//      under it ('X'). Nothing else does.

import { NO_BYTES, SLASH } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { joinParts } from '../../protocol/path.ts';
import type { Contents } from './contents.ts';
import type { FactsTable } from './facts.ts';
import {
  type DirNumber,
  dirKey,
  entryKey,
  folderKey,
  knownKey,
  likeKey,
  logKey,
  nameOf,
  pastAll,
  ROOT,
  readLikeSpot,
  readLogSeq,
  readNumber,
  readSpot,
  SEQ_MAX,
  type Spot,
  shareKey,
  versionKey,
  wholeTag,
  writeSpot,
} from './keys.ts';
import type { Change, Child, Folder, FolderNumber, LoggedChange, Version } from './port.ts';
import {
  type Entry,
  type FolderRow,
  readEntry,
  readFolder,
  readVersion,
  writeDir,
  writeEntry,
  writeFolder,
  writeVersion,
} from './record.ts';
import { Rows } from './rows.ts';
import type { Pair } from './shelf.ts';
import type { Terms } from './terms.ts';

/** Contents up to this long (every content id, most symlink targets) are found by key; longer targets by reading
 * the path's history. */
export const KNOWN_BYTES_MAX = 64;

/** Directories whose numbers are at hand: changes come by the dozen from one directory. */
const WALKED_MAX = 64;

export class Tree {
  readonly #facts: FactsTable;
  readonly #contents: Contents;
  readonly #rows: Rows;
  readonly #terms: Terms;
  /** By folder and path. A directory keeps its number, so only a transaction that failed makes one untrue. */
  readonly #walked = new Map<string, DirNumber>();
  /** The path looked up last in this transaction, until something is committed: an offer is ruled, then committed. */
  #looked: { folder: FolderNumber; path: Uint8Array; spot: Spot; entry: Entry | undefined } | undefined;
  /** The live directory that was asked for last in this transaction, until one changes: files come by the dozen. */
  #live: { folder: FolderNumber; path: Uint8Array } | undefined;
  #isOpen = false;

  constructor(facts: FactsTable, contents: Contents, terms: Terms) {
    this.#facts = facts;
    this.#contents = contents;
    this.#terms = terms;
    this.#rows = new Rows(facts);
  }

  /** A transaction begins: from here to its end nobody else writes. */
  begin(): void {
    this.#isOpen = true;
    this.#rows.begin();
  }

  /** Puts what was only changed in memory so far. */
  flush(): void {
    this.#rows.flush();
  }

  end(): void {
    this.#isOpen = false;
    this.#looked = undefined;
    this.#live = undefined;
    this.#rows.end();
  }

  /** After a failed transaction. */
  drop(): void {
    this.#walked.clear();
  }

  folders(): Folder[] {
    this.#rows.flush();
    return this.#facts.range(...wholeTag('F'), Number.MAX_SAFE_INTEGER).map(({ value }) => readFolder(value));
  }

  folder(share: string): Folder | undefined {
    const number = this.#facts.get(shareKey(share));
    return number === undefined ? undefined : { ...this.#rows.folder(readNumber(number, 0) as FolderNumber) };
  }

  makeFolder(share: string, id: Uint8Array): Folder {
    const [last] = this.#facts.range(...wholeTag('F'), 1, true);
    const number = ((last === undefined ? 0 : readFolder(last.value).number) + 1) as FolderNumber;
    const row: FolderRow = {
      number,
      share,
      id,
      head: 0,
      entries: 0,
      bytes: 0,
      dirs: 0,
      dropped: 0,
      terms: 0,
    };
    this.#facts.put(shareKey(share), writeSpot({ dir: number, name: NO_BYTES }));
    this.#facts.put(folderKey(number), writeFolder(row));
    this.#facts.put(dirKey(number, ROOT), writeDir({ parent: ROOT, liveChildren: 0, name: NO_BYTES }));
    return row;
  }

  current(folder: FolderNumber, path: Uint8Array): Version | undefined {
    return this.#look(folder, path)?.entry?.version;
  }

  isDirectory(folder: FolderNumber, path: Uint8Array): boolean {
    if (path.length === 0) return true;
    const live = this.#live;
    if (live !== undefined && live.folder === folder && Buffer.compare(live.path, path) === 0) return true;
    const is = this.#entry(folder, this.#spotOf(folder, path))?.version.kind === Kind.DIRECTORY;
    if (is && this.#isOpen) this.#live = { folder, path };
    return is;
  }

  isEmptyDirectory(folder: FolderNumber, path: Uint8Array): boolean {
    const dir = path.length === 0 ? ROOT : this.#entry(folder, this.#spotOf(folder, path))?.dir;
    return dir === undefined || this.#rows.dir(folder, dir).liveChildren === 0;
  }

  knows(folder: FolderNumber, path: Uint8Array, kind: Kind, content: Uint8Array): boolean {
    const spot = this.#spotOf(folder, path);
    if (spot === undefined) return false;
    if (content.length <= KNOWN_BYTES_MAX) {
      return this.#facts.get(knownKey(folder, spot, kind, content)) !== undefined;
    }
    return this.versions(folder, path, Number.MAX_SAFE_INTEGER).some(
      version => version.kind === kind && Buffer.compare(version.content, content) === 0,
    );
  }

  versions(folder: FolderNumber, path: Uint8Array, limit: number, before = SEQ_MAX): Version[] {
    const spot = this.#spotOf(folder, path);
    if (spot === undefined) return [];
    const from = versionKey(folder, spot, 0);
    const until = versionKey(folder, spot, before);
    return this.#facts.range(from, until, limit, true).map(({ value }) => readVersion(value));
  }

  like(folder: FolderNumber, path: Uint8Array, content: Uint8Array): Uint8Array | undefined {
    const spot = this.#like(folder, this.#spotOf(folder, path), content);
    return spot === undefined ? undefined : this.#pathOf(folder, spot);
  }

  holds(folder: FolderNumber, content: Uint8Array): boolean {
    const row = this.#contents.get(content);
    return row?.was === folder || this.#like(folder, undefined, content) !== undefined;
  }

  commit(folder: FolderNumber, path: Uint8Array, change: Change, isFirst = false): number {
    const looked = this.#look(folder, path);
    if (looked === undefined) throw new Error('commit under a directory that never was');
    const { spot, entry: old } = looked;
    this.#looked = undefined;
    const row = this.#rows.change(folder);
    const seq = ++row.head;
    row.terms = this.#terms.begin(folder, seq) ?? row.terms;
    const version: Version = { ...change, seq, isCut: false };

    let dir = old?.dir;
    if (dir === undefined && change.kind === Kind.DIRECTORY) {
      dir = ++row.dirs;
      this.#facts.put(dirKey(folder, dir), writeDir({ parent: spot.dir, liveChildren: 0, name: spot.name }));
    }
    if (dir !== undefined) this.#live = undefined;
    if (old !== undefined) this.#retire(folder, spot, old.version);
    const isContent = change.kind === Kind.FILE && change.size > 0;
    const like = isContent && !isFirst ? this.#like(folder, spot, change.content) : undefined;
    if (isContent) this.#hold(folder, spot, change.content);

    const entry: Entry = { version, dir, like: like === undefined ? NO_BYTES : writeSpot(like) };
    this.#facts.put(entryKey(folder, spot), writeEntry(entry));
    this.#facts.put(logKey(folder, seq), writeSpot(spot));

    const appeared = Number(isLive(version)) - Number(old !== undefined && isLive(old.version));
    if (appeared !== 0) this.#rows.changeDir(folder, spot.dir).liveChildren += appeared;
    row.entries += appeared;
    row.bytes += fileBytes(version) - (old === undefined ? 0 : fileBytes(old.version));
    return seq;
  }

  changesAfter(folder: FolderNumber, seq: number, limit: number): LoggedChange[] {
    const { head } = this.#rows.folder(folder);
    if (seq >= head) return [];
    return this.#facts
      .range(logKey(folder, seq + 1), logKey(folder, head + 1), limit)
      .map(pair => this.#logged(folder, pair));
  }

  changesBefore(folder: FolderNumber, seq: number, limit: number): LoggedChange[] {
    return this.#facts
      .range(logKey(folder, 0), logKey(folder, seq), limit, true)
      .map(pair => this.#logged(folder, pair));
  }

  children(folder: FolderNumber, path: Uint8Array, after: Uint8Array, limit: number): Child[] {
    const dir = path.length === 0 ? ROOT : this.#entry(folder, this.#spotOf(folder, path))?.dir;
    if (dir === undefined) return [];
    const first = entryKey(folder, { dir, name: after });
    const until = entryKey(folder, { dir: dir + 1, name: NO_BYTES });
    // No name holds a NUL: nothing stands between `after` and `after` with one.
    const from = after.length === 0 ? first : Buffer.concat([first, Buffer.from([0])]);
    return this.#facts.range(from, until, limit).map(({ key, value }) => {
      const { version, dir: own } = readEntry(value);
      return {
        name: new Uint8Array(key.subarray(first.length - after.length)),
        version,
        wasDirectory: own !== undefined,
      };
    });
  }

  #logged(folder: FolderNumber, { key, value }: Pair): LoggedChange {
    const spot = readSpot(value);
    const entry = this.#entry(folder, spot)!;
    if (entry.version.seq !== readLogSeq(key))
      throw new Error(`log row ${readLogSeq(key)} is not its entry's`);
    const like = entry.like.length === 0 ? NO_BYTES : this.#pathOf(folder, readSpot(entry.like));
    return { path: this.#pathOf(folder, spot), version: entry.version, like };
  }

  /** The old version leaves the log and the contents and enters the history. */
  #retire(folder: FolderNumber, spot: Spot, version: Version): void {
    this.#facts.remove(logKey(folder, version.seq));
    this.#facts.put(versionKey(folder, spot, version.seq), writeVersion(version));
    if (version.kind === Kind.FILE && version.size > 0) this.#letGo(folder, spot, version.content);
    if (isLive(version) && version.content.length <= KNOWN_BYTES_MAX) {
      const seq = writeSpot({ dir: version.seq, name: NO_BYTES });
      this.#facts.put(knownKey(folder, spot, version.kind, version.content), seq);
    }
  }

  /** The file at the spot holds this content from now on. */
  #hold(folder: FolderNumber, spot: Spot, content: Uint8Array): void {
    const row = this.#contents.get(content);
    const isFree = row?.holder === undefined && (row?.was ?? folder) === folder;
    if (row !== undefined && isFree) {
      this.#contents.put(content, { ...row, holder: { folder, ...spot }, was: undefined });
      return;
    }
    this.#facts.put(likeKey(folder, content, spot), NO_BYTES);
    if (row !== undefined && !row.isShared) this.#contents.put(content, { ...row, isShared: true });
  }

  #letGo(folder: FolderNumber, spot: Spot, content: Uint8Array): void {
    const row = this.#contents.get(content);
    if (row?.holder?.folder === folder && isSpot(row.holder, spot))
      this.#contents.put(content, { ...row, holder: undefined, was: folder });
    else this.#facts.remove(likeKey(folder, content, spot));
  }

  #like(folder: FolderNumber, but: Spot | undefined, content: Uint8Array): Spot | undefined {
    const row = this.#contents.get(content);
    const holder = row?.holder;
    if (holder?.folder === folder && !isSpot(holder, but)) return holder;
    if (row?.isShared === false) return undefined;
    const from = likeKey(folder, content, undefined);
    for (const { key } of this.#facts.range(from, pastAll(from), 2)) {
      const spot = readLikeSpot(key, content.length);
      if (!isSpot(spot, but)) return spot;
    }
    return undefined;
  }

  /** Undefined where a part above the last was never a directory. */
  #spotOf(folder: FolderNumber, path: Uint8Array): Spot | undefined {
    const slash = path.lastIndexOf(SLASH);
    if (slash < 0) return { dir: ROOT, name: path };
    const above = path.subarray(0, slash);
    const key = `${folder}/${nameOf(above)}`;
    const dir = this.#walked.get(key) ?? this.#walk(folder, above);
    if (dir === undefined) return undefined;
    if (this.#walked.size === WALKED_MAX) this.#walked.clear();
    this.#walked.set(key, dir);
    return { dir, name: path.subarray(slash + 1) };
  }

  #walk(folder: FolderNumber, path: Uint8Array): DirNumber | undefined {
    let dir: DirNumber = ROOT;
    for (let from = 0; from <= path.length; ) {
      const slash = path.indexOf(SLASH, from);
      const end = slash < 0 ? path.length : slash;
      const entry = this.#entry(folder, { dir, name: path.subarray(from, end) });
      if (entry?.dir === undefined) return undefined;
      dir = entry.dir;
      from = end + 1;
    }
    return dir;
  }

  #pathOf(folder: FolderNumber, spot: Spot): Uint8Array {
    const parts: Uint8Array[] = [spot.name];
    for (let dir = spot.dir; dir !== ROOT; ) {
      const row = this.#rows.dir(folder, dir);
      parts.unshift(row.name);
      dir = row.parent;
    }
    return joinParts(parts);
  }

  /** Where the path stands, and what is there; undefined where a part above the last was never a directory. */
  #look(folder: FolderNumber, path: Uint8Array): { spot: Spot; entry: Entry | undefined } | undefined {
    const looked = this.#looked;
    if (looked !== undefined && looked.path === path && looked.folder === folder) return looked;
    const spot = this.#spotOf(folder, path);
    if (spot === undefined) return undefined;
    const found = { folder, path, spot, entry: this.#entry(folder, spot) };
    if (this.#isOpen) this.#looked = found;
    return found;
  }

  #entry(folder: FolderNumber, spot: Spot | undefined): Entry | undefined {
    const bytes = spot === undefined ? undefined : this.#facts.get(entryKey(folder, spot));
    return bytes === undefined ? undefined : readEntry(bytes);
  }
}

const isSpot = (a: Spot, b: Spot | undefined): boolean =>
  b !== undefined && a.dir === b.dir && Buffer.compare(a.name, b.name) === 0;
const isLive = (version: Version) => version.kind !== Kind.ABSENT;
const fileBytes = (version: Version) => (version.kind === Kind.FILE ? version.size : 0);
