// Offers on their way into one frame: small files are read one after the other, and their offers share a frame as long
// as the next one is not far.

import { RECIPE_INLINE_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, type OfferItem } from '../../protocol/messages.ts';
import type { Core } from './core.ts';
import { NO_CONTENT } from './entry.ts';
import type { Offer } from './offered.ts';
import { writeRecipe } from './recipes.ts';

/** Offers are gathered for this long while more files are being read. */
const GATHER_MS = 10;
/** Bytes of an offer's item besides its path, content and recipe, at most. */
const ITEM_BYTES = 96;

export class Batch {
  private readonly core: Core;
  private readonly items: OfferItem[] = [];
  private bytes = 0;
  private since = 0;
  private readonly scratch = new Uint8Array(RECIPE_INLINE_BYTES_MAX);

  constructor(core: Core) {
    this.core = core;
  }

  /** Puts the offer in, after sending what it does not fit beside. */
  add(offer: Offer): void {
    const { facts } = offer;
    const isKnownContent = facts.kind !== Kind.FILE || facts.size === 0;
    const recipe = isKnownContent ? NO_CONTENT : writeRecipe(this.core, offer, this.scratch);
    const bytes = ITEM_BYTES + offer.path.length + offer.content.length + recipe.length;
    if (this.bytes + bytes > this.core.frameBytesMax - ITEM_BYTES) this.flush();
    if (this.items.length === 0) this.since = this.core.now;
    this.bytes += bytes;
    const { kind, mode, size, mtime, seq } = facts;
    const { req, path, content, baseContent } = offer;
    this.items.push({ req, path, kind, mode, size, mtime, content, base: seq, baseContent, recipe });
  }

  /** Sends it, or waits a moment where more is `isComing`. */
  flushInTime(isComing: boolean): void {
    if (this.items.length === 0) return;
    const due = this.since + GATHER_MS;
    if (!isComing || this.core.now >= due) this.flush();
    else this.core.wake(due);
  }

  flush(): void {
    if (this.items.length === 0) return;
    const items = this.items.splice(0);
    this.bytes = 0;
    const message = { is: 'offer', session: this.core.options.session, items } as const;
    this.core.emit({ do: 'send', message, body: undefined });
  }

  /** What is in it is not sent. */
  drop(): void {
    this.items.length = 0;
    this.bytes = 0;
  }
}
