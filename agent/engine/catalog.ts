// The agent's record of the folder, over the tree: entries by (parent, name), two indexes of what is not settled,
// and a few numbers. Knows keys and encodings; decides nothing (decide.ts does) and does no I/O of its own.
//
// Invariants:
//   1. `l` holds a place exactly when decide() of its entry asks for READ, ADOPT or OFFER and it is not ignored.
//   2. `r` holds remote.seq of an entry exactly when the entry has a remote and is not ignored.
//   3. `c` holds a place exactly when something stands there, by its local, under a conflict copy's name.
//   4. Every directory entry with an id has its `d` key, and the ids are never used again.
//
// Memory: nothing here grows; pending counts are two numbers, kept with the indexes.

import { NO_BYTES, SLASH, sameBytes } from '../../protocol/bytes.ts';
import { TERM_BYTES } from '../../protocol/limits.ts';
import type { Mark } from '../../protocol/messages.ts';
import { isConflictName, joinParts, joinPath } from '../../protocol/path.ts';
import type { Tree } from '../arena/tree.ts';
import { Brief } from './brief.ts';
import { decide, isLocalPending } from './decide.ts';
import { type Entry, EntryCodec, type EntryId, freshEntry, isBlank } from './entry.ts';
import {
  copyKey,
  directoryKey,
  entryKey,
  extraKey,
  idOfKey,
  localKey,
  metaKey,
  type Place,
  placeOf,
  placeOfKey,
  placeValue,
  ROOT,
  remoteKey,
  SPACE,
  seqOfKey,
} from './keys.ts';
import type { Path } from './ports.ts';

/** What fits one value of the tree, with room to spare. */
const EXTRA_PART_BYTES = 1024;

/** Conflict copies that are listed: a status is a line or two. */
export const COPIES_MAX = 100;

export class Catalog {
  readonly tree: Tree;
  localCount = 0;
  remoteCount = 0;
  private readonly codec = new EntryCodec();
  private readonly brief: Brief;
  private notedPosition = 0;
  private hasCommon: boolean;
  /** The first conflict copies, until one comes or goes. */
  private copies: readonly Place[] | undefined;
  private lastParent: EntryId = ROOT;
  private lastPath: Path = NO_BYTES;

  constructor(tree: Tree) {
    this.tree = tree;
    this.brief = new Brief(tree);
    const { position, localCount, remoteCount } = tree.notes();
    this.notedPosition = position;
    this.localCount = localCount;
    this.remoteCount = remoteCount;
    this.hasCommon = tree.get(metaKey('common')) !== undefined;
  }

  // ---- entries

  get(place: Place): Entry | undefined {
    const value = this.tree.get(entryKey(place.parent, place.name));
    return value === undefined ? undefined : this.codec.decode(value);
  }

  /**
   * Writes the entry and what follows from it: both indexes, and the way up of a directory. `before` is what
   * get() gave. A blank entry leaves the catalog, unless it is a directory that others stand under.
   */
  put(place: Place, entry: Entry, before: Entry | undefined, isIgnored: boolean): void {
    if (before?.remote !== undefined && before.remote.seq !== entry.remote?.seq)
      this.forgetRemote(before.remote.seq);
    const isPending = !isIgnored && isLocalPending(decide(entry));
    // By the first invariant it was not there, if the entry asked for nothing.
    const wasAsking = before !== undefined && isLocalPending(decide(before));
    if (isPending) this.addLocal(place);
    else if (wasAsking) this.removeLocal(place);
    if (entry.remote !== undefined) {
      if (isIgnored) this.removeRemote(entry.remote.seq);
      else this.addRemote(entry.remote.seq, place);
    }
    if (isConflictName(place.name)) this.noteCopy(place, entry.local !== undefined);
    if (isBlank(entry) && (entry.id === 0 || !this.hasChildren(entry.id))) {
      if (entry.id !== 0) this.tree.remove(directoryKey(entry.id));
      if (this.lastParent === entry.id) this.lastParent = 0;
      this.tree.remove(entryKey(place.parent, place.name));
      if (place.parent !== ROOT) this.prune(place.parent);
      return;
    }
    if (entry.id !== 0 && before?.id !== entry.id)
      this.tree.put(directoryKey(entry.id), placeValue(place.parent, place.name));
    this.tree.put(entryKey(place.parent, place.name), this.codec.encode(entry));
  }

