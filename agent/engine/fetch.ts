// What comes down: content for files that the gateway changed. Each holds a slot, whose number names its staged file.
//
//   start -+-> COPYING -.   like: a file of the folder with the same content is copied
//          +-> PULLING -+-> READING -> READY -> PLACING -> done
//          '---small----------------->   |   not what was promised: PULLING again, without help of this disk's files
//
//   PULLING   pieces arrive for `offset`, in order; others are dropped, and asked for again (pulls.ts)
//   READING   the staged file is read back, cut and hashed: its content id must be the promised one
//   READY     waits for others, so that many small files share the cost of being made durable
//   PLACING   synced, then renamed over what is expected there
//
// Nothing is asked of the gateway before the disk has begun the staged file, which it does only where there is room for
// it and a place; of a small file the first time, what would be asked for is less than that. A fetch that failed rests,
// twice as long each time: what cannot be put in place must not come again and again for nothing.
//
// A small file comes in one part: staged, read back and checked in one step, all those of a message together.

import { sameBytes } from '../../protocol/bytes.ts';
import { Kind, type PieceItem } from '../../protocol/messages.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import { type Entry, type EntryId, localAfter, NO_CONTENT, statOf } from './entry.ts';
import { type Examine, type Examined, MOVED_ON } from './examine.ts';
import { type Fetch, Fetching, isSmall, type Source } from './fetching.ts';
import type { Place } from './keys.ts';
import { isFair, isWholeIn, patchOf } from './pieces.ts';
import type { Event, Path, Stat, Whole } from './ports.ts';
import { Pulls } from './pulls.ts';
import { Resting } from './resting.ts';

/** A copy of a whole file goes in steps, so that other events get their turn. */
const COPY_STEP_BYTES = 4 * 1024 * 1024;
const TRIES_MAX = 3;
const RETRY_MS = 5_000;
/** A file that changed under the fetch is looked at before it is fetched again. */
const MOVED_ON_MS = 500;
/** From then on it is said: a look should have mended it. */
const UNSAID = 2;
/** The longest rest of a file that came in vain: of 3 MB some 36 MB an hour, where it is for ever. */
const VAIN_MS_MAX = 5 * 60_000;
/** The longest where nothing came, which costs a look or, with a full disk, less than a small file each time; and so
 * soon it goes on once the way is free. */
const FREE_MS_MAX = 30_000;
/** Files that failed and rest, each by itself. */
const RESTING_MAX = 64;
/** What copying says of a source that is of no use. */
const NO_SOURCE = new Set(['CHANGED', 'ENOENT', 'REFUSED', 'EACCES']);
/** Ready files are put in place together: when no small one is on its way, when half of all slots hold one, or when the
 * first of them has waited so long. */
const PLACE_MS = 1_000;

export class Fetches {
  private readonly core: Core;
  private readonly examine: Examine;
  private readonly fetching: Fetching;
  private readonly pulls: Pulls;
  private readonly wholes: Whole[] = [];
  private lastReq = 0;
  private readonly gauge: Gauge;
  private readonly resting: Resting;
  /** When the first of those that are ready became it. */
  private firstReadyAt = 0;

  constructor(core: Core, examine: Examine) {
    this.core = core;
    this.examine = examine;
    const { fetchesMax } = core.options;
    this.fetching = new Fetching(fetchesMax);
    this.gauge = core.gauge('fetches', fetchesMax, 'waits', () => this.fetching.count);
    this.pulls = new Pulls(core, this.fetching);
    this.resting = new Resting(core, 'resting fetches', RESTING_MAX, FREE_MS_MAX);
    examine.onStaged = (slot, examined, code) => this.onStaged(slot, examined, code);
  }

  get active(): readonly Fetch[] {
    return [...this.fetching.all()];
  }

  get isIdle(): boolean {
    return this.fetching.count === 0;
  }

  isFetching(place: Place): boolean {
    return this.fetching.of(place) !== undefined;
  }

  /** Whether its last fetch failed a moment ago: the others go on without it. */
  isResting(place: Place, seq: number): boolean {
    return this.resting.has(place, seq);
  }

