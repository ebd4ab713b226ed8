// Offers and their uploads: verdicts, needs, commits.
//
//   offer --check, rule--> verdict .............................................. done
//                 '------> content known ---------------------------> commit ---> done
//                 '------> Upload -- needs, recipe, blocks --> whole -> commit -> done
//                              '-- gone, or a later offer for the path: dropped
//                              '-- a fault, no room: done BUSY, the board offers again
//   whole --check, hash, rule--> commit, or verdict ............................. done
//
// The verdict is made again at the commit. A content that came whole is kept whatever the verdict: a conflict copy
// is offered next, and needs no second transfer.

import { Gauge } from '../../agent/gauge.ts';
import { NO_BYTES, sameBytes } from '../../protocol/bytes.ts';
import { Kind, type MessageNamed, type OfferItem, Verdict, type WholeItem } from '../../protocol/messages.ts';
import { checkFacts, checkPath, EMPTY_CONTENT } from '../../protocol/path.ts';
import { recordId, recordOf } from '../../protocol/record.ts';
import type { HubNote, HubOptions } from './ports.ts';
import type { Room } from './room.ts';
import { type Session, UPLOADS_MAX } from './session.ts';
import { type Budget, type Taken, Upload } from './upload.ts';
import { type Ruling, rule } from './verdict.ts';

/** A full disk is said at most this often. */
const SAID_MS = 60_000;

/** What offers tell the hub. */
export interface OffersPort {
  note(note: HubNote): void;
  /** The folder of this session has a new head. */
  moved(session: Session, now: number): void;
}

export class Offers {
  readonly #with: HubOptions;
  readonly #hub: OffersPort;
  readonly #waitMs: number;
  /** Of the board whose offer came last. Full, it is told BUSY and offers again. */
  readonly gauge = new Gauge('uploads of a board', UPLOADS_MAX, 'waits', () => this.#uploads);
  #uploads = 0;
  readonly #room: Room;
  #saidFullAt = Number.NEGATIVE_INFINITY;

  /** Whose change moved the head in the event at hand. */
  #mover: Session | undefined;

  constructor(options: HubOptions, room: Room, waitMs: number, hub: OffersPort) {
    this.#with = options;
    this.#hub = hub;
    this.#waitMs = waitMs;
    this.#room = room;
  }

  /** Told once for all that an event committed: everybody on the share hears of it. */
  #announce(now: number): void {
    const mover = this.#mover;
    this.#mover = undefined;
    if (mover !== undefined) this.#hub.moved(mover, now);
  }

  /** `isResting`: the store failed a moment ago, nothing is started. */
  onOffer(session: Session, items: readonly OfferItem[], isResting: boolean, now: number): void {
    for (const item of items) {
      if (session.hasAnswered(item.req)) continue;
      const why =
        checkPath(item.path) ??
        checkFacts({ kind: item.kind, size: item.size, content: item.content }) ??
        this.#checkSize(session, item);
      if (why !== undefined) this.#refuse(session, item, why);
      else if (isResting) session.done({ req: item.req, verdict: Verdict.BUSY, seq: 0 });
      else this.#take(session, item, now);
    }
    this.#announce(now);
  }

  /** False: the body does not inflate to what it should. */
  onWhole(
    session: Session,
    items: readonly WholeItem[],
    body: Uint8Array,
    isResting: boolean,
    now: number,
  ): boolean {
    let length = 0;
    for (const { size } of items) length += size;
    const plain = body.length === length ? body : this.#with.squeeze.inflate(body, NO_BYTES, length);
    if (plain === undefined) return false;
    const isFull = isResting || this.#isFull(length, now);
    let at = 0;
    for (const whole of items) {
      const bytes = plain.subarray(at, at + whole.size);
      at += whole.size;
      if (session.hasAnswered(whole.req)) continue;
      const item = { ...whole, kind: Kind.FILE, baseContent: NO_BYTES, recipe: NO_BYTES };
      const why = checkPath(item.path) ?? checkFacts(item);
      if (why !== undefined) this.#refuse(session, item, why);
      else if (isFull) this.#answer(session, item, Verdict.BUSY, 0);
      else this.#takeWhole(session, item, bytes, now);
    }
    this.#announce(now);
    return true;
  }

  onRecipe(
    session: Session,
    { req, ordinal, isLast }: MessageNamed<'recipe'>,
    body: Uint8Array,
    now: number,
  ): void {
    const upload = session.uploads.get(req);
    const taken = upload?.takeRecipe(ordinal, isLast === 1, body, now) ?? 'unasked';
    this.#count(session, upload, taken, now);
  }

  onBlocks(session: Session, { items }: MessageNamed<'blocks'>, body: Uint8Array, now: number): void {
    let at = 0;
    for (const item of items) {
      const stored = body.subarray(at, at + item.stored);
      at += item.stored;
      const upload = session.uploads.get(item.req);
      const taken = upload?.takeBlocks(item, stored, now) ?? 'unasked';
      this.#count(session, upload, taken, now);
    }
  }

