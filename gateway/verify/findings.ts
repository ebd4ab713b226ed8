// What a verification says while it runs, and what its parts share.

import { asBuffer } from '../store/keys.ts';
import type { Shelf } from '../store/shelf.ts';

export interface Sum {
  blocks: number;
  blockBytes: number;
  contents: number;
  shares: number;
  paths: number;
  versions: number;
  /** Things that are damaged, also those that were not told one by one. */
  damages: number;
}

export type Word =
  /** What is read from now on. */
  | { is: 'step'; text: string }
  | { is: 'damage'; text: string }
  | { is: 'sum'; sum: Sum }
  /** A block that is damaged or missing, in hex. */
  | { is: 'block'; id: string };

/** Damages told one by one; a store that has more than these needs no longer list. */
const TOLD_MAX = 1_000;

export class Findings {
  readonly sum: Sum = {
    blocks: 0,
    blockBytes: 0,
    contents: 0,
    shares: 0,
    paths: 0,
    versions: 0,
    damages: 0,
  };
  readonly #tell: (word: Word) => void;
  #blocks = 0;

  constructor(tell: (word: Word) => void) {
    this.#tell = tell;
  }

  step(text: string): void {
    this.#tell({ is: 'step', text });
  }

  damage(text: string): void {
    this.sum.damages++;
    if (this.sum.damages <= TOLD_MAX) this.#tell({ is: 'damage', text });
  }

  block(id: Uint8Array): void {
    if (++this.#blocks <= TOLD_MAX) this.#tell({ is: 'block', id: hexOf(id) });
  }

  end(): void {
    this.#tell({ is: 'sum', sum: this.sum });
  }

  /** What `read` gives; undefined, and a damage, where it throws: a record that cannot be read. */
  attempt<T>(what: () => string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.damage(`${what()}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }
}

const ROWS_AT_ONCE = 1024;
const NUL = Buffer.from([0]);

/** All rows from `from` to before `until`, in order. Ends, with a damage, where the order does. */
export function* rowsOf(
  findings: Findings,
  shelf: Shelf,
  from: Uint8Array,
  until: Uint8Array,
): Generator<{ key: Buffer; value: Uint8Array }> {
  let next: Uint8Array = from;
  let last: Buffer | undefined;
  for (;;) {
    const start = next;
    const rows = findings.attempt(
      () => 'the database cannot be read on',
      () => shelf.range(start, until, ROWS_AT_ONCE),
    );
    if (rows === undefined) return;
    for (const { key, value } of rows) {
      const own = asBuffer(key);
      if (last !== undefined && Buffer.compare(last, own) >= 0) {
        findings.damage('the database is out of order');
        return;
      }
      last = own;
      yield { key: own, value };
    }
    if (rows.length < ROWS_AT_ONCE) return;
    next = Buffer.concat([last!, NUL]);
  }
}

export const hexOf = (id: Uint8Array): string => asBuffer(id).toString('hex');
