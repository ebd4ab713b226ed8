// Which start of a gateway gave which seqs of a folder. A store that was put back from a copy gives seqs again that
// boards were told before, for other changes; only by the term do they differ.
//
//   'G' folder seq -> term        from this seq on, up to the next row
//
//   seq    1 ............ 40  41 ............ 63  64 ...
//   row    1 -> a             41 -> b             64 -> c        c: the term of the process that has it open
//
// A term begins with the first seq that a process gives, and its row is part of that commit. So who was told a seq in
// some term was told by a process that had that row; and a store that has it too, and gave the seq before another
// term began, has the same history up to there.
//
// TERMS_MAX rows a folder: with more the two oldest become one, under the newest term. Who goes by one of those two
// is no longer known, and starts over.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { TRAIL_MAX } from '../../protocol/limits.ts';
import type { Mark } from '../../protocol/messages.ts';
import type { FactsTable } from './facts.ts';
import { readTermFrom, SEQ_MAX, termKey } from './keys.ts';
import type { FolderNumber } from './port.ts';

/** Three years of a start a day in which something changes: 30 KiB a folder. */
export const TERMS_MAX = 1024;

export class Terms {
  readonly #facts: FactsTable;
  readonly #own: Uint8Array;
  /** Folders in which our term has begun. */
  readonly #begun = new Set<FolderNumber>();

  constructor(facts: FactsTable, own: Uint8Array) {
    this.#facts = facts;
    this.#own = own;
  }

  /** Before `seq` is given: it is of our term. How many rows there are now, if that is new. */
  begin(folder: FolderNumber, seq: number): number | undefined {
    if (this.#begun.has(folder)) return undefined;
    this.#begun.add(folder);
    const rows = this.#rows(folder);
    const last = rows[rows.length - 1];
    if (last !== undefined && isSame(last.term, this.#own)) return undefined;
    // Seqs of a store that kept no terms are nobody's: from now on they are known by ours.
    const [first, second] = rows;
    this.#facts.put(termKey(folder, first === undefined ? 1 : seq), this.#own);
    if (rows.length < TERMS_MAX || first === undefined || second === undefined) return rows.length + 1;
    this.#facts.put(termKey(folder, first.from), this.#own);
    this.#facts.remove(termKey(folder, second.from));
    return rows.length;
  }

  /** After a failed transaction. */
  drop(): void {
    this.#begun.clear();
  }

  /** None of a seq that was given before terms were kept. */
  of(folder: FolderNumber, seq: number): Uint8Array {
    // A peer may name any number.
    const until = termKey(folder, Math.min(seq + 1, SEQ_MAX));
    const [row] = this.#facts.range(termKey(folder, 0), until, 1, true);
    return row === undefined ? NO_BYTES : new Uint8Array(row.value);
  }

  /** The last seq, up to `seq` and `head`, that this history has in common with one in which `seq` is of `term`. A term
   * that is not told is taken for ours. */
  common(folder: FolderNumber, head: number, seq: number, term: Uint8Array): number {
    const upto = Math.min(seq, head);
    if (upto === 0 || term.length === 0 || (seq <= head && isSame(this.of(folder, seq), term))) return upto;
    const rows = this.#rows(folder);
    for (let index = rows.length - 1; index >= 0; index--) {
      const row = rows[index]!;
      if (row.from > seq || !isSame(row.term, term)) continue;
      const next = rows[index + 1];
      return Math.min(upto, next === undefined ? head : next.from - 1);
    }
    return 0;
  }

  /** The last seqs of the terms before our own, oldest first. */
  trail(folder: FolderNumber, head: number): Mark[] {
    const marks: Mark[] = [];
    let seq = head;
    const range = [termKey(folder, 0), termKey(folder, SEQ_MAX)] as const;
    for (const { key, value } of this.#facts.range(...range, TRAIL_MAX + 1, true)) {
      if (!isSame(value, this.#own)) marks.unshift({ seq, term: new Uint8Array(value) });
      seq = readTermFrom(key) - 1;
    }
    return marks.slice(-TRAIL_MAX);
  }

  #rows(folder: FolderNumber): { from: number; term: Uint8Array }[] {
    return this.#facts
      .range(termKey(folder, 0), termKey(folder, SEQ_MAX), TERMS_MAX + 1)
      .map(({ key, value }) => ({ from: readTermFrom(key), term: value }));
  }
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
