// The fetches under way, by slot, by request and by place: a fixed number of slots, so all of it is bounded.

import { BLOCK_BYTES_MIN, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import type { Local, Version } from './entry.ts';
import type { Examined } from './examine.ts';
import { nameOfPlace, type Place } from './keys.ts';
import type { Path } from './ports.ts';

/** Of the files under way, those of more than one piece: each may hold a descriptor, and its content comes in turns. */
const LARGE_MAX = 64;

/** A file this small is one block, comes in one piece, and is staged and checked in one step. */
export const SMALL_BYTES_MAX = BLOCK_BYTES_MIN;

/** `base` and `like`: a file of the folder to copy from. */
export interface Source {
  path: Path;
  local: Local;
}

export type FetchState = 'copying' | 'pulling' | 'reading' | 'ready' | 'placing';

export interface Fetch {
  /** Numbers the staged file; never used again, so that an answer which comes late is nobody's. */
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
  state: FetchState;
  /** The slot's staged file was asked for. */
  isStaged: boolean;
  /** The disk has begun it. */
  isBegun: boolean;
  offset: number;
  writes: number;
  frames: number;
  heardAt: number;
  tries: number;
  bytesReceived: number;
  examined: Examined | undefined;
  /** What stands of it in the sums: Fetching's own. */
  counted: { asked: number; as: Standing | undefined };
}

/** What the sums tell apart: waiting for its place, on its way to it, small and not there yet. */
type Standing = 'ready' | 'placing' | 'small';

export const isSmall = (version: Version): boolean => version.size <= SMALL_BYTES_MAX;

/** What may still come of what was asked for. */
const expected = ({ frames, version, offset }: Fetch): number =>
  Math.min(frames * RUN_BYTES_MAX, version.size - offset);

const standingOf = ({ state, version }: Fetch): Standing | undefined => {
  if (state === 'ready' || state === 'placing') return state;
  return isSmall(version) ? 'small' : undefined;
};

export class Fetching {
  private readonly most: number;
  private lastSlot = 0;
  private readonly bySlot = new Map<number, Fetch>();
  private readonly byReq = new Map<number, Fetch>();
  private readonly byPlace = new Map<string, Fetch>();
  private large = 0;
  private readonly toAsk = new Set<Fetch>();
  private readonly sums = { ready: 0, placing: 0, small: 0 };
  private outstanding = 0;

  /** `most` at once. */
  constructor(most: number) {
    this.most = most;
  }

  get count(): number {
    return this.bySlot.size;
  }

  all(): IterableIterator<Fetch> {
    return this.bySlot.values();
  }

  /** Bytes of content that were asked for and did not come yet. */
  get bytesAsked(): number {
    return this.outstanding;
  }

  /** Those that have all their bytes, those that are being put in place, small ones before that. */
  get standing(): Readonly<Record<Standing, number>> {
    return this.sums;
  }

  /** Those that wait for bytes, and have asked for none. */
  asking(): IterableIterator<Fetch> {
    return this.toAsk.values();
  }

  /** To be called after every change of a fetch's state, offset, writes or frames: no sum needs to look at all of them,
   * which are thousands, for each frame. */
  note(fetch: Fetch): void {
    const { counted } = fetch;
    this.forget(fetch);
    counted.asked = expected(fetch);
    counted.as = standingOf(fetch);
    this.outstanding += counted.asked;
    if (counted.as !== undefined) this.sums[counted.as]++;
    if (fetch.state === 'pulling' && fetch.frames === 0 && fetch.writes === 0) this.toAsk.add(fetch);
    else this.toAsk.delete(fetch);
  }

  private forget({ counted }: Fetch): void {
    this.outstanding -= counted.asked;
    if (counted.as !== undefined) this.sums[counted.as]--;
    counted.asked = 0;
    counted.as = undefined;
  }

  /** A slot for a content of this version, or undefined when there is no room. */
  slotFor(version: Version): number | undefined {
    const isFull = this.count === this.most || (!isSmall(version) && this.large === LARGE_MAX);
    return isFull ? undefined : this.lastSlot + 1;
  }

  /** `fetch.slot` is what slotFor() gave. */
  take(fetch: Fetch): void {
    this.lastSlot = fetch.slot;
    this.put(fetch);
    if (!isSmall(fetch.version)) this.large++;
  }

  /** Gives the fetch another slot and request number: answers to the old ones, on their way, are not heard any more. */
  renumber(fetch: Fetch, req: number): void {
    this.byReq.delete(fetch.req);
    this.bySlot.delete(fetch.slot);
    fetch.req = req;
    fetch.slot = ++this.lastSlot;
    this.put(fetch);
  }

  release(fetch: Fetch): void {
    if (this.bySlot.get(fetch.slot) !== fetch) return;
    this.forget(fetch);
    this.toAsk.delete(fetch);
    this.bySlot.delete(fetch.slot);
    this.byReq.delete(fetch.req);
    this.byPlace.delete(nameOfPlace(fetch.place));
    if (!isSmall(fetch.version)) this.large--;
  }

  at(slot: number): Fetch | undefined {
    return this.bySlot.get(slot);
  }

  asked(req: number): Fetch | undefined {
    return this.byReq.get(req);
  }

  of(place: Place): Fetch | undefined {
    return this.byPlace.get(nameOfPlace(place));
  }

  private put(fetch: Fetch): void {
    this.bySlot.set(fetch.slot, fetch);
    this.byReq.set(fetch.req, fetch);
    this.byPlace.set(nameOfPlace(fetch.place), fetch);
  }
}
