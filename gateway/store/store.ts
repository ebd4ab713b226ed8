// The store that the hub is given (port.ts), over a pair of shelves: which table answers what.
//
// Whatever is looked up, put or committed is marked, for a round of collecting that may be under way (collect.ts), and
// whoever may put much into the waiting room empties it when it is full; at a transaction's end that is done anyway.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { recordId } from '../../protocol/record.ts';
import type { Store } from './port.ts';
import type { Shelves } from './shelf.ts';
import { type TableOptions, Tables } from './tables.ts';

/** Without a term nothing is cleared away, and every write fails. Throws when the store is of another format. */
export function openStore(shelves: Shelves, { term = NO_BYTES, ...options }: Partial<TableOptions>): Store {
  const isWritable = term.length > 0;
  const tables = new Tables(shelves, { term, ...options });
  const { blocks, recipes, terms, tree, boards, collector } = tables;
  if (isWritable) tables.transaction(() => recipes.clear());

  return {
    transaction: work => tables.transaction(work),

    async close() {
      // What still waits is not promised, but positions are worth keeping over a clean stop.
      if (isWritable) tables.transaction(() => tables.flush());
      await shelves.close();
    },

    size: () => ({
      bytes: shelves.bytes(),
      usedBytes: shelves.usedBytes(),
      mapBytes: shelves.mapBytes(),
      waitingBytes: tables.waitingBytes,
      collectingBytes: collector.bytes,
    }),

    roomBytes: () => shelves.roomBytes() - tables.waitingBytes,

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
    addRecords(recipe, records) {
      collector.markRecords(records);
      const longer = recipes.add(recipe, records);
      tables.flushIfFull();
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
      tables.flushIfFull();
    },

    lacks: recipe => blocks.lost.now > 0 && recipes.some(recipe, id => blocks.isLost(id)),
    hasBlock(id, only) {
      collector.markBlock(id);
      return blocks.has(id, only);
    },
    block: id => blocks.get(id),
    lostBlocks: () => blocks.lost,
    putBlock(id, bytes, folder) {
      collector.markBlock(id);
      blocks.put(id, bytes, folder);
      tables.flushIfFull();
    },

    startCollecting: (before, pins) => collector.start(before, pins, shelves.rowCount()),
    collect() {
      // It counts what it drops in the folders' rows, and looks through those of the contents.
      tables.flushRows();
      return collector.step();
    },

    boards: () => boards.all(),
    noteBoard: record => boards.note(record),
  };
}
