// Reads one file at a time through the arena's window: cut, hashed, its block list written as it is found. Both
// ways need it: a local file, to know what it holds; a staged file, to know that it holds what was promised.
// Staged files go first, since a slot waits for each.
//
// A file that changes while it is read is read again, a little later each time; after RETRY_MS what was read is
// taken as it is. The stat from before the reading is what gets recorded, so the next look finds a difference and
// the reading starts anew: a log that never rests is a little behind, never left out. Of a file that only grew what was
// read is the file of a moment ago; it is tried again all the same, for most that grow are being copied here, and are
// whole in a moment.

import { Kind } from '../../protocol/messages.ts';
import type { Core } from './core.ts';
import { type EntryId, looksLike } from './entry.ts';
import type { Place } from './keys.ts';
import type { Event, Path, Stat } from './ports.ts';
import { Resting } from './resting.ts';

/** Before it is read again, and again; after that what was read is taken. */
const RETRY_MS = [100, 300, 1000] as const;
/** A file that could not be read is tried again after this. */
const FAILED_MS = 5_000;
/** Before a path that is not what was recorded is read again: until then a look, or the listing that is under way,
 * should have found what it is now. */
const GONE_MS = 250;
/** What is no trouble of the disk's: the file is another, or gone. */
export const MOVED_ON = new Set(['CHANGED', 'ENOENT', 'ENOTDIR', 'REFUSED']);
/** Files that rest because they changed while they were read, or could not be read. */
const RESTING_MAX = 64;

type Job =
  | { is: 'local'; place: Place; path: Path; bytes: number; done: number }
  | { is: 'staged'; slot: number };

export interface Examined {
  content: Uint8Array;
  list: EntryId;
  /** The record of a single-block content, else empty. */
  single: Uint8Array;
}

export class Examine {
  /** What a local examination gave: the offers take it from here. */
  onLocal: (place: Place, examined: Examined) => void = () => {};
  onStaged: (slot: number, examined: Examined | undefined, code: string) => void = () => {};
  /** The window belongs to a group of small files (gather.ts). */
  isGathering = false;
  private readonly core: Core;
  private readonly staged: number[] = [];
  private readonly resting: Resting;
  private job: Job | undefined;

  constructor(core: Core) {
    this.core = core;
    this.resting = new Resting(core, 'resting files', RESTING_MAX);
  }

  get isBusy(): boolean {
    return this.job !== undefined || this.staged.length > 0 || this.isGathering;
  }

  /** What is being read, for status. */
  get reading(): { path: Path; bytes: number; done: number } | undefined {
    return this.job?.is === 'local' ? this.job : undefined;
  }

  get listInUse(): EntryId {
    return this.job === undefined ? 0 : this.core.writer.list;
  }

  /** It changed a moment ago, or could not be read: it is left alone for a while. */
  isResting(place: Place): boolean {
    return this.resting.has(place);
  }

  /** The path is not what was recorded: it is looked at, and not read before that had its time. A look may fail too:
   * so it rests twice as long each time. */
  doubt(place: Place): void {
    this.resting.rest(place, Math.min(GONE_MS * 2 ** this.resting.tries(place), FAILED_MS));
    this.onGone(place);
  }

  /** It was read: what was in the way is not. */
  settle(place: Place): void {
    this.resting.forget(place);
  }

  /** False when it cannot be read now: something else is, or it changed a moment ago and should rest first. */
  local(place: Place, path: Path, bytes: number): boolean {
    if (this.isBusy || this.core.isPaused) return false;
    if (this.resting.has(place)) return false;
    this.core.counters.readFiles++;
    this.start({ is: 'local', place, path, bytes, done: 0 });
    return true;
  }

  /** A staged file is complete: its turn comes. At most one call a slot. */
  stage(slot: number): void {
    this.staged.push(slot);
    this.pump();
  }

