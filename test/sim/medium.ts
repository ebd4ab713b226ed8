// What is on the medium under a simulated file system, and what a power cut leaves of the rest.
//
// Fault model. What was synced stays. Of the rest, chosen by the seed:
//   - entries of directories: as with a journal, those set before some moment stay and the later ones are lost; or, as
//     without one, each is kept or lost by itself, unless it stands on one that was lost. A rename is kept or lost
//     whole. An fsync of a directory keeps what was set in it, what that stands on, and the times of its symlinks,
//     which have no fsync of their own.
//   - a file: as it was last synced; or as it was at the cut; or torn: with its newest permissions and times, its old
//     size, and each page written since old, new, or new up to some sector of it. (With its newest size too, nothing
//     would tell: DESIGN.md, known limits.)
//   - a directory's permissions: old or new.
// A file's new bytes are never there without its new times: a journal has those within seconds, its pages later.
// An fsync that failed has dropped the pages: the next one says that all is well, and what is on the medium is what was
// there before, until all of the file is written anew. (Its newest times over them are the known limit again.)

import type { Files, NameSet, Witness } from './files.ts';
import type { Facts, Inode } from './inode.ts';
import type { Random } from './random.ts';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

interface Saved extends Facts {
  bytes: Uint8Array;
}

export class Medium implements Witness {
  private readonly files: Files;
  private saved = new Map<Inode, Saved>();
  /** Of directories, as they are on the medium. */
  private savedNames = new Map<Inode, Map<string, Inode>>();
  /** Pages written since their file was synced. */
  private readonly dirty = new Map<Inode, Set<number>>();
  /** Changed since they were synced. */
  private readonly unsaved = new Set<Inode>();
  /** With pages that an fsync dropped. */
  private readonly spoiled = new Set<Inode>();
  private entries: (readonly NameSet[])[] = [];

  constructor(files: Files) {
    this.files = files;
    this.adopt();
    files.witnesses.push(this);
  }

  // ---- as a witness

  named(sets: readonly NameSet[]): void {
    this.entries.push(sets);
  }

  wrote(inode: Inode, from: number, until: number): void {
    let pages = this.dirty.get(inode);
    if (pages === undefined) {
      pages = new Set();
      this.dirty.set(inode, pages);
    }
    for (let page = Math.floor(from / PAGE_BYTES); page * PAGE_BYTES < until; page++) pages.add(page);
    this.unsaved.add(inode);
  }

  touched(inode: Inode): void {
    this.unsaved.add(inode);
  }

  made(inode: Inode): void {
    if (inode.names !== undefined) this.savedNames.set(inode, new Map());
    this.saved.set(inode, { ...factsOf(inode), bytes: inode.bytes });
  }

  // ---- syncing

  /** fsync. */
  sync(inode: Inode): void {
    this.save(inode);
    if (inode.names === undefined) return;
    // Backwards: what is kept stands on what was set before under the same names.
    const keys = new Set<string>();
    const kept = this.entries.map(() => false);
    for (let index = this.entries.length - 1; index >= 0; index--) {
      const sets = this.entries[index] as readonly NameSet[];
      kept[index] = sets.some(set => set.directory === inode || keys.has(this.keyOf(set)));
      if (kept[index]) for (const set of sets) keys.add(this.keyOf(set));
    }
    for (const [index, sets] of this.entries.entries()) if (kept[index]) this.enter(sets);
    for (const child of inode.names.values()) if (child.isSymlink) this.save(child);
    this.entries = this.entries.filter((_, index) => !kept[index]);
  }

  /** An fsync that failed: the pages are not asked for again. */
  spoil(inode: Inode): void {
    this.dirty.delete(inode);
    this.spoiled.add(inode);
  }

  /** The whole file system. */
  syncAll(): void {
    for (const sets of this.entries) this.enter(sets);
    this.entries = [];
    for (const inode of [...this.unsaved]) this.save(inode);
  }

  get isClean(): boolean {
    return this.entries.length === 0 && this.unsaved.size === 0;
  }

  // ---- the cut

  /** The power goes: the files become what is on the medium then. */
  cut(random: Random): void {
    this.files.closeAll();
    this.keepEntries(random);
    for (const inode of this.spoiled) {
      const saved = this.saved.get(inode) as Saved;
      Object.assign(inode, { ...saved, bytes: saved.bytes.slice() });
      this.unsaved.delete(inode);
    }
    for (const inode of this.unsaved) {
      if (inode.isFile) this.tear(inode, random);
      else if (random.chance(0.5)) Object.assign(inode, this.saved.get(inode), { bytes: inode.bytes });
    }
    this.rebuild();
    this.adopt();
  }

