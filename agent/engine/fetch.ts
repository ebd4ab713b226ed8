// What comes down: content for files that the gateway changed. Each holds a numbered slot with a staged file.
//
//   start -> STAGING -> PULLING -> READING -> READY -> PLACING -> done
//               |  like: copied  ^   |  not what was promised: from the start, without base
//               '----------------'---'
//
//   STAGING   the staged file is made; a file of the folder with the same content is copied into it
//   PULLING   pieces arrive for `offset`, in order; others are dropped, and asked for again after ANSWER_MS
//   READING   the staged file is read back, cut and hashed: its content id must be the promised one
//   READY     waits for others, so that many small files share the cost of being made durable
//   PLACING   synced, then renamed over what is expected there
//
// Credit: the board asks for at most WINDOW_BYTES of content at a time, whatever the number of slots, so that is
// what can arrive. A file of any size passes through.

import { DICTIONARY_BYTES_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, Piece, type PieceItem, type PullItem } from '../../protocol/messages.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import { type Entry, type Local, localOf, NO_CONTENT, sameBytes, statOf, type Version } from './entry.ts';
import type { Examine, Examined } from './examine.ts';
import { type Place, samePlace } from './keys.ts';
import type { Dictionary, Event, Path } from './ports.ts';
import { Resting } from './resting.ts';

/** Files under way. Each is a staged file and some 500 bytes of heap. */
export const FETCHES_MAX = 64;
/** Frames asked for at once: four of 32 KiB keep MQTT.js inside a 64 MB board's budget. */
export const WINDOW_FRAMES = 4;
const WINDOW_BYTES = WINDOW_FRAMES * RUN_BYTES_MAX;
/** A copy of a whole file goes in steps, so that other events get their turn. */
const COPY_STEP_BYTES = 4 * 1024 * 1024;
const ANSWER_MS = 10_000;
const TRIES_MAX = 3;
const RETRY_MS = 5_000;
/** A file that changed under the fetch is looked at before it is fetched again. */
const MOVED_ON_MS = 500;
/** Files that failed and rest, each by itself. */
const RESTING_MAX = 64;
/** Ready files are put in place together: when nothing else is on its way, or this many wait. */
const PLACE_COUNT = 32;

type State = 'staging' | 'pulling' | 'reading' | 'ready' | 'placing';

interface Source {
  path: Path;
  local: Local;
}

export interface Fetch {
  slot: number;
  req: number;
  place: Place;
  path: Path;
  version: Version;
  /** What stood at the path when the fetch began: place() expects it. */
  local: Local | undefined;
  /** The old content at the path, to copy from. */
  base: Source | undefined;
  /** A file of the folder that holds just this content. */
  like: Source | undefined;
  state: State;
  offset: number;
  writes: number;
  frames: number;
  heardAt: number;
  tries: number;
  bytesReceived: number;
  examined: Examined | undefined;
}

export class Fetches {
  private readonly core: Core;
  private readonly examine: Examine;
  private readonly slots: (Fetch | undefined)[] = new Array(FETCHES_MAX).fill(undefined);
  private readonly pulls: PullItem[] = [];
  private readonly gauge: Gauge;
  private readonly windowGauge: Gauge;
  private readonly resting: Resting;
  private lastReq = 0;

  constructor(core: Core, examine: Examine) {
    this.core = core;
    this.examine = examine;
    this.gauge = core.gauge('fetches', FETCHES_MAX, 'waits', () => this.active.length);
    this.windowGauge = core.gauge('pull window', WINDOW_BYTES, 'waits', () => this.asked(), 'bytes');
    this.resting = new Resting(core, 'resting fetches', RESTING_MAX);
    examine.onStaged = (slot, examined, code) => this.onStaged(slot, examined, code);
  }

  get active(): readonly Fetch[] {
    return this.slots.filter(fetch => fetch !== undefined);
  }

  get isIdle(): boolean {
    return this.slots.every(fetch => fetch === undefined);
  }

  isFetching(place: Place): boolean {
    return this.slots.some(fetch => fetch !== undefined && samePlace(fetch.place, place));
  }

