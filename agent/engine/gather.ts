// Small files, many at a time: read in one effect, offered in one frame that has their contents (`whole`).
//
//   pass -- add --> group -- gather --> gathered -- as it was? --> offers, one frame
//                                          '-- other -----> read alone (examine.ts), which says why
//
// The catalog is not touched before the verdict: what was read stands in the offer, and is recorded with what both
// ends agreed on. A small file that is read twice costs less than one that is recorded twice.
//
// Bytes that the gateway has already are sent in vain, so this is only for files that it hardly knows: nothing of
// the gateway's is unread, and no deletion waits that could be the other half of a rename. Being wrong about that
// costs bytes, nothing else.
//
// Memory: one group, one frame cell held while it fills, and the names of at most LONERS_MAX files.

import { ID_BYTES, RUN_BYTES_MAX, WHOLE_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, type WholeItem } from '../../protocol/messages.ts';
import { smaller } from '../../protocol/shrink.ts';
import type { FrameCell } from '../arena/arena.ts';
import type { Core } from './core.ts';
import { type Entry, hasSameContent, looksLike, NO_CONTENT, statOf } from './entry.ts';
import type { Examine } from './examine.ts';
import { nameOfPlace, type Place } from './keys.ts';
import type { Offer, Opening } from './offered.ts';
import { type Event, type Gathered, type Path, youthMs } from './ports.ts';

/** Bytes of a frame's header: its array, type, session, list. */
const HEAD_BYTES = 20;
/** Bytes of an item besides its path: array, seven heads, numbers of 4, 2, 2, 8 and 8 bytes, the content id. */
const ITEM_BYTES = 1 + 7 + 24 + 2 + ID_BYTES;
/** Files that are to be read alone: beyond, the oldest may be tried in a group once more. */
const LONERS_MAX = 512;
/** A file that changed a moment ago, and may change again and bear the same time, waits for as long as this. Where it
 * would have to wait longer it is read alone, which waits for it: one that never rests would never be read. */
const WAIT_MS_MAX = 30;

/** What it needs of the offers. */
export interface GatherPort {
  /** Offers that may still be made. */
  readonly room: number;
  /** Whether the gateway hardly has the content of a file that is new here. */
  readonly isNews: boolean;
  isFree(place: Place, entry: Entry): boolean;
  open(opening: Omit<Opening, 'base' | 'now'>): Offer;
  /** Sends what is to go before: the directories of these files. */
  flush(): void;
  retry(at: number): void;
}

interface Wanted {
  place: Place;
  path: Path;
  size: number;
}

export class Gather {
  private readonly core: Core;
  private readonly examine: Examine;
  private readonly offers: GatherPort;
  private group: (Wanted & { expect: ReturnType<typeof statOf> })[] = [];
  private cell: FrameCell | undefined;
  private frameBytes = HEAD_BYTES;
  private plainBytes = 0;
  private readonly loners = new Set<string>();

  constructor(core: Core, examine: Examine, offers: GatherPort) {
    this.core = core;
    this.examine = examine;
    this.offers = offers;
  }

  /** 'taken' into the group, 'rest' until there is room, 'later' in another pass, or 'alone': not for a group. */
  add(place: Place, entry: Entry): 'taken' | 'rest' | 'later' | 'alone' {
    const { local } = entry;
    if (local === undefined || !this.isFit(entry) || !this.offers.isNews) return 'alone';
    if (this.examine.isResting(place)) return 'later';
    if (this.loners.size > 0 && this.loners.has(nameOfPlace(place))) {
      if (this.isOpen || this.examine.isBusy) return 'rest';
      this.loners.delete(nameOfPlace(place));
      return 'alone';
    }
    const waitMs = youthMs(local.ctime, this.core.wall);
    if (waitMs > 0 && waitMs <= WAIT_MS_MAX) {
      this.offers.retry(this.core.now + waitMs);
      return 'later';
    }
    if (this.examine.isBusy) return 'rest';
    if (waitMs > 0) return 'alone';
    if (!this.offers.isFree(place, entry)) return this.offers.room > 0 ? 'alone' : 'rest';
    const path = this.core.catalog.pathOf(place);
    if (path === undefined) return 'alone';
    if (!this.hasRoom(path.length, local.size)) {
      this.start();
      return 'rest';
    }
    this.cell ??= this.core.arena.takeFrame();
    if (this.cell === undefined) return 'rest';
    this.frameBytes += ITEM_BYTES + path.length;
    this.plainBytes += local.size;
    this.group.push({ place, path, size: local.size, expect: statOf(local) });
    return 'taken';
  }