  /** Whether a fetch still copies from this path: then it must stay a while. */
  isSource(path: Path): boolean {
    for (const { like } of this.fetching.all())
      if (like !== undefined && sameBytes(like.path, path)) return true;
    return false;
  }

  /** False when no slot is free. */
  start(place: Place, path: Path, entry: Entry, like: Source | undefined): boolean {
    const { local, synced, remote } = entry;
    if (remote === undefined) return false;
    const slot = this.fetching.slotFor(remote);
    if (slot === undefined) {
      this.gauge.met();
      return false;
    }
    const hasBase = local?.kind === Kind.FILE && synced?.kind === Kind.FILE && local.size > 0;
    const fetch: Fetch = {
      slot,
      req: ++this.lastReq,
      place,
      path,
      version: remote,
      local,
      base: hasBase ? { path, local } : undefined,
      like,
      state: 'pulling',
      isStaged: false,
      isBegun: false,
      offset: 0,
      writes: 0,
      frames: 0,
      heardAt: this.core.now,
      tries: 0,
      bytesReceived: 0,
      examined: undefined,
      counted: { asked: 0, as: undefined },
    };
    this.fetching.take(fetch);
    this.gauge.grew();
    this.begin(fetch);
    return true;
  }

  private begin(fetch: Fetch): void {
    fetch.isStaged = false;
    fetch.isBegun = false;
    fetch.offset = 0;
    fetch.writes = 0;
    fetch.frames = 0;
    if (fetch.version.size === 0) {
      this.stageWhole(fetch, NO_CONTENT);
    } else if (fetch.like !== undefined) {
      fetch.state = 'copying';
      this.stage(fetch);
    } else {
      fetch.state = 'pulling';
      this.pulls.mark();
      if (!isSmall(fetch.version) || this.resting.tries(fetch.place) > 0) this.stage(fetch);
      this.fetching.note(fetch);
    }
  }

  /** The link is gone: what was asked for will not come. Staged bytes stay. */
  reset(): void {
    this.pulls.reset();
  }

  /** The folder is gone, and the staged files with it. */
  drop(): void {
    for (const fetch of this.active) this.release(fetch);
    this.wholes.length = 0;
  }

  pump(): void {
    if (this.core.isPaused) return;
    this.pulls.pump();
    this.flush();
    if (this.fetching.standing.ready > 0 && !this.core.isSyncing) this.placeReady();
  }

  private flush(): void {
    if (this.wholes.length > 0) this.core.emit({ do: 'stageWhole', items: this.wholes.splice(0) });
    this.pulls.flush();
  }

  tick(): void {
    // Once they are due, what they still wait for is an event, and no time: a sync's end, say.
    const dueAt = this.firstReadyAt + PLACE_MS;
    if (this.fetching.standing.ready > 0 && dueAt > this.core.now) this.core.wake(dueAt);
    this.pulls.tick();
    if (this.resting.tick()) this.core.isRemoteMarked = true;
  }

  private stageWhole(fetch: Fetch, stored: Uint8Array): void {
    const { slot, version } = fetch;
    fetch.state = 'reading';
    this.fetching.note(fetch);
    this.wholes.push({ slot, stored, length: version.size });
  }

  private stage(fetch: Fetch): void {
    fetch.isStaged = true;
    fetch.writes++;
    this.fetching.note(fetch);
    const { slot, version, path, local } = fetch;
    const expect = local === undefined ? undefined : statOf(local);
    this.core.emit({ do: 'stage', slot, bytes: version.size, into: { path, expect } });
  }

  onWrote(event: Extract<Event, { is: 'wrote' }>): void {
    const fetch = this.fetching.at(event.slot);
    if (fetch === undefined || fetch.writes === 0) return;
    fetch.writes--;
    this.fetching.note(fetch);
    this.pulls.mark();
    if (event.trouble !== undefined) {
      this.onWriteTrouble(fetch, event.trouble.code);
      return;
    }
    fetch.isBegun = true;
    if (fetch.writes > 0) return;
    if (fetch.state === 'copying') this.copyLike(fetch);
    else if (fetch.state === 'pulling') this.endIfWhole(fetch);
  }

