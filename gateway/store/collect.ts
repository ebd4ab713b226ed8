// Drops versions that were replaced long ago, then what nothing needs any more: contents, blocks, packs. A round goes
// through the tables in order, a bounded number of rows a step, with other work between any two steps.
//
//   entries    marks the content of every path
//   versions   drops those replaced before `before`, marks the contents of the others
//   contents   takes away those without a mark, with their lists of blocks; of the others, marks blocks without a list
//   recipes    marks every block in any list, of what still arrives too
//   blocks     takes away those without a mark, and adds up what lives in each pack
//   lost       forgets those without a mark
//   move       writes the blocks of packs that are mostly dead into new ones
//   packs      takes away the packs in which nothing lives
//
// Marks are made in a set that may hold too much, never too little (bloom.ts). Whatever is looked up, put or committed
// while a round is under way is marked as well, so what somebody came to count on is kept; `pins` are the contents
// that somebody counts on since before the round began.
//
// A round lives in memory alone: after a kill, or a transaction that failed, another begins from the start. What is cut
// off in the middle is either still whole, or a list of blocks that is marked as arriving, which the next start clears.
//
// Deletions stay as the newest version of their path, however old: a board that was away for years hears of them.
//
// Memory, during a round: two sets, of 8 to 16 bits a row of the store and 16 MiB at most each; 4 bytes a pack. With a
// million small files 8 MiB, for as long as a round takes. `toastbox memory` shows it.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { RECORD_BYTES, recordId } from '../../protocol/record.ts';
import { type Blocks, PACK_BYTES_AIM } from './blocks.ts';
import { Bloom } from './bloom.ts';
import type { FactsTable } from './facts.ts';
import {
  afterKey,
  arrivingKey,
  asBuffer,
  entryKey,
  folderKey,
  knownKey,
  pageKey,
  readNumber,
  readVersionSpot,
  type Spot,
  versionSpotBytes,
  wholeTag,
} from './keys.ts';
import { type FolderNumber, PAGE_RECORDS, type Recipe } from './port.ts';
import { OFFSET_BYTES } from './recipes.ts';
import {
  type Entry,
  readBlock,
  readContent,
  readEntry,
  readFolder,
  readVersion,
  writeEntry,
  writeFolder,
  writeVersion,
} from './record.ts';
import type { Pair } from './shelf.ts';

/** 16 MiB: ten million blocks, 40 GB of content, with one dead one of 250 kept for nothing. */
const BLOOM_BITS_MAX = 2 ** 27;

/** No more ids are marked than there are rows. */
const BITS_PER_ROW = 8;

/** Rows a step: a millisecond or two of reading, and at most as many removals in one commit. */
const ROWS_AT_ONCE = 256;

/** Packs with less than this alive are written anew, together. */
const LIVE_BYTES_LEAST = PACK_BYTES_AIM / 2;

const PHASES = ['entries', 'versions', 'contents', 'recipes', 'blocks', 'lost', 'move', 'packs'] as const;
type Phase = (typeof PHASES)[number];

interface Round {
  before: number;
  phase: Phase;
  /** Where the next step goes on. */
  from: Buffer;
  contents: Bloom;
  blocks: Bloom | undefined;
  /** Lists of blocks on their way out. */
  dying: Recipe[];
  /** Of the sets. */
  bits: number;
  /** Bytes alive in each pack that was there when the blocks' scan began. */
  live: Uint32Array;
  nextPack: number;
}

export class Collector {
  readonly #facts: FactsTable;
  readonly #blocks: Blocks;
  readonly #flush: () => void;
  readonly #bitsMax: number;
  #round: Round | undefined;

  constructor(facts: FactsTable, blocks: Blocks, flush: () => void, bitsMax = BLOOM_BITS_MAX) {
    this.#facts = facts;
    this.#blocks = blocks;
    this.#flush = flush;
    this.#bitsMax = bitsMax;
  }

  /** Bytes that the round under way takes. */
  get bytes(): number {
    const { contents, blocks, live } = this.#round ?? {};
    return (contents?.bytes ?? 0) + (blocks?.bytes ?? 0) + (live?.byteLength ?? 0);
  }

