// Carries the engine's effects out on a real folder and answers them with events.
//
//   effect -> carry() -+-> list.ts     batches of entries            examine.ts  cut*, examined
//                      +-> content.ts  read, copy, patch, readTarget change.ts   placed, did
//                      +-> stage.ts    staged files                  durable.ts  synced
//                      +-> watcher.ts  hints             gather.ts  gathered
//
// Answers, as ports.ts has them, and where it leaves a choice:
//   looked     nothing there is no trouble: `stat` is undefined, and so is `trouble`
//   did        with trouble, `stat` is what stands there instead, where that is known
//   examined   a path that is no regular file (any more) is CHANGED
//   wrote      EBADMSG: the patch does not inflate to what was announced
//
// An event is told the moment it is known, from within carry() or from a turn of the event loop: whoever is told
// queues it. Listings and examinations yield, many files together wait for a sync; everything else is
// done when carry() returns.
//
// While the folder is gone or is not the known one, every effect is answered with that trouble and nothing is
// touched. checkRoot() finds out, before each listing of the root and whenever it is called, and tells `folder`.

import { latin1, NO_BYTES } from '../../protocol/bytes.ts';
import { checkPath, nameOf, parentOf } from '../../protocol/path.ts';
import type { Effect, Event, Path, Rules, Squeeze, Stat, Trouble, Whole } from '../engine/ports.ts';
import type { GaugeReading } from '../gauge.ts';
import { Change } from './change.ts';
import { Content } from './content.ts';
import { Durable } from './durable.ts';
import { type DiskArena, Examiner } from './examine.ts';
import { Folder } from './folder.ts';
import { Gatherer } from './gather.ts';
import { Home, type Marker } from './home.ts';
import { IGNORE_NAME, IgnoreRules } from './ignore.ts';
import { Lister } from './list.ts';
import { refuseLocked } from './locked.ts';
import type { Scheduler } from './schedule.ts';
import { Stage } from './stage.ts';
import { MOUNTED, toStat } from './stat.ts';
import type { System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';
import type { Watcher, WatcherPorts } from './watcher.ts';

export interface DiskOptions {
  system: System;
  scheduler: Scheduler;
  arena: DiskArena;
  squeeze: Squeeze;
  /** The folder's path. */
  root: string;
  marker: Marker;
  tell: (event: Event) => void;
  /** A trouble that answers no effect: for the status. */
  onTrouble: (path: Path, code: string, doing: string) => void;
  /** No hints without one. */
  openWatcher?: (ports: WatcherPorts) => Watcher;
}

const ROOT: Path = new Uint8Array(0);

export class Disk {
  readonly #system: System;
  readonly #tell: (event: Event) => void;
  readonly #onTrouble: DiskOptions['onTrouble'];
  readonly #home: Home;
  readonly #folder: Folder;
  readonly #stage: Stage;
  readonly #durable: Durable;
  readonly #lister: Lister;
  readonly #examiner: Examiner;
  readonly #gatherer: Gatherer;
  readonly #content: Content;
  readonly #change: Change;
  readonly #ignore: IgnoreRules;
  readonly #watcher: Watcher | undefined;
  /** What was told of the folder and of the rules last. */
  #toldFolder: string | undefined;
  #toldRules: string | undefined;
  /** The rules found at first are no change, nor is the folder itself. */
  #hasRules = false;
  #hasOpened = false;
  #isClosed = false;

  constructor(options: DiskOptions) {
    const { system, scheduler, arena, squeeze, tell } = options;
    const home = new Home(system, options.root, options.marker);
    const folder = new Folder(system, home);
    const stage = new Stage(system, home);
    const durable = new Durable(system, home);
    const ports = { system, home, folder, stage, durable, scheduler, squeeze, tell };
    const examiner = new Examiner(ports, arena);
    this.#system = system;
    this.#tell = tell;
    this.#onTrouble = options.onTrouble;
    this.#home = home;
    this.#folder = folder;
    this.#stage = stage;
    this.#durable = durable;
    this.#examiner = examiner;
    this.#lister = new Lister(ports, arena.rows);
    this.#gatherer = new Gatherer({ ...ports, examiner }, arena);
    this.#content = new Content({ ...ports, examiner }, arena);
    this.#change = new Change(ports);
    this.#ignore = new IgnoreRules(system, home);
    this.#watcher = options.openWatcher?.({
      scheduler,
      withDirectory: (dir, use) => this.#withDirectory(dir, use),
      tell: event => this.#onHint(event),
      onTrouble: code => this.#onTrouble(ROOT, code, 'watching'),
    });
  }

  get rules(): Rules {
    return this.#ignore;
  }

  /** What the folder's marker says, once it was found or written. */
  get marker(): string | undefined {
    return this.#home.marker;
  }

  /** What the regions of the arena are in use for, beyond one call. */
  inUse(): { window: boolean; listing: Path | undefined } {
    return { window: this.#examiner.isBusy, listing: this.#lister.directory };
  }

  /** How full is what is bounded here. */
  gauges(): GaugeReading[] {
    const { gauge: window } = this.#examiner;
    const own = [window, this.#lister.gauge, this.#folder.gauge, this.#stage.gauge, this.#durable.gauge];
    return [...own.map(gauge => gauge.reading()), ...(this.#watcher?.gauges() ?? [])];
  }

  /** Opens the folder, the first time or again. Tells `folder` when its state changed since it was last told. */
  checkRoot(): Trouble | undefined {
    const hadTrouble = this.#home.trouble !== undefined;
    const isAnew = this.#home.check();
    const { trouble } = this.#home;
    if (hadTrouble && trouble === undefined) this.#stage.forget();
    // What is staged may be other content when the folder is back: the group that waits for its sync ends here.
    if (isAnew || trouble !== undefined) this.#change.forget();
    if (isAnew) this.#letGo();
    // Opened anew, it is no longer watched and may hold something else: it counts as gone and back.
    const isOther = isAnew && this.#hasOpened;
    const isBack = trouble === undefined && this.#hasOpened;
    this.#hasOpened ||= isAnew;
    if (isOther || trouble?.code !== this.#toldFolder) {
      this.#toldFolder = trouble?.code;
      this.#tell({ is: 'folder', trouble, isBack });
    }
    if (trouble === undefined) this.#refreshRules();
    return trouble;
  }

  carry(effect: Effect): void {
    let answer: Event | undefined;
    try {
      if (effect.do === 'abandon') this.#examiner.drop();
      if (effect.do === 'list' && effect.dir.length === 0) this.checkRoot();
      if (this.#home.trouble !== undefined) throw new DiskError(this.#home.trouble.code);
      answer = this.#carry(effect);
    } catch (error) {
      answer = refusal(effect, troubleOf(error), error instanceof DiskError ? error.stands : undefined);
    } finally {
      this.#folder.release();
    }
    if (answer !== undefined) this.#tell(answer);
    if (touchesRules(effect)) this.#refreshRules();
  }

  /** Ends everything under way; nothing is told any more. What was not synced is left to the kernel. */
  close(): void {
    this.#isClosed = true;
    this.#change.forget();
    this.#lister.drop();
    this.#examiner.drop();
    this.#letGo();
    this.#home.close();
    this.#home.trouble = { code: 'ENOENT' };
  }

  #carry(effect: Effect): Event | undefined {
    switch (effect.do) {
      case 'list':
        this.#lister.start(effect.dir);
        return undefined;
      case 'more':
        this.#lister.more();
        return undefined;
      case 'look':
        return { is: 'looked', path: effect.path, stat: this.#look(effect.path), trouble: undefined };
      case 'examine':
        this.#examiner.start(effect.path, effect.staged);
        return undefined;
      case 'gather':
        return { is: 'gathered', files: this.#gatherer.gather(effect.items) };
      case 'abandon':
        return undefined;
      case 'read':
        return {
          is: 'read',
          ...this.#content.read(effect.path, effect.offset, effect.length),
          trouble: undefined,
        };
      case 'readTarget':
        return { is: 'target', target: this.#content.readTarget(effect.path), trouble: undefined };
      case 'stage':
        if (effect.into !== undefined) this.#change.refuse(effect.into);
        this.#stage.start(effect.slot, effect.bytes);
        return wrote(effect.slot);
      case 'stageWhole':
        return { is: 'stagedWhole', items: effect.items.map(item => this.#stageWhole(item)) };
      case 'patch': {
        const { slot, offset, length, stored, dictionary } = effect;
        this.#content.patch(slot, offset, length, stored, dictionary);
        return wrote(slot);
      }
      case 'copy': {
        const { slot, offset, from, expect, fromOffset, length } = effect;
        this.#content.copy(slot, offset, from, expect, fromOffset, length);
        return wrote(slot);
      }
      case 'unstage':
        this.#stage.drop(effect.slot);
        return undefined;
      case 'place':
        this.#change.place(effect.items, items => this.#answer({ is: 'placed', items }));
        return undefined;
      case 'makeDirectory':
        return did(this.#change.makeDirectory(effect.path, effect.mode));
      case 'makeSymlink':
        return did(this.#change.makeSymlink(effect.path, effect.target, effect.mtime, effect.expect));
      case 'remove':
        this.#change.remove(effect.path, effect.expect);
        return did(undefined);
      case 'retouch':
        return did(this.#change.retouch(effect.path, effect.mode, effect.mtime, effect.expect));
      case 'setAside':
        return did(this.#change.setAside(effect.path, effect.to, effect.expect));
      case 'keep':
        if (effect.path === undefined) this.#durable.changedAnywhere();
        else this.#change.keep(effect.path);
        return undefined;
      case 'sync':
        this.#durable.flush(trouble => this.#answer({ is: 'synced', trouble }));
        return undefined;
      case 'watch':
        this.#watcher?.watch(effect.dir, effect.isActive);
        return undefined;
      case 'unwatch':
        this.#watcher?.unwatch(effect.dir);
        return undefined;
      default:
        throw new TypeError(`'${effect.do}' is not the disk's`);
    }
  }

  /** Tells the answer to an effect that may have been carried out in a later turn. */
  #answer(event: Event): void {
    this.#folder.release();
    if (this.#isClosed) return;
    this.#tell(event);
    if (event.is === 'placed') this.#refreshRules();
  }

  #stageWhole(item: Whole): { slot: number; content: Uint8Array; trouble: Trouble | undefined } {
    const { slot } = item;
    try {
      return { slot, content: this.#content.stageWhole(item), trouble: undefined };
    } catch (error) {
      return { slot, content: NO_BYTES, trouble: troubleOf(error) };
    }
  }

  #look(path: Path): Stat | undefined {
    if (path.length === 0) return toStat(this.#system.fstatSync(this.#home.rootFd));
    if (this.#home.isMountPoint(parentOf(path), latin1(nameOf(path)))) return MOUNTED;
    let directory = -1;
    try {
      const spot = this.#folder.spot(path);
      directory = spot.directory;
      return toStat(this.#system.lstatSync(spot.place), this.#home.device);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
      if (directory >= 0) refuseLocked(this.#system, directory);
      return undefined;
    }
  }

  #withDirectory<T>(dir: Path, use: (fd: number) => T): T {
    if (this.#home.trouble !== undefined) throw new DiskError(this.#home.trouble.code);
    try {
      return use(this.#folder.directory(dir));
    } finally {
      this.#folder.release();
    }
  }

  #onHint(event: Parameters<WatcherPorts['tell']>[0]): void {
    if (event.is === 'hint' && event.dir.length === 0 && event.name !== undefined) {
      if (isReserved(event.name)) return;
      if (IGNORE_NAME.equals(event.name)) this.#refreshRules();
    }
    this.#tell(event);
  }

  #refreshRules(): void {
    if (this.#home.trouble !== undefined) return;
    if (this.#ignore.refresh() && this.#hasRules) this.#tell({ is: 'rulesChanged' });
    this.#hasRules = true;
    const code = this.#ignore.trouble?.code;
    if (code !== undefined && code !== this.#toldRules)
      this.#onTrouble(IGNORE_NAME, code, 'reading the rules');
    this.#toldRules = code;
  }

  /** Lets go of what was open under a root that is no longer the folder's. What is under way finds out by itself. */
  #letGo(): void {
    this.#folder.release();
    this.#stage.forget();
    this.#durable.forget();
    this.#watcher?.close();
  }
}

function isReserved(name: Uint8Array): boolean {
  return checkPath(name) === 'reserved name';
}

/** Whether the effect may have changed the rules' file. */
function touchesRules(effect: Effect): boolean {
  switch (effect.do) {
    case 'setAside':
      return IGNORE_NAME.equals(effect.path) || IGNORE_NAME.equals(effect.to);
    case 'makeDirectory':
    case 'makeSymlink':
    case 'remove':
    case 'retouch':
      return IGNORE_NAME.equals(effect.path);
    default:
      return false;
  }
}

function wrote(slot: number): Event {
  return { is: 'wrote', slot, trouble: undefined };
}

function did(stat: Stat | undefined): Event {
  return { is: 'did', stat, trouble: undefined };
}

/** The answer to an effect that could not be carried out; none where none is due. */
function refusal(effect: Effect, trouble: Trouble, stands: Stat | undefined): Event | undefined {
  switch (effect.do) {
    case 'list':
    case 'more':
      return { is: 'listed', rows: undefined, isEnd: true, trouble };
    case 'look':
      return { is: 'looked', path: effect.path, stat: undefined, trouble };
    case 'examine':
      return { is: 'examined', before: undefined, after: stands, content: NO_BYTES, bytes: 0, trouble };
    case 'gather':
      return { is: 'gathered', files: effect.items.map(() => ({ is: 'other' })) };
    case 'read':
      return { is: 'read', bytes: 0, stat: undefined, trouble };
    case 'readTarget':
      return { is: 'target', target: NO_BYTES, trouble };
    case 'stage':
    case 'patch':
    case 'copy':
      return { is: 'wrote', slot: effect.slot, trouble };
    case 'stageWhole':
      return {
        is: 'stagedWhole',
        items: effect.items.map(({ slot }) => ({ slot, content: NO_BYTES, trouble })),
      };
    case 'place':
      return {
        is: 'placed',
        items: effect.items.map(({ slot }) => ({ slot, stat: undefined, trouble })),
      };
    case 'makeDirectory':
    case 'makeSymlink':
    case 'remove':
    case 'retouch':
    case 'setAside':
      return { is: 'did', stat: stands, trouble };
    case 'sync':
      return { is: 'synced', trouble };
    default:
      return undefined;
  }
}