  // A blank directory stays only for what stands under it.
  private prune(directory: EntryId): void {
    const place = this.placeOfDirectory(directory);
    const entry = place === undefined ? undefined : this.get(place);
    if (place !== undefined && entry !== undefined && isBlank(entry)) this.put(place, entry, entry, false);
  }

  /** The entry's id as a directory, given at first need. The caller puts the entry. */
  giveId(entry: Entry): EntryId {
    if (entry.id === 0) entry.id = this.nextId();
    return entry.id;
  }

  nextId(): EntryId {
    const id = this.number('lastId') || ROOT;
    this.setNumber('lastId', id + 1);
    return id + 1;
  }

  hasChildren(directory: EntryId): boolean {
    return this.childAfter(directory, NO_BYTES) !== undefined;
  }

  /** The child of a directory that follows `name` in byte order (an empty name: the first). */
  childAfter(directory: EntryId, name: Uint8Array): { place: Place; entry: Entry } | undefined {
    const found = this.tree.next(entryKey(directory, name), false);
    if (found === undefined || found.key[0] !== SPACE.entry || idOfKey(found.key) !== directory)
      return undefined;
    const place = placeOfKey(found.key);
    return { place, entry: this.codec.decode(found.value) };
  }

  // ---- paths

  /** The path of a directory, undefined for an id that is no more. */
  pathOfDirectory(id: EntryId): Path | undefined {
    if (id === ROOT) return NO_BYTES;
    if (id === this.lastParent) return this.lastPath;
    const names: Uint8Array[] = [];
    for (let up = id; up !== ROOT; ) {
      const value = this.tree.get(directoryKey(up));
      if (value === undefined) return undefined;
      const place = placeOf(value);
      names.push(place.name);
      up = place.parent;
    }
    this.lastPath = joinParts(names.reverse());
    this.lastParent = id;
    return this.lastPath;
  }

  pathOf(place: Place): Path | undefined {
    const parent = this.pathOfDirectory(place.parent);
    return parent === undefined ? undefined : parent.length === 0 ? place.name : joinPath(parent, place.name);
  }

  placeOfDirectory(id: EntryId): Place | undefined {
    const value = this.tree.get(directoryKey(id));
    return value === undefined ? undefined : placeOf(value);
  }

  /** Finds a path's place. `make` gives missing directories above it an entry with an id and nothing else. */
  find(path: Path, make = false): Place | undefined {
    let parent: EntryId = ROOT;
    let from = 0;
    for (let slash = path.indexOf(SLASH); slash !== -1; slash = path.indexOf(SLASH, from)) {
      const place = { parent, name: path.slice(from, slash) };
      const entry = this.get(place) ?? (make ? freshEntry() : undefined);
      if (entry === undefined) return undefined;
      if (entry.id === 0) {
        if (!make) return undefined;
        this.giveId(entry);
        this.tree.put(directoryKey(entry.id), placeValue(place.parent, place.name));
        this.tree.put(entryKey(place.parent, place.name), this.codec.encode(entry));
      }
      parent = entry.id;
      from = slash + 1;
    }
    return { parent, name: path.slice(from) };
  }

  /** The id of the directory at `path`, undefined if the catalog has none there. */
  findDirectory(path: Path): EntryId | undefined {
    if (path.length === 0) return ROOT;
    const place = this.find(path);
    const id = place === undefined ? undefined : this.get(place)?.id;
    return id === 0 ? undefined : id;
  }

  /** The directory whose id follows, in the order they were first seen: the order of a scan. */
  directoryAfter(id: EntryId): EntryId | undefined {
    const found = this.tree.next(directoryKey(id), false);
    return found !== undefined && found.key[0] === SPACE.directory ? idOfKey(found.key) : undefined;
  }

  // ---- what is not settled

  localAfter(place: Place): Place | undefined {
    const found = this.brief.next(localKey(place.parent, place.name));
    return found !== undefined && found.key[0] === SPACE.local ? placeOfKey(found.key) : undefined;
  }

  isLocalPending(place: Place): boolean {
    return this.brief.has(localKey(place.parent, place.name));
  }

