// One simulated board: a disk, a clock, and the real agent over them.
//
// Fault model: the process may end before any call of the disk, and between any two events, or be asked to end in good
// order; the power may go at the same places. A supervisor starts the process again when it ends by itself. The clock
// may jump. A trap set for some call from now on may do any of this there, let the call fail, or let somebody change
// the folder before it.

import type { Place } from '../../agent/disk/system.ts';
import type { WatcherPorts } from '../../agent/disk/watcher.ts';
import type { Note, Path } from '../../agent/engine/ports.ts';
import { Sync } from '../../agent/sync.ts';
import type { BoardLink, BoardLinkHandlers } from '../../transport/link.ts';
import { type Call, memorySystem } from './disk.ts';
import { failure } from './files.ts';
import { openSimPages } from './pages.ts';
import type { Random } from './random.ts';
import type { Time } from './time.ts';
import { Volume } from './volume.ts';
import { type Hint, SimWatcher } from './watching.ts';

export const ROOT = '/folder';
const CATALOG = '/state/catalog';
/** Small enough that every bound of the arena is met. */
export const ARENA_BYTES = 2 * 1024 * 1024;
const RESCAN_SECONDS = 60;
/** Few enough that a folder of a simulated board fills them. */
const FETCHES_MAX = 32;
/** Before a supervisor starts a process that ended. */
const SUPERVISOR_MS = 5_000;

/** The catalog is committed every three seconds under load, and tried again five after it failed; a sync between. */
const COMMIT_MS_MOST = 10_000;

/** Calls that need room on the disk. */
const GROWING = new Set<Call>(['writeSync', 'mkdirSync', 'symlinkSync', 'linkSync', 'renameSync']);

/** What ends a process in the middle of a call: no error of the disk's, so nobody takes it for one. */
class Ended extends Error {}

export interface MachinePorts {
  time: Time;
  /** Its own, where its name is not. */
  id?: number;
  openLink(machine: Machine, handlers: BoardLinkHandlers): BoardLink;
  /** A file's bytes are about to go from the disk by the agent's doing. */
  onLoss?(machine: Machine, path: string, bytes: Uint8Array): void;
  /** An event of the watcher; not delivered when left out. */
  onHint?(machine: Machine, hint: Hint, deliver: () => void): void;
  /** A life begins, which may not know what the one before did since that time of the machine's. */
  onLife?(machine: Machine, since: number): void;
  onNote?(machine: Machine, note: Note): void;
  /** The agent met a mistake of ours; thrown when left out. */
  onMistake?(machine: Machine, error: unknown): void;
  tell(line: string): void;
}

/** Waits for a call that it is fit for, and then acts; it may throw what the call throws. */
export interface Trap {
  /** Calls that are let through before. */
  calls: number;
  fits(call: Call, isGrowing: boolean): boolean;
  spring(call: Call): void;
}

export class Machine {
  name: string;
  readonly volume: Volume;
  sync: Sync | undefined;
  /** What a sync of the file system takes: much comes between. */
  syncMs = 20;
  readonly ports: MachinePorts;
  readonly traps: Trap[] = [];
  /** No room on the disk until then. */
  fullUntil = 0;
  /** The machine's clock, ahead of the simulated time. */
  aheadMs = 0;
  /** What each event takes of a slow machine's time: its turns end in the middle, and frames come meanwhile. */
  slowMs = 0;
  private busyUntil = 0;
  private watch: WatcherPorts | undefined;
  private markers = 0;
  private draws = 0;
  /** Of the running process; calls of an older one are not made any more. */
  private process = 0;
  /** Removing something failed since it started. */
  hasFailedToRemove = false;
  /** On its way to end in good order. */
  isStopping = false;
  /** Without power. */
  isOff = false;
  /** When the last life ended, by the machine's clock, until the next begins. */
  private endedAt: number | undefined;
  /** Since then its folder was away, and nothing could be committed. */
  private awayAt: number | undefined;

  constructor(name: string, ports: MachinePorts) {
    this.name = name;
    this.ports = ports;
    this.volume = new Volume(() => this.now);
    this.volume.mkdirSync(ROOT);
    this.volume.mkdirSync('/state');
    this.volume.medium.syncAll();
  }

  get now(): number {
    return this.ports.time.now + this.lagMs + this.aheadMs;
  }

  private get lagMs(): number {
    return Math.max(0, this.busyUntil - this.ports.time.now);
  }

  get isRunning(): boolean {
    return this.sync !== undefined;
  }