  /** Whether its last fetch failed a moment ago: the others go on without it. */
  isResting(place: Place): boolean {
    return this.resting.has(place);
  }

  /** Whether a fetch still copies from this path: then it must stay a while. */
  isSource(path: Path): boolean {
    return this.slots.some(fetch => fetch?.like !== undefined && sameBytes(fetch.like.path, path));
  }

  /** False when no slot is free. */
  start(place: Place, path: Path, entry: Entry, like: Source | undefined): boolean {
    const slot = this.slots.indexOf(undefined);
    if (slot === -1) this.gauge.met();
    if (slot === -1 || entry.remote === undefined) return false;
    const { local, synced, remote } = entry;
    const hasBase = local?.kind === Kind.FILE && synced?.kind === Kind.FILE && local.size > 0;
    this.slots[slot] = {
      slot,
      req: ++this.lastReq,
      place,
      path,
      version: remote,
      local,
      base: hasBase ? { path, local } : undefined,
      like,
      state: 'staging',
      offset: 0,
      writes: 1,
      frames: 0,
      heardAt: this.core.now,
      tries: 0,
      bytesReceived: 0,
      examined: undefined,
    };
    this.gauge.grew();
    this.core.emit({ do: 'stage', slot, bytes: remote.size });
    return true;
  }

  /** The link is gone: what was asked for will not come. Staged bytes stay. */
  reset(): void {
    for (const fetch of this.active) fetch.frames = 0;
    this.pulls.length = 0;
  }

  /** The folder is gone, and the staged files with it. */
  drop(): void {
    for (const fetch of this.active) this.release(fetch);
  }

  pump(): void {
    if (this.core.isPaused) return;
    for (const fetch of this.slots) if (fetch?.state === 'pulling') this.pull(fetch);
    this.flush();
    this.placeReady();
  }

  private pull(fetch: Fetch): void {
    if (!this.core.isLive || fetch.frames > 0 || fetch.writes > 0) return;
    const asked = this.asked();
    const room = WINDOW_BYTES - asked;
    const wanted = Math.min(WINDOW_FRAMES, Math.ceil((fetch.version.size - fetch.offset) / RUN_BYTES_MAX));
    const credit = Math.max(asked === 0 ? 1 : 0, Math.min(wanted, Math.floor(room / RUN_BYTES_MAX)));
    const isSmall = fetch.version.size - fetch.offset <= room;
    if (credit === 0 && !isSmall) {
      this.windowGauge.met();
      return;
    }
    fetch.frames = Math.max(credit, 1);
    this.windowGauge.grew();
    fetch.heardAt = this.core.now;
    this.core.wake(this.core.now + ANSWER_MS);
    const { req, offset, version } = fetch;
    const base = fetch.base?.local.content ?? NO_CONTENT;
    this.pulls.push({ req, content: version.content, base, offset, credit: fetch.frames });
  }

  /** Bytes of content that were asked for and did not come yet. */
  private asked(): number {
    let bytes = 0;
    for (const fetch of this.slots) if (fetch !== undefined) bytes += this.expected(fetch);
    return bytes;
  }

  private expected(fetch: Fetch): number {
    return Math.min(fetch.frames * RUN_BYTES_MAX, fetch.version.size - fetch.offset);
  }

  private flush(): void {
    if (this.pulls.length === 0) return;
    const items = this.pulls.splice(0);
    this.core.emit({
      do: 'send',
      message: { is: 'pull', session: this.core.options.session, items },
      body: undefined,
    });
  }

  tick(): void {
    for (const fetch of this.active) {
      if (fetch.state !== 'pulling' || fetch.frames === 0) continue;
      if (this.core.now >= fetch.heardAt + ANSWER_MS) fetch.frames = 0;
      else this.core.wake(fetch.heardAt + ANSWER_MS);
    }
    if (this.resting.tick()) this.core.isRemoteMarked = true;
  }