  remoteAfter(seq: number): { seq: number; place: Place } | undefined {
    const found = this.brief.next(remoteKey(seq));
    if (found === undefined || found.key[0] !== SPACE.remote) return undefined;
    return { seq: seqOfKey(found.key), place: placeOf(found.value) };
  }

  /** Everything up to here stands on the disk as the gateway said. */
  settledPosition(): number {
    const first = this.remoteAfter(0);
    return first === undefined ? this.position : first.seq - 1;
  }

  private addLocal(place: Place): void {
    if (this.isLocalPending(place)) return;
    this.brief.add(localKey(place.parent, place.name), NO_BYTES);
    this.localCount++;
  }

  private removeLocal(place: Place): void {
    if (this.brief.remove(localKey(place.parent, place.name))) this.localCount--;
  }

  private addRemote(seq: number, place: Place): void {
    if (this.brief.has(remoteKey(seq))) return;
    this.brief.add(remoteKey(seq), placeValue(place.parent, place.name));
    this.remoteCount++;
  }

  private removeRemote(seq: number): void {
    if (this.brief.remove(remoteKey(seq))) this.remoteCount--;
  }

  private forgetRemote(seq: number): void {
    this.removeRemote(seq);
    for (let part = 0; this.tree.remove(extraKey(seq, part)); part++);
  }

  // ---- conflict copies

  private noteCopy({ parent, name }: Place, isHere: boolean): void {
    const key = copyKey(parent, name);
    if ((this.tree.get(key) !== undefined) === isHere) return;
    if (isHere) this.tree.put(key, NO_BYTES);
    else this.tree.remove(key);
    this.copies = undefined;
  }

  /** The paths of conflict copies that stand in the folder, whoever made them: the first COPIES_MAX. */
  conflictCopies(): Path[] {
    this.copies ??= [...this.copyPlaces()];
    return this.copies.map(place => this.pathOf(place)).filter(path => path !== undefined);
  }

  private *copyPlaces(): Iterable<Place> {
    let after: Place = { parent: 0, name: NO_BYTES };
    for (let count = 0; count < COPIES_MAX; count++) {
      const found = this.tree.next(copyKey(after.parent, after.name), false);
      if (found === undefined || found.key[0] !== SPACE.copy) return;
      after = placeOfKey(found.key);
      yield after;
    }
  }

  // ---- bytes that came with a change

  putExtra(seq: number, bytes: Uint8Array): void {
    for (let part = 0; part * EXTRA_PART_BYTES < bytes.length; part++) {
      const from = part * EXTRA_PART_BYTES;
      this.tree.put(extraKey(seq, part), bytes.subarray(from, from + EXTRA_PART_BYTES));
    }
  }