  dropStaged(slot: number): void {
    const index = this.staged.indexOf(slot);
    if (index !== -1) this.staged.splice(index, 1);
    if (this.job?.is === 'staged' && this.job.slot === slot) {
      this.core.emit({ do: 'abandon' });
      this.job = undefined;
      this.pump();
    }
  }

  reset(): void {
    if (this.job !== undefined) this.core.emit({ do: 'abandon' });
    this.job = undefined;
    this.staged.length = 0;
  }

  tick(): void {
    if (this.resting.tick()) this.core.isLocalMarked = true;
  }

  pump(): void {
    if (this.job !== undefined || this.isGathering) return;
    const slot = this.staged.shift();
    if (slot !== undefined) this.start({ is: 'staged', slot });
  }

  private start(job: Job): void {
    this.job = job;
    this.core.writer.begin();
    if (job.is === 'local') this.core.emit({ do: 'examine', path: job.path, staged: undefined });
    else this.core.emit({ do: 'examine', path: new Uint8Array(0), staged: job.slot });
  }

  onCut(records: Uint8Array): void {
    if (this.job === undefined) return;
    this.core.writer.add(records);
    if (this.job.is === 'local') this.job.done = this.core.writer.bytes;
  }

  onExamined(event: Extract<Event, { is: 'examined' }>): void {
    const job = this.job;
    if (job === undefined) return;
    this.job = undefined;
    const list = this.core.writer.end();
    const examined = { content: event.content, list, single: this.core.writer.single() };
    if (job.is === 'staged') {
      const isWhole = event.trouble === undefined;
      this.onStaged(job.slot, isWhole ? examined : undefined, event.trouble?.code ?? '');
    } else {
      this.finishLocal(job.place, job.path, event, examined);
    }
    this.core.isLocalMarked = true;
    this.pump();
  }

  private finishLocal(
    place: Place,
    path: Path,
    event: Extract<Event, { is: 'examined' }>,
    examined: Examined,
  ): void {
    const { core } = this;
    const before = core.catalog.get(place);
    if (before === undefined) return;
    if (event.trouble !== undefined || event.before === undefined) {
      if (before.local !== undefined) this.fail(place, path, event.trouble?.code ?? 'ENOENT');
      return;
    }
    if (!this.isRested(place, path, event)) return;
    // Cut off while it was read, it has fewer bytes than it had: the facts are those of the content.
    const size = event.bytes;
    const local = { ...event.before, size, kind: Kind.FILE, content: examined.content, list: examined.list };
    // The path may have been looked at while it was read: which of the two is older only another look can tell.
    const isSure = before.local !== undefined && looksLike(before.local, event.before);
    core.put(place, { ...before, local }, before);
    if (!isSure || !isSameFile(event.before, event.after)) this.onGone(place);
    this.onLocal(place, examined);
  }

  /** Gone, or of another kind: a look records it. Unreadable: said, and tried again after a rest. */
  fail(place: Place, path: Path, code: string): void {
    if (MOVED_ON.has(code)) {
      this.doubt(place);
      return;
    }
    this.core.trouble(path, code, 'reading a file');
    this.resting.rest(place, FAILED_MS);
  }

  /** The path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};

  private isRested(place: Place, path: Path, { before, after }: Extract<Event, { is: 'examined' }>): boolean {
    const isSettled = isSameFile(before, after);
    const restMs = RETRY_MS[this.resting.tries(place)];
    if (isSettled || restMs === undefined) {
      this.resting.forget(place);
      if (!isSettled && !isGrown(before, after)) this.core.trouble(path, 'CHANGED', 'reading a file');
      return true;
    }
    if (after === undefined) this.onGone(place);
    this.resting.rest(place, restMs);
    return false;
  }
}

const isSameFile = (before: Stat | undefined, after: Stat | undefined): boolean =>
  before !== undefined &&
  after !== undefined &&
  after.size === before.size &&
  after.mtime === before.mtime &&
  after.inode === before.inode;

const isGrown = (before: Stat | undefined, after: Stat | undefined): boolean =>
  before !== undefined && after !== undefined && after.inode === before.inode && after.size > before.size;
