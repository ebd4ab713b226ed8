// What the engine's machines share: the catalog, the list of effects, the clock reading of the event at hand, and
// the few flags by which one machine tells the others that there is work. Machines never call each other's
// insides; they mark, and the engine pumps whoever has a mark.

import { Kind } from '../../protocol/messages.ts';
import type { Arena } from '../arena/arena.ts';
import { Gauge } from '../gauge.ts';
import type { Catalog } from './catalog.ts';
import { type Entry, type EntryId, isBlank } from './entry.ts';
import { nameOfPlace, type Place } from './keys.ts';
import { BlockList, Garbage, ListWriter } from './lists.ts';
import { type Effect, type Note, type Path, type Rules, SINGLE_SYNCS_MAX, type Squeeze } from './ports.ts';

export interface EngineOptions {
  /** This board's name, the share it joins, and what it runs: for hello. */
  board: string;
  share: string;
  software: string;
  /** A number that grows with every start of the process, so that a stale will cannot win. */
  session: number;
  /** Seconds between full rescans, for what watching missed. */
  rescanSeconds: number;
  /**
   * Files that may be on their way down at once. Each is some 500 bytes of heap, and a staged file once its content is
   * there. Half of them, if they are small, share one sync of the file system while the other half is pulled.
   */
  fetchesMax: number;
  /** Frames of content asked for at once, and that the gateway may ask for: what arrives from the link in one go. */
  windowFrames: number;
}

export interface Counters {
  sentFiles: number;
  receivedFiles: number;
  /** Local files read for their content. */
  readFiles: number;
  bytesDown: number;
  conflicts: number;
  malformed: number;
  skipped: number;
}

export class Core {
  readonly options: EngineOptions;
  readonly catalog: Catalog;
  readonly arena: Arena;
  readonly rules: Rules;
  readonly squeeze: Squeeze;
  readonly garbage: Garbage;
  readonly writer: ListWriter;
  readonly effects: Effect[] = [];
  /** Of everything in flight that has a bound. */
  readonly gauges: Gauge[] = [];
  readonly counters: Counters = {
    sentFiles: 0,
    receivedFiles: 0,
    readFiles: 0,
    bytesDown: 0,
    conflicts: 0,
    malformed: 0,
    skipped: 0,
  };

  /** The machine's clock at the event at hand, milliseconds since 1970. It may be set back at any time. */
  wall = 0;
  /** The same, but that it never goes back: what all waiting goes by, or a clock that is set back an hour would stop
   * everything for an hour. Ahead of the machine's clock from then on. */
  now = 0;
  private aheadMs = 0;
  /** When the engine wants a tick, milliseconds; the driver keeps one timer. */
  wakeAt = Number.POSITIVE_INFINITY;
  /** Something may have become possible among the places that wait to go up, or to come down. */
  isLocalMarked = true;
  isRemoteMarked = true;
  /** Welcomed by the gateway on a link that is up. */
  isLive = false;
  /** The folder is gone or is another: nothing is read, nothing is changed. */
  isPaused = false;
  /** The largest frame that both the broker and the gateway take. */
  frameBytesMax = 0;
  /** The scan has something to look at: what seems deleted may turn up elsewhere. */
  isScanning = false;
  /** All of the folder is being looked at: the other half of a rename may not be seen yet. */
  isRescanning = false;
  /**
   * Directories from this id on were not looked at in this life: what the catalog has of them was seen before. A power
   * cut may have taken it since, or an earlier life, as it was told. Nothing is agreed on by it alone.
   */
  unconfirmed: EntryId = Number.POSITIVE_INFINITY;
  /** Of those before it, the ones that could not be listed. */
  readonly unlisted = new Set<EntryId>();
  /** Of those that were listed, the names of which nothing could be said. */
  readonly hidden = new Map<string, Place>();
  /** There may be changes of users' that an earlier life saw and never made durable. */
  hasInherited = false;
  /** Counts things that were seen to be gone. */
  vanished = 0;
  /** Everything that the gateway told of in this session was recorded once. */
  isCaughtUp = false;
  /** Nothing was ever agreed on with a gateway before this life. */
  readonly isNew: boolean;
  /** The folder was changed since the last `synced`. */
  isUnsynced = false;
  /** Changes of a user's that were agreed on since the last `sync`. */
  private kept = 0;
  /** A `sync` is under way: the folder rests, so that one is enough. */
  isSyncing = false;
  /** Nothing more is offered, or what is agreed on meanwhile would put the commit off for ever. */
  isDraining = false;

