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
// is concluded from it.

import { Kind } from '../../protocol/messages.ts';
import { joinPath } from '../../protocol/path.ts';
import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import { type Entry, type EntryId, freshEntry, localOf, looksLike } from './entry.ts';
import { type Place, ROOT, samePlace } from './keys.ts';
import { type Event, OTHER, type Path, type Stat } from './ports.ts';

/** Paths that may wait for a look, directories that may wait for a listing: beyond these a full scan is cheaper
 * than the memory. */
const HINTS_MAX = 256;
const DIRECTORIES_MAX = 1024;

/** Trouble that means that nothing is there. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR', 'REFUSED', 'ELOOP']);

interface Listing {
  directory: EntryId;
  path: Path;
  isBegun: boolean;
  /** In more than one batch. */
  isLong: boolean;
  startedAt: number;
  isFull: boolean;
  isChanged: boolean;
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
  private listing: Listing | undefined;
  private looking: Place | undefined;
  /** The directory that the full scan lists next, undefined when none is under way. */
  private cursor: EntryId | undefined;
  private isWanted = false;
  private isReindexing = false;

  constructor(core: Core) {
    this.core = core;
    this.hintsGauge = core.gauge('looks wanted', HINTS_MAX, 'drops', () => this.hints.length);
    this.directoriesGauge = core.gauge(
      'listings wanted',
      DIRECTORIES_MAX,
      'drops',
      () => this.directories.length,
    );
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

  /** `isReindexing`: what is ignored changed, so every entry's indexes are worked out anew. */
  wantFull(isReindexing = false): void {
    this.isWanted = true;
    this.isReindexing ||= isReindexing;
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
    this.wantFull();
  }

  pump(): void {
    while (!this.core.isPaused && this.listing === undefined && this.looking === undefined) {
      const place = this.hints.shift();
      if (place !== undefined) {
        const path = this.core.catalog.pathOf(place);
        if (path === undefined) continue;
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
      this.listedBefore = this.listed;
      this.listed = 0;
      this.startedAt = core.now;
      this.cursor = ROOT;
    } else {
      this.cursor = core.catalog.directoryAfter(this.cursor);
    }
    if (this.cursor === undefined) {
      this.isReindexing = false;
      this.finishedAt = core.now;
      core.wake(core.now + core.options.rescanSeconds * 1000);
      return this.isWanted;
    }
    this.list(this.cursor, true);
    return true;
  }

  private list(directory: EntryId, isFull: boolean): void {
    const path = this.core.catalog.pathOfDirectory(directory);
    if (path === undefined) return;
    this.listing = {
      directory,
      path,
      isBegun: false,
      isLong: false,
      startedAt: this.core.now,
      isFull,
      isChanged: false,
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
    const isRootGone = event.trouble !== undefined && listing.directory === ROOT;
    if (event.trouble !== undefined && (isRootGone || !ABSENT.has(event.trouble.code))) {
      this.core.trouble(listing.path, event.trouble.code, 'listing a directory');
      this.listing = undefined;
      return;
    }
    this.compare(listing, event);
    if (!event.isEnd) {
      this.core.emit({ do: 'more' });
      return;
    }
    this.listing = undefined;
    if (!listing.isFull) return;
    this.listed++;
    // Found by a rescan, so it is not watched: listed again, by itself, it may be.
    if (listing.isChanged && this.finishedAt > 0) this.wantDirectory(listing.directory);
  }

  onLooked(event: Extract<Event, { is: 'looked' }>): void {
    const place = this.looking;
    this.looking = undefined;
    if (place === undefined || this.core.isPaused) return;
    if (event.trouble !== undefined && !ABSENT.has(event.trouble.code)) {
      this.core.trouble(event.path, event.trouble.code, 'looking at a path');
      return;
    }
    this.observe(place, this.core.catalog.get(place), event.stat, undefined);
  }

  // Only what differs comes out of the arena: a name and stat that are not as recorded, an entry without a name.
  private compare(listing: Listing, { rows, isEnd }: Extract<Event, { is: 'listed' }>): void {
    const { catalog } = this.core;
    const { directory } = listing;
    if (!listing.isBegun) catalog.tree.startDirectory(directory);
    listing.isBegun = true;
    listing.isLong ||= !isEnd;
    catalog.tree.giveRows(rows ?? NO_ROWS, isEnd, this.isReindexing);
    if (listing.isFull) this.seen += rows?.count ?? 0;
    for (;;) {
      const difference = catalog.tree.nextDifference();
      if (difference === undefined) return;
      const row = typeof difference === 'number' ? rows?.at(difference) : undefined;
      const place = { parent: directory, name: row?.name ?? (difference as Uint8Array) };
      const before = catalog.get(place);
      if (row === undefined && listing.isLong && this.isYoung(before, listing)) this.lookIfRoom(place);
      else this.observe(place, before, row?.stat, listing);
    }
  }

  // The names of a long listing were gathered before others, and what came meanwhile is not among them: it would be
  // taken for deleted.
  private isYoung(entry: Entry | undefined, listing: Listing): boolean {
    return (entry?.local?.ctime ?? 0) >= (listing.startedAt - CLOCK_MS) * 1000;
  }

  private lookIfRoom(place: Place): void {
    if (this.hints.length < HINTS_MAX) this.wantLook(place); // else the next rescan finds it
  }

  /** Records what is at a place now. `stat` undefined: nothing is. */
  private observe(place: Place, before: Entry | undefined, stat: Stat | undefined, listing?: Listing): void {
    const { core } = this;
    const isNothing = stat === undefined || stat.kind === OTHER;
    if (isNothing && before === undefined) {
      if (stat !== undefined) core.counters.skipped++;
      return;
    }
    const isUnchanged = isNothing
      ? before?.local === undefined
      : before?.local !== undefined && looksLike(before.local, stat);
    if (isUnchanged && !this.isReindexing) return;
    if (this.isLeftOut(place, before, stat)) {
      if (before !== undefined && this.isReindexing) core.put(place, before, before);
      return;
    }
    const entry: Entry = before === undefined ? freshEntry() : { ...before };
    if (isNothing && !isUnchanged) core.vanished++;
    if (!isUnchanged) entry.local = isNothing ? undefined : localOf(stat as Stat);
    const isDirectory = !isNothing && (stat as Stat).kind === Kind.DIRECTORY;
    const wasDirectory = before?.local?.kind === Kind.DIRECTORY;
    if (isDirectory) core.catalog.giveId(entry);
    core.put(place, entry, before);
    if (listing !== undefined) listing.isChanged = true;
    // A directory that came, went or is another: so is what is under it. A full scan gets there by itself.
    const isOther = isDirectory && wasDirectory && before?.local?.inode !== stat?.inode;
    if ((isDirectory !== wasDirectory || isOther) && entry.id !== 0 && listing?.isFull !== true)
      this.wantDirectory(entry.id);
  }

  private isLeftOut(place: Place, before: Entry | undefined, stat: Stat | undefined): boolean {
    const directory = this.core.catalog.pathOfDirectory(place.parent);
    if (directory === undefined) return true;
    const path = joinPath(directory, place.name);
    const kind = stat?.kind ?? before?.local?.kind;
    return this.core.rules.isIgnored(path, kind === Kind.DIRECTORY);
  }
}
