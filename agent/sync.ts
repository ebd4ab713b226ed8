// One folder kept in sync over one link: arena, catalog, engine, disk and link put together and kept alive. The
// agent's process has one, the gateway one for each plain copy, the simulator one for each board.
//
//   start -> life -> stop: what was agreed on is made durable and committed
//            |  ^
//            |  '-- a new life from the last commit, after REST_MS --- the catalog's file failed (full disk, EIO), and
//            |      again and again until it works
//            |  '-- a new life with a new catalog -------------------- it is damaged, or of another folder
//            '----> fail: an error of ours. The process should end; a supervisor starts it again.
//
// A life holds nothing that the next one needs: what matters is in the catalog's last commit and on the disk.

import { LABEL } from '../protocol/limits.ts';
import type { BoardLink, BoardLinkHandlers, LinkUp } from '../transport/link.ts';
import { type Arena, openArena, trapPlace } from './arena/arena.ts';
import { CatalogDamaged, openTree, type Tree } from './arena/tree.ts';
import { Disk } from './disk/carry.ts';
import type { OpenPages } from './disk/pages.ts';
import type { Scheduler } from './disk/schedule.ts';
import { squeeze } from './disk/squeeze.ts';
import type { System } from './disk/system.ts';
import type { Watcher, WatcherPorts } from './disk/watcher.ts';
import { type Clock, Driver } from './driver.ts';
import { Catalog } from './engine/catalog.ts';
import { Engine, type Snapshot } from './engine/engine.ts';
import type { Note } from './engine/ports.ts';
import { Failure } from './failure.ts';
import type { GaugeReading } from './gauge.ts';
import { type MemoryLook, queueReadings } from './memory/look.ts';

/** Before a catalog's file that failed is tried again. */
const REST_MS = 5_000;
/** Between looks whether the folder is still the one known. */
const ROOT_MS = 5_000;
/** A session number is seconds since 1970 times this, and what was drawn below it. */
const DRAWN = 2 ** 20;

export interface SyncOptions {
  folder: string;
  board: string;
  share: string;
  software: string;
  arenaBytes: number;
  /** Takes the whole arena from the kernel at once (ArenaOptions). */
  isArenaTouched?: boolean;
  rescanSeconds: number;
  /** See EngineOptions. */
  fetchesMax: number;
  windowFrames: number;
}

/** The outside world, real or simulated. */
export interface SyncPorts {
  system: System;
  scheduler: Scheduler;
  clock: Clock;
  openWatcher?: (ports: WatcherPorts) => Watcher;
  /** Opens the catalog's file, making it if need be. */
  openPages(): OpenPages;
  /** Puts the catalog's file out of the way, under a name that tells. Its path for a person. */
  setCatalogAside(): string;
  openLink(session: number, handlers: BoardLinkHandlers): BoardLink;
  /** A new folder's marker: text that no other folder has. */
  freshMarker(): string;
  /** From 0 to below `limit`, by chance: no two boards draw the same. */
  draw(limit: number): number;
  onNote(note: Note): void;
  onLog(level: 'info' | 'warn' | 'error', text: string): void;
  /** An error of ours, or one that no waiting heals. */
  onFail(error: unknown): void;
}

/** What a life shows of itself. */
export interface Look {
  engine: Snapshot;
  pools: ReturnType<Arena['pools']>;
  tree: ReturnType<Tree['stats']>;
  memoryBytes: number;
  gauges: GaugeReading[];
  link: { up: LinkUp | undefined; why: string; since: number; tries: number };
  bytes: { in: number; out: number };
  /** Messages that were no frames. */
  dropsIn: number;
}

interface Life {
  arena: Arena;
  pages: OpenPages;
  tree: Tree;
  catalog: Catalog;
  engine: Engine;
  driver: Driver;
  disk: Disk;
  link: BoardLink;
}

export class Sync {
  private readonly options: SyncOptions;
  private readonly ports: SyncPorts;
  private life: Life | undefined;
  private lives = 0;
  private isStopped = false;
  /** Ends the wait of a stop for its last commit. */
  private settled: (() => void) | undefined;
  private linkUp: LinkUp | undefined;
  private linkWhy = 'connecting';
  private linkSince: number;
  /** What the next catalog is told of this one's, when it starts over. */
  private kept: { folder: Uint8Array; common: number } | undefined;
  private lastError: { at: number; text: string } | undefined;
  /** Of the last hello; greater than that of any earlier life of this board, whatever the clock does. */
  session = 0;

  constructor(options: SyncOptions, ports: SyncPorts) {
    if (!LABEL.test(options.board) || !LABEL.test(options.share))
      throw new Failure('usage', `"${options.board}" or "${options.share}" cannot be a name`);
    this.options = options;
    this.ports = ports;
    this.linkSince = ports.clock.now();
  }