  // The file copied from is not what it was, or not for us to read: it is looked at, and its content pulled instead. A
  // patch that does not fit was made for other bytes than ours, or damaged. Anything else is the disk's trouble.
  private onWriteTrouble(fetch: Fetch, code: string): void {
    if (code === 'EBADMSG') {
      this.restart(fetch, code);
      return;
    }
    const source = fetch.like ?? fetch.base;
    if (!fetch.isBegun || source === undefined || !NO_SOURCE.has(code)) {
      this.fail(fetch, code, 'staging a file');
      return;
    }
    const place = this.core.catalog.find(source.path);
    if (place !== undefined) this.onGone(place);
    this.restart(fetch, code);
  }

  private copyLike(fetch: Fetch): void {
    const { like, version, offset, slot } = fetch;
    if (like === undefined || offset === version.size) {
      fetch.state = 'pulling';
      this.fetching.note(fetch);
      this.endIfWhole(fetch);
      return;
    }
    const length = Math.min(COPY_STEP_BYTES, version.size - offset);
    fetch.offset += length;
    fetch.writes++;
    this.fetching.note(fetch);
    const expect = statOf(like.local);
    this.core.emit({ do: 'copy', slot, offset, from: like.path, expect, fromOffset: offset, length });
  }

  private endIfWhole(fetch: Fetch): void {
    if (fetch.offset < fetch.version.size) return;
    fetch.state = 'reading';
    fetch.frames = 0;
    this.fetching.note(fetch);
    this.examine.stage(fetch.slot);
  }

  /** Bytes for the slots. False: a peer's mistake. What is not for the offset at hand is late or doubled. */
  onPiece(items: readonly PieceItem[], body: Uint8Array): boolean {
    let at = 0;
    this.pulls.mark();
    const heard = new Set<Fetch>();
    for (const item of items) {
      const stored = body.subarray(at, at + item.stored);
      at += stored.length;
      const fetch = this.fetching.asked(item.req);
      if (fetch === undefined || fetch.state !== 'pulling' || item.offset !== fetch.offset) continue;
      if (!isFair(fetch, item)) return false;
      this.patch(fetch, item, stored);
      heard.add(fetch);
    }
    for (const fetch of heard) {
      fetch.heardAt = this.core.now;
      if (fetch.frames === 0) continue;
      fetch.frames--;
      this.fetching.note(fetch);
    }
    return true;
  }

  private patch(fetch: Fetch, item: PieceItem, stored: Uint8Array): void {
    fetch.offset += item.length;
    fetch.bytesReceived += stored.length;
    this.core.counters.bytesDown += stored.length;
    if (isSmall(fetch.version) && !fetch.isStaged && isWholeIn(fetch, item)) {
      this.stageWhole(fetch, stored);
      return;
    }
    if (!fetch.isStaged) this.stage(fetch);
    fetch.writes++;
    this.fetching.note(fetch);
    this.core.emit(patchOf(fetch, item, stored));
  }

  onStagedWhole(event: Extract<Event, { is: 'stagedWhole' }>): void {
    for (const { slot, content, trouble } of event.items) {
      const examined = { content, list: 0, single: NO_CONTENT };
      this.onStaged(slot, trouble === undefined ? examined : undefined, trouble?.code ?? '');
    }
  }

  onLost(req: number): void {
    const fetch = this.fetching.asked(req);
    if (fetch === undefined) return;
    if (fetch.base !== undefined) this.restart(fetch, 'UNKNOWN');
    else this.fail(fetch, 'UNKNOWN', 'asking the gateway for a content');
  }

  private onStaged(slot: number, examined: Examined | undefined, code: string): void {
    const fetch = this.fetching.at(slot);
    if (fetch === undefined || fetch.state !== 'reading') return;
    if (examined === undefined && code !== 'EBADMSG') {
      this.fail(fetch, code, 'reading a staged file');
      return;
    }
    if (examined === undefined || !sameBytes(examined.content, fetch.version.content)) {
      this.restart(fetch, code || 'CONTENT');
      return;
    }
    fetch.examined = examined;
    fetch.state = 'ready';
    this.fetching.note(fetch);
    if (this.fetching.standing.ready === 1) this.firstReadyAt = this.core.now;
    this.core.wake(this.core.now + PLACE_MS);
  }

