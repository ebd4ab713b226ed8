// What goes up: walks the places that wait for this board, reads what is not known yet, and offers the rest. The
// gateway answers each offer with a verdict; until then the offer holds one of OFFERS_MAX slots.
//
//                        +--------- needs of the gateway, answered by serve.ts ---+
//                        v                                                        |
//   waits -- offer --> OFFERED -- ACCEPTED, SAME --> synced = what was offered    |
//                        |  |---- STALE -----------> synced = it, the newer one is applied
//                        |  |---- CONFLICT --> ASIDE: renamed on disk, then offered under its new name
//                        |  |---- BUSY -------------> waits, each time longer (busy.ts)
//                        |  '---- NO_PARENT, NOT_EMPTY, REFUSED --> waits, for a while
//                        '------- no answer in ANSWER_MS --> offered again, same number
//
// A pass goes through all waiting places in catalog order, so parents come before children, and twice: what is
// new first, then deletions. A rename is then a new path whose content everyone still has.

import { sameBytes } from '../../protocol/bytes.ts';
import { type DoneItem, Kind, type MessageNamed, Verdict } from '../../protocol/messages.ts';
import type { Gauge } from '../gauge.ts';
import type { Aside } from './aside.ts';
import { Batch } from './batch.ts';
import { Busy } from './busy.ts';
import type { Change } from './change.ts';
import type { Core } from './core.ts';
import { Action, decide } from './decide.ts';
import { type Entry, type EntryId, NO_CONTENT } from './entry.ts';
import { type Examine, type Examined, MOVED_ON } from './examine.ts';
import { Gather } from './gather.ts';
import { type Place, ROOT } from './keys.ts';
import { OFFERS_ALL_MAX, OFFERS_MAX, type Offer, Offered, type Opening, withRead } from './offered.ts';
import type { Event, Path } from './ports.ts';
import { Resting } from './resting.ts';
import { agree, giveWay } from './verdicts.ts';

/** Places looked at before other events get their turn. */
const STEPS_MAX = 256;
/** An offer that nothing was heard of is sent again. */
const ANSWER_MS = 10_000;
/** A place that cannot go up now is tried again. */
const RETRY_MS = 2_000;
/** Offers whose files cannot be read any more: how long the first rest is, and the longest. */
const UNREAD_MS = 1_000;
const UNREAD_MS_MAX = 60_000;
const UNREAD_MAX = 64;
/** A deletion always waits this long for the new path of a rename: without it every byte travels down again. */
const DELETION_REST_MS = 50;
/** A deletion waits this long for new paths to go first. */
const DELETION_WAIT_MS = 1_000;

const NOWHERE: Place = { parent: 0, name: new Uint8Array(0) };

export class Offers {
  private readonly core: Core;
  private readonly examine: Examine;
  private readonly change: Change;
  private readonly aside: Aside;
  readonly gather: Gather;
  private readonly offers = new Offered();
  private readonly gauge: Gauge;
  private readonly wholeGauge: Gauge;
  /** The directory that the last offer went into: it may be offered into. */
  private freeParent: EntryId = 0;
  /** What had vanished when the pass began, and when the last one met no deletion. */
  private vanishedBefore = 0;
  private vanishedSettled = 0;
  private readonly batch: Batch;
  private readonly busy: Busy;
  private readonly unread: Resting;
  private cursor: Place = NOWHERE;
  private isDeleting = false;
  private deletionSeenAt = 0;
  private isPassing = false;
  /** When what was turned away is tried again. */
  private retryAt = Number.POSITIVE_INFINITY;
  /** The symlink whose target is being read. */
  private linking: Place | undefined;

  constructor(core: Core, examine: Examine, change: Change, aside: Aside) {
    this.core = core;
    this.examine = examine;
    this.change = change;
    this.aside = aside;
    this.gauge = core.gauge('offers', OFFERS_MAX, 'waits', () => this.offers.askedCount);
    this.wholeGauge = core.gauge('whole offers', OFFERS_ALL_MAX, 'waits', () => this.offers.wholeCount);
    this.batch = new Batch(core);
    this.busy = new Busy(core);
    this.unread = new Resting(core, 'unreadable offers', UNREAD_MAX);
    this.gather = new Gather(core, examine, this);
    examine.onLocal = (place, examined) => this.consider(place, examined);
  }

