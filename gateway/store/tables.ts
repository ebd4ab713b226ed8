// The tables of a store together: what is written by one transaction, and forgotten when it fails.
//
//            held until it ends       the waiting room
//   work --> tree, contents     --+-> facts, blocks     --> shelves: committed
//        '------------------------'
//
// A transaction that wrote nothing beyond the waiting room commits nothing, unless the room is full: port.ts has the
// promises. After a failure all of them go by what the shelves have, and a round of collecting ends where it stands.

import { Blocks } from './blocks.ts';
import { Boards } from './boards.ts';
import { Collector } from './collect.ts';
import { Contents } from './contents.ts';
import { FactsTable } from './facts.ts';
import { checkFormat, writeFormat } from './format.ts';
import { formatKey } from './keys.ts';
import { type BlockHasher, type Outcome, WAITING_BYTES_MAX } from './port.ts';
import { Recipes } from './recipes.ts';
import { type Shelves, StoreTrouble } from './shelf.ts';
import { Terms } from './terms.ts';
import { Tree } from './tree.ts';

export interface TableOptions {
  /** What this process gives seqs in: TERM_BYTES that no other start has. None where nothing is written. */
  term: Uint8Array;
  /** Of blocks that are read; without it they are given as they lie. */
  hasher?: BlockHasher | undefined;
  /** Of each set that collecting marks in, at most. */
  bloomBits?: number | undefined;
}

export class Tables {
  readonly blocks: Blocks;
  readonly recipes: Recipes;
  readonly terms: Terms;
  readonly tree: Tree;
  readonly boards: Boards;
  readonly collector: Collector;
  readonly #shelves: Shelves;
  readonly #facts: FactsTable;
  readonly #contents: Contents;
  /** Its first commit says what format it has from then on. */
  #isNew: boolean;
  #isOpen = false;

  /** Throws when the store is of another format. */
  constructor(shelves: Shelves, { term, hasher, bloomBits }: TableOptions) {
    const facts = new FactsTable(shelves.facts);
    this.#shelves = shelves;
    this.#facts = facts;
    this.#isNew = checkFormat(shelves.facts);
    this.#contents = new Contents(facts);
    this.blocks = new Blocks(facts, shelves.packs, hasher);
    this.recipes = new Recipes(facts, this.#contents);
    this.terms = new Terms(facts, term);
    this.tree = new Tree(facts, this.#contents, this.terms);
    this.boards = new Boards(facts);
    this.collector = new Collector(facts, this.blocks, () => this.flush(), bloomBits);
  }

  /** Bytes in the waiting room. */
  get waitingBytes(): number {
    return this.#facts.waitingBytes + this.blocks.waitingBytes;
  }

  transaction<T>(work: () => T): Outcome<T> {
    if (this.#isOpen) throw new Error('a transaction inside a transaction');
    this.#isOpen = true;
    this.#facts.begin();
    this.tree.begin();
    try {
      const value = this.#shelves.transaction(() => {
        const made = work();
        this.flushRows();
        if (this.#facts.hasWritten || this.#isFull) {
          if (this.#isNew) this.#facts.put(formatKey, writeFormat());
          this.flush();
        }
        return made;
      });
      if (this.#facts.hasWritten) this.#isNew = false;
      return { isDurable: true, value };
    } catch (error) {
      this.#drop();
      if (error instanceof StoreTrouble) return { isDurable: false, code: error.code };
      throw error;
    } finally {
      this.tree.end();
      this.#isOpen = false;
    }
  }

  /** Puts the rows that a transaction puts once. */
  flushRows(): void {
    this.tree.flush();
    this.#contents.flush();
  }

  /** Empties the waiting room. */
  flush(): void {
    this.blocks.flush();
    this.#facts.flush();
  }

  flushIfFull(): void {
    if (this.#isFull) this.flush();
  }

  get #isFull(): boolean {
    return this.waitingBytes >= WAITING_BYTES_MAX;
  }

  #drop(): void {
    this.#facts.drop();
    this.#contents.drop();
    this.blocks.drop();
    this.collector.stop();
    this.tree.drop();
    this.terms.drop();
    this.boards.drop();
  }
}
