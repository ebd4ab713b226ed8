// The rows of contents: their lists of blocks, and which live file held each first.
//
//   'C' content -> list of blocks, or the one block | holder | are there others?
//
// Most files are small and like no other, and each row whose key is a hash is a page of its own to be copied and
// written. So a content of one block needs no list beside its row, and the first file that holds a content stands in
// the row too: only further ones get rows of their own ('X', tree.ts).
//
// Inside a transaction rows are put once, when it ends, in the order of their keys: a content is sealed, then held.
// Whoever scans these rows flushes first.

import type { FactsTable } from './facts.ts';
import { contentKey, nameOf } from './keys.ts';
import { type ContentRow, readContent, writeContent } from './record.ts';

/** Rows that wait for the end of their transaction: 1 MiB at most, more than a transaction of small files has. */
const CHANGED_MAX = 4096;

export class Contents {
  readonly #facts: FactsTable;
  readonly #changed = new Map<string, { id: Uint8Array; row: ContentRow }>();

  constructor(facts: FactsTable) {
    this.#facts = facts;
  }

  get(id: Uint8Array): ContentRow | undefined {
    const changed = this.#changed.size > 0 ? this.#changed.get(nameOf(id)) : undefined;
    if (changed !== undefined) return changed.row;
    const value = this.#facts.get(contentKey(id));
    return value === undefined ? undefined : readContent(value);
  }

  /** Both are kept as they are until flush(). */
  put(id: Uint8Array, row: ContentRow): void {
    if (this.#changed.size === CHANGED_MAX) this.flush();
    this.#changed.set(nameOf(id), { id, row });
  }

  flush(): void {
    for (const name of [...this.#changed.keys()].sort()) {
      const { id, row } = this.#changed.get(name)!;
      this.#facts.put(contentKey(id), writeContent(row));
    }
    this.drop();
  }

  /** Forgets what was not put. */
  drop(): void {
    this.#changed.clear();
  }
}
