// Answers a board's pulls: parts of contents packed into `piece` frames, each item in at most as many frames as it
// has credit for. The gateway remembers nothing that matters: a Delta that was left in the middle is kept for the
// next pull of the same content, and made anew when it is not there.
//
// An item that ends early sent its content's last byte; one that does not sent just as many frames as it had credit
// for: the board counts them.

import { HEADER_BYTES_KEPT, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { type Message, type PieceItem, type PullItem, Reason } from '../../protocol/messages.ts';
import { compareBytes } from '../../protocol/path.ts';
import { Delta } from './delta.ts';
import type { HubOptions } from './ports.ts';

/** Deltas kept for a board: it pulls many small files, which end in one go, beside few large ones. 64 KiB each. */
const DELTAS_MAX = 8;

/** Parts in one frame: their items have to fit HEADER_BYTES_KEPT at up to 33 bytes each; and sixteen copies of 4 MiB
 * keep a board's flash busy for a second. */
const PARTS_MAX = 16;

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

  constructor(session: number, bytesMax: number) {
    this.#session = session;
    this.#bytesMax = bytesMax;
  }

  /** Grows with every frame: tells two parts in one frame from two in two. */
  get number(): number {
    return this.frames.length;
  }

  hasRoom(storedBytes: number): boolean {
    return this.#items.length < PARTS_MAX && this.#storedBytes + storedBytes <= this.#bytesMax;
  }

  add(item: PieceItem, stored: Uint8Array): void {
    this.#items.push(item);
    this.#stored.push(stored);
    this.#storedBytes += stored.length;
  }

  close(): void {
    if (this.#items.length === 0) return;
    const message: Message = { is: 'piece', session: this.#session, items: this.#items };
    const body = Buffer.concat(this.#stored, this.#storedBytes);
    this.frames.push({ message, body });
    this.#items = [];
    this.#stored = [];
    this.#storedBytes = 0;
  }
}

export class Pulls {
  readonly #with: HubOptions;
  /** The one used last stands last. */
  #deltas: Delta[] = [];

  constructor(options: HubOptions) {
    this.#with = options;
  }

  /** The frames for a pull; `frameBytesMax` is what both ends and the broker take. */
  answer(session: number, items: readonly PullItem[], frameBytesMax: number): Frame[] {
    const bodyBytesMax = frameBytesMax - HEADER_BYTES_KEPT;
    const filler = new Filler(session, bodyBytesMax);
    const lost: { req: number; reason: number }[] = [];
    for (const item of items) {
      const reason = this.#serve(item, filler, Math.min(RUN_BYTES_MAX, bodyBytesMax));
      if (reason !== undefined) lost.push({ req: item.req, reason });
    }
    filler.close();
    if (lost.length === 0) return filler.frames;
    return [...filler.frames, { message: { is: 'lost', session, items: lost }, body: undefined }];
  }

  /** The reason why there is no content, if so. */
  #serve(item: PullItem, filler: Filler, runBytesMax: number): number | undefined {
    const delta = this.#take(item);
    if (delta === undefined) return Reason.UNKNOWN;
    let frames = 0;
    let last = -1;
    while (!delta.isEnd) {
      const part = delta.part(runBytesMax);
      if (part === undefined) return Reason.UNREADABLE;
      const isNew = !filler.hasRoom(part.stored.length);
      if (isNew || filler.number !== last) {
        if (frames === item.credit) break;
        frames++;
      }
      if (isNew) filler.close();
      last = filler.number;
      const { stored, ...rest } = part;
      filler.add({ req: item.req, ...rest, stored: stored.length }, stored);
      delta.pass();
    }
    if (!delta.isEnd) this.#keep(delta);
    return undefined;
  }

  #take(item: PullItem): Delta | undefined {
    const index = this.#deltas.findIndex(
      delta =>
        delta.offset === item.offset &&
        compareBytes(delta.content, item.content) === 0 &&
        compareBytes(delta.base, item.base) === 0,
    );
    if (index >= 0) return this.#deltas.splice(index, 1)[0];
    const recipe = this.#with.store.content(item.content);
    return recipe && new Delta(this.#with, recipe, item.content, item.base, item.offset);
  }

  #keep(delta: Delta): void {
    this.#deltas.push(delta);
    if (this.#deltas.length > DELTAS_MAX) this.#deltas.shift();
  }
}
