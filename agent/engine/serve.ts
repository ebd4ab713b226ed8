// Answers what the gateway needs of an offer: parts of its recipe, runs of its blocks. One need at a time; file
// bytes go from the arena's run buffer, deflated, into a frame cell, and several small runs share a frame.
//
//   queue (at most NEEDS_MAX) -> read into run buffer -> check ids -> deflate -> frame cell -> send
//                                                                                 '-- none free: rest until `sent`
//
// Every block is hashed again before it leaves: one that changed since the offer is answered with `gone`, never with
// bytes of another version.

import { Aligner } from '../../protocol/align.ts';
import { sameBytes } from '../../protocol/bytes.ts';
import { DICTIONARY_BYTES_MAX, HEADER_BYTES_KEPT, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { type BlocksItem, Kind, type Message, Need, type NeedItem, Reason } from '../../protocol/messages.ts';
import { recordId, recordLength } from '../../protocol/record.ts';
import { smaller } from '../../protocol/shrink.ts';
import type { FrameCell } from '../arena/arena.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import type { EntryId } from './entry.ts';
import type { Offer } from './offered.ts';
import type { Offers } from './offers.ts';
import type { Event } from './ports.ts';
import { listsOf, writePart } from './recipes.ts';

/** Needs that may wait. The gateway keeps to its window; what is over is dropped, and it asks again. */
const NEEDS_MAX = 256;
/** Runs in one frame: their items have to fit HEADER_BYTES_KEPT. */
const RUNS_MAX = 28;

/** A run of this size that keeps this share of its bytes is of a content that does not deflate. */
const DENSE_BYTES = 8 * 1024;
const DENSE_SHARE = 0.97;
const DENSE_RUNS = 15;

interface Run {
  need: NeedItem;
  offer: Offer;
  /** Bytes of the blocks, and of the content before them that serve as dictionary. */
  length: number;
  dictionary: number;
}

export class Serve {
  private readonly core: Core;
  private readonly offers: Offers;
  private readonly queue: NeedItem[] = [];
  private readonly gauge: Gauge;
  private run: Run | undefined;
  private cell: FrameCell | undefined;
  private filled = 0;
  private items: BlocksItem[] = [];
  // The aligner of the last recipe part, which the next part nearly always goes on from.
  private aligner: Aligner | undefined;
  private alignedReq = 0;

  constructor(core: Core, offers: Offers) {
    this.core = core;
    this.offers = offers;
    this.gauge = core.gauge('needs', NEEDS_MAX, 'drops', () => this.queue.length);
  }

  get isBusy(): boolean {
    return this.queue.length > 0 || this.run !== undefined;
  }

  reset(): void {
    this.queue.length = 0;
    this.aligner = undefined;
    this.dropFrame();
  }

  /** Block lists of what is being read, whatever became of its offer. */
  listsInUse(): EntryId[] {
    return this.run === undefined ? [] : [this.run.offer.facts.list, this.run.offer.baseList];
  }

  onNeed(items: readonly NeedItem[]): void {
    for (const item of items) {
      if (this.queue.length < NEEDS_MAX) this.queue.push(item);
      else this.gauge.met();
    }
    this.gauge.grew();
  }

  pump(): void {
    while (this.run === undefined && this.core.isLive && !this.core.isPaused) {
      const need = this.queue[0];
      if (need === undefined) break;
      const offer = this.current(need.req);
      if (offer === undefined) {
        this.queue.shift();
        continue;
      }
      offer.heardAt = this.core.now;
      if (need.what === Need.RECIPE ? !this.serveRecipe(need, offer) : !this.startRun(need, offer)) return;
    }
    if (this.run === undefined && this.queue.length === 0) this.sendFrame();
  }

  // Whatever is recorded of the place by now: a log that grows without end still begins with what was offered. What is
  // read proves itself, block by block, and what does not ends the offer.
  private current(req: number): Offer | undefined {
    const offer = this.offers.get(req);
    if (offer?.facts.kind === Kind.FILE) return offer;
    this.gone(req, Reason.UNKNOWN);
    return undefined;
  }

  private gone(req: number, reason: number): void {
    const message: Message = { is: 'gone', session: this.core.options.session, items: [{ req, reason }] };
    this.core.emit({ do: 'send', message, body: undefined });
  }

  /** False: rests until a frame cell is free. */
  private serveRecipe(need: NeedItem, offer: Offer): boolean {
    this.sendFrame();
    const cell = this.core.arena.takeFrame();
    if (cell === undefined) return false;
    const { target, base } = listsOf(this.core, offer);
    if (need.ordinal > target.count) return this.refuse(need, cell);
    if (
      this.aligner === undefined ||
      this.alignedReq !== need.req ||
      this.next(target.count) !== need.ordinal
    ) {
      this.aligner = new Aligner(base, target, need.ordinal);
      this.alignedReq = need.req;
    }
    const part = writePart(this.aligner, target, this.bodyOf(cell));
    const body = { handle: cell.handle, offset: HEADER_BYTES_KEPT, length: part.bytes };
    const { session } = this.core.options;
    const isLast = part.isLast ? 1 : 0;
    const message: Message = { is: 'recipe', session, req: need.req, ordinal: need.ordinal, isLast };
    this.core.emit({ do: 'send', message, body });
    offer.bytesSent += part.bytes;
    this.queue.shift();
    if (!part.isLast && need.count > 1)
      this.queue.unshift({ ...need, ordinal: part.next, count: need.count - 1 });
    return true;
  }

  private next(end: number): number {
    return this.aligner?.peek()?.ordinal ?? end;
  }

  private refuse(need: NeedItem, cell: FrameCell): boolean {
    this.core.arena.releaseFrame(cell.handle);
    this.queue.shift();
    this.gone(need.req, Reason.UNKNOWN);
    return true;
  }

  private bodyOf(cell: FrameCell): Uint8Array {
    return cell.bytes.subarray(HEADER_BYTES_KEPT, Math.min(this.core.frameBytesMax, cell.bytes.length));
  }

  /** False: the run is being read, or rests until a frame cell is free. */
  private startRun(need: NeedItem, offer: Offer): boolean {
    const { target } = listsOf(this.core, offer);
    const isInside = need.count > 0 && need.ordinal + need.count <= target.count;
    const offset = isInside ? target.offsetOf(need.ordinal) : 0;
    let length = 0;
    for (let at = 0; isInside && at < need.count; at++) length += recordLength(target.at(need.ordinal + at));
    const isFair =
      length <= RUN_BYTES_MAX && need.dictionary <= DICTIONARY_BYTES_MAX && need.dictionary <= offset;
    if (!isInside || !isFair) {
      this.queue.shift();
      this.gone(need.req, Reason.UNKNOWN);
      return true;
    }
    if (!this.hasRoom(length)) return false;
    this.queue.shift();
    this.run = { need, offer, length, dictionary: need.dictionary };
    this.core.emit({
      do: 'read',
      path: offer.path,
      offset: offset - need.dictionary,
      length: need.dictionary + length,
    });
    return false;
  }

  /** Makes sure that the frame at hand takes `length` bytes, sending it first if it does not. */
  private hasRoom(length: number): boolean {
    if (this.cell !== undefined) {
      const isFull = this.items.length >= RUNS_MAX || this.filled + length > this.bodyOf(this.cell).length;
      if (!isFull) return true;
      this.sendFrame();
    }
    this.cell = this.core.arena.takeFrame();
    return this.cell !== undefined;
  }

  onRead(event: Extract<Event, { is: 'read' }>): void {
    const run = this.run;
    this.run = undefined;
    if (run === undefined || this.cell === undefined) return;
    const { need, offer } = run;
    const isWhole = event.trouble === undefined && event.bytes === run.dictionary + run.length;
    if (!isWhole || !this.isTrue(run)) {
      this.gone(need.req, event.trouble === undefined ? Reason.CHANGED : Reason.UNREADABLE);
      this.offers.doubt(offer, event.trouble?.code);
      return;
    }
    const bytes = this.core.arena.run;
    const plain = bytes.subarray(run.dictionary, run.dictionary + run.length);
    const stored = this.deflate(offer, plain, bytes.subarray(0, run.dictionary));
    this.bodyOf(this.cell).set(stored, this.filled);
    this.filled += stored.length;
    offer.bytesSent += stored.length;
    offer.bytesServed += plain.length;
    const { req, ordinal, count } = need;
    const { length, dictionary } = run;
    this.items.push({ req, ordinal, count, length, stored: stored.length, dictionary });
  }

  // Pictures and archives do not deflate: after a run that did not, DENSE_RUNS are not even tried.
  private deflate(offer: Offer, plain: Uint8Array, dictionary: Uint8Array): Uint8Array {
    if (offer.denseRuns > 0) {
      offer.denseRuns--;
      return plain;
    }
    const deflated = this.core.squeeze.deflate(plain, dictionary);
    if (plain.length >= DENSE_BYTES && deflated.length > plain.length * DENSE_SHARE)
      offer.denseRuns = DENSE_RUNS;
    return smaller(plain, deflated);
  }

  private isTrue(run: Run): boolean {
    const { target } = listsOf(this.core, run.offer);
    let at = run.dictionary;
    for (let ordinal = run.need.ordinal; ordinal < run.need.ordinal + run.need.count; ordinal++) {
      const record = target.at(ordinal);
      const length = recordLength(record);
      const id = recordId(record).slice();
      if (!sameBytes(this.core.arena.blockId(this.core.arena.run.subarray(at, at + length)), id))
        return false;
      at += length;
    }
    return true;
  }

  private sendFrame(): void {
    if (this.cell === undefined) return;
    if (this.items.length === 0) {
      this.dropFrame();
      return;
    }
    const body = { handle: this.cell.handle, offset: HEADER_BYTES_KEPT, length: this.filled };
    const message: Message = { is: 'blocks', session: this.core.options.session, items: this.items };
    this.core.emit({ do: 'send', message, body });
    this.cell = undefined;
    this.filled = 0;
    this.items = [];
  }

  private dropFrame(): void {
    if (this.cell !== undefined) this.core.arena.releaseFrame(this.cell.handle);
    this.cell = undefined;
    this.filled = 0;
    this.items = [];
  }
}
