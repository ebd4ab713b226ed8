// Records what a scan sees at one place. Observations only; what to do follows from them (decide.ts).

import { PATH_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import type { Core } from './core.ts';
import { type Entry, type EntryId, freshEntry, type Local, localOf, looksLike } from './entry.ts';
import type { Place } from './keys.ts';
import { FOREIGN, HIDDEN, OTHER, type Path, type Stat } from './ports.ts';

const IGNORED = '';
export const TOO_LONG = 'path too long';

/** The listing that an observation is part of. */
export interface Observing {
  readonly directory: EntryId;
  readonly isFull: boolean;
  isChanged: boolean;
}

export class Observer {
  /** What is ignored changed: entries that are as they were are put again, for their indexes. */
  isReindexing = false;
  /** A full scan has named before what it skips. */
  isRescan = false;
  private readonly core: Core;
  private readonly wantDirectory: (id: EntryId) => void;

  /** `wantDirectory`: asks for a listing. */
  constructor(core: Core, wantDirectory: (id: EntryId) => void) {
    this.core = core;
    this.wantDirectory = wantDirectory;
  }

  /** Records what is at a place now. `stat` undefined: nothing is. */
  record(place: Place, before: Entry | undefined, stat: Stat | undefined, listing?: Observing): void {
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
    const path = core.catalog.pathOf(place);
    const why = path === undefined ? IGNORED : this.whyNot(path, before, stat);
    if (path === undefined || why !== undefined) {
      if (before !== undefined && this.isReindexing) core.put(place, before, before);
      if (path !== undefined && why) this.skip(path, why, listing?.isFull === true && this.isRescan);
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
    if (wasDirectory && !isDirectory) core.emit({ do: 'unwatch', dir: path });
    // A directory that came, went or is another: so is what is under it.
    const isOther = isDirectory && wasDirectory && !isSameDirectory(before?.local, stat);
    if ((isDirectory !== wasDirectory || isOther) && !isAhead(entry.id, listing))
      this.wantDirectory(entry.id);
  }

  /** Nobody is told of this path, nor of one below it. */
  skip(path: Path, why: string, isSaid = false): void {
    this.core.counters.skipped++;
    if (!isSaid) this.core.note({ kind: 'skipped', path, why });
  }

  /** Why what stands there is left out: IGNORED, which is nothing to tell, or words. */
  private whyNot(path: Path, before: Entry | undefined, stat: Stat | undefined): string | undefined {
    const kind = stat?.kind ?? before?.local?.kind;
    if (this.core.rules.isIgnored(path, kind === Kind.DIRECTORY || kind === FOREIGN)) return IGNORED;
    if (kind === HIDDEN) return IGNORED; // said by the scan
    if (kind === FOREIGN) return 'another file system is mounted there';
    return before === undefined && path.length > PATH_BYTES_MAX ? TOO_LONG : undefined;
  }
}

/** Whether there is nothing to list there, or the full scan under way has yet to come to it. */
const isAhead = (id: EntryId, listing: Observing | undefined): boolean =>
  id === 0 || (listing?.isFull === true && id > listing.directory);

const isSameDirectory = (local: Local | undefined, stat: Stat | undefined): boolean =>
  local?.inode === stat?.inode && local?.ctime === stat?.ctime;
