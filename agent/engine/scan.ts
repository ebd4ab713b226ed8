// Compares the disk with the catalog and records what it sees: one directory at a time, its sorted listing beside
// the walk over its children in the catalog. Records observations only.
//
//             hint with a name            hint without, new directory           start, timer, hints lost
//                   |                               |                                   |
//              look at one path            list one directory                  list every directory
//              (at most HINTS_MAX)         (at most DIRECTORIES_MAX)           in the order of their ids
//                   +--- too many: a full scan ----+----------------------------------->+
//
// A full scan keeps one number, the id of the directory at hand: directories found on the way get higher ids and
// so are reached in the same scan. A directory that is gone lists as empty, which takes its children with it.
//
// Only ENOENT, ENOTDIR and a symlink on the way mean "nothing here". Any other trouble means "not known": nothing
// is concluded from it. The same goes for a name of which a listing can say no more (HIDDEN): what the catalog has of
// it counts as not looked at in this life, while all else in that directory does.
//
// A directory that is moved away and back may be away just when something in it is looked for. So where the way to a
// place is gone, the directory it stands in is gone as well, and is looked at again: back, it is listed as a new one.

import { PATH_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import type { Entry, EntryId } from './entry.ts';
import { nameOfPlace, type Place, ROOT, samePlace } from './keys.ts';
import { Observer, TOO_LONG } from './observe.ts';
import { type Event, HIDDEN, type Path } from './ports.ts';
import { Resting } from './resting.ts';

/** Paths that may wait for a look, directories that may wait for a listing: beyond these a full scan is cheaper
 * than the memory. */
const HINTS_MAX = 256;
const DIRECTORIES_MAX = 1024;

/** Directories remembered that could not be listed by the first full scan, and names that it could say nothing of. */
const UNLISTED_MAX = 64;

/** Trouble that means that nothing is there. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'REFUSED', 'ELOOP']);

/** A directory that was missed is looked at once in this time: there are file systems that show what none can open. */
const MISSED_MS = 1_000;
const MISSED_MAX = 16;

interface Listing {
  directory: EntryId;
  path: Path;
  isBegun: boolean;
  /** In more than one batch. */
  isLong: boolean;
  startedAt: number;
  isFull: boolean;
  isChanged: boolean;
  /** Those of its names that are known, and of which it could say nothing; one more than are remembered at most. */
  hidden: Map<string, Place>;
  isHiddenSaid: boolean;
}

/** A file system's clock may be this much behind ours. */
const CLOCK_MS = 2_000;

const NO_ROWS = { address: 0, bytes: 0, count: 0 };

export class Scan {
  /** Entries seen by the full scan under way, when it began, and when the last one ended (0: none yet). */
  seen = 0;
  /** Directories listed by the full scan under way, and by the last one. */
  private listed = 0;
  private listedBefore = 0;
  startedAt = 0;
  finishedAt = 0;
  private readonly core: Core;
  private readonly hints: Place[] = [];
  private readonly directories: EntryId[] = [];
  private readonly hintsGauge: Gauge;
  private readonly directoriesGauge: Gauge;
  private readonly missed: Resting;
  private readonly observer: Observer;
  private listing: Listing | undefined;
  private looking: Place | undefined;
  /** The directory that the full scan lists next, undefined when none is under way. */
  private cursor: EntryId | undefined;
  private isWanted = false;
  private isFullsTurn = false;
  /** The digest of the rules that the full scan under way began with. */
  private rules = '';
  /** The first directory that could not be listed and was one too many to remember. */
  private heldAt: EntryId = Number.POSITIVE_INFINITY;

  constructor(core: Core) {
    this.core = core;
    this.hintsGauge = core.gauge('looks wanted', HINTS_MAX, 'drops', () => this.hints.length);
    this.directoriesGauge = core.gauge(
      'listings wanted',
      DIRECTORIES_MAX,
      'drops',
      () => this.directories.length,
    );
    this.missed = new Resting(core, 'directories missed', MISSED_MAX);
    this.observer = new Observer(core, directory => this.wantDirectory(directory));
    const { localCount, remoteCount } = core.catalog;
    core.hasInherited = localCount + remoteCount > 0; // what was settled was durable
  }

  /** As many as the folder has, as far as a full scan has counted them. */
  get directoryCount(): number {
    return Math.max(this.listed, this.listedBefore);
  }

  get isRunning(): boolean {
    return this.cursor !== undefined || this.isWanted;
  }

  get isIdle(): boolean {
    return (
      !this.isRunning &&
      this.listing === undefined &&
      this.looking === undefined &&
      this.hints.length === 0 &&
      this.directories.length === 0
    );
  }

  /** A life begins. What an empty catalog has will all be of this one. */
  start(): void {
    if (this.core.catalog.hasChildren(ROOT)) this.core.unconfirmed = ROOT;
    this.wantFull();
  }

  wantFull(): void {
    this.isWanted = true;
  }

  hint(directory: Path, name: Uint8Array | undefined): void {
    const id = this.core.catalog.findDirectory(directory);
    if (id === undefined) return; // not known yet: the listing of its parent will find it
    if (name === undefined) this.wantDirectory(id);
    else this.wantLook({ parent: id, name });
  }

  wantLook(place: Place): void {
    if (this.hints.some(hint => samePlace(hint, place))) return;
    if (this.hints.length >= HINTS_MAX) {
      this.hintsGauge.met();
      this.wantFull();
      return;
    }
    this.hints.push(place);
    this.hintsGauge.grew();
  }

  /** A path is not what was recorded, or what it stands in is not. */
  wantDoubt(place: Place): void {
    const { catalog } = this.core;
    this.wantLook(place);
    const up = place.parent === ROOT ? undefined : catalog.placeOfDirectory(place.parent);
    if (up !== undefined && catalog.get(place)?.local === undefined) this.wantLook(up);
  }

  wantDirectory(id: EntryId): void {
    if (this.directories.includes(id)) return;
    if (this.directories.length >= DIRECTORIES_MAX) {
      this.directoriesGauge.met();
      this.wantFull();
      return;
    }
    this.directories.push(id);
    this.directoriesGauge.grew();
  }

  /** The folder went away: what was asked is not answered any more in a way that counts. */
  reset(): void {
    this.hints.length = 0;
    this.directories.length = 0;
    this.cursor = undefined;
    this.core.unconfirmed = ROOT;
    this.core.hasInherited = true;
    this.wantFull();
  }

  /** What was asked for by name and a full scan's next directory take turns: a folder may never rest. */
  pump(): void {
    while (!this.core.isPaused && this.listing === undefined && this.looking === undefined) {
      if (this.isFullsTurn) {
        this.isFullsTurn = false;
        if (this.pumpFull()) continue;
      }
      this.isFullsTurn = this.isRunning;
      const place = this.hints.shift();
      if (place !== undefined) {
        const path = this.core.catalog.pathOf(place);
        if (path === undefined) continue;
        if (path.length > PATH_BYTES_MAX) {
          this.observer.skip(path, TOO_LONG);
          continue;
        }
        this.looking = place;
        this.core.emit({ do: 'look', path });
        return;
      }
      const directory = this.directories.shift();
      if (directory !== undefined) {
        this.list(directory, false);
        continue;
      }
      if (!this.pumpFull()) return;
    }
  }

  private pumpFull(): boolean {
    const { core } = this;
    if (this.cursor === undefined) {
      if (!this.isWanted) return false;
      this.isWanted = false;
      this.seen = 0;
      this.listed = 0;
      core.counters.skipped = 0;
      this.observer.isRescan = this.finishedAt > 0;
      this.startedAt = core.now;
      this.heldAt = Number.POSITIVE_INFINITY;
      this.rules = core.rules.digest;
      this.observer.isReindexing = this.rules !== core.catalog.rules;
      this.cursor = ROOT;
    } else {
      this.cursor = core.catalog.directoryAfter(this.cursor);
    }
    if (core.unconfirmed !== Number.POSITIVE_INFINITY) this.confirm();
    if (this.cursor === undefined) {
      if (core.catalog.rules !== this.rules) core.catalog.rules = this.rules;
      this.observer.isReindexing = false;
      this.listedBefore = this.listed;
      this.finishedAt = core.now;
      core.wake(core.now + core.options.rescanSeconds * 1000);
      return this.isWanted;
    }
    this.list(this.cursor, true);
    return true;
  }

  /** What comes before the cursor was looked at. */
  private confirm(): void {
    const { core, cursor } = this;
    core.unconfirmed = Math.min(cursor ?? Number.POSITIVE_INFINITY, this.heldAt);
    if (cursor !== undefined) return;
    for (const directory of core.unlisted) this.wantDirectory(directory); // trouble may have passed
    for (const place of core.hidden.values()) this.wantLook(place);
    core.isLocalMarked = true;
    core.isRemoteMarked = true;
  }

  /** Its listing failed: what is in it is not confirmed, and nobody knows when it will be. */
  private miscarry({ directory, isFull }: Listing): void {
    const { core } = this;
    if (!isFull || core.unconfirmed === Number.POSITIVE_INFINITY) return;
    if (core.unlisted.size < UNLISTED_MAX) core.unlisted.add(directory);
    else this.heldAt = Math.min(this.heldAt, directory);
  }

  private list(directory: EntryId, isFull: boolean): void {
    const path = this.core.catalog.pathOfDirectory(directory);
    if (path === undefined) return;
    this.listing = {
      directory,
      path,
      isBegun: false,
      isLong: false,
      startedAt: this.core.wall,
      isFull,
      isChanged: false,
      hidden: new Map(),
      isHiddenSaid: false,
    };
    this.core.emit({ do: 'watch', dir: path, isActive: !isFull });
    this.core.emit({ do: 'list', dir: path });
  }

  tick(): void {
    const due = this.finishedAt + this.core.options.rescanSeconds * 1000;
    if (this.isRunning || this.finishedAt === 0) return;
    if (this.core.now >= due) this.wantFull();
    else this.core.wake(due);
  }

  onListed(event: Extract<Event, { is: 'listed' }>): void {
    const listing = this.listing;
    if (listing === undefined) return;
    if (this.core.isPaused) {
      this.listing = undefined;
      return;
    }
    if (event.trouble !== undefined && !this.isConclusive(listing, event.trouble.code)) {
      this.listing = undefined;
      this.miscarry(listing);
      return;
    }
    this.compare(listing, event);
    if (!event.isEnd) {
      this.core.emit({ do: 'more' });
      return;
    }
    this.listing = undefined;
    if (this.core.unlisted.delete(listing.directory)) {
      this.core.isLocalMarked = true;
      this.core.isRemoteMarked = true;
    }
    this.settleHidden(listing);
    if (!listing.isFull) return;
    this.listed++;
    // Found by a rescan, so it is not watched: listed again, by itself, it may be.
    if (listing.isChanged && this.finishedAt > 0) this.wantDirectory(listing.directory);
  }

  /** Whether trouble with a listing means that nothing is there. */
  private isConclusive(listing: Listing, code: string): boolean {
    const isRoot = listing.directory === ROOT;
    if (code === 'CHANGED' && !isRoot) {
      // Another directory came to the path meanwhile.
      const place = this.core.catalog.placeOfDirectory(listing.directory);
      if (place !== undefined) this.wantLook(place);
      return false;
    }
    if (!isRoot && ABSENT.has(code)) {
      this.miss(listing.directory, listing);
      return true;
    }
    if (code !== 'EXDEV') this.core.trouble(listing.path, code, 'listing a directory'); // covered by what is named
    return false;
  }

  /** There is no way to a directory: it is gone, for now at least. */
  private miss(directory: EntryId, listing?: Listing): void {
    const { catalog } = this.core;
    const place = directory === ROOT ? undefined : catalog.placeOfDirectory(directory);
    const before = place === undefined ? undefined : catalog.get(place);
    if (place === undefined || before?.local?.kind !== Kind.DIRECTORY) return;
    this.observer.record(place, before, undefined, listing);
    if (this.missed.has(place)) return;
    this.missed.rest(place, MISSED_MS);
    this.wantLook(place);
  }

  onLooked(event: Extract<Event, { is: 'looked' }>): void {
    const place = this.looking;
    this.looking = undefined;
    if (place === undefined || this.core.isPaused) return;
    if (event.trouble !== undefined && !ABSENT.has(event.trouble.code)) {
      this.core.trouble(event.path, event.trouble.code, 'looking at a path');
      return;
    }
    if (event.trouble !== undefined) this.miss(place.parent);
    this.show(nameOfPlace(place));
    this.observer.record(place, this.core.catalog.get(place), event.stat);
  }

  /** There is a name, and nothing can be said of it: a damaged inode, say. */
  private hide(place: Place, isKnown: boolean, listing: Listing, code: string): void {
    const { core } = this;
    core.counters.skipped++;
    if (isKnown && listing.hidden.size <= UNLISTED_MAX) listing.hidden.set(nameOfPlace(place), place);
    const path = core.catalog.pathOf(place);
    if (listing.isHiddenSaid || path === undefined || core.rules.isIgnored(path, true)) return;
    listing.isHiddenSaid = true; // a disk that breaks has many
    core.trouble(path, code, 'looking at a path');
  }

  private show(key: string): void {
    if (!this.core.hidden.delete(key)) return;
    this.core.isLocalMarked = true;
    this.core.isRemoteMarked = true;
  }

  /** What a life's first scan could not see in a directory stays hidden until a listing or a look sees it. */
  private settleHidden(listing: Listing): void {
    const { hidden } = this.core;
    const isFirst = listing.isFull && this.core.unconfirmed !== Number.POSITIVE_INFINITY;
    for (const [key, { parent }] of hidden)
      if (parent === listing.directory && !listing.hidden.has(key)) this.show(key);
    if (!isFirst || listing.hidden.size === 0) return;
    for (const [key, place] of listing.hidden) if (hidden.size < UNLISTED_MAX) hidden.set(key, place);
    if ([...listing.hidden.keys()].some(key => !hidden.has(key))) this.miscarry(listing);
  }

  // Only what differs comes out of the arena: a name and stat that are not as recorded, an entry without a name.
  private compare(listing: Listing, { rows, isEnd, hidden }: Extract<Event, { is: 'listed' }>): void {
    const { catalog } = this.core;
    const { directory } = listing;
    if (!listing.isBegun) catalog.tree.startDirectory(directory);
    listing.isBegun = true;
    listing.isLong ||= !isEnd;
    catalog.tree.giveRows(rows ?? NO_ROWS, isEnd, this.observer.isReindexing);
    if (listing.isFull) this.seen += rows?.count ?? 0;
    for (;;) {
      const difference = catalog.tree.nextDifference();
      if (difference === undefined) return;
      const row = typeof difference === 'number' ? rows?.at(difference) : undefined;
      const place = { parent: directory, name: row?.name ?? (difference as Uint8Array) };
      const before = catalog.get(place);
      if (row?.stat.kind === HIDDEN) this.hide(place, before !== undefined, listing, hidden?.code ?? '');
      if (row === undefined && listing.isLong && this.isYoung(before, listing)) this.lookIfRoom(place);
      else this.observer.record(place, before, row?.stat, listing);
    }
  }

  // The names of a long listing were gathered before others, and what came meanwhile is not among them: it would be
  // taken for deleted.
  private isYoung(entry: Entry | undefined, listing: Listing): boolean {
    const { local } = entry ?? {};
    if (local?.kind === Kind.DIRECTORY) return true; // it may be older than the name that it has
    return (local?.ctime ?? 0) >= (listing.startedAt - CLOCK_MS) * 1000;
  }

  private lookIfRoom(place: Place): void {
    if (this.hints.length < HINTS_MAX) this.wantLook(place); // else the next rescan finds it
  }
}