  onWrote(event: Extract<Event, { is: 'wrote' }>): void {
    const fetch = this.slots[event.slot];
    if (fetch === undefined) return;
    fetch.writes--;
    if (event.trouble !== undefined) {
      this.onWriteTrouble(fetch, event.trouble.code);
      return;
    }
    if (fetch.writes > 0) return;
    if (fetch.state === 'staging') this.copyLike(fetch);
    else if (fetch.state === 'pulling') this.endIfWhole(fetch);
  }

  // The file copied from is not what it was: pull instead. Anything else is the disk's trouble.
  private onWriteTrouble(fetch: Fetch, code: string): void {
    const isSourceGone = code === 'CHANGED' || code === 'ENOENT' || code === 'REFUSED';
    if (isSourceGone && (fetch.like !== undefined || fetch.base !== undefined)) this.restart(fetch);
    else this.fail(fetch, code, 'staging a file');
  }

  private copyLike(fetch: Fetch): void {
    const { like, version, offset, slot } = fetch;
    if (like === undefined || offset === version.size) {
      fetch.state = 'pulling';
      this.endIfWhole(fetch);
      return;
    }
    const length = Math.min(COPY_STEP_BYTES, version.size - offset);
    fetch.offset += length;
    fetch.writes++;
    const expect = statOf(like.local);
    this.core.emit({ do: 'copy', slot, offset, from: like.path, expect, fromOffset: offset, length });
  }

  private endIfWhole(fetch: Fetch): void {
    if (fetch.offset < fetch.version.size) return;
    fetch.state = 'reading';
    fetch.frames = 0;
    this.examine.stage(fetch.slot);
  }

  /** Bytes for the slots. False: a peer's mistake. What is not for the offset at hand is late or doubled. */
  onPiece(items: readonly PieceItem[], body: Uint8Array): boolean {
    let at = 0;
    const heard = new Set<Fetch>();
    for (const item of items) {
      const isLiteral = item.op === Piece.LITERAL;
      const stored = body.subarray(at, at + (isLiteral ? item.stored : 0));
      at += stored.length;
      const fetch = this.slots.find(slot => slot?.req === item.req);
      if (fetch === undefined || fetch.state !== 'pulling' || item.offset !== fetch.offset) continue;
      if (!this.isFair(fetch, item)) return false;
      this.patch(fetch, item, stored);
      heard.add(fetch);
    }
    for (const fetch of heard) {
      fetch.heardAt = this.core.now;
      if (fetch.frames > 0) fetch.frames--;
    }
    return true;
  }

  private isFair(fetch: Fetch, item: PieceItem): boolean {
    if (item.length === 0 || item.offset + item.length > fetch.version.size) return false;
    const baseSize = fetch.base?.local.size ?? 0;
    if (item.op === Piece.COPY) return item.baseOffset + item.length <= baseSize;
    if (item.op !== Piece.LITERAL || item.length > RUN_BYTES_MAX || item.stored > item.length) return false;
    return (
      item.dictionary <= item.offset &&
      item.baseOffset + item.dictionaryLength <= baseSize &&
      item.dictionary + item.dictionaryLength <= DICTIONARY_BYTES_MAX
    );
  }

  private patch(fetch: Fetch, item: PieceItem, stored: Uint8Array): void {
    const { slot, base } = fetch;
    const { offset, length } = item;
    const expect = base === undefined ? undefined : statOf(base.local);
    fetch.offset += length;
    fetch.writes++;
    fetch.bytesReceived += stored.length;
    this.core.counters.bytesDown += stored.length;
    if (item.op === Piece.COPY && base !== undefined && expect !== undefined) {
      const fromOffset = item.baseOffset;
      this.core.emit({ do: 'copy', slot, offset, from: base.path, expect, fromOffset, length });
      return;
    }
    const isFromBase = item.dictionaryLength > 0 && base !== undefined && expect !== undefined;
    const dictionary: Dictionary = {
      from: isFromBase
        ? { path: base.path, expect, offset: item.baseOffset, length: item.dictionaryLength }
        : undefined,
      tail: item.dictionary,
    };
    this.core.emit({ do: 'patch', slot, offset, length, stored, dictionary });
  }