  /** A new pass is due, and none is under way. */
  get isMarked(): boolean {
    return this.core.isLocalMarked && !this.isPassing;
  }

  get count(): number {
    return this.offers.count;
  }

  get room(): number {
    return this.busy.isProbing ? Math.min(1 - this.offers.count, this.offers.room) : this.offers.room;
  }

  /** Nothing says that the gateway has the content of what is new here. */
  get isNews(): boolean {
    const { core } = this;
    const mayMove = this.deletionSeenAt !== 0 || core.vanished !== this.vanishedSettled;
    return core.isLive && core.isCaughtUp && !mayMove && (core.isNew || !core.isRescanning);
  }

  get active(): readonly Offer[] {
    return [...this.offers.all()];
  }

  /** Block lists that offers were made from or against. */
  *listsInUse(): Iterable<EntryId> {
    for (const { facts, baseList } of this.offers.all()) {
      yield facts.list;
      yield baseList;
    }
  }

  get(req: number): Offer | undefined {
    return this.offers.get(req);
  }

  isOffered(place: Place): boolean {
    return this.offers.at(place) !== undefined;
  }

  /** A new session: nothing that was offered is known to the gateway any more. */
  reset(): void {
    for (const offer of this.offers.all()) if (!offer.isConflict) this.offers.drop(offer);
    this.batch.drop();
    this.isPassing = false;
    this.core.isLocalMarked = true;
  }

  pump(): void {
    this.pumpConflicts();
    if (this.core.isPaused) return;
    this.freeParent = 0;
    for (let steps = 0; ; steps++) {
      if (!this.isPassing) {
        if (!this.core.isLocalMarked) break;
        this.core.isLocalMarked = false;
        this.isPassing = true;
        this.isDeleting = false;
        this.cursor = NOWHERE;
        this.vanishedBefore = this.core.vanished;
      }
      if (steps === STEPS_MAX) {
        this.core.wake(this.core.now);
        break;
      }
      const place = this.core.catalog.localAfter(this.cursor);
      if (place === undefined) {
        if (this.endPass()) continue;
        break;
      }
      if (!this.step(place)) break;
      this.cursor = place;
    }
    this.gather.start();
    this.batch.flushInTime(this.examine.isBusy);
  }

  // The first walk is over: go on with deletions, once nothing that is new is still on its way.
  private endPass(): boolean {
    this.isPassing = false;
    if (!this.isDeleting && this.deletionSeenAt === 0) this.vanishedSettled = this.vanishedBefore;
    if (this.isDeleting || this.deletionSeenAt === 0) return this.core.isLocalMarked;
    const isLate = this.core.now >= this.deletionSeenAt + DELETION_WAIT_MS;
    if (this.core.isScanning) return this.core.isLocalMarked; // its end is a mark
    // A rename's other half may be a moment late: the watcher tells of the two one by one.
    if (this.core.now < this.deletionSeenAt + DELETION_REST_MS) {
      this.retry(this.deletionSeenAt + DELETION_REST_MS);
      return this.core.isLocalMarked;
    }
    if (!isLate && (this.examine.isBusy || this.isPutting())) {
      this.retry(this.deletionSeenAt + DELETION_WAIT_MS);
      return this.core.isLocalMarked;
    }
    this.isPassing = true;
    this.isDeleting = true;
    this.deletionSeenAt = 0;
    this.cursor = NOWHERE;
    return true;
  }

  private isPutting(): boolean {
    for (const offer of this.offers.all()) if (offer.facts.kind !== Kind.ABSENT) return true;
    return false;
  }