  onGone(session: Session, { items }: MessageNamed<'gone'>): void {
    for (const { req } of items) this.#drop(session, session.uploads.get(req));
  }

  /** Goes on with every upload of the session, in order of arrival, as far as credit and budget reach. */
  advance(session: Session, budget: Budget, now: number): void {
    let credit = session.credit;
    for (const upload of [...session.uploads.values()]) {
      const before = upload.outstandingBytes;
      if (upload.fault === undefined) session.need(upload.advance(credit, budget, now));
      credit -= upload.outstandingBytes - before;
      if (upload.fault !== undefined) this.#fail(session, upload, upload.fault);
      else if (upload.isWhole) {
        this.#end(session, upload, now);
        credit = session.credit;
      }
    }
    this.#announce(now);
  }

  /** Marks what was asked so long ago that it must be lost. */
  expire(session: Session, now: number): void {
    for (const upload of session.uploads.values()) upload.expire(now, session.answeredAt, this.#waitMs);
  }

  /** When the session's uploads want to go on without having heard anything. */
  nextWake(session: Session, now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const upload of session.uploads.values()) {
      if (upload.isRunnable) return now;
      next = Math.min(next, upload.nextExpiry(session.answeredAt, this.#waitMs));
    }
    return next;
  }

  /** These uploads were lost with the store's trouble. */
  turnAway(session: Session, uploads: readonly Upload[]): void {
    for (const { offer } of uploads) session.done({ req: offer.req, verdict: Verdict.BUSY, seq: 0 });
  }

  dropAll(session: Session): void {
    for (const upload of [...session.uploads.values()]) this.#drop(session, upload);
  }

  #take(session: Session, item: OfferItem, now: number): void {
    if (this.#isUnderWay(session, item)) return;
    const ruling = rule(this.#with.store, session.folder, item);
    const { verdict, seq } = ruling;
    if (verdict !== Verdict.ACCEPTED) {
      this.#settle(session, item, ruling, 0, now);
    } else if (item.kind !== Kind.FILE || this.#isKnown(session, item)) {
      this.#settle(session, item, ruling, 0, now);
    } else if (this.#isBaseGone(session, item)) {
      // Its recipe would copy from what nobody here has any more: the board offers it again under a new name, whole.
      this.#answer(session, item, Verdict.CONFLICT, seq);
    } else if (session.uploads.size >= UPLOADS_MAX) {
      this.gauge.met();
      this.#answer(session, item, Verdict.BUSY, seq);
    } else if (this.#isFull(0, now)) {
      this.#answer(session, item, Verdict.BUSY, seq);
    } else {
      session.uploads.set(
        item.req,
        new Upload(this.#with, session.view, this.#room, item, session.frameBytesMax),
      );
      this.#uploads = session.uploads.size;
      this.gauge.grew();
    }
  }

  #takeWhole(session: Session, item: OfferItem, bytes: Uint8Array, now: number): void {
    const { store, hasher } = this.#with;
    for (const upload of session.uploads.values())
      if (upload.offer.req === item.req || sameBytes(upload.offer.path, item.path))
        this.#drop(session, upload);
    const record = recordOf(bytes.length, hasher.blockId(bytes));
    if (!sameBytes(hasher.contentIdOf([record]), item.content)) {
      const { board, share } = session;
      session.counters.mismatches++;
      this.#hub.note({ kind: 'mismatch', board, share, path: item.path });
      this.#answer(session, item, Verdict.BUSY, 0);
      return;
    }
    const ruling = rule(store, session.folder, item);
    const { verdict } = ruling;
    const isKept = verdict === Verdict.ACCEPTED || verdict === Verdict.CONFLICT;
    const isFirst = store.content(item.content) === undefined;
    if (isKept && isFirst) store.putWhole(item.content, record, bytes, session.view.only);
    // The store may have lost it.
    else if (isKept) store.putBlock(recordId(record), bytes, session.view.only);
    this.#settle(session, item, ruling, bytes.length, now, isFirst);
  }

  /** The same offer again restarts nothing; another one for the path, or under the number, replaces what was. */
  #isUnderWay(session: Session, item: OfferItem): boolean {
    for (const upload of session.uploads.values()) {
      const { offer } = upload;
      const isPath = sameBytes(offer.path, item.path);
      if (offer.req !== item.req && !isPath) continue;
      if (isPath && offer.req === item.req && sameBytes(offer.content, item.content)) {
        upload.offer = item;
        return true;
      }
      this.#drop(session, upload);
    }
    return false;
  }

  /** No content of that many bytes fits any more; said, now and then. */
  #isFull(bytes: number, now: number): boolean {
    if (this.#room.has(bytes, now)) return false;
    if (now - this.#saidFullAt >= SAID_MS) {
      this.#saidFullAt = now;
      this.#hub.note({ kind: 'trouble', code: 'ENOSPC', doing: 'finding room for new contents' });
    }
    return true;
  }

  #checkSize({ view }: Session, item: OfferItem): string | undefined {
    const known = item.kind === Kind.FILE ? view.content(item.content) : undefined;
    return known === undefined || known.size === item.size ? undefined : 'size is not that of the content';
  }

  /** Only where a path was deleted so long ago that its content went: otherwise the base is current, or in conflict. */
  #isBaseGone({ view }: Session, { baseContent, path }: OfferItem): boolean {
    return baseContent.length > 0 && view.content(baseContent, path) === undefined;
  }

