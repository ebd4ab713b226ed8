// Every share: its directories, paths, log, versions and counts agree with each other, and each file's content, of
// now and of before, is whole. What is damaged is named by its path and version.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { TERM_BYTES } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable } from '../../protocol/path.ts';
import {
  asBuffer,
  contentKey,
  type DirNumber,
  dirKey,
  entryKey,
  folderKey,
  knownKey,
  likeKey,
  logKey,
  nameOf,
  ROOT,
  readDirNumber,
  readEntrySpot,
  readNumber,
  readTermFrom,
  readVersionSeq,
  readVersionSpot,
  type Spot,
  shareKey,
  termKey,
  versionKey,
  wholeTag,
  writeSpot,
} from '../store/keys.ts';
import type { FolderNumber, Version } from '../store/port.ts';
import {
  type DirRow,
  type FolderRow,
  readBoard,
  readContent,
  readDir,
  readEntry,
  readFolder,
  readVersion,
} from '../store/record.ts';
import type { Shelf, Shelves } from '../store/shelf.ts';
import { KNOWN_BYTES_MAX } from '../store/tree.ts';
import type { VerifiedContents } from './contents.ts';
import { type Findings, rowsOf } from './findings.ts';

const DEPTH_MAX = 2048;

export function verifyFolders(shelves: Shelves, findings: Findings, contents: VerifiedContents): void {
  for (const { value } of rowsOf(findings, shelves.facts, ...wholeTag('F'))) {
    const row = findings.attempt(
      () => 'a share',
      () => readFolder(value),
    );
    if (row === undefined) continue;
    findings.sum.shares++;
    if (shelves.facts.get(shareKey(row.share)) === undefined)
      findings.damage(`share ${row.share}: its name is lost`);
    new FolderCheck(shelves.facts, row, findings, contents).run();
  }
  for (const { key, value } of rowsOf(findings, shelves.facts, ...wholeTag('S')))
    findings.attempt(
      () => `share ${printable(key.subarray(1))}`,
      () => {
        const row = shelves.facts.get(folderKey(readNumber(value, 0) as FolderNumber));
        if (row === undefined) throw new Error('all that is known of it is lost');
        if (readFolder(row).share !== key.subarray(1).toString()) throw new Error('it is another');
      },
    );
  for (const { key, value } of rowsOf(findings, shelves.facts, ...wholeTag('B')))
    findings.attempt(
      () => `what is known of board ${printable(key.subarray(1))}`,
      () => readBoard(value),
    );
}

class FolderCheck {
  readonly #facts: Shelf;
  readonly #row: FolderRow;
  readonly #findings: Findings;
  readonly #contents: VerifiedContents;
  #live = 0;
  #liveBytes = 0;
  #liveContents = 0;
  #paths = 0;

  constructor(facts: Shelf, row: FolderRow, findings: Findings, contents: VerifiedContents) {
    this.#facts = facts;
    this.#row = row;
    this.#findings = findings;
    this.#contents = contents;
  }

  run(): void {
    const { share, number, entries, bytes, head, dirs, dropped, terms } = this.#row;
    this.#findings.step(`share ${share}`);
    this.#entries();
    const { count, children } = this.#directories();
    this.#count('directories', count, dirs + 1);
    this.#count('names in its directories', children, this.#live);
    this.#count('entries', this.#live, entries);
    this.#count('bytes', this.#liveBytes, bytes);
    this.#count('paths in the log', this.#rowsIn(logKey(number, 0), logKey(number, head + 1)), this.#paths);
    this.#count('terms', this.#terms(), terms);
    const past = likeKey((number + 1) as FolderNumber, NO_BYTES, undefined);
    const others = this.#rowsIn(likeKey(number, NO_BYTES, undefined), past);
    const held = this.#contents.held.get(number) ?? 0;
    this.#count('contents', held + others, this.#liveContents);
    // Each change is the newest of its path, or was replaced and may have been dropped since.
    this.#count('changes', this.#paths + this.#versions() + dropped, head);
  }