  /** One waiting place. False: the pass rests here until something is free again. */
  private step(place: Place): boolean {
    const entry = this.core.catalog.get(place);
    if (this.busy.isResting || this.core.isDraining) return false;
    if (entry === undefined || this.isOffered(place)) return true;
    if (this.busy.has(place) || this.unread.has(place)) return true;
    if (entry.local === undefined && !this.isDeleting) {
      this.deletionSeenAt ||= this.core.now;
      return true;
    }
    if (entry.local !== undefined && this.isDeleting) return true;
    switch (decide(entry)) {
      case Action.READ: {
        const what = this.gather.add(place, entry);
        if (what === 'rest' && this.room <= 0) this.wholeGauge.met();
        return what === 'alone' ? this.read(place, entry) : what !== 'rest';
      }
      case Action.OFFER:
        return this.offerPlace(place, entry);
      default:
        return true; // what is to be adopted has a seq of the gateway's: apply.ts does it in that order
    }
  }

  private read(place: Place, entry: Entry): boolean {
    if (this.gather.isOpen) return false; // it goes first, at the end of this pump
    const path = this.core.catalog.pathOf(place);
    if (path === undefined) return true;
    if (entry.local?.kind === Kind.SYMLINK) return this.readTarget(place, path);
    if (!this.examine.local(place, path, entry.local?.size ?? 0)) return !this.examine.isBusy;
    return true;
  }

  private readTarget(place: Place, path: Path): boolean {
    if (this.examine.isResting(place)) return true;
    if (this.linking !== undefined) return false;
    this.linking = place;
    this.core.emit({ do: 'readTarget', path });
    return true;
  }

  onTarget(event: Extract<Event, { is: 'target' }>): void {
    const place = this.linking;
    this.linking = undefined;
    this.core.isLocalMarked = true;
    const entry = place === undefined ? undefined : this.core.catalog.get(place);
    if (place === undefined || entry?.local?.kind !== Kind.SYMLINK) return;
    if (event.trouble !== undefined) {
      const path = this.core.catalog.pathOf(place);
      if (path !== undefined) this.examine.fail(place, path, event.trouble.code);
      return;
    }
    this.examine.settle(place);
    const content = this.core.arena.blockId(event.target);
    const isKnown = entry.local.content !== undefined && sameBytes(entry.local.content, content);
    const now = isKnown ? entry : { ...entry, local: { ...entry.local, content } };
    if (!isKnown) this.core.put(place, now, entry);
    if (decide(now) === Action.OFFER && !this.offers.isFull && this.isFree(place, now))
      this.make(place, now, event.target, NO_CONTENT);
    this.flush();
  }

  /** A file was just read: offer it while its only record is at hand. */
  private consider(place: Place, examined: Examined): void {
    const entry = this.core.catalog.get(place);
    if (entry === undefined || decide(entry) !== Action.OFFER) return;
    if (this.offers.isFull || !this.isFree(place, entry)) return;
    this.make(place, entry, examined.content, examined.single);
  }

  private offerPlace(place: Place, entry: Entry): boolean {
    if (!this.core.isLive) return true;
    if (this.offers.isFull) {
      this.gauge.met();
      return false;
    }
    if (!this.isFree(place, entry)) return true;
    const { local } = entry;
    if (local?.kind === Kind.SYMLINK) {
      const path = this.core.catalog.pathOf(place);
      return path === undefined || this.readTarget(place, path);
    }
    // What an earlier life saw may be gone.
    const isOld = this.core.hasInherited && !this.core.isConfirmed(place);
    if (local?.kind === Kind.DIRECTORY && isOld) return true; // the scan will say whether it is there
    // A single-block content has no list to make a recipe from: reading it again costs 16 KiB at most. And of what is
    // old the gateway may have the content already, and would ask for none of it.
    const isToRead = isOld || (local?.list === 0 && local.size > 0);
    if (local?.kind === Kind.FILE && isToRead) return this.read(place, entry);
    this.make(place, entry, local?.content ?? NO_CONTENT, NO_CONTENT);
    return true;
  }

