// The content of one offer on its way to the gateway.
//
//   RECIPE --described, grown, true--> BLOCKS --all held--> whole
//     |  asks part after part            |  asks runs of blocks that the store lacks, if there is room for all
//     '------------ fault ---------------'   (a lie, a mismatch three times, no answer TRIES_MAX times, no room)
//
// What is asked stays in `asks` until it is answered, and counts against the board's window. An answer to nothing
// asked is late or doubled: it changes nothing. So any frame may be lost, doubled or late.
//
// The deflated run's dictionary is the content just before it, as far as the gateway holds it when it asks. The store
// drops no block of a list that arrives, so it still holds it when the answer comes.

import { sameBytes } from '../../protocol/bytes.ts';
import { DICTIONARY_BYTES_MAX, HEADER_BYTES_KEPT, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { type BlocksItem, Need, type NeedItem, type OfferItem } from '../../protocol/messages.ts';
import { recordId, recordLength } from '../../protocol/record.ts';
import { Records } from './content.ts';
import type { HubOptions } from './ports.ts';
import { GrowingRecipe } from './recipe.ts';
import { Claim, type Room } from './room.ts';
import type { View } from './view.ts';

/** Bytes that do not hash to what the recipe says, of one run. A file that changes is told by `gone`; this is not. */
const MISMATCHES_MAX = 3;

/** Askings of one thing without an answer, each after the waiting time. The board will offer again. */
const TRIES_MAX = 6;

/** Blocks in one run: as the message has it. */
const RUN_BLOCKS_MAX = 255;

/** Parts of a recipe asked for at once: 1,600 blocks each, 6.4 MiB of content. */
const PARTS_MAX = 4;

/** A fresh block in a recipe: its length in at most 3 bytes and its id. */
const FRESH_BYTES = 19;
const BLOCK_BYTES_LEAST_AIM = 2048;

/** Records that may be looked at before other events get their turn, for all uploads together: some 20 ms. */
export interface Budget {
  records: number;
}

interface Ask {
  what: number;
  ordinal: number;
  count: number;
  dictionary: number;
  /** Bytes of content, or of a recipe at most: they count against the window. */
  bytes: number;
  askedAt: number;
  tries: number;
  mismatches: number;
  /** To be sent again. */
  isDue: boolean;
}

export type Taken = 'taken' | 'unasked' | 'mismatch';

export class Upload {
  /** Path and content stay; the board may correct base, mode and time while it is under way. */
  offer: OfferItem;
  /** Bytes that came for it, as stored on the wire. */
  received = 0;
  /** Why it cannot go on; then it is to be dropped. */
  fault: string | undefined;
  outstandingBytes = 0;
  /** It could go on without an answer: it only ran out of budget. */
  isRunnable = false;

  readonly #with: HubOptions;
  readonly #runBytesMax: number;
  readonly #growing: GrowingRecipe;
  readonly #asks = new Map<number, Ask>();
  readonly #view: View;
  readonly #claim: Claim;
  #records: Records | undefined;
  #next = 0;

  /** `frameBytesMax`: what both ends and the broker take. */
  constructor(options: HubOptions, view: View, room: Room, offer: OfferItem, frameBytesMax: number) {
    this.#with = options;
    this.#view = view;
    this.#claim = new Claim(room, offer.size);
    this.#runBytesMax = Math.min(RUN_BYTES_MAX, frameBytesMax - HEADER_BYTES_KEPT);
    this.offer = offer;
    const { baseContent, path } = offer;
    const base = baseContent.length === 0 ? undefined : view.content(baseContent, path);
    this.#growing = new GrowingRecipe(options.store, base, offer.size);
    if (offer.recipe.length > 0) {
      this.received = offer.recipe.length;
      this.fault = this.#growing.take(offer.recipe, true);
    }
  }

  get recipe() {
    return this.#growing.recipe;
  }

  /** Whether the store holds all of it. */
  get isWhole(): boolean {
    return this.#records !== undefined && this.#next === this.#records.count && this.#asks.size === 0;
  }

  /** Gives up what the store keeps for it. Blocks that came stay: they may serve another try. */
  drop(): void {
    this.#growing.drop();
    this.release();
  }

  /** Nothing more will come for it. */
  release(): void {
    this.#claim.end();
  }

  takeRecipe(ordinal: number, isLast: boolean, part: Uint8Array, now: number): Taken {
    const ask = this.#asks.get(ordinal);
    if (ask === undefined || ask.what !== Need.RECIPE) return 'unasked';
    this.received += part.length;
    this.#remove(ask);
    this.fault = this.#growing.take(part, isLast);
    if (this.fault !== undefined) return 'mismatch';
    const isMore = !isLast && ask.count > 1;
    if (isMore)
      this.#add({ ...ask, ordinal: this.#growing.described, count: ask.count - 1, askedAt: now, tries: 1 });
    return 'taken';
  }

  takeBlocks(item: BlocksItem, stored: Uint8Array, now: number): Taken {
    const ask = this.#asks.get(item.ordinal);
    const isAsked =
      ask !== undefined &&
      ask.what === Need.BLOCKS &&
      ask.count === item.count &&
      ask.bytes === item.length &&
      item.dictionary <= ask.dictionary;
    if (!isAsked) return 'unasked';
    this.received += stored.length;
    if (this.#put(item, stored)) {
      this.#remove(ask);
      return 'taken';
    }
    ask.mismatches++;
    if (ask.mismatches >= MISMATCHES_MAX) this.fault = 'blocks that are not what the recipe says';
    ask.isDue = true;
    ask.askedAt = now;
    ask.dictionary = 0;
    return 'mismatch';
  }

  /** Marks what was asked so long ago that it must be lost. `heardAt`: when the board last answered a need. */
  expire(now: number, heardAt: number, waitMs: number): void {
    for (const ask of this.#asks.values()) {
      if (ask.isDue || now < expiry(ask, heardAt, waitMs)) continue;
      ask.isDue = true;
      if (ask.tries >= TRIES_MAX) this.fault = 'no answer';
    }
  }

  /** Everything that was asked for may be lost. */
  askAgain(): void {
    for (const ask of this.#asks.values()) ask.isDue = true;
  }

  nextExpiry(heardAt: number, waitMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const ask of this.#asks.values()) {
      next = Math.min(next, ask.isDue ? 0 : expiry(ask, heardAt, waitMs));
    }
    return next;
  }

  /** Goes on as far as it can: what is to be asked, within `credit` bytes for what was not asked before. */
  advance(credit: number, budget: Budget, now: number): NeedItem[] {
    const needs: NeedItem[] = [];
    for (const ask of this.#asks.values()) if (ask.isDue) needs.push(this.#ask(ask, now));
    if (this.#records === undefined) this.#describe(credit, budget, now, needs);
    const records = this.#records;
    if (records !== undefined && this.fault === undefined) {
      const lacks = (ordinal: number, id: Uint8Array) => !this.#isHeld(ordinal, id);
      const found = this.#claim.find(records, lacks, budget, now);
      if (found === 'none')
        this.fault = `no room for its ${this.offer.size} bytes on the gateway's disk (ENOSPC)`;
      else if (found === 'promised') this.#scan(records, credit, budget, now, needs);
      this.isRunnable = this.#next < records.count && budget.records <= 0;
    } else {
      this.isRunnable = this.fault === undefined && !this.#growing.isGrown;
    }
    return needs;
  }

  #describe(credit: number, budget: Budget, now: number, needs: NeedItem[]): void {
    const grown = this.#growing.grow(budget.records);
    if (typeof grown === 'string') {
      this.fault = grown;
      return;
    }
    budget.records -= grown;
    if (!this.#growing.isGrown) return;
    if (this.#growing.isDescribed) {
      this.fault = this.#growing.checkWhole(this.#with.hasher, this.offer.content);
      if (this.fault === undefined) this.#records = new Records(this.#with.store, this.#growing.recipe);
      return;
    }
    if (this.#asks.size > 0 || credit <= 0) return;
    const count = Math.max(1, Math.min(PARTS_MAX, Math.floor(credit / RUN_BYTES_MAX)));
    const whole = Math.ceil(this.offer.size / BLOCK_BYTES_LEAST_AIM) * FRESH_BYTES;
    const bytes = Math.min(count * RUN_BYTES_MAX, whole);
    const ordinal = this.#growing.described;
    const ask = this.#add({ ...newAsk(Need.RECIPE, ordinal, count, now), bytes });
    needs.push(this.#ask(ask, now));
  }

  /** Finds runs of blocks that the store lacks. */
  #scan(records: Records, credit: number, budget: Budget, now: number, needs: NeedItem[]): void {
    let left = credit;
    while (this.#next < records.count && budget.records > 0) {
      let count = 0;
      let bytes = 0;
      for (; this.#next + count < records.count && count < RUN_BLOCKS_MAX; count++) {
        budget.records--;
        const record = records.at(this.#next + count);
        const length = recordLength(record);
        const isHeld = this.#isHeld(this.#next + count, recordId(record));
        if (bytes + length > this.#runBytesMax || isHeld) break;
        bytes += length;
      }
      if (count === 0) {
        this.#next++;
        continue;
      }
      if (bytes > left) return;
      left -= bytes;
      const dictionary = this.#dictionaryBytes(records, this.#next);
      const ask = this.#add({ ...newAsk(Need.BLOCKS, this.#next, count, now), bytes, dictionary });
      needs.push(this.#ask(ask, now));
      this.#next += count;
    }
  }

  #dictionaryBytes(records: Records, ordinal: number): number {
    let bytes = 0;
    for (let before = ordinal - 1; before >= 0; before--) {
      const record = records.at(before);
      const length = recordLength(record);
      if (bytes + length > DICTIONARY_BYTES_MAX || !this.#isHeld(before, recordId(record))) break;
      bytes += length;
    }
    return bytes;
  }

  /** Whether the board need not send this block of the content. */
  #isHeld(ordinal: number, id: Uint8Array): boolean {
    if (this.#view.hasBlock(id)) return true;
    const { store } = this.#with;
    return this.#view.only !== undefined && this.#growing.isCopied(ordinal) && store.hasBlock(id);
  }

  /** Inflates a run, checks every block of it and keeps them. False: it is not what was asked for. */
  #put(item: BlocksItem, stored: Uint8Array): boolean {
    const { squeeze, store, hasher } = this.#with;
    const records = this.#records!;
    let plain: Uint8Array | undefined = stored;
    if (stored.length !== item.length) {
      const dictionary = this.#dictionary(records, item);
      plain = dictionary && squeeze.inflate(stored, dictionary, item.length);
    }
    if (plain === undefined) return false;
    const blocks: [Uint8Array, Uint8Array][] = [];
    let at = 0;
    for (let ordinal = item.ordinal; ordinal < item.ordinal + item.count; ordinal++) {
      const record = records.at(ordinal);
      const bytes = plain.subarray(at, at + recordLength(record));
      if (!sameBytes(hasher.blockId(bytes), recordId(record))) return false;
      blocks.push([recordId(record), bytes]);
      at += bytes.length;
    }
    for (const [id, bytes] of blocks) store.putBlock(id, bytes, this.#view.only);
    this.#claim.came(plain.length);
    return true;
  }

  /** The last `item.dictionary` bytes of the content before the run; undefined if the store lost them meanwhile. */
  #dictionary(records: Records, item: BlocksItem): Uint8Array | undefined {
    const dictionary = new Uint8Array(item.dictionary);
    let end = item.dictionary;
    for (let ordinal = item.ordinal - 1; end > 0; ordinal--) {
      const block = this.#with.store.block(recordId(records.at(ordinal)));
      if (block === undefined) return undefined;
      const part = block.subarray(Math.max(0, block.length - end));
      dictionary.set(part, end - part.length);
      end -= part.length;
    }
    return dictionary;
  }

  #add(ask: Ask): Ask {
    this.#asks.set(ask.ordinal, ask);
    this.outstandingBytes += ask.bytes;
    return ask;
  }

  #remove(ask: Ask): void {
    this.#asks.delete(ask.ordinal);
    this.outstandingBytes -= ask.bytes;
  }

  #ask(ask: Ask, now: number): NeedItem {
    ask.isDue = false;
    ask.askedAt = now;
    ask.tries++;
    const { what, ordinal, count, dictionary } = ask;
    return { req: this.offer.req, what, ordinal, count, dictionary };
  }
}

const newAsk = (what: number, ordinal: number, count: number, now: number): Ask => ({
  what,
  ordinal,
  count,
  dictionary: 0,
  bytes: 0,
  askedAt: now,
  tries: 0,
  mismatches: 0,
  isDue: false,
});

/** A slow link is no lost frame: while answers come, what was asked has six times as long. */
const expiry = (ask: Ask, heardAt: number, waitMs: number): number =>
  Math.min(Math.max(ask.askedAt, heardAt) + waitMs, ask.askedAt + 6 * waitMs);