  /** Opens everything and begins. Throws what is in the way of a start: a catalog that is newer or may not be read. */
  start(): void {
    const life = this.open();
    this.life = life;
    this.lives++;
    // The first look at the folder comes before `start`: nothing is concluded from a folder that is not there.
    if (!this.lookAtRoot(life)) return;
    life.driver.take({ is: 'start' });
    this.watchRoot(this.lives);
  }

  /** Commits the catalog once what it tells of is durable, and closes the link. */
  async stop(): Promise<void> {
    this.isStopped = true;
    const { life } = this;
    this.life = undefined;
    if (life === undefined) return;
    await new Promise<void>(done => {
      this.settled = done;
      life.driver.take({ is: 'stop' });
      if (life.driver.isStopped) done(); // by a failure, before or just now
    });
    await this.close(life);
  }

  lookAtMemory(): MemoryLook | undefined {
    const { life } = this;
    if (life === undefined) return undefined;
    const { arena, tree, disk } = life;
    return { arena, tree, gauges: gaugesOf(life), inUse: disk.inUse() };
  }

  look(): Look | undefined {
    const { life } = this;
    if (life === undefined) return undefined;
    return {
      gauges: gaugesOf(life),
      engine: life.engine.snapshot(),
      pools: life.arena.pools(),
      tree: life.tree.stats(),
      memoryBytes: life.arena.memory.buffer.byteLength,
      link: {
        up: this.linkUp,
        why: this.linkWhy,
        since: this.linkSince,
        tries: life.link.counts.tries,
      },
      bytes: { in: life.link.counts.bytesIn, out: life.link.counts.bytesOut },
      dropsIn: life.link.counts.dropsIn,
    };
  }

  /** The last thing that ended a life, for status. */
  get trouble(): { at: number; text: string } | undefined {
    return this.lastError;
  }

  /** Tells the link what others may see of this board. */
  setStatus(status: object): void {
    this.life?.link.setStatus(status);
  }

  private open(): Life {
    const { options, ports } = this;
    const arena = openArena({ bytes: options.arenaBytes, isTouched: options.isArenaTouched === true });
    const { pages, tree, catalog } = this.openCatalog(arena);
    const { session } = this;
    // The parts know each other only through these, which are set before anything is told.
    let driver: Driver;
    let engine: Engine;
    const disk = new Disk({
      system: ports.system,
      scheduler: ports.scheduler,
      arena,
      squeeze,
      root: options.folder,
      marker: { expect: catalog.marker || undefined, fresh: ports.freshMarker() },
      tell: event => {
        if (event.is === 'folder' && event.isBack && !engine.isSynced) this.beginAnew();
        else driver.take(event);
      },
      onTrouble: (path, code, doing) => ports.onNote({ kind: 'trouble', path, code, doing }),
      ...(ports.openWatcher === undefined ? {} : { openWatcher: ports.openWatcher }),
    });
    engine = new Engine({ ...options, session }, catalog, arena, disk.rules, squeeze);
    let link: BoardLink;
    driver = new Driver(
      engine,
      arena,
      {
        disk: effect => disk.carry(effect),
        send: (frame, sent) => link.send(frame, sent),
        note: note => ports.onNote(note),
        startOver: (why, common) => this.startOver(why, common),
        stopped: () => this.settled?.(),
        fail: error => this.fail(error),
      },
      ports.clock,
    );
    link = ports.openLink(session, {
      up: info => {
        this.setLink(info, '');
        driver.take({ is: 'linkUp', frameBytesMax: info.frameBytesMax });
      },
      down: why => {
        this.setLink(undefined, why);
        ports.onLog('warn', why);
        driver.take({ is: 'linkDown' });
      },
      dropped: why => ports.onLog('warn', `dropped a message: ${why}`),
      frame: bytes => driver.takeFrame(bytes, this.linkUp?.frameBytesMax ?? 0),
      gateway: (status, isNews) => {
        if (!isNews || status.state !== 'online' || this.linkUp === undefined) return;
        driver.take({ is: 'linkDown' });
        driver.take({ is: 'linkUp', frameBytesMax: this.linkUp.frameBytesMax });
      },
    });
    return { arena, pages, tree, catalog, engine, driver, disk, link };
  }

  private openCatalog(arena: Arena): Pick<Life, 'pages' | 'tree' | 'catalog'> {
    try {
      return this.readCatalog(arena);
    } catch (error) {
      if (!(error instanceof CatalogDamaged)) throw error;
      if (error.isNewer)
        throw new Failure('environment', error.message, 'update toastbox, or choose another --state');
      const aside = this.ports.setCatalogAside();
      this.ports.onLog('warn', `${error.message}; set aside as ${aside}, everything is looked at again`);
      return this.readCatalog(arena);
    }
  }