  #isKnown({ view }: Session, item: OfferItem): boolean {
    const { store } = this.#with;
    const known = view.content(item.content, item.path);
    if (known !== undefined) return !store.lacks(known);
    if (!sameBytes(item.content, EMPTY_CONTENT)) return false;
    store.sealRecipe(store.startRecipe(), EMPTY_CONTENT);
    return true;
  }

  #count(session: Session, upload: Upload | undefined, taken: Taken, now: number): void {
    if (taken === 'unasked') {
      session.counters.unasked++;
      return;
    }
    session.answeredAt = now;
    if (taken === 'taken' || upload === undefined) return;
    session.counters.mismatches++;
    if (upload.fault !== undefined) return;
    const { board, share } = session;
    this.#hub.note({ kind: 'mismatch', board, share, path: upload.offer.path });
  }

  #fail(session: Session, upload: Upload, why: string): void {
    const { board, share } = session;
    this.#hub.note({ kind: 'dropped', board, share, path: upload.offer.path, why });
    this.#drop(session, upload);
    session.done({ req: upload.offer.req, verdict: Verdict.BUSY, seq: 0 });
  }

  #end(session: Session, upload: Upload, now: number): void {
    const { store } = this.#with;
    const { offer } = upload;
    if (store.lacks(upload.recipe)) {
      this.#fail(session, upload, 'a block of it was lost in the store meanwhile');
      return;
    }
    session.uploads.delete(offer.req);
    upload.release();
    // Another board may have brought the same content meanwhile.
    if (store.content(offer.content) === undefined) store.sealRecipe(upload.recipe, offer.content);
    else upload.drop();
    this.#settle(session, offer, rule(store, session.folder, offer), upload.received, now);
  }

  /** Does what the ruling says. Whatever content it needs is in the store. */
  #settle(
    session: Session,
    item: OfferItem,
    ruling: Ruling,
    received: number,
    now: number,
    isFirst = false,
  ): void {
    if (ruling.verdict === Verdict.ACCEPTED) this.#commit(session, item, received, now, isFirst);
    const retouched = this.#retouch(session, item.path, ruling.mode, now);
    if (ruling.verdict !== Verdict.ACCEPTED)
      this.#answer(session, item, ruling.verdict, retouched ?? ruling.seq);
  }

  #commit(session: Session, item: OfferItem, received: number, now: number, isFirst: boolean): void {
    const { req, path, mode, size, mtime, content } = item;
    const { board, share, folder } = session;
    const kind = item.kind as Kind;
    const change = { kind, mode, size, mtime, content, board, arrived: now };
    const seq = this.#with.store.commit(folder, path, change, isFirst);
    session.counters.accepted++;
    session.done({ req, verdict: Verdict.ACCEPTED, seq });
    this.#hub.note({ kind: 'accepted', board, share, path, what: kind, seq, bytes: size, received });
    this.#mover = session;
  }

  /** Merged permissions are a change of their own: everybody, the board that offered too, is told like of any other. */
  #retouch(session: Session, path: Uint8Array, mode: number | undefined, now: number): number | undefined {
    const { store } = this.#with;
    const current = mode === undefined ? undefined : store.current(session.folder, path);
    if (mode === undefined || current === undefined) return undefined;
    this.#mover = session;
    return store.commit(session.folder, path, { ...current, mode, board: session.board, arrived: now });
  }

  #answer(session: Session, item: OfferItem, verdict: Verdict, seq: number): void {
    session.done({ req: item.req, verdict, seq });
    if (verdict !== Verdict.CONFLICT) return;
    session.counters.conflicts++;
    const { board, share } = session;
    this.#hub.note({ kind: 'conflict', board, share, path: item.path, seq });
  }

  #refuse(session: Session, item: OfferItem, why: string): void {
    session.counters.refused++;
    session.done({ req: item.req, verdict: Verdict.REFUSED, seq: 0 });
    const { board, share } = session;
    this.#hub.note({ kind: 'refused', board, share, path: item.path, why });
  }

  #drop(session: Session, upload: Upload | undefined): void {
    if (upload === undefined) return;
    session.uploads.delete(upload.offer.req);
    upload.drop();
  }
}
