// Keeps the memory ledger of one folder: reads it when asked, takes the process's figures every few seconds in
// between, for marks that nobody else keeps, and saves the marks. Its timers keep nothing alive.

import { join } from 'node:path';
import { diskReadings } from './disk.ts';
import { type FolderLedger, folderLedger, processRows, type Row } from './ledger.ts';
import type { MemoryLook } from './look.ts';
import { MARKS_NAME, Marks } from './marks.ts';
import { quickReadings } from './process.ts';

/** RssAnon and the heap rise and fall within seconds; a reading costs some 0.1 ms. */
const QUICK_MS = 5_000;
/** A kill may lose what rose in so long. */
const SAVE_MS = 600_000;

export interface BookOptions {
  /** Where the marks are kept. */
  state: string;
  /** The folder whose memory it is. A gateway's own book has none. */
  folder?: {
    /** The catalog's file and the directory of files on their way in. */
    catalog: string;
    stage: string;
    look(): MemoryLook | undefined;
  };
  /** Whether the process's figures stand in it: in one book of a process. */
  isProcess: boolean;
  /** What else stands in it: read for the marks when they are saved. */
  readAlso?(marks: Marks): void;
  onTrouble(text: string): void;
}

export class Book {
  readonly marks: Marks;
  readonly #options: BookOptions;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: BookOptions) {
    this.#options = options;
    this.marks = new Marks(join(options.state, MARKS_NAME), Date.now());
    if (options.isProcess) this.#every(QUICK_MS, () => processRows(this.marks, quickReadings()));
    this.#every(SAVE_MS, () => this.#save(false));
  }

  /** Undefined while the folder is not open. */
  folder(): FolderLedger | undefined {
    const { folder } = this.#options;
    const look = folder?.look();
    if (folder === undefined || look === undefined) return undefined;
    const disk = diskReadings(folder.catalog, folder.stage, look.tree.stats());
    return folderLedger(look, disk, this.marks);
  }

  process(): Row[] {
    return processRows(this.marks);
  }

  /** Takes the last reading, while there still is something to read. */
  close(): void {
    for (const timer of this.#timers.splice(0)) clearInterval(timer);
    this.#save(true);
  }

  #every(ms: number, call: () => void): void {
    this.#timers.push(setInterval(call, ms).unref());
  }

  #save(isEnd: boolean): void {
    try {
      this.folder();
      if (this.#options.isProcess) this.process();
      this.#options.readAlso?.(this.marks);
      this.marks.save(isEnd);
    } catch (error) {
      this.#options.onTrouble(`the high-water marks could not be saved: ${(error as Error).message}`);
    }
  }
}
