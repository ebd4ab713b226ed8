// The parts of a content, one after the other from any byte on, as copies from a base and deflated literals.
//
//   base     |=======a=======|---old---|=====b=====|
//                            ^ cursor
//   content  |=======a=======|--new--|=====b=====|
//             COPY            LITERAL COPY
//
// Blocks that both contents have are copied, as long byte ranges. A run of others is deflated with a dictionary: the
// region of the base where the change sits, which most often holds nearly the same bytes, then the content just
// before the run. So a literal costs about what a byte-exact delta would.
//
// zlib looks back 32 KiB: a byte of the run sees the byte of the base that it most likely came from at a distance of
// BASE_BYTES + BEFORE_BYTES, plus what was inserted since the run began. The 8 KiB that are left are for that.
//
// A Delta goes on from where its last part ended; one that starts in the middle finds its place by itself. It holds
// an aligner (33 KiB) and a few pages of records.

import { Aligner, type RecordList, type Step } from '../../protocol/align.ts';
import { NO_BYTES } from '../../protocol/bytes.ts';
import { COPY_BYTES_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { Piece } from '../../protocol/messages.ts';
import { smaller } from '../../protocol/shrink.ts';
import type { Recipe } from '../store/port.ts';
import { Records, readContent } from './content.ts';
import type { HubOptions } from './ports.ts';

/** Dictionary bytes from the base, and from the content before a literal. */
const BASE_BYTES = 16 * 1024;
const BEFORE_BYTES = 8 * 1024;

/** A literal over a base, so that its end still sees the base; three average blocks. */
const CHANGED_BYTES_MAX = 12 * 1024;

/** Literals sent as they are after one that did not deflate, twice as many each time: deflating what is compressed
 * already (pictures, archives) takes 1 ms a run, three quarters of a pull's time. */
const DULL_MAX = 16;

const NO_RECORDS: RecordList = { count: 0, at: () => NO_BYTES };

export interface Part {
  op: number;
  offset: number;
  length: number;
  baseOffset: number;
  /** What travels: empty for a COPY. */
  stored: Uint8Array;
  dictionaryLength: number;
  dictionary: number;
}

/** Bytes of the content up to `end` that are the base's from `baseOffset` on, or new. */
interface Span {
  is: 'copy' | 'fresh';
  end: number;
  baseOffset: number;
}

export class Delta {
  readonly content: Uint8Array;
  readonly base: Uint8Array;
  /** Where the next part begins. */
  offset: number;

  readonly #with: HubOptions;
  readonly #recipe: Recipe;
  readonly #records: Records;
  readonly #baseRecipe: Recipe | undefined;
  readonly #steps: Aligner;
  /** Where the base most likely goes on as the content does. */
  #cursor: number;
  #span: Span | undefined;
  #waiting: Part | undefined;
  /** Literals to send as they are, and how many the next one that does not deflate adds. */
  #dull = 0;
  #dullNext = 1;

  /** The base's recipe is undefined when there is none, or it is not known. */
  constructor(
    options: HubOptions,
    { recipe, content }: { recipe: Recipe; content: Uint8Array },
    { recipe: baseRecipe, content: base }: { recipe: Recipe | undefined; content: Uint8Array },
    offset: number,
  ) {
    const { store } = options;
    this.#with = options;
    this.content = content;
    this.base = base;
    this.offset = offset;
    this.#recipe = recipe;
    this.#records = new Records(store, recipe);
    const baseRecords = baseRecipe === undefined ? NO_RECORDS : new Records(store, baseRecipe);
    const ordinal = store.placeOf(recipe, offset)?.ordinal ?? recipe.blockCount;
    this.#baseRecipe = baseRecipe;
    this.#steps = new Aligner(baseRecords, this.#records, ordinal);
    this.#cursor = baseRecipe === undefined ? 0 : store.offsetOf(baseRecipe, ordinal);
  }

  get isEnd(): boolean {
    return this.offset >= this.#recipe.size;
  }

  /**
   * The next part, at most `bytesMax` bytes of it if it is a literal; the same one again until `pass`. Undefined
   * when the store lacks a block.
   */
  part(bytesMax: number): Part | undefined {
    this.#waiting ??= this.#make(bytesMax);
    return this.#waiting;
  }

  /** The part was sent. */
  pass(): void {
    const { op, length } = this.#waiting!;
    this.offset += length;
    const span = this.#span!;
    span.baseOffset += length;
    const baseSize = this.#baseRecipe?.size ?? 0;
    this.#cursor = op === Piece.COPY ? span.baseOffset : Math.min(baseSize, this.#cursor + length);
    if (this.offset === span.end) this.#span = undefined;
    this.#waiting = undefined;
  }

  #make(bytesMax: number): Part | undefined {
    this.#span = this.#spread(this.#span);
    const { is, end, baseOffset } = this.#span;
    if (is === 'fresh') return this.#literal(Math.min(bytesMax, end - this.offset));
    const length = Math.min(COPY_BYTES_MAX, end - this.offset);
    return {
      op: Piece.COPY,
      offset: this.offset,
      length,
      baseOffset,
      stored: NO_BYTES,
      dictionaryLength: 0,
      dictionary: 0,
    };
  }

  /** The span at the offset, made longer by the steps that continue it, as far as one part can use. */
  #spread(span: Span | undefined): Span {
    let spread = span;
    for (;;) {
      const step = this.#steps.peek();
      if (spread !== undefined) {
        if (step === undefined || step.is !== spread.is) return spread;
        const most = spread.is === 'copy' ? COPY_BYTES_MAX : RUN_BYTES_MAX;
        if (spread.end - this.offset >= most) return spread;
      }
      const next = this.#open(step!);
      if (spread === undefined) spread = next;
      else if (this.#continues(spread, next)) spread.end = next.end;
      else return spread;
      this.#steps.next();
    }
  }

  #open(step: Step): Span {
    const { store } = this.#with;
    const start = store.offsetOf(this.#recipe, step.ordinal);
    const end = store.offsetOf(this.#recipe, step.ordinal + step.count);
    if (step.is === 'fresh') return { is: 'fresh', end, baseOffset: 0 };
    // One that is started in the middle of a block copies the rest of it.
    const baseOffset = store.offsetOf(this.#baseRecipe!, step.base) + Math.max(0, this.offset - start);
    return { is: 'copy', end, baseOffset };
  }

  #continues(span: Span, next: Span): boolean {
    return span.is === 'fresh' || next.baseOffset === span.baseOffset + (span.end - this.offset);
  }

  #literal(bytesMax: number): Part | undefined {
    const { store, squeeze } = this.#with;
    const base = this.#baseRecipe;
    const isChange = base !== undefined && base.size > 0;
    const length = isChange ? Math.min(bytesMax, CHANGED_BYTES_MAX) : bytesMax;
    const before = Math.min(this.offset, BEFORE_BYTES);
    const bytes = readContent(store, this.#recipe, this.offset - before, before + length);
    const baseOffset = isChange ? Math.max(0, Math.min(this.#cursor, base.size - BASE_BYTES)) : 0;
    if (bytes === undefined) return undefined;
    const region = isChange
      ? (readContent(store, base, baseOffset, Math.min(BASE_BYTES, base.size - baseOffset)) ?? NO_BYTES)
      : NO_BYTES;

    const plain = bytes.subarray(before);
    const literal = { op: Piece.LITERAL, offset: this.offset, length };
    const asItIs = { ...literal, baseOffset: 0, stored: plain, dictionaryLength: 0, dictionary: 0 };
    if (!isChange && this.#dull > 0) {
      this.#dull--;
      return asItIs;
    }
    const deflated = squeeze.deflate(plain, Buffer.concat([region, bytes.subarray(0, before)]));
    if (smaller(plain, deflated) === plain) {
      this.#dull = this.#dullNext;
      this.#dullNext = Math.min(DULL_MAX, 2 * this.#dullNext);
      return asItIs;
    }
    this.#dullNext = 1;
    return { ...literal, baseOffset, stored: deflated, dictionaryLength: region.length, dictionary: before };
  }
}
