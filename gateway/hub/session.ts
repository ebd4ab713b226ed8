// A board that said hello: what it told about itself, what is under way for it, and what is to be sent to it when
// the event at hand is done.
//
// Bounds: UPLOADS_MAX uploads; needs within the board's window; what is to be sent is at most what the event asked for.

import { RUN_BYTES_MAX } from '../../protocol/limits.ts';
import {
  type DoneItem,
  type Message,
  type MessageNamed,
  type NeedItem,
  Verdict,
} from '../../protocol/messages.ts';
import type { Folder, FolderNumber, Store } from '../store/port.ts';
import { splitItems } from './fill.ts';
import type { BoardCounters, HubEffect, HubOptions } from './ports.ts';
import { Pulls } from './pull.ts';
import type { Upload } from './upload.ts';
import { View } from './view.ts';

/** Offers whose content is under way, for one board. Each holds its offer, 8 KiB at most, and its asks. */
export const UPLOADS_MAX = 256;

/** Verdicts that are remembered, to be told again. More than a board's offers under way, and what may be late. */
const ANSWERED_MAX = 1024;

/** A head that the board did not settle is told again after this, then twice as late each time, up to the most. */
const REPEAT_MS = 10_000;
const REPEAT_MS_MOST = 300_000;

export class Session {
  readonly board: string;
  readonly number: number;
  readonly share: string;
  readonly folder: FolderNumber;
  /** What both ends and the broker take. */
  readonly frameBytesMax: number;
  readonly counters: BoardCounters;
  /** Bytes of content that may be asked for at once. */
  readonly windowBytes: number;
  readonly #store: Store;
  readonly view: View;
  pulls: Pulls;
  readonly uploads = new Map<number, Upload>();
  /** When anything was heard of it, and when an answer to a need. */
  seenAt: number;
  answeredAt: number;
  position: number;

  readonly #dones: DoneItem[] = [];
  readonly #needs: NeedItem[] = [];
  readonly #frames: { message: Message; body: Uint8Array | undefined }[] = [];
  /** Content that was asked for. */
  readonly #served: { message: Message; body: Uint8Array | undefined }[] = [];
  #head: number | undefined;
  /** Offers that were answered, by number. What is older than all of them was answered too. */
  readonly #answered = new Map<number, DoneItem>();
  #answeredUpTo = 0;
  #repeatAt = Number.POSITIVE_INFINITY;
  #repeatMs = REPEAT_MS;

  constructor(
    options: HubOptions,
    board: string,
    hello: MessageNamed<'hello'>,
    folder: Folder,
    counters: BoardCounters,
    now: number,
  ) {
    this.board = board;
    this.number = hello.session;
    this.share = folder.share;
    this.folder = folder.number;
    this.frameBytesMax = Math.min(hello.frameBytesMax, options.frameBytesMax);
    this.counters = counters;
    this.#store = options.store;
    this.view = new View(options, folder.number);
    this.pulls = new Pulls(options, this.view);
    this.seenAt = now;
    this.answeredAt = now;
    this.position = hello.position;
    this.windowBytes = windowBytes(hello.window);
  }

  /** Whether this hello says nothing new. */
  isThatOf(hello: MessageNamed<'hello'>): boolean {
    const { session, share, frameBytesMax, window } = hello;
    return (
      session === this.number &&
      share === this.share &&
      frameBytesMax >= this.frameBytesMax &&
      windowBytes(window) === this.windowBytes
    );
  }

  /** Bytes of content that may still be asked for. */
  get credit(): number {
    let outstanding = 0;
    for (const upload of this.uploads.values()) outstanding += upload.outstandingBytes;
    return this.windowBytes - outstanding;
  }

  send(message: Message, body?: Uint8Array): void {
    this.#frames.push({ message, body });
  }

  serve(message: Message, body: Uint8Array | undefined): void {
    this.#served.push({ message, body });
  }

  done(item: DoneItem): void {
    this.#dones.push(item);
    this.#answered.set(item.req, item);
    if (this.#answered.size <= ANSWERED_MAX) return;
    const [oldest] = this.#answered.keys();
    this.#answered.delete(oldest as number);
    this.#answeredUpTo = Math.max(this.#answeredUpTo, oldest as number);
  }

  /**
   * Whether an offer was answered before: it is late or doubled, or its answer was lost, and is told again. Taken
   * anew it might bring back what was deleted since. What became of one that is older than all that are remembered is
   * not known, nor whether it ever came: BUSY, for a board that still waits for its answer would wait for ever. It
   * offers what it has by then, under another number.
   */
  hasAnswered(req: number): boolean {
    const item = this.#answered.get(req);
    const isForgotten = item === undefined && req <= this.#answeredUpTo && !this.uploads.has(req);
    if (item !== undefined) this.#dones.push(item);
    if (isForgotten) this.#dones.push({ req, verdict: Verdict.BUSY, seq: 0 });
    return item !== undefined || isForgotten;
  }

  need(items: readonly NeedItem[]): void {
    this.#needs.push(...items);
  }

  head(head: number, now: number): void {
    this.#head = head;
    this.#repeatMs = REPEAT_MS;
    this.#repeatAt = now + REPEAT_MS;
  }

  /** Tells the head again while the board has not settled it: the word of it, or of that, may be lost. */
  repeatHead(head: number, now: number): void {
    if (this.position >= head) this.#repeatAt = Number.POSITIVE_INFINITY;
    if (now < this.#repeatAt) return;
    this.#head = head;
    this.#repeatAt = now + this.#repeatMs;
    this.#repeatMs = Math.min(2 * this.#repeatMs, REPEAT_MS_MOST);
  }

  /** When repeatHead() is due. */
  get repeatAt(): number {
    return this.#repeatAt;
  }

  /** What is to be sent and promises nothing: what is asked of the board, and content, which it checks by its id.
   * Should the transaction fail, its uploads are dropped: answers to what was asked are then unasked for. */
  *early(): Generator<HubEffect> {
    for (const { message, body } of this.#served.splice(0)) yield this.#sending(message, body);
    for (const items of splitItems(this.#needs.splice(0), this.frameBytesMax)) {
      yield this.#sending({ is: 'need', session: this.number, items });
    }
  }

  /** What there is to send. `done` goes before `head`: a board that is told its own seq first need not ask for it. */
  *drain(): Generator<HubEffect> {
    const { number: session } = this;
    for (const { message, body } of this.#frames.splice(0)) yield this.#sending(message, body);
    for (const items of splitItems(this.#dones.splice(0), this.frameBytesMax)) {
      const newest = items.reduce((most, { seq }) => Math.max(most, seq), 0);
      const term = this.#store.termOf(this.folder, newest);
      yield this.#sending({ is: 'done', session, items, term });
    }
    yield* this.early();
    if (this.#head === undefined) return;
    yield this.#sending({ is: 'head', session, head: this.#head });
    this.#head = undefined;
  }

  #sending(message: Message, body?: Uint8Array): HubEffect {
    return { do: 'send', board: this.board, message, body };
  }

  /** Forgets what was to be sent, which was never made durable, and what was read beside it. */
  discard(options: HubOptions): void {
    for (const { req } of this.#dones) this.#answered.delete(req);
    this.pulls = new Pulls(options, this.view);
    this.#frames.length = 0;
    this.#served.length = 0;
    this.#dones.length = 0;
    this.#needs.length = 0;
    this.#head = undefined;
  }
}

/** A frame is one run at most; a board that wants none would never get anything up. */
const windowBytes = (frames: number): number => Math.max(1, frames) * RUN_BYTES_MAX;
