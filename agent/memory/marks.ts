// High-water marks that outlive the process: the most that there ever was of each thing the memory ledger counts.
//
//   STATE/high-water    {"version":1,"since":1700000000000,"marks":{"arena.frames":8,"process.RssAnon":24117248}}
//
// One line of JSON, written beside and renamed over, synced before: a cut leaves the old file or the new one. It is
// written at a clean end, and every ten minutes (book.ts) if a mark rose by a sixteenth or is new, so that flash sees
// a few blocks in a board's first hours and then next to nothing. A kill loses what rose since. A file that is not
// ours, or not whole, counts as none: nothing but these figures depends on it.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';

export const MARKS_NAME = 'high-water';
const VERSION = 1;
/** A row of the ledger each, some 30 bytes: this is far more than there are. */
const FILE_BYTES_MAX = 64 * 1024;
/** A smaller rise than this share can wait for the end. */
const RISE_SHARE = 1 / 16;

export interface Mark {
  /** The most since this process began, and since `since`. */
  thisRun: number;
  ever: number;
}

export class Marks {
  /** When the marks began, milliseconds since 1970. */
  readonly since: number;
  readonly #path: string;
  readonly #marks = new Map<string, Mark>();
  /** What the file says. */
  readonly #saved = new Map<string, number>();

  constructor(path: string, now: number) {
    this.#path = path;
    const known = read(path);
    this.since = known?.since ?? now;
    for (const [name, ever] of Object.entries(known?.marks ?? {})) {
      this.#marks.set(name, { thisRun: 0, ever });
      this.#saved.set(name, ever);
    }
  }

  /** Takes a reading and gives the marks after it. */
  raise(name: string, value: number): Mark {
    const mark = this.#marks.get(name) ?? { thisRun: 0, ever: 0 };
    mark.thisRun = Math.max(mark.thisRun, value);
    mark.ever = Math.max(mark.ever, value);
    this.#marks.set(name, mark);
    return mark;
  }

  /** Saves what rose, and at the end by however little. Throws errno errors. */
  save(isEnd: boolean): void {
    if (this.#hasRisen(isEnd ? 0 : RISE_SHARE)) this.#write();
  }

  #hasRisen(share: number): boolean {
    for (const [name, { ever }] of this.#marks) {
      const saved = this.#saved.get(name);
      if (saved === undefined || (ever > saved && ever - saved >= saved * share)) return true;
    }
    return false;
  }

  #write(): void {
    const marks = Object.fromEntries([...this.#marks].map(([name, { ever }]) => [name, ever]));
    const beside = `${this.#path}.new`;
    try {
      const file = openSync(beside, 'w', 0o600);
      try {
        writeSync(file, `${JSON.stringify({ version: VERSION, since: this.since, marks })}\n`);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(beside, this.#path);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
    for (const [name, { ever }] of this.#marks) this.#saved.set(name, ever);
  }
}

/** What the file says; undefined when there is none, or none of ours. */
function read(path: string): { since: number; marks: Record<string, number> } | undefined {
  try {
    const bytes = readFileSync(path);
    if (bytes.length > FILE_BYTES_MAX) return undefined;
    const { version, since, marks } = JSON.parse(bytes.toString()) as Record<string, unknown>;
    if (version !== VERSION || !isCount(since) || typeof marks !== 'object' || marks === null)
      return undefined;
    return Object.values(marks).every(isCount) ? { since, marks: { ...marks } } : undefined;
  } catch {
    return undefined;
  }
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