  private keepEntries(random: Random): void {
    const hasJournal = random.chance(0.5);
    const until = random.below(this.entries.length + 1);
    const lost = new Set<string>();
    for (const [index, sets] of this.entries.entries()) {
      const isKept = hasJournal ? index < until : random.chance(0.5);
      if (isKept && !sets.some(set => lost.has(this.keyOf(set)))) this.enter(sets);
      else for (const set of sets) lost.add(this.keyOf(set));
    }
  }

  private tear(inode: Inode, random: Random): void {
    const saved = this.saved.get(inode) as Saved;
    const fate = random.below(4);
    if (fate === 0) return;
    if (fate === 1) {
      Object.assign(inode, { ...saved, bytes: saved.bytes.slice() });
      return;
    }
    const { size } = saved;
    if (size === inode.size) return;
    const bytes = new Uint8Array(size);
    bytes.set(saved.bytes.subarray(0, Math.min(size, saved.size)));
    for (const page of this.dirty.get(inode) ?? []) {
      const from = page * PAGE_BYTES;
      const length = random.pick([0, PAGE_BYTES, SECTOR_BYTES * random.below(PAGE_BYTES / SECTOR_BYTES)]);
      if (from < size) bytes.set(inode.content.subarray(from, Math.min(from + length, size)), from);
    }
    inode.bytes = bytes;
    inode.size = size;
  }

  /** The tree in memory as the medium has it. */
  private rebuild(): void {
    const { root, numbers } = this.files;
    numbers.clear();
    const reached = new Set<Inode>();
    const visit = (inode: Inode): void => {
      inode.links = 1;
      inode.opens = 0;
      inode.number = numbers.keep(inode.number);
      reached.add(inode);
      if (inode.names === undefined) return;
      inode.names.clear();
      for (const [name, child] of this.savedNames.get(inode) ?? []) {
        // A directory has one place: where it is met first, as a file system's check would have it.
        if (child.names !== undefined && reached.has(child)) continue;
        inode.names.set(name, child);
        if (reached.has(child)) child.links++;
        else {
          child.parent = inode;
          visit(child);
        }
      }
    };
    visit(root);
  }

  /** What the files are now is what is on the medium. */
  private adopt(): void {
    this.entries = [];
    this.saved = new Map();
    this.savedNames = new Map();
    this.dirty.clear();
    this.unsaved.clear();
    this.spoiled.clear();
    const visit = (inode: Inode): void => {
      this.save(inode);
      if (inode.names === undefined) return;
      this.savedNames.set(inode, new Map(inode.names));
      for (const child of inode.names.values()) visit(child);
    };
    visit(this.files.root);
  }

  private save(inode: Inode): void {
    const isWhole = !this.spoiled.has(inode) || this.isAllDirty(inode);
    if (isWhole) {
      this.saved.set(inode, { ...factsOf(inode), bytes: this.savedBytes(inode) });
      this.spoiled.delete(inode);
    }
    this.unsaved.delete(inode);
    this.dirty.delete(inode);
  }

  /** Written anew since, all of it. */
  private isAllDirty(inode: Inode): boolean {
    const dirty = this.dirty.get(inode);
    for (let page = 0; page * PAGE_BYTES < inode.size; page++) if (dirty?.has(page) !== true) return false;
    return inode.size > 0;
  }

  /** The file's bytes as they will be on the medium: of a page that an fsync dropped, the old ones. */
  private savedBytes(inode: Inode): Uint8Array {
    const before = this.saved.get(inode);
    if (before === undefined) return inode.content.slice();
    const dirty = this.dirty.get(inode);
    if (dirty === undefined && before.size === inode.size) return before.bytes;
    const bytes = new Uint8Array(inode.size);
    bytes.set(before.bytes.subarray(0, Math.min(inode.size, before.size)));
    for (const page of dirty ?? []) {
      const from = page * PAGE_BYTES;
      if (from < inode.size) bytes.set(inode.content.subarray(from, from + PAGE_BYTES), from);
    }
    return bytes;
  }

  private enter(sets: readonly NameSet[]): void {
    for (const { directory, name, inode } of sets) {
      const names = this.savedNames.get(directory);
      if (inode === undefined) names?.delete(name);
      else names?.set(name, inode);
    }
  }

  // Inodes are told apart by themselves: a number may be another's by now.
  private readonly keys = new Map<Inode, number>();
  private keyOf({ directory, name }: NameSet): string {
    let key = this.keys.get(directory);
    if (key === undefined) {
      key = this.keys.size;
      this.keys.set(directory, key);
    }
    return `${key}/${name}`;
  }
}

const factsOf = ({ mode, mtimeMs, ctimeMs, size }: Inode): Facts => ({ mode, mtimeMs, ctimeMs, size });