  #count(what: string, found: number, expected: number): void {
    if (found !== expected)
      this.#findings.damage(`share ${this.#row.share}: ${found} ${what}, not ${expected}`);
  }

  #rowsIn(from: Uint8Array, until: Uint8Array): number {
    let count = 0;
    for (const _ of rowsOf(this.#findings, this.#facts, from, until)) count++;
    return count;
  }

  /** The current version of every path. */
  #entries(): void {
    const { number } = this.#row;
    const from = entryKey(number, { dir: ROOT, name: NO_BYTES });
    const until = entryKey((number + 1) as FolderNumber, { dir: ROOT, name: NO_BYTES });
    for (const { key, value } of rowsOf(this.#findings, this.#facts, from, until)) {
      const spot = readEntrySpot(key);
      this.#paths++;
      this.#findings.sum.paths++;
      const entry = this.#findings.attempt(
        () => `${this.#pathOf(spot)}: its record is damaged`,
        () => readEntry(value),
      );
      if (entry !== undefined) this.#entry(spot, entry.version);
    }
  }

  #entry(spot: Spot, version: Version): void {
    const { number } = this.#row;
    const logged = this.#facts.get(logKey(number, version.seq));
    if (logged === undefined || Buffer.compare(logged, writeSpot(spot)) !== 0)
      this.#findings.damage(`${this.#pathOf(spot)}: version ${version.seq} is not in the log`);
    if (version.kind === Kind.ABSENT) return;
    this.#live++;
    if (version.kind !== Kind.FILE) return;
    this.#liveBytes += version.size;
    this.#content(spot, version, ', current');
    if (version.size === 0) return;
    this.#liveContents++;
    if (!this.#isFound(spot, version.content))
      this.#findings.damage(`${this.#pathOf(spot)}: it is not found by its content`);
  }

  /** Whether the file is its content's holder, or stands under it. */
  #isFound(spot: Spot, content: Uint8Array): boolean {
    const { number } = this.#row;
    if (this.#facts.get(likeKey(number, content, spot)) !== undefined) return true;
    const value = this.#facts.get(contentKey(content));
    // What cannot be read was told of already.
    if (value === undefined || this.#contents.wrong.has(nameOf(content))) return true;
    const { holder } = readContent(value);
    return (
      holder?.folder === number && holder.dir === spot.dir && Buffer.compare(holder.name, spot.name) === 0
    );
  }

  #content(spot: Spot, { seq, content, size }: Version, which: string): void {
    const row = this.#facts.get(contentKey(content));
    const why = row === undefined ? 'it is missing' : this.#contents.wrong.get(nameOf(content));
    if (why !== undefined)
      this.#findings.damage(
        `${this.#pathOf(spot)}: the content of version ${seq}${which}, ${size} bytes: ${why}`,
      );
  }

  /** How many there are that begin within the log. */
  #terms(): number {
    const { number, share, head } = this.#row;
    let count = 0;
    for (const { key, value } of rowsOf(
      this.#findings,
      this.#facts,
      termKey(number, 0),
      termKey(number, head + 1),
    )) {
      count++;
      if (value.length !== TERM_BYTES)
        this.#findings.damage(`share ${share}: the term from change ${readTermFrom(key)} on is damaged`);
    }
    return count;
  }

  /** How many there are, and their live children, as they say. */
  #directories(): { count: number; children: number } {
    const { number, share } = this.#row;
    let count = 0;
    let children = 0;
    const until = dirKey((number + 1) as FolderNumber, ROOT);
    for (const { key, value } of rowsOf(this.#findings, this.#facts, dirKey(number, ROOT), until)) {
      const row = this.#findings.attempt(
        () => `share ${share}: directory ${readDirNumber(key)} is damaged`,
        () => readDir(value),
      );
      count++;
      children += row?.liveChildren ?? 0;
    }
    return { count, children };
  }

  /** How many there are. */
  #versions(): number {
    let count = 0;
    const { number } = this.#row;
    const from = versionKey(number, { dir: ROOT, name: NO_BYTES }, 0);
    const until = versionKey((number + 1) as FolderNumber, { dir: ROOT, name: NO_BYTES }, 0);
    for (const { key, value } of rowsOf(this.#findings, this.#facts, from, until)) {
      const { spot } = readVersionSpot(key);
      this.#findings.sum.versions++;
      count++;
      const version = this.#findings.attempt(
        () => `${this.#pathOf(spot)}: the record of a version is damaged`,
        () => readVersion(value),
      );
      if (version === undefined) continue;
      if (version.seq !== readVersionSeq(key))
        this.#findings.damage(`${this.#pathOf(spot)}: version ${version.seq} stands as another`);
      if (version.kind === Kind.FILE) this.#content(spot, version, '');
      const isKnown =
        version.kind === Kind.ABSENT ||
        version.content.length > KNOWN_BYTES_MAX ||
        this.#facts.get(knownKey(number, spot, version.kind, version.content)) !== undefined;
      if (!isKnown)
        this.#findings.damage(`${this.#pathOf(spot)}: version ${version.seq} is not known by its content`);
    }
    return count;
  }

  /** For a person; '?' for the parts that cannot be found. */
  #pathOf(spot: Spot): string {
    const parts = [spot.name];
    let dir: DirNumber = spot.dir;
    for (let depth = 0; dir !== ROOT && depth < DEPTH_MAX; depth++) {
      const value = this.#facts.get(dirKey(this.#row.number, dir));
      if (value === undefined) {
        parts.unshift(Buffer.from('?'));
        break;
      }
      let row: DirRow;
      try {
        row = readDir(value);
      } catch {
        parts.unshift(Buffer.from('?'));
        break;
      }
      parts.unshift(row.name);
      dir = row.parent;
    }
    return [this.#row.share, ...parts.map(part => printable(asBuffer(part)))].join('/');
  }
}