  private readCatalog(arena: Arena): Pick<Life, 'pages' | 'tree' | 'catalog'> {
    const pages = this.ports.openPages();
    try {
      const tree = openTree(arena, pages);
      const catalog = new Catalog(tree);
      this.session = this.nextSession(catalog.session);
      catalog.session = this.session;
      this.keepSession(catalog);
      if (this.kept !== undefined) catalog.keepCommon(this.kept.folder, this.kept.common);
      this.kept = undefined;
      return { pages, tree, catalog };
    } catch (error) {
      pages.close();
      throw error;
    }
  }

  // Above the last, and by chance not that of another board of this name: two that are copies of one, state and all,
  // start at the same instant where one switch has the power of both.
  private nextSession(known: number): number {
    const last = Math.floor(Math.max(this.session, known) / DRAWN);
    const second = Math.max(Math.floor(this.ports.clock.now() / 1000), last + 1);
    return second * DRAWN + this.ports.draw(DRAWN);
  }

  // Before anyone hears it: should this life end before its first commit, the next one's is above it as well, wherever
  // the clock is then. With no room for that they differ by what was drawn.
  private keepSession(catalog: Catalog): void {
    try {
      catalog.commit();
    } catch (error) {
      if (!isOperating(error)) throw error;
      this.ports.onLog('warn', `the catalog could not be written: ${textOf(error)}`);
    }
  }

  // By its number: a call that waits must not hold an ended life, whose arena lies beside the next one's.
  private watchRoot(life: number): void {
    this.ports.scheduler.later(() => {
      if (this.lives === life && this.life !== undefined && this.lookAtRoot(this.life)) this.watchRoot(life);
    }, ROOT_MS);
  }

  /** False: the catalog's file failed, and this life is over. */
  private lookAtRoot({ disk, catalog }: Life): boolean {
    try {
      disk.checkRoot();
      if (disk.marker !== undefined && catalog.marker === '') catalog.marker = disk.marker;
      return true;
    } catch (error) {
      this.fail(error);
      return false;
    }
  }

  private setLink(up: LinkUp | undefined, why: string): void {
    if ((up === undefined) !== (this.linkUp === undefined)) this.linkSince = this.ports.clock.now();
    this.linkUp = up;
    this.linkWhy = why;
  }

  private async close(life: Life): Promise<void> {
    life.driver.stop();
    life.disk.close();
    await life.link.close();
    life.pages.close();
  }

  /** What was agreed on, and not synced when the folder went, may be gone as by a power cut: only commits count. */
  private beginAnew(): void {
    void this.renew('the folder is back; what was not yet on its disk is looked at again', 0, false);
  }

  private startOver(why: string, common: number): void {
    this.kept = { folder: this.life?.catalog.folder ?? new Uint8Array(0), common };
    void this.renew(`${why}; everything is looked at again`, 0, true);
  }

  private fail(error: unknown): void {
    this.settled?.();
    const isDamaged = error instanceof CatalogDamaged;
    if (this.isStopped && (isDamaged || isOperating(error)))
      this.ports.onLog('warn', `the catalog could not be written: ${textOf(error)}`);
    else if (isDamaged || isOperating(error))
      void this.renew(`the catalog's file: ${textOf(error)}`, isDamaged ? 0 : REST_MS, isDamaged);
    else {
      const place = this.life && trapPlace(this.life.arena);
      // All that it says by itself is "unreachable", and where in the module that is.
      if (place !== undefined && error instanceof Error) error.message = place;
      this.ports.onFail(error);
    }
  }

  private async renew(why: string, restMs: number, isNew: boolean): Promise<void> {
    const { life } = this;
    if (life === undefined) return;
    this.life = undefined;
    this.say(why);
    await this.close(life);
    this.startLater(restMs, isNew);
  }

  private startLater(restMs: number, isNew: boolean): void {
    this.ports.scheduler.later(() => {
      if (this.isStopped) return;
      try {
        if (isNew) this.ports.onLog('warn', `the old catalog is kept as ${this.ports.setCatalogAside()}`);
        isNew = false;
        this.start();
      } catch (error) {
        if (!isOperating(error)) {
          this.ports.onFail(error);
          return;
        }
        this.say(`the catalog's file: ${textOf(error)}`);
        this.startLater(REST_MS, isNew);
      }
    }, restMs);
  }

  private say(trouble: string): void {
    this.lastError = { at: this.ports.clock.now(), text: trouble };
    this.ports.onLog('warn', trouble);
  }
}

/** How full everything is that has a bound. */
const gaugesOf = ({ engine, driver, disk, link }: Life): GaugeReading[] => [
  ...engine.gauges(),
  driver.gauge.reading(),
  ...disk.gauges(),
  ...queueReadings(link.queue),
];

/** The disk's doing, which may pass, and no mistake of ours. */
function isOperating(error: unknown): boolean {
  return !(error instanceof Failure) && typeof (error as { code?: unknown }).code === 'string';
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
