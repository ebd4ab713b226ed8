// Answers a board's pulls: parts of contents packed into `piece` frames, each item in at most as many frames as it
// has credit for. The gateway remembers nothing that matters: a Delta that was left in the middle is kept for the
// next pull of the same content, and made anew when it is not there.
//
// An item that ends early sent its content's last byte; one that does not sent just as many frames as it had credit
// for: the board counts them.

import { NO_BYTES, sameBytes } from '../../protocol/bytes.ts';
import { BLOCK_BYTES_MIN, HEADER_BYTES_KEPT, ITEMS_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { type Message, Piece, type PieceItem, type PullItem, Reason } from '../../protocol/messages.ts';
import { smaller } from '../../protocol/shrink.ts';
import { readContent } from './content.ts';
import { Delta } from './delta.ts';
import { HEAD_BYTES, itemBytes } from './fill.ts';
import type { HubOptions } from './ports.ts';
import type { View } from './view.ts';

/** Deltas kept for a board: it pulls many small files, which end in one go, beside few large ones. 64 KiB each. */
const DELTAS_MAX = 8;

/** Copies in one frame: sixteen of 4 MiB keep a board's flash busy for a second. */
const COPIES_MAX = 16;

/** Bytes that the literals of one frame inflate to: a slow board is busy with them for a tenth of a second. */
const LITERAL_BYTES_MAX = 16 * RUN_BYTES_MAX;

/** A content this small goes as one part without a Delta: it is one block. */
const SMALL_BYTES_MAX = BLOCK_BYTES_MIN;

/** One below is not worth deflating: some 40 microseconds, for a dozen bytes. */
const DEFLATE_BYTES_LEAST = 192;

const SERVED = -1;

export interface Frame {
  message: Message;
  body: Uint8Array | undefined;
}

/** The frames under construction for one pull message. */
class Filler {
  readonly frames: Frame[] = [];
  readonly #session: number;
  readonly #bytesMax: number;
  #items: PieceItem[] = [];
  #stored: Uint8Array[] = [];
  #storedBytes = 0;
  #headerBytes = HEAD_BYTES;
  #copies = 0;
  #literalBytes = 0;

  constructor(session: number, bytesMax: number) {
    this.#session = session;
    this.#bytesMax = bytesMax;
  }

  /** Grows with every frame: tells two parts in one frame from two in two. */
  get number(): number {
    return this.frames.length;
  }

  hasRoom(item: PieceItem): boolean {
    const isCopy = item.op === Piece.COPY;
    if (isCopy ? this.#copies === COPIES_MAX : this.#literalBytes + item.length > LITERAL_BYTES_MAX)
      return false;
    if (this.#items.length === ITEMS_MAX) return false;
    return this.#headerBytes + itemBytes(item) + this.#storedBytes + item.stored <= this.#bytesMax;
  }

  add(item: PieceItem, stored: Uint8Array): void {
    this.#items.push(item);
    this.#stored.push(stored);
    this.#storedBytes += stored.length;
    this.#headerBytes += itemBytes(item);
    if (item.op === Piece.COPY) this.#copies++;
    else this.#literalBytes += item.length;
  }

  close(): void {
    if (this.#items.length === 0) return;
    const message: Message = { is: 'piece', session: this.#session, items: this.#items };
    const body = Buffer.concat(this.#stored, this.#storedBytes);
    this.frames.push({ message, body });
    this.#items = [];
    this.#stored = [];
    this.#storedBytes = 0;
    this.#headerBytes = HEAD_BYTES;
    this.#copies = 0;
    this.#literalBytes = 0;
  }
}

export class Pulls {
  readonly #with: HubOptions;
  readonly #view: View;
  /** The one used last stands last. */
  #deltas: Delta[] = [];

  constructor(options: HubOptions, view: View) {
    this.#with = options;
    this.#view = view;
  }

  /** Contents that the deltas kept are made of. */
  *pins(): Generator<Uint8Array> {
    for (const { content, base } of this.#deltas) {
      yield content;
      if (base.length > 0) yield base;
    }
  }

  /** The frames for a pull; `frameBytesMax` is what both ends and the broker take. */
  answer(session: number, items: readonly PullItem[], frameBytesMax: number): Frame[] {
    const filler = new Filler(session, frameBytesMax);
    const runBytesMax = Math.min(RUN_BYTES_MAX, frameBytesMax - HEADER_BYTES_KEPT);
    const lost: { req: number; reason: number }[] = [];
    for (const item of items) {
      const reason = this.#serveSmall(item, filler) ?? this.#serve(item, filler, runBytesMax);
      if (reason !== SERVED) lost.push({ req: item.req, reason });
    }
    filler.close();
    if (lost.length === 0) return filler.frames;
    return [...filler.frames, { message: { is: 'lost', session, items: lost }, body: undefined }];
  }

  /** SERVED, or the reason why not; undefined when it is not small, or has a base that may spare most of it. */
  #serveSmall({ req, content, base, offset }: PullItem, filler: Filler): number | undefined {
    if (base.length > 0 || offset > 0) return undefined;
    const { store, squeeze } = this.#with;
    const recipe = this.#view.content(content);
    if (recipe === undefined || recipe.size === 0 || recipe.size > SMALL_BYTES_MAX) return undefined;
    const bytes = readContent(store, recipe, 0, recipe.size);
    if (bytes === undefined) return Reason.UNREADABLE;
    const { length } = bytes;
    const stored = length < DEFLATE_BYTES_LEAST ? bytes : smaller(bytes, squeeze.deflate(bytes, NO_BYTES));
    const part = { op: Piece.LITERAL, offset: 0, length, baseOffset: 0, dictionaryLength: 0, dictionary: 0 };
    const item = { req, ...part, stored: stored.length };
    if (!filler.hasRoom(item)) filler.close();
    filler.add(item, stored);
    return SERVED;
  }

  /** SERVED, or the reason why there is no content. */
  #serve(item: PullItem, filler: Filler, runBytesMax: number): number {
    const delta = this.#take(item);
    if (delta === undefined) return Reason.UNKNOWN;
    let frames = 0;
    let last = -1;
    while (!delta.isEnd) {
      const part = delta.part(runBytesMax);
      if (part === undefined) return Reason.UNREADABLE;
      const { stored, ...rest } = part;
      const told = { req: item.req, ...rest, stored: stored.length };
      const isNew = !filler.hasRoom(told);
      if (isNew || filler.number !== last) {
        if (frames === item.credit) break;
        frames++;
      }
      if (isNew) filler.close();
      last = filler.number;
      filler.add(told, stored);
      delta.pass();
    }
    if (!delta.isEnd) this.#keep(delta);
    return SERVED;
  }

  #take(item: PullItem): Delta | undefined {
    const index = this.#deltas.findIndex(
      delta =>
        delta.offset === item.offset &&
        sameBytes(delta.content, item.content) &&
        sameBytes(delta.base, item.base),
    );
    if (index >= 0) return this.#deltas.splice(index, 1)[0];
    const { content, base, offset } = item;
    const recipe = this.#view.content(content);
    if (recipe === undefined) return undefined;
    const baseRecipe = base.length === 0 ? undefined : this.#view.content(base);
    return new Delta(this.#with, { recipe, content }, { recipe: baseRecipe, content: base }, offset);
  }

  #keep(delta: Delta): void {
    this.#deltas.push(delta);
    if (this.#deltas.length > DELTAS_MAX) this.#deltas.shift();
  }
}