  getExtra(seq: number): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let part = 0; ; part++) {
      const value = this.tree.get(extraKey(seq, part));
      if (value === undefined) return Buffer.concat(parts);
      parts.push(value.slice());
    }
  }

  // ---- numbers

  // What the gateway told is of one history, as long as it still has the position in its term, and the newest seq that
  // a verdict told beyond it.

  /** The newest seq up to which all is recorded here. */
  get position(): number {
    return this.notedPosition;
  }

  get positionTerm(): Uint8Array {
    return this.tree.get(metaKey('term'))?.slice() ?? NO_BYTES;
  }

  /** The newest seq beyond the position that is known of a change of this board's, 0 for none; and its term. */
  get ahead(): { seq: number; term: Uint8Array } {
    const value = this.tree.get(metaKey('ahead'));
    const seq = value === undefined ? 0 : numberOf(value);
    if (value === undefined || seq <= this.notedPosition) return { seq: 0, term: NO_BYTES };
    return { seq, term: value.slice(NUMBER_BYTES) };
  }

  /** What the gateway said last of the terms before the newest. */
  get trail(): Mark[] {
    const value = this.tree.get(metaKey('trail'))?.slice() ?? NO_BYTES;
    const marks: Mark[] = [];
    for (let at = 0; at < value.length; at += NUMBER_BYTES + TERM_BYTES) {
      const from = at + NUMBER_BYTES;
      marks.push({ seq: numberOf(value.subarray(at, from)), term: value.slice(from, from + TERM_BYTES) });
    }
    return marks;
  }

  set trail(marks: readonly Mark[]) {
    const value = Buffer.concat(marks.flatMap(({ seq, term }) => [bytesOf(seq), term]));
    if (!sameBytes(this.tree.get(metaKey('trail')) ?? NO_BYTES, value))
      this.tree.put(metaKey('trail'), value);
  }

  /** All up to here is recorded. */
  advance(seq: number, term: Uint8Array): void {
    if (!sameBytes(this.positionTerm, term)) this.tree.put(metaKey('term'), term);
    this.moveTo(seq);
  }

  /** A verdict told of this seq. */
  runAhead(seq: number, term: Uint8Array): void {
    if (seq <= Math.max(this.notedPosition, this.ahead.seq)) return;
    this.tree.put(metaKey('ahead'), Buffer.concat([bytesOf(seq), term]));
  }

  /** Asks for everything again. What is known is still of the same history. */
  rewind(): void {
    const { notedPosition: known, positionTerm } = this;
    this.moveTo(0);
    this.runAhead(known, positionTerm);
  }

  // After a start over: the folder's files are made from the gateway's history up to here, or from what came after it
  // in a history that is no more.

  /** The last seq of the history that this catalog's predecessor had in common with the gateway, 0 for none. */
  get common(): number {
    const value = this.hasCommon ? this.tree.get(metaKey('common')) : undefined;
    if (value === undefined || !sameBytes(value.slice(NUMBER_BYTES), this.folder)) return 0;
    return numberOf(value);
  }

  keepCommon(folder: Uint8Array, seq: number): void {
    if (seq === 0) return;
    this.tree.put(metaKey('common'), Buffer.concat([bytesOf(seq), folder]));
    this.hasCommon = true;
  }

  /** All is agreed on again. */
  forgetCommon(): void {
    if (this.hasCommon) this.tree.remove(metaKey('common'));
    this.hasCommon = false;
  }

  private moveTo(seq: number): void {
    this.notedPosition = seq;
    this.note();
  }

  get folder(): Uint8Array {
    return this.tree.get(metaKey('folder'))?.slice() ?? NO_BYTES;
  }

  set folder(id: Uint8Array) {
    this.tree.put(metaKey('folder'), id);
  }

  /** The session number that was last used. */
  get session(): number {
    return this.number('session');
  }

  set session(session: number) {
    this.setNumber('session', session);
  }

  /** The marker of the folder that this is the catalog of; empty until it is known. */
  get marker(): string {
    return Buffer.from(this.tree.get(metaKey('marker')) ?? NO_BYTES).toString();
  }

  set marker(marker: string) {
    this.tree.put(metaKey('marker'), Buffer.from(marker));
  }

  /** The digest of the rules that the indexes go by, empty for none; undefined where they are not complete: in a
   * catalog of before there was one of conflict copies. */
  get rules(): string | undefined {
    const value = this.tree.get(metaKey('indexed'));
    if (value === undefined) return this.hasChildren(ROOT) ? undefined : '';
    return Buffer.from(value).toString();
  }

  set rules(digest: string) {
    this.tree.put(metaKey('indexed'), Buffer.from(digest));
  }

  /** Durable on return. Throws what the page file throws. */
  commit(): void {
    this.brief.flush();
    this.note();
    if (this.tree.isDirty) this.tree.commit();
  }

  /** After a commit, at rest: makes the file shorter where it is worth it. True: commit, and come again. */
  shrink(): boolean {
    return this.tree.shrink();
  }

  // These change with every change: they stand in the tree's root, not in a page of their own.
  private note(): void {
    this.tree.setNotes({
      position: this.notedPosition,
      localCount: this.localCount,
      remoteCount: this.remoteCount,
    });
  }

  private number(name: string): number {
    const value = this.tree.get(metaKey(name));
    return value === undefined ? 0 : numberOf(value);
  }

  private setNumber(name: string, value: number): void {
    if (this.number(name) !== value) this.tree.put(metaKey(name), bytesOf(value));
  }
}

const NUMBER_BYTES = 8;

const numberOf = (value: Uint8Array): number =>
  Number(new DataView(value.buffer, value.byteOffset, NUMBER_BYTES).getBigUint64(0));

function bytesOf(number: number): Uint8Array {
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}