  // From the first byte, and without help from files of this disk: they may not be what we think. `code` says why:
  // EBADMSG did not inflate, CONTENT did and is something else.
  private restart(fetch: Fetch, code: string): void {
    fetch.tries++;
    if (fetch.tries >= TRIES_MAX) {
      this.fail(fetch, code, 'putting a content together');
      return;
    }
    this.core.emit({ do: 'unstage', slot: fetch.slot });
    this.fetching.renumber(fetch, ++this.lastReq);
    fetch.base = undefined;
    fetch.like = undefined;
    this.begin(fetch);
  }

  /** Lets go of it until later. */
  private fail(fetch: Fetch, code: string, doing: string): void {
    const { path, place, version } = fetch;
    const tries = this.resting.tries(place);
    const isMovedOn = MOVED_ON.has(code);
    const isFree = fetch.offset === 0 || code === 'ENOSPC';
    this.release(fetch);
    if (isMovedOn) this.onGone(place);
    // Before this life's scan has come there, that the catalog knows it otherwise is no news.
    const isSaid = !isMovedOn || (tries >= UNSAID && this.core.isConfirmed(place));
    if (isSaid) this.core.trouble(path, code, doing);
    const ms = (isMovedOn ? MOVED_ON_MS : RETRY_MS) * 2 ** tries;
    this.resting.rest(place, Math.min(ms, isFree ? FREE_MS_MAX : VAIN_MS_MAX), version.seq);
  }

  private release(fetch: Fetch): void {
    this.pulls.mark();
    this.examine.dropStaged(fetch.slot);
    this.core.emit({ do: 'unstage', slot: fetch.slot });
    this.fetching.release(fetch);
  }

  /** Block lists that no entry names yet. */
  *listsInUse(): Iterable<EntryId> {
    for (const { examined } of this.fetching.all()) if (examined !== undefined) yield examined.list;
  }

  /** A newer change of the path came: what is under way is not wanted any more. */
  supersede(place: Place): void {
    const fetch = this.fetching.of(place);
    if (fetch !== undefined && fetch.state !== 'placing') this.release(fetch);
  }

  private placeReady(): void {
    const { ready: count, placing, small } = this.fetching.standing;
    const isDue = this.core.now >= this.firstReadyAt + PLACE_MS;
    if (placing > 0 || (small > 0 && !isDue && count < this.core.options.fetchesMax / 2)) return;
    const ready: Fetch[] = [];
    for (const fetch of this.fetching.all()) if (fetch.state === 'ready') ready.push(fetch);
    for (const fetch of ready) {
      fetch.state = 'placing';
      this.fetching.note(fetch);
    }
    this.core.emit({
      do: 'place',
      items: ready.map(({ slot, path, version, local }) => ({
        slot,
        path,
        mode: version.mode,
        mtime: version.mtime,
        expect: local === undefined ? undefined : statOf(local),
      })),
    });
  }

  onPlaced(event: Extract<Event, { is: 'placed' }>): void {
    for (const { slot, stat, trouble } of event.items) {
      const fetch = this.fetching.at(slot);
      if (fetch === undefined || fetch.state !== 'placing') continue;
      this.core.isRemoteMarked = true;
      this.core.isLocalMarked = true;
      if (trouble !== undefined || stat === undefined)
        this.fail(fetch, trouble?.code ?? 'ENOENT', 'putting a file in place');
      else this.settle(fetch, stat);
    }
  }

  private settle(fetch: Fetch, stat: Stat): void {
    const { core } = this;
    this.fetching.release(fetch);
    this.resting.forget(fetch.place);
    core.isUnsynced = true;
    const before = core.catalog.get(fetch.place);
    if (before === undefined) return;
    const list = fetch.examined?.list ?? 0;
    const isNewer = before.remote !== undefined && before.remote.seq > fetch.version.seq;
    const local = localAfter(stat, { content: fetch.version.content, list });
    const synced = { ...fetch.version, list };
    core.put(fetch.place, { ...before, local, synced, remote: isNewer ? before.remote : undefined }, before);
    core.counters.receivedFiles++;
    core.note({ kind: 'received', path: fetch.path, what: Kind.FILE, bytes: fetch.bytesReceived });
  }

  /** A path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};
}
