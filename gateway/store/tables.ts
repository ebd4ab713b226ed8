// The store over a pair of shelves: transactions, the waiting room, and the boards. See port.ts for the promises.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { RECORD_BYTES, recordId } from '../../protocol/record.ts';
import { Blocks } from './blocks.ts';
import { Collector } from './collect.ts';
import { Contents } from './contents.ts';
import { FactsTable } from './facts.ts';
import { checkFormat, writeFormat } from './format.ts';
import { boardKey, formatKey, wholeTag } from './keys.ts';
import {
  type BlockHasher,
  type BoardRecord,
  type Outcome,
  PAGE_RECORDS,
  type Recipe,
  type Store,
  WAITING_BYTES_MAX,
} from './port.ts';
import { Recipes } from './recipes.ts';
import { readBoard, writeBoard } from './record.ts';
import { type Shelves, StoreTrouble } from './shelf.ts';
import { Terms } from './terms.ts';
import { Tree } from './tree.ts';

export interface TableOptions {
  /** What this process gives seqs in: TERM_BYTES that no other start has. None where nothing is written. */
  term: Uint8Array | undefined;
  /** Of blocks that are read; without it they are given as they lie. */
  hasher?: BlockHasher | undefined;
  /** Of each set that collecting marks in, at most. */
  bloomBits?: number | undefined;
}

/** Without a term nothing is cleared away, and every write fails. Throws when the store is of another format. */
export function openTables(shelves: Shelves, { term = NO_BYTES, hasher, bloomBits }: TableOptions): Store {
  const isWritable = term.length > 0;
  const facts = new FactsTable(shelves.facts);
  const blocks = new Blocks(facts, shelves.packs, hasher);
  const contents = new Contents(facts);
  /** Its first commit says what format it has from then on. */
  let isNew = checkFormat(shelves.facts);
  const recipes = new Recipes(facts, contents);
  const terms = new Terms(facts, term);
  const tree = new Tree(facts, contents, terms);
  const collector = new Collector(facts, blocks, flush, bloomBits);
  let boards = readBoards();
  let isOpen = false;

  function readBoards(): Map<string, BoardRecord> {
    const rows = facts.range(...wholeTag('B'), Number.MAX_SAFE_INTEGER).map(({ value }) => readBoard(value));
    return new Map(rows.map(board => [board.name, board]));
  }

  function flush(): void {
    blocks.flush();
    facts.flush();
  }

  /** What is put once a transaction. */
  function flushRows(): void {
    tree.flush();
    contents.flush();
  }

  function flushIfFull(): void {
    if (facts.waitingBytes + blocks.waitingBytes >= WAITING_BYTES_MAX) flush();
  }

  function transaction<T>(work: () => T): Outcome<T> {
    if (isOpen) throw new Error('a transaction inside a transaction');
    isOpen = true;
    facts.begin();
    tree.begin();
    try {
      const value = shelves.transaction(() => {
        const made = work();
        flushRows();
        if (facts.hasWritten) {
          if (isNew) facts.put(formatKey, writeFormat());
          flush();
        }
        return made;
      });
      if (facts.hasWritten) isNew = false;
      return { isDurable: true, value };
    } catch (error) {
      facts.drop();
      contents.drop();
      blocks.drop();
      collector.stop();
      tree.drop();
      terms.drop();
      boards = readBoards();
      if (error instanceof StoreTrouble) return { isDurable: false, code: error.code };
      throw error;
    } finally {
      tree.end();
      isOpen = false;
    }
  }

  function lacks(recipe: Recipe): boolean {
    if (blocks.lost.now === 0) return false;
    for (let ordinal = 0; ordinal < recipe.blockCount; ordinal += PAGE_RECORDS) {
      const records = recipes.records(recipe, ordinal, PAGE_RECORDS);
      for (let at = 0; at < records.length; at += RECORD_BYTES)
        if (blocks.isLost(recordId(records, at))) return true;
    }
    return false;
  }

  if (isWritable) transaction(() => recipes.clear());

  return {
    transaction,

    async close() {
      // What still waits is not promised, but positions are worth keeping over a clean stop.
      if (isWritable) transaction(flush);
      await shelves.close();
    },

    size: () => ({
      bytes: shelves.bytes(),
      usedBytes: shelves.usedBytes(),
      mapBytes: shelves.mapBytes(),
      waitingBytes: facts.waitingBytes + blocks.waitingBytes,
      collectingBytes: collector.bytes,
    }),

    roomBytes: () => shelves.roomBytes() - facts.waitingBytes - blocks.waitingBytes,

    folders: () => tree.folders(),
    folder: share => tree.folder(share),
    term,
    termOf: (folder, seq) => terms.of(folder, seq),
    trail: folder => terms.trail(folder.number, folder.head),
    commonWith: (folder, seq, its) => terms.common(folder.number, folder.head, seq, its),
    makeFolder: (share, id) => tree.makeFolder(share, id),
    current: (folder, path) => tree.current(folder, path),
    isDirectory: (folder, path) => tree.isDirectory(folder, path),
    isEmptyDirectory: (folder, path) => tree.isEmptyDirectory(folder, path),
    knows: (folder, path, kind, content) => tree.knows(folder, path, kind, content),
    versions: (folder, path, limit, before) => tree.versions(folder, path, limit, before),
    like: (folder, path, content) => tree.like(folder, path, content),
    holds: (folder, content) => tree.holds(folder, content),
    commit(folder, path, change, isFirst) {
      collector.markContent(change.content);
      return tree.commit(folder, path, change, isFirst);
    },
    changesAfter: (folder, seq, limit) => tree.changesAfter(folder, seq, limit),
    changesBefore: (folder, seq, limit) => tree.changesBefore(folder, seq, limit),
    children: (folder, path, after, limit) => tree.children(folder, path, after, limit),

    content(id) {
      collector.markContent(id);
      return recipes.content(id);
    },
    startRecipe: () => recipes.start(),
    addRecords(recipe: Recipe, records: Uint8Array) {
      collector.markRecords(records);
      const longer = recipes.add(recipe, records);
      flushIfFull();
      return longer;
    },
    records: (recipe, ordinal, count) => recipes.records(recipe, ordinal, count),
    placeOf: (recipe, offset) => recipes.placeOf(recipe, offset),
    offsetOf: (recipe, ordinal) => recipes.offsetOf(recipe, ordinal),
    sealRecipe(recipe, content) {
      collector.markContent(content);
      recipes.seal(recipe, content);
    },
    dropRecipe: recipe => recipes.drop(recipe),
    putWhole(content, record, bytes, folder) {
      collector.markContent(content);
      collector.markRecords(record);
      blocks.put(recordId(record), bytes, folder);
      recipes.sealOnly(record, content);
      flushIfFull();
    },

    lacks,
    hasBlock(id, only) {
      collector.markBlock(id);
      return blocks.has(id, only);
    },
    block: id => blocks.get(id),
    lostBlocks: () => blocks.lost,
    putBlock(id, bytes, folder) {
      collector.markBlock(id);
      blocks.put(id, bytes, folder);
      flushIfFull();
    },

    startCollecting: (before, pins) => collector.start(before, pins, shelves.rowCount()),
    collect() {
      // It counts what it drops in the folders' rows, and looks through those of the contents.
      flushRows();
      return collector.step();
    },

    boards: () => [...boards.values()],
    noteBoard(record) {
      boards.set(record.name, { ...record });
      facts.putLater(boardKey(record.name), writeBoard(record));
    },
  };
}