  start(): void {
    if (this.isOff || this.isRunning) return;
    const { time, tell } = this.ports;
    const process = ++this.process;
    const isRunning = () => this.process === process;
    const after = (ms: number, job: () => void) =>
      time.after(ms + this.lagMs, () => {
        if (isRunning()) this.run(job);
      });
    this.volume.files.closeAll();
    this.hasFailedToRemove = false;
    const system = memorySystem(this.volume, {
      gate: (call, path) => {
        if (!isRunning()) throw new Ended('the process has ended');
        this.pass(call, path);
      },
      later: job => after(this.syncMs, job),
    });
    system.roomIn = () => (time.now < this.fullUntil ? 0 : Number.POSITIVE_INFINITY);
    let order = 0;
    this.sync = new Sync(
      {
        folder: ROOT,
        board: this.name,
        share: 'shared',
        software: 'sim',
        arenaBytes: ARENA_BYTES,
        rescanSeconds: RESCAN_SECONDS,
        fetchesMax: FETCHES_MAX,
        windowFrames: 4,
      },
      {
        system,
        scheduler: {
          soon: job => after(0, job),
          later: (job, ms) => after(ms, job),
          now: () => this.now,
        },
        clock: {
          now: () => this.tick(),
          wake: (at, call) => {
            const mine = ++order;
            if (at === Number.POSITIVE_INFINITY) return;
            after(Math.max(0, at - this.now), () => mine === order && call());
          },
        },
        openWatcher: ports => {
          this.watch = ports;
          const watcher = new SimWatcher(this.volume.files, ports, hint => {
            const deliver = () => after(0, () => ports.tell(hint));
            if (!isRunning()) watcher.close();
            else this.ports.onHint?.(this, hint, deliver);
          });
          return watcher;
        },
        openPages: () => openSimPages(this.volume, system, CATALOG),
        setCatalogAside: () => {
          system.renameSync(CATALOG, `${CATALOG}.aside`);
          return 'aside';
        },
        openLink: (_session, handlers) => {
          const knownUntil = Math.min(this.endedAt ?? this.now, this.awayAt ?? this.now);
          this.ports.onLife?.(this, knownUntil - COMMIT_MS_MOST);
          this.endedAt = undefined;
          this.awayAt = undefined;
          return this.ports.openLink(this, handlers);
        },
        freshMarker: () => `${this.name} ${++this.markers}`,
        draw: limit => (++this.draws * 7919 + (this.ports.id ?? 0) * 104_729) % limit,
        onNote: note => {
          tell(`${this.name}: ${describe(note)}`);
          if (note.kind === 'trouble' && note.doing === 'opening the folder') this.awayAt ??= this.now;
          if (note.kind === 'sent' || note.kind === 'received') this.awayAt = undefined;
          this.ports.onNote?.(this, note);
        },
        onLog: (_level, line) => tell(`${this.name}: ${line}`),
        onFail: error => isRunning() && this.fail(error),
      },
    );
    try {
      this.sync.start();
    } catch (error) {
      if (isRunning()) this.fail(error);
    }
  }

  /** Asks the process to end in good order; `then` is called unless something else ends it before. */
  stop(then: () => void): void {
    const { sync, process } = this;
    if (sync === undefined || this.isStopping) return;
    const isRunning = () => this.process === process;
    this.isStopping = true;
    const end = (): void => {
      if (!isRunning()) return;
      this.kill();
      then();
    };
    sync.stop().then(end, error => isRunning() && this.fail(error, true));
  }

  /** The process ends here and now. */
  kill(): void {
    this.endedAt ??= this.now;
    this.isStopping = false;
    this.process++;
    this.sync = undefined;
  }

  /** The power goes now, and comes back with start(). From within a call: throw what end() gives after it. */
  cutPower(random: Random): void {
    this.kill();
    this.isOff = true;
    // Not in the middle of a call, of which the rest still has its descriptors.
    this.ports.time.after(0, () => {
      this.volume.cut(random);
      this.isOff = false;
    });
  }

  /** What a call throws in which the process ended. */
  end(): Error {
    return new Ended('the process ends');
  }

  /** The watcher tells the agent something. */
  hint(directory: Path, name: Uint8Array | undefined): void {
    this.watch?.tell({ is: 'hint', dir: directory, name });
  }

  /** Its catalog is damaged beyond use; found out at the next start. */
  loseCatalog(): void {
    if (this.volume.existsSync(CATALOG)) this.volume.truncateSync(CATALOG, 0);
  }

  /** Whoever looks at the clock has worked for it. */
  private tick(): number {
    this.busyUntil = this.ports.time.now + this.lagMs + this.slowMs;
    return this.now;
  }

  /** Before each call of the agent's. */
  private pass(call: Call, path: Place | undefined): void {
    const isGrowing = path !== undefined && (GROWING.has(call) || call === 'openSync');
    const trap = this.traps.find(waiting => waiting.fits(call, isGrowing) && waiting.calls-- <= 0);
    if (trap !== undefined) {
      this.traps.splice(this.traps.indexOf(trap), 1);
      trap.spring(call);
    }
    if (isGrowing && this.ports.time.now < this.fullUntil) throw failure('ENOSPC', call);
    if (path !== undefined && (call === 'unlinkSync' || call === 'renameSync')) this.watchOver(path);
  }

  /** Runs what nobody in the process stands behind: what it throws ends the process. */
  private run(job: () => void): void {
    try {
      job();
    } catch (error) {
      if (!(error instanceof Ended)) this.fail(error, true);
    }
  }

  private fail(error: unknown, isMistake = typeof (error as { code?: unknown }).code !== 'string'): void {
    this.kill();
    if (isMistake) {
      if (this.ports.onMistake === undefined) throw error;
      this.ports.onMistake(this, error);
    }
    this.ports.tell(`${this.name}: the process ended: ${error instanceof Error ? error.message : error}`);
    const { process } = this;
    this.ports.time.after(SUPERVISOR_MS, () => this.process === process && this.start());
  }

  // What stands in the folder, and not under our own state, must be known elsewhere before it goes.
  private watchOver(place: Place): void {
    const { onLoss } = this.ports;
    if (onLoss === undefined) return;
    const { directory, name, inode } = this.volume.files.spot(String(place));
    if (inode === undefined || !inode.isFile || inode.links > 1) return;
    const path = `${directory.path}/${name}`;
    if (path.startsWith(`${ROOT}/`) && !path.startsWith(`${ROOT}/.toastbox`))
      onLoss(this, path, inode.content.slice());
  }
}

/** A note, for a story. */
export function describe(note: object): string {
  const words = Object.entries(note).map(([name, value]) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : `${name} ${value}`,
  );
  return words.join(', ');
}
