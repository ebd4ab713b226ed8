// The rows of folders and directories that nearly every change touches: their counts and heads. Inside a transaction
// that writes they are read once, changed in memory, and put when it ends; outside they are read anew each time, since
// another process may have written.
//
// Whoever changes a row says so by `change` or `changeDir`; what has not been put is lost when the transaction fails.

import type { FactsTable } from './facts.ts';
import { type DirNumber, dirKey, folderKey } from './keys.ts';
import type { FolderNumber } from './port.ts';
import { type DirRow, type FolderRow, readDir, readFolder, writeDir, writeFolder } from './record.ts';

/** Directories at hand: changes come by the dozen from one. */
const DIRS_MAX = 256;

interface Held<Row> {
  readonly key: Uint8Array;
  readonly row: Row;
  isChanged: boolean;
}

export class Rows {
  readonly #facts: FactsTable;
  readonly #folders = new Map<FolderNumber, Held<FolderRow>>();
  readonly #dirs = new Map<string, Held<DirRow>>();
  #isOpen = false;

  constructor(facts: FactsTable) {
    this.#facts = facts;
  }

  /** A transaction began. */
  begin(): void {
    this.#isOpen = true;
  }

  /** It ended: what is held may be changed by others from now on. */
  end(): void {
    this.#isOpen = false;
    this.#folders.clear();
    this.#dirs.clear();
  }

  /** Puts what was changed, and holds nothing. */
  flush(): void {
    for (const { key, row, isChanged } of this.#folders.values())
      if (isChanged) this.#facts.put(key, writeFolder(row));
    this.#folders.clear();
    this.#flushDirs();
  }

  folder(folder: FolderNumber): Readonly<FolderRow> {
    return this.#heldFolder(folder).row;
  }

  /** The row, to be changed now. */
  change(folder: FolderNumber): FolderRow {
    this.#mustBeOpen();
    const held = this.#heldFolder(folder);
    held.isChanged = true;
    return held.row;
  }

  dir(folder: FolderNumber, dir: DirNumber): Readonly<DirRow> {
    return this.#heldDir(folder, dir).row;
  }

  changeDir(folder: FolderNumber, dir: DirNumber): DirRow {
    this.#mustBeOpen();
    const held = this.#heldDir(folder, dir);
    held.isChanged = true;
    return held.row;
  }

  /** Outside a transaction nothing is held, and the change would be lost. */
  #mustBeOpen(): void {
    if (!this.#isOpen) throw new Error('a change outside a transaction');
  }

  #heldFolder(folder: FolderNumber): Held<FolderRow> {
    let held = this.#folders.get(folder);
    if (held !== undefined) return held;
    const key = folderKey(folder);
    held = { key, row: readFolder(this.#need(key)), isChanged: false };
    if (this.#isOpen) this.#folders.set(folder, held);
    return held;
  }

  #heldDir(folder: FolderNumber, dir: DirNumber): Held<DirRow> {
    const name = `${folder}/${dir}`;
    let held = this.#dirs.get(name);
    if (held !== undefined) return held;
    const key = dirKey(folder, dir);
    held = { key, row: readDir(this.#need(key)), isChanged: false };
    if (!this.#isOpen) return held;
    if (this.#dirs.size === DIRS_MAX) this.#flushDirs();
    this.#dirs.set(name, held);
    return held;
  }

  #flushDirs(): void {
    for (const { key, row, isChanged } of this.#dirs.values())
      if (isChanged) this.#facts.put(key, writeDir(row));
    this.#dirs.clear();
  }

  #need(key: Uint8Array): Uint8Array {
    const value = this.#facts.get(key);
    if (value === undefined) throw new Error(`the store lacks ${Buffer.from(key).toString('hex')}`);
    return value;
  }
}