  /** A group is being put together: the window is about to be its. */
  get isOpen(): boolean {
    return this.group.length > 0;
  }

  // A small file that is new, or that changed since both ends agreed on it.
  private isFit({ local, synced, remote }: Entry): boolean {
    return (
      local?.kind === Kind.FILE &&
      local.size > 0 &&
      local.size <= WHOLE_BYTES_MAX &&
      remote === undefined &&
      (synced === undefined || (synced.kind === Kind.FILE && synced.list === 0))
    );
  }

  private hasRoom(pathBytes: number, size: number): boolean {
    const { arena, frameBytesMax } = this.core;
    const plainBytes = this.plainBytes + size;
    return (
      this.group.length < Math.min(arena.filesMax, this.offers.room) &&
      plainBytes <= RUN_BYTES_MAX &&
      this.frameBytes + ITEM_BYTES + pathBytes + plainBytes <= Math.min(frameBytesMax, arena.frameBytes)
    );
  }

  /** Reads the group at hand, if there is one. */
  start(): void {
    if (this.group.length === 0 || this.examine.isGathering) return;
    this.examine.isGathering = true;
    this.core.emit({ do: 'gather', items: this.group });
  }

  onGathered({ files }: Extract<Event, { is: 'gathered' }>): void {
    const { group } = this;
    this.examine.isGathering = false;
    this.core.isLocalMarked = true;
    if (this.core.isLive && !this.core.isPaused) this.offer(group, files);
    this.drop();
    this.examine.pump();
  }

  private offer(group: readonly Wanted[], files: readonly Gathered[]): void {
    const items: WholeItem[] = [];
    const offers: Offer[] = [];
    const { window } = this.core.arena;
    let bytes = 0;
    files.forEach((file, index) => {
      const wanted = group[index];
      if (wanted === undefined) return;
      if (file.is === 'other') this.leaveAlone(wanted.place);
      else {
        this.core.counters.readFiles++;
        const offer = this.open(wanted, file);
        if (offer === undefined) return;
        window.copyWithin(bytes, file.offset, file.offset + wanted.size);
        bytes += wanted.size;
        const { req, path, content, facts } = offer;
        const { mode, size, mtime, seq } = facts;
        items.push({ req, path, mode, size, mtime, content, base: seq });
        offers.push(offer);
      }
    });
    if (items.length > 0) this.send(items, offers, window.subarray(0, bytes));
  }

  private open(
    { place, path }: Wanted,
    { stat, content, record }: Extract<Gathered, { is: 'read' }>,
  ): Offer | undefined {
    const { core } = this;
    const entry = core.catalog.get(place);
    const isAsItWas =
      entry?.local !== undefined && entry.local.content === undefined && looksLike(entry.local, stat);
    if (!isAsItWas || !this.isFit(entry)) return undefined;
    const local = { ...stat, kind: Kind.FILE, content, list: 0 };
    // Only its time changed: no content need travel.
    if (entry.synced !== undefined && hasSameContent(local, entry.synced)) {
      core.put(place, { ...entry, local }, entry);
      return undefined;
    }
    if (!this.offers.isFree(place, entry)) return undefined;
    return this.offers.open({ place, path, entry, local, content, single: record, isWhole: true });
  }

  private send(items: WholeItem[], offers: readonly Offer[], plain: Uint8Array): void {
    const { core, cell } = this;
    if (cell === undefined) throw new Error('a group without a frame');
    this.offers.flush();
    const stored = smaller(plain, core.squeeze.deflate(plain, NO_CONTENT));
    for (const offer of offers)
      offer.bytesSent = Math.ceil((stored.length * offer.facts.size) / plain.length);
    cell.bytes.set(stored, this.frameBytes);
    const body = { handle: cell.handle, offset: this.frameBytes, length: stored.length };
    this.cell = undefined;
    core.emit({ do: 'send', message: { is: 'whole', session: core.options.session, items }, body });
  }

  private leaveAlone(place: Place): void {
    this.loners.add(nameOfPlace(place));
    if (this.loners.size <= LONERS_MAX) return;
    const [oldest] = this.loners;
    this.loners.delete(oldest as string);
  }

  private drop(): void {
    if (this.cell !== undefined) this.core.arena.releaseFrame(this.cell.handle);
    this.cell = undefined;
    this.group = [];
    this.frameBytes = HEAD_BYTES;
    this.plainBytes = 0;
  }
}