  /** Whether the place may be offered now: a slot is free, its parent is there, and what is under it went first. */
  isFree(place: Place, entry: Entry): boolean {
    const { catalog } = this.core;
    if (!this.core.isLive || this.isOffered(place) || this.room <= 0) return false;
    if (!this.core.isCaughtUp && catalog.common > 0) return false;
    if (entry.local?.kind !== Kind.DIRECTORY && this.isHolding(place, entry)) return false;
    if (place.parent === ROOT || entry.local === undefined || place.parent === this.freeParent) return true;
    const up = catalog.placeOfDirectory(place.parent);
    const parent = up === undefined ? undefined : catalog.get(up);
    if (up === undefined || parent === undefined) return false;
    // A parent that went away at the gateway has to be offered again itself: apply.ts sees to that.
    if (parent.remote !== undefined && parent.remote.kind !== Kind.DIRECTORY) return false;
    if (parent.synced?.kind !== Kind.DIRECTORY && this.offers.at(up)?.facts.kind !== Kind.DIRECTORY)
      return false;
    this.freeParent = place.parent;
    return true;
  }

  // A directory that went away here waits for its children to go first. A child that this board did not delete
  // came from elsewhere: then the directory has to come back for it, and what stands there now is in conflict.
  private isHolding(place: Place, entry: Entry): boolean {
    const { catalog } = this.core;
    if (entry.id === 0 || entry.synced?.kind !== Kind.DIRECTORY) return false;
    const child = catalog.childAfter(entry.id, NO_CONTENT);
    if (child === undefined) return false;
    let isWaiting = false;
    for (let next: typeof child | undefined = child; next !== undefined && !isWaiting; ) {
      isWaiting = catalog.isLocalPending(next.place);
      next = isWaiting ? undefined : catalog.childAfter(entry.id, next.place.name);
    }
    if (!isWaiting) this.revive(place, entry);
    return true;
  }

  /** Takes a deletion of ours back: the directory is applied again as the gateway has it. */
  revive(place: Place, entry: Entry): void {
    if (entry.synced === undefined || entry.remote?.kind === Kind.ABSENT) return;
    const remote = entry.remote ?? { ...entry.synced, list: 0 };
    this.core.put(place, { ...entry, synced: undefined, remote }, entry);
  }

  private make(place: Place, entry: Entry, content: Uint8Array, single: Uint8Array): void {
    const path = this.core.catalog.pathOf(place);
    if (path === undefined) return;
    const { local } = entry;
    this.batch.add(this.open({ place, path, entry, local, content, single, isWhole: false }));
  }

  /** Opens an offer; its frame is the caller's to send. */
  open(opening: Omit<Opening, 'base' | 'now'>): Offer {
    this.core.wake(this.core.now + ANSWER_MS);
    const offer = this.offers.open({ ...opening, base: this.baseOf(opening.entry), now: this.core.now });
    (opening.isWhole ? this.wholeGauge : this.gauge).grew();
    return offer;
  }

  // What both agreed on. After a start over nothing is, but what stands here was made from the common history: it would
  // be a conflict with what it replaced. A directory that was replaced may hold something: it is in conflict.
  private baseOf({ synced, remote }: Entry): number {
    if (synced !== undefined || remote === undefined || remote.kind === Kind.DIRECTORY)
      return synced?.seq ?? 0;
    return remote.seq <= this.core.catalog.common ? remote.seq : 0;
  }

  flush(): void {
    this.batch.flush();
  }

  tick(): void {
    if (!this.core.isLive) return;
    let isEarly = false;
    for (const offer of this.offers.all()) {
      if (offer.isConflict) continue;
      if (this.core.now < offer.heardAt + ANSWER_MS) {
        this.core.wake(offer.heardAt + ANSWER_MS);
        continue;
      }
      offer.heardAt = this.core.now;
      this.core.wake(this.core.now + ANSWER_MS);
      if (offer.isWhole && (this.offers.isAskedFull || !this.record(offer))) continue;
      this.batch.add(offer);
      isEarly = true;
    }
    if (isEarly) this.flush();
    if (this.busy.tick()) this.core.isLocalMarked = true;
    if (this.unread.tick()) this.core.isLocalMarked = true;
    if (this.core.now >= this.retryAt) {
      this.retryAt = Number.POSITIVE_INFINITY;
      this.core.isLocalMarked = true;
    } else {
      this.core.wake(this.retryAt);
    }
  }