  constructor(options: EngineOptions, catalog: Catalog, arena: Arena, rules: Rules, squeeze: Squeeze) {
    this.options = options;
    this.catalog = catalog;
    this.arena = arena;
    this.rules = rules;
    this.squeeze = squeeze;
    this.isNew = catalog.folder.length === 0;
    this.garbage = new Garbage(catalog);
    this.writer = new ListWriter(catalog, this.garbage);
  }

  /** A new event, at this time of the machine's clock. */
  readClock(wall: number): void {
    this.wall = wall;
    this.aheadMs = Math.max(this.aheadMs, this.now - wall);
    this.now = wall + this.aheadMs;
  }

  /** A time of `now`, by the machine's clock as it is. */
  onWall(time: number): number {
    return time - this.aheadMs;
  }

  gauge(...facts: ConstructorParameters<typeof Gauge>): Gauge {
    const gauge = new Gauge(...facts);
    this.gauges.push(gauge);
    return gauge;
  }

  /** What a user did at this path is agreed on: it must be on the disk before the catalog says so, or a power cut
   * would look like the user taking it back. */
  keep(path: Path): void {
    this.isUnsynced = true;
    if (this.kept > SINGLE_SYNCS_MAX) return;
    this.emit({ do: 'keep', path: this.kept === SINGLE_SYNCS_MAX ? undefined : path });
    this.kept++;
  }

  /** Makes durable what was changed and kept until now. */
  sync(): void {
    this.isSyncing = true;
    this.isUnsynced = false;
    this.kept = 0;
    this.emit({ do: 'sync' });
  }

  emit(effect: Effect): void {
    this.effects.push(effect);
  }

  note(note: Note): void {
    this.effects.push({ do: 'note', note });
  }

  trouble(path: Path, code: string, doing: string): void {
    this.note({ kind: 'trouble', path, code, doing });
  }

  /** Asks for a tick at `time` or before. */
  wake(time: number): void {
    if (time < this.wakeAt) this.wakeAt = time;
  }

  /** Whether the place was looked at in this life, as far as that counts. */
  isConfirmed(place: Place): boolean {
    const { parent } = place;
    if (parent >= this.unconfirmed || this.unlisted.has(parent)) return false;
    return this.hidden.size === 0 || !this.hidden.has(nameOfPlace(place));
  }

  isIgnored(path: Path, entry: Entry): boolean {
    const kind = entry.local?.kind ?? entry.remote?.kind ?? entry.synced?.kind;
    return this.rules.isIgnored(path, kind === Kind.DIRECTORY);
  }

  /**
   * Writes an entry, keeps the block lists' books, and marks what it made possible. `before` is the entry as
   * get() gave it.
   */
  put(place: Place, entry: Entry, before: Entry | undefined): void {
    const path = this.catalog.pathOf(place);
    const isIgnored = path !== undefined && !isBlank(entry) && this.isIgnored(path, entry);
    this.balance(before, entry);
    this.catalog.put(place, entry, before, isIgnored);
    this.isLocalMarked = true;
    this.isRemoteMarked = true;
  }

  // Lists that the entry no longer names become garbage, lists that it names now stop being garbage.
  private balance(before: Entry | undefined, entry: Entry): void {
    const held: EntryId[] = [entry.local?.list ?? 0, entry.synced?.list ?? 0];
    for (const list of held) this.garbage.keep(list);
    for (const list of [before?.local?.list ?? 0, before?.synced?.list ?? 0])
      if (!held.includes(list)) this.garbage.add(list);
  }

  /** The block list of a file, from its list or its only record. */
  blocks(list: EntryId, single: Uint8Array): BlockList {
    return new BlockList(this.catalog, list, single);
  }
}