  onLost(req: number): void {
    const fetch = this.slots.find(slot => slot?.req === req);
    if (fetch === undefined) return;
    if (fetch.base !== undefined) this.restart(fetch);
    else this.fail(fetch, 'UNKNOWN', 'asking the gateway for a content');
  }

  private onStaged(slot: number, examined: Examined | undefined, code: string): void {
    const fetch = this.slots[slot];
    if (fetch === undefined || fetch.state !== 'reading') return;
    if (examined === undefined) {
      this.fail(fetch, code, 'reading a staged file');
      return;
    }
    if (!sameBytes(examined.content, fetch.version.content)) {
      this.restart(fetch);
      return;
    }
    fetch.examined = examined;
    fetch.state = 'ready';
  }

  // From the first byte, and without help from files of this disk: they may not be what we think.
  private restart(fetch: Fetch): void {
    fetch.tries++;
    if (fetch.tries >= TRIES_MAX) {
      this.fail(fetch, 'CONTENT', 'putting a content together');
      return;
    }
    this.core.emit({ do: 'unstage', slot: fetch.slot });
    this.slots[fetch.slot] = {
      ...fetch,
      req: ++this.lastReq,
      base: undefined,
      like: undefined,
      state: 'staging',
      offset: 0,
      writes: 1,
      frames: 0,
    };
    this.core.emit({ do: 'stage', slot: fetch.slot, bytes: fetch.version.size });
  }

  private fail(fetch: Fetch, code: string, doing: string): void {
    this.core.trouble(fetch.path, code, doing);
    this.release(fetch);
    this.resting.rest(fetch.place, RETRY_MS);
  }

  private release(fetch: Fetch): void {
    this.examine.dropStaged(fetch.slot);
    this.core.emit({ do: 'unstage', slot: fetch.slot });
    this.slots[fetch.slot] = undefined;
  }

  /** A newer change of the path came: what is under way is not wanted any more. */
  supersede(place: Place): void {
    for (const fetch of this.active)
      if (fetch.state !== 'placing' && samePlace(fetch.place, place)) this.release(fetch);
  }

  private placeReady(): void {
    const ready: Fetch[] = [];
    let isMoreComing = false;
    for (const fetch of this.slots) {
      if (fetch?.state === 'ready') ready.push(fetch);
      else if (fetch?.state === 'placing') return;
      else if (fetch !== undefined) isMoreComing = true;
    }
    if (ready.length === 0 || (isMoreComing && ready.length < PLACE_COUNT)) return;
    for (const fetch of ready) fetch.state = 'placing';
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
      const fetch = this.slots[slot];
      if (fetch === undefined || fetch.state !== 'placing') continue;
      this.slots[slot] = undefined;
      this.core.isRemoteMarked = true;
      this.core.isLocalMarked = true;
      if (trouble !== undefined || stat === undefined) this.onNotPlaced(fetch, trouble?.code ?? 'ENOENT');
      else this.settle(fetch, { ...localOf(stat), content: fetch.version.content });
    }
  }

  private onNotPlaced(fetch: Fetch, code: string): void {
    this.core.emit({ do: 'unstage', slot: fetch.slot });
    const isMovedOn = code === 'CHANGED' || code === 'ENOENT' || code === 'ENOTDIR' || code === 'REFUSED';
    if (isMovedOn) this.onGone(fetch.place);
    else this.core.trouble(fetch.path, code, 'putting a file in place');
    this.resting.rest(fetch.place, isMovedOn ? MOVED_ON_MS : RETRY_MS);
  }

  private settle(fetch: Fetch, seen: Local): void {
    const { core } = this;
    core.isUnsynced = true;
    const before = core.catalog.get(fetch.place);
    if (before === undefined) return;
    const list = fetch.examined?.list ?? 0;
    const isNewer = before.remote !== undefined && before.remote.seq > fetch.version.seq;
    const local = { ...seen, list };
    const synced = { ...fetch.version, list };
    core.put(fetch.place, { ...before, local, synced, remote: isNewer ? before.remote : undefined }, before);
    core.counters.receivedFiles++;
    core.note({ kind: 'received', path: fetch.path, what: Kind.FILE, bytes: fetch.bytesReceived });
  }

  /** A path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};
}