  /** The content changed under the offer: it is withdrawn, and the place waits again. */
  withdraw(offer: Offer): void {
    this.drop(offer);
    this.core.isLocalMarked = true;
  }

  /**
   * It could not be read again, or not as it was: it is looked at. Where the disk is in the way, and a look may find
   * nothing wrong, it must not be offered again and again: it rests, twice as long each time.
   */
  doubt(offer: Offer, code: string | undefined): void {
    const { place, path } = offer;
    this.withdraw(offer);
    this.onGone(place);
    if (code === undefined || MOVED_ON.has(code)) return;
    const tries = this.unread.tries(place);
    this.core.trouble(path, code, 'reading a file');
    this.unread.rest(place, Math.min(UNREAD_MS * 2 ** tries, UNREAD_MS_MAX));
  }

  /** A change of the gateway's at the same place may have waited for the offer's end. */
  private drop(offer: Offer): void {
    this.offers.drop(offer);
    this.core.isRemoteMarked = true;
  }

  // Nothing was heard of what went whole: from now on it is an offer like any other, and its bytes may be asked for.
  // So there must be room for one.
  private record(offer: Offer): boolean {
    const before = this.core.catalog.get(offer.place);
    const entry = before === undefined ? undefined : withRead(before, offer);
    if (before === undefined || entry === before || entry === undefined) {
      this.withdraw(offer);
      return false;
    }
    this.core.put(offer.place, entry, before);
    this.offers.unwhole(offer);
    this.gauge.grew();
    return true;
  }

  retry(at: number): void {
    this.retryAt = Math.min(this.retryAt, at);
    this.core.wake(this.retryAt);
  }

  onDone({ items, term }: MessageNamed<'done'>): void {
    const { catalog } = this.core;
    const before = catalog.position;
    let position = before;
    let newest = 0;
    let isAsked = false;
    for (const item of items) {
      newest = Math.max(newest, item.seq);
      isAsked ||= this.offers.get(item.req) !== undefined;
      // Ours is the change that follows what is recorded: it need not be told again.
      if (this.end(item) && item.verdict === Verdict.ACCEPTED && item.seq === position + 1) position++;
    }
    // A verdict may have sent it back to the beginning. What was accepted was so by whoever tells, in one term with the
    // newest.
    if (catalog.position === before && position > before) catalog.advance(position, term);
    if (isAsked) catalog.runAhead(newest, term);
  }

  /** True when the place's entry was there to take the verdict. */
  private end(item: DoneItem): boolean {
    const offer = this.offers.get(item.req);
    if (offer === undefined || offer.isConflict) return false;
    const recorded = this.core.catalog.get(offer.place);
    if (item.verdict === Verdict.CONFLICT && recorded !== undefined) {
      offer.isConflict = true;
      offer.facts.seq = item.seq;
      this.pumpConflicts();
      return true;
    }
    this.drop(offer);
    if (recorded === undefined) return false;
    const before = withRead(recorded, offer);
    this.unread.forget(offer.place);
    if (item.verdict === Verdict.BUSY) this.busy.add(offer);
    else this.busy.end(offer.place);
    switch (item.verdict) {
      case Verdict.ACCEPTED:
      case Verdict.SAME:
        agree(this.core, offer, before, item);
        break;
      case Verdict.STALE:
        giveWay(this.core, offer, before, item.seq);
        break;
      case Verdict.BUSY:
        break;
      default:
        this.retry(this.core.now + RETRY_MS);
        if (item.verdict === Verdict.REFUSED)
          this.core.note({ kind: 'skipped', path: offer.path, why: 'the gateway refuses this name or kind' });
    }
    return true;
  }

  // Another change came first: ours moves aside, and is offered as new under its own name.
  private pumpConflicts(): void {
    if (this.change.isBusy || this.core.isPaused) return;
    for (const offer of this.offers.all()) {
      if (!offer.isConflict) continue;
      this.aside.move(offer, isMoved => {
        this.drop(offer);
        if (isMoved) this.core.isLocalMarked = true;
        else this.retry(this.core.now + RETRY_MS);
      });
      return;
    }
  }

  /** A path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};
}
