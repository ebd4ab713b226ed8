// One simulated board: a memfs disk, a catalog in memory, and the real agent over them. Kill and start again at any
// event: what was written stays, what was only in the process is gone.

import { Volume } from 'memfs';
import type { OpenPages } from '../../agent/disk/pages.ts';
import type { Watcher, WatcherPorts } from '../../agent/disk/watcher.ts';
import type { Event, Path } from '../../agent/engine/ports.ts';
import { Sync } from '../../agent/sync.ts';
import type { BoardLink, BoardLinkHandlers } from '../../transport/link.ts';
import { memorySystem } from './disk.ts';
import type { Time } from './time.ts';

export const ROOT = '/folder';
/** Small enough that every bound of the arena is met. */
const ARENA_BYTES = 2 * 1024 * 1024;
const RESCAN_SECONDS = 60;
/** Few enough that a folder of a simulated board fills them. */
const FETCHES_MAX = 32;
/** What a sync of the file system takes: much comes between. */
const SYNC_MS = 20;
const PAGE_BYTES = 4096;

/** The catalog's pages as the process left them: a kill loses nothing that was written. */
class Pages implements OpenPages {
  readonly pages: Uint8Array[] = [];
  get pageCount(): number {
    return this.pages.length;
  }
  read(page: number, into: Uint8Array): void {
    into.set(this.pages[page] ?? new Uint8Array(PAGE_BYTES));
  }
  write(page: number, from: Uint8Array): void {
    while (this.pages.length <= page) this.pages.push(new Uint8Array(PAGE_BYTES));
    (this.pages[page] as Uint8Array).set(from);
  }
  sync(): void {}
  cut(page: number): void {
    this.pages.length = Math.min(this.pages.length, page);
  }
  close(): void {}
}

export interface MachinePorts {
  time: Time;
  openLink(machine: Machine, handlers: BoardLinkHandlers): BoardLink;
  /** A file's bytes are about to go from the disk by the agent's doing. */
  onLoss(machine: Machine, path: string, bytes: Uint8Array): void;
  tell(line: string): void;
}

export class Machine {
  readonly name: string;
  readonly volume = new Volume();
  sync: Sync | undefined;
  readonly ports: MachinePorts;
  private pages = new Pages();
  private watch: WatcherPorts | undefined;
  /** Of the running process; calls of an older one are not made any more. */
  private process = 0;

  constructor(name: string, ports: MachinePorts) {
    this.name = name;
    this.ports = ports;
    this.volume.mkdirSync(ROOT);
  }

  start(): void {
    const { time } = this.ports;
    const process = ++this.process;
    const isRunning = () => this.process === process;
    const system = memorySystem(this.volume, job => time.after(SYNC_MS, () => isRunning() && job()));
    const { renameSync, unlinkSync } = system;
    system.renameSync = (from, to) => {
      this.watchOver(String(to));
      renameSync(from, to);
    };
    system.unlinkSync = place => {
      this.watchOver(String(place));
      unlinkSync(place);
    };
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
      },
      {
        system,
        scheduler: {
          soon: job => time.after(0, () => isRunning() && job()),
          later: (job, ms) => time.after(ms, () => isRunning() && job()),
          now: () => time.now,
        },
        clock: {
          now: () => time.now,
          wake: (at, call) => {
            const mine = ++order;
            if (at === Number.POSITIVE_INFINITY) return;
            time.after(Math.max(0, at - time.now), () => isRunning() && mine === order && call());
          },
        },
        openWatcher: ports => this.openWatcher(ports),
        openPages: () => this.pages,
        setCatalogAside: () => {
          this.pages = new Pages();
          return 'aside';
        },
        openLink: (_session, handlers) => this.ports.openLink(this, handlers),
        freshMarker: () => this.name,
        onNote: note => this.ports.tell(`${this.name} ${describe(note)}`),
        onLog: (_level, text) => this.ports.tell(`${this.name} ${text}`),
        onFail: error => {
          throw error;
        },
      },
    );
    this.sync.start();
  }

  /** The process ends between two instructions. */
  kill(): void {
    this.process++;
    this.sync = undefined;
    this.watch = undefined;
  }

  /** Its catalog is damaged beyond use; found out at the next start. */
  loseCatalog(): void {
    this.pages = new Pages();
  }

  get isRunning(): boolean {
    return this.sync !== undefined;
  }

  hint(directory: Path, name: Uint8Array): void {
    const event: Event = { is: 'hint', dir: directory, name };
    this.watch?.tell(event);
  }

  private openWatcher(ports: WatcherPorts): Watcher {
    this.watch = ports;
    return { watch: () => {}, unwatch: () => {}, gauges: () => [], close: () => {} };
  }

  // What stands in the folder, and not under our own state, must be known elsewhere before it goes.
  private watchOver(place: string): void {
    if (!place.startsWith(`${ROOT}/`) || place.startsWith(`${ROOT}/.toastbox`)) return;
    let isFile = false;
    try {
      const stat = this.volume.lstatSync(place);
      isFile = stat.isFile() && stat.nlink === 1;
    } catch {
      return;
    }
    if (isFile) this.ports.onLoss(this, place, this.volume.readFileSync(place) as Buffer);
  }
}

function describe(note: object): string {
  return JSON.stringify(note, (_key, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString() : value,
  );
}