  /** `rows`: of the whole store. */
  start(before: number, pins: Iterable<Uint8Array>, rows: number): void {
    const bits = Math.min(this.#bitsMax, 2 ** Math.ceil(Math.log2(BITS_PER_ROW * (rows + ROWS_AT_ONCE))));
    const contents = new Bloom(bits);
    for (const content of pins) contents.add(content);
    this.#round = {
      before,
      phase: 'entries',
      from: wholeTag('E')[0],
      contents,
      blocks: undefined,
      dying: [],
      bits,
      live: new Uint32Array(0),
      nextPack: 1,
    };
  }

  /** Ends the round where it stands: what it knows may be undone. */
  stop(): void {
    this.#round = undefined;
  }

  /** Somebody counts on this content from now on. */
  markContent(content: Uint8Array): void {
    if (content.length === CONTENT_BYTES) this.#round?.contents.add(content);
  }

  markBlock(id: Uint8Array): void {
    this.#round?.blocks?.add(id);
  }

  markRecords(records: Uint8Array): void {
    const blocks = this.#round?.blocks;
    if (blocks === undefined) return;
    for (let at = 0; at < records.length; at += RECORD_BYTES) blocks.add(recordId(records, at));
  }

  /** One step, inside a transaction. False: the round is through. */
  step(): boolean {
    const round = this.#round;
    if (round === undefined) return false;
    if (round.dying.length > 0) this.#bury(round);
    else if (this.#run(round)) this.#next(round);
    return this.#round !== undefined;
  }

  /** A step of the phase; true when it is through. */
  #run(round: Round): boolean {
    switch (round.phase) {
      case 'entries':
        return this.#scan(round, 'E', ({ value }) => {
          const { version } = readEntry(value);
          if (version.kind === Kind.FILE) round.contents.add(version.content);
        });
      case 'versions':
        return this.#versions(round);
      case 'contents':
        return this.#scan(round, 'C', ({ key, value }) => {
          const { recipe } = readContent(value);
          const { number, only } = recipe;
          if (round.contents.has(key.subarray(1))) {
            if (only !== undefined) this.markRecords(only);
            return;
          }
          this.#facts.remove(key);
          // Numbers are given out by what pages there are: an empty one has none, so its number may be another's.
          if (only !== undefined || recipe.blockCount === 0) return;
          this.#facts.put(arrivingKey(number), NO_BYTES);
          round.dying.push(recipe);
        });
      case 'recipes':
        return this.#scan(round, 'R', ({ value }) => this.markRecords(value.subarray(OFFSET_BYTES)));
      case 'blocks':
        return this.#scan(round, 'K', ({ key, value }) => {
          const { pack, length } = readBlock(value);
          if (!round.blocks!.has(key.subarray(1))) this.#facts.remove(key);
          else if (pack < round.live.length) round.live[pack]! += length;
        });
      case 'lost':
        return this.#scan(round, 'Q', ({ key }) => {
          const id = key.subarray(1);
          if (!round.blocks!.has(id)) this.#blocks.forgetLost(id);
        });
      case 'move': {
        // What cannot be read is lost, and there must be room for that word: its pack goes.
        this.#flush();
        const isThrough = this.#scan(round, 'K', ({ key, value }) => {
          const { pack } = readBlock(value);
          if (round.live[pack] === 0) this.#blocks.move(key.subarray(1));
        });
        this.#flush();
        return isThrough;
      }
      default: {
        const until = Math.min(round.live.length, round.nextPack + ROWS_AT_ONCE);
        for (; round.nextPack < until; round.nextPack++)
          if (round.live[round.nextPack] === 0) this.#blocks.removePack(round.nextPack);
        return round.nextPack === round.live.length;
      }
    }
  }

  #next(round: Round): void {
    const phase = PHASES[PHASES.indexOf(round.phase) + 1];
    if (phase === undefined) {
      this.#round = undefined;
      return;
    }
    round.phase = phase;
    if (phase === 'contents') {
      // What waits is not seen by a scan: from here on it is written, or marked as it comes.
      this.#flush();
      round.blocks = new Bloom(round.bits);
    }
    if (phase === 'blocks') {
      this.#flush();
      round.live = new Uint32Array(this.#blocks.nextPack);
    }
    if (phase === 'move') {
      // One pack alone would only become another one.
      const { live } = round;
      const isSparse = (bytes: number) => bytes > 0 && bytes < LIVE_BYTES_LEAST;
      const sparse = live.reduce((count, bytes) => count + Number(isSparse(bytes)), 0);
      if (sparse > 1) round.live = live.map(bytes => (isSparse(bytes) ? 0 : bytes));
    }
    round.from = wholeTag(TAGS[phase])[0];
  }

  #scan(round: Round, letter: string, take: (pair: Pair) => void): boolean {
    const rows = this.#facts.range(round.from, wholeTag(letter)[1], ROWS_AT_ONCE);
    for (const row of rows) take(row);
    if (rows.length < ROWS_AT_ONCE) return true;
    round.from = afterKey(rows[rows.length - 1]!.key);
    return false;
  }

  /** A version went when the one after it came: the next row, or the path's entry. */
  #versions(round: Round): boolean {
    const rows = this.#facts.range(round.from, wholeTag('V')[1], ROWS_AT_ONCE + 1);
    const isLast = rows.length <= ROWS_AT_ONCE;
    const dropped = new Map<FolderNumber, number>();
    /** The row before was of the same path, and is dropped. */
    let isCut = false;
    for (const [index, { key, value }] of rows.slice(0, ROWS_AT_ONCE).entries()) {
      const version = readVersion(value);
      const { folder, spot } = readVersionSpot(key);
      const next = rows[index + 1];
      const isSame =
        next !== undefined && Buffer.compare(versionSpotBytes(next.key), versionSpotBytes(key)) === 0;
      const entry = isSame ? undefined : this.#entry(folder, spot);
      const successor = entry?.version ?? readVersion(next!.value);
      if (successor.arrived >= round.before) {
        if (version.kind === Kind.FILE) round.contents.add(version.content);
        if (isCut) this.#facts.put(key, writeVersion({ ...version, isCut }));
        isCut = false;
        continue;
      }
      this.#facts.remove(key);
      // The oldest that is left of a path says so. The row behind this step's last is read again in the next.
      isCut = isSame && index + 1 < ROWS_AT_ONCE;
      if (entry !== undefined)
        this.#facts.put(
          entryKey(folder, spot),
          writeEntry({ ...entry, version: { ...successor, isCut: true } }),
        );
      else if (!isCut) this.#facts.put(next!.key, writeVersion({ ...successor, isCut: true }));
      dropped.set(folder, (dropped.get(folder) ?? 0) + 1);
      const known = knownKey(folder, spot, version.kind, version.content);
      const newest = this.#facts.get(known);
      if (newest !== undefined && readNumber(newest, 0) === version.seq) this.#facts.remove(known);
    }
    for (const [folder, count] of dropped) {
      const row = readFolder(this.#facts.get(folderKey(folder))!);
      this.#facts.put(folderKey(folder), writeFolder({ ...row, dropped: row.dropped + count }));
    }
    if (!isLast) round.from = asBuffer(rows[ROWS_AT_ONCE]!.key);
    return isLast;
  }

  #entry(folder: FolderNumber, spot: Spot): Entry {
    const entry = this.#facts.get(entryKey(folder, spot));
    if (entry === undefined) throw new Error('a version of a path that is not there');
    return readEntry(entry);
  }

  /** Some pages of the lists that go. */
  #bury(round: Round): void {
    const recipe = round.dying.pop()!;
    const pages = Math.ceil(recipe.blockCount / PAGE_RECORDS);
    const left = Math.max(0, pages - ROWS_AT_ONCE);
    for (let page = left; page < pages; page++) this.#facts.remove(pageKey(recipe.number, page));
    if (left > 0) round.dying.push({ ...recipe, blockCount: left * PAGE_RECORDS });
    else this.#facts.remove(arrivingKey(recipe.number));
  }
}

const CONTENT_BYTES = 16;
const TAGS = {
  entries: 'E',
  versions: 'V',
  contents: 'C',
  recipes: 'R',
  blocks: 'K',
  lost: 'Q',
  move: 'K',
  packs: 'K',
} as const;
