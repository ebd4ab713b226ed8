// What is known of the boards, all of it in memory: some hundred bytes each. A row may wait (facts.ts).

import type { FactsTable } from './facts.ts';
import { boardKey, wholeTag } from './keys.ts';
import type { BoardRecord } from './port.ts';
import { readBoard, writeBoard } from './record.ts';

export class Boards {
  readonly #facts: FactsTable;
  #boards: Map<string, BoardRecord>;

  constructor(facts: FactsTable) {
    this.#facts = facts;
    this.#boards = this.#read();
  }

  all(): BoardRecord[] {
    return [...this.#boards.values()];
  }

  note(record: BoardRecord): void {
    this.#boards.set(record.name, { ...record });
    this.#facts.putLater(boardKey(record.name), writeBoard(record));
  }

  /** After a failed transaction. */
  drop(): void {
    this.#boards = this.#read();
  }

  #read(): Map<string, BoardRecord> {
    const rows = this.#facts.range(...wholeTag('B'), Number.MAX_SAFE_INTEGER);
    return new Map(rows.map(({ value }) => readBoard(value)).map(board => [board.name, board]));
  }
}
