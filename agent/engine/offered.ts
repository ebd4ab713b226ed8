// The offers under way, by number and by place. An offer is made from an observation, and keeps it: the verdict is
// about that, whatever stands on the disk by then.

import { Kind } from '../../protocol/messages.ts';
import {
  type Entry,
  type EntryId,
  type Local,
  looksLike,
  NO_CONTENT,
  statOf,
  type Version,
} from './entry.ts';
import { nameOfPlace, type Place } from './keys.ts';
import type { Path } from './ports.ts';

/** Offers under way whose content is asked for; each is some 500 bytes of heap. */
export const OFFERS_MAX = 64;
/** Offers under way in all: those that went whole keep the link and the gateway busy while one group is committed,
 * one is on its way and one is read. */
export const OFFERS_ALL_MAX = 640;

export interface Offer {
  req: number;
  place: Place;
  path: Path;
  /** What is offered; its seq is the base's until the gateway gives its own. */
  facts: Version;
  /** As `content` travels: a content id, a symlink's target, or nothing. */
  content: Uint8Array;
  /** The observation that the offer was made from, undefined for a deletion. */
  local: Local | undefined;
  single: Uint8Array;
  baseContent: Uint8Array;
  baseList: EntryId;
  heardAt: number;
  /** Bytes that travelled, and bytes of content that they stand for. */
  bytesSent: number;
  bytesServed: number;
  /** Runs that are sent as they are, since the last ones did not deflate. */
  denseRuns: number;
  isConflict: boolean;
  /** Its content went with it, and `local` is in no catalog yet. */
  isWhole: boolean;
}

export type Opening = Pick<Offer, 'place' | 'path' | 'local' | 'content' | 'single' | 'isWhole'> & {
  entry: Entry;
  /** The seq of the base, 0 for none. */
  base: number;
  now: number;
};

export class Offered {
  private readonly byReq = new Map<number, Offer>();
  private readonly byPlace = new Map<string, Offer>();
  /** Those whose content went with them. */
  wholeCount = 0;
  private lastReq = 0;

  get count(): number {
    return this.byReq.size;
  }

  /** Those whose content may be asked for. */
  get askedCount(): number {
    return this.byReq.size - this.wholeCount;
  }

  /** Offers that may still be made, if their content goes with them. */
  get room(): number {
    return OFFERS_ALL_MAX - this.byReq.size;
  }

  /** The content of no other offer may be asked for. */
  get isAskedFull(): boolean {
    return this.askedCount >= OFFERS_MAX;
  }

  /** No offer may be made whose content is to be asked for. */
  get isFull(): boolean {
    return this.room <= 0 || this.isAskedFull;
  }

  all(): Iterable<Offer> {
    return this.byReq.values();
  }

  get(req: number): Offer | undefined {
    return this.byReq.get(req);
  }

  at(place: Place): Offer | undefined {
    return this.byPlace.get(nameOfPlace(place));
  }

  open({ place, path, entry, base, local, content, single, isWhole, now }: Opening): Offer {
    const { synced } = entry;
    const kind = local?.kind ?? Kind.ABSENT;
    const facts: Version = {
      kind,
      mode: kind === Kind.SYMLINK || local === undefined ? 0 : local.mode,
      size: local?.size ?? 0,
      mtime: kind === Kind.DIRECTORY || local === undefined ? 0 : local.mtime,
      content: local?.content ?? NO_CONTENT,
      seq: base,
      list: local?.list ?? 0,
    };
    const isEdit = kind === Kind.FILE && synced?.kind === Kind.FILE && synced.list !== 0;
    const offer: Offer = {
      req: ++this.lastReq,
      place,
      path,
      facts,
      content,
      local,
      single,
      baseContent: isEdit ? synced.content : NO_CONTENT,
      baseList: isEdit ? synced.list : 0,
      heardAt: now,
      bytesSent: 0,
      bytesServed: 0,
      denseRuns: 0,
      isConflict: false,
      isWhole,
    };
    this.byReq.set(offer.req, offer);
    this.byPlace.set(nameOfPlace(place), offer);
    if (isWhole) this.wholeCount++;
    return offer;
  }

  /** From now on its content may be asked for. */
  unwhole(offer: Offer): void {
    offer.isWhole = false;
    this.wholeCount--;
  }

  drop(offer: Offer): void {
    if (!this.byReq.delete(offer.req)) return;
    this.byPlace.delete(nameOfPlace(offer.place));
    if (offer.isWhole) this.wholeCount--;
  }
}

/** The entry with what was read for an offer that went whole, if that is what still stands there. */
export function withRead(entry: Entry, { isWhole, local }: Offer): Entry {
  const isUnread = isWhole && local !== undefined && entry.local?.content === undefined;
  const isIt = isUnread && entry.local !== undefined && looksLike(entry.local, statOf(local));
  return isIt ? { ...entry, local } : entry;
}
