// Hints from inotify: something changed in a directory, sooner than a rescan would find it.
//
// One watch per directory, set through its open descriptor, so it sits on the very directory that was looked at.
// The budget bounds them, and is spent where changes happen: the first wishes get watches; then a wish for a
// directory in which something changes takes the place of the watch that spoke least recently, and any other wish is
// refused. So a rescan of a large folder moves no watch. inotify's own limit (ENOSPC, EMFILE) lowers the budget to
// what there is. A watched directory that moves or goes takes its watch and those below along.
//
// Hints are gathered for some milliseconds, each once, at most 256: more than that is hintsLost. libuv drops
// inotify's overflow event (IN_Q_OVERFLOW, at 16,384 waiting events by default) in silence, so as many events in
// one gathering count as an overflow. What still slips through costs time: the rescan finds it.

import { type FSWatcher, fstatSync, watch } from 'node:fs';
import type { Event, Path } from '../engine/ports.ts';
import { Gauge, type GaugeReading } from '../gauge.ts';
import { latin1 } from './folder.ts';
import type { Scheduler } from './schedule.ts';
import { codeOf, troubleOf } from './trouble.ts';

/** Directories watched unless told otherwise: each costs 1 KiB in the kernel and about 2 here. */
export const WATCHES_MAX = 512;

const HINTS_MAX = 256;
const GATHER_MS = 5;
const EVENTS_MAX = 16_000;

export interface Watcher {
  /** `isActive`: something changes there. */
  watch(dir: Path, isActive: boolean): void;
  gauges(): GaugeReading[];
  close(): void;
}

export interface WatcherPorts {
  /** Opens a directory of the folder and lends it to `use`. Throws errno errors. */
  withDirectory<T>(dir: Path, use: (fd: number) => T): T;
  tell(event: Extract<Event, { is: 'hint' | 'hintsLost' }>): void;
  /** The kernel gives no more watches, or none at all: a line for the status. */
  onTrouble(code: string): void;
  scheduler: Scheduler;
}

interface Watch {
  dir: Path;
  inode: number;
  /** What libuv calls the directory itself: the last part of the path it was given. */
  selfName: string;
  handle: FSWatcher;
}

/** A hint waiting to be told. */
interface Hint {
  dir: Path;
  name: Uint8Array | undefined;
}

export class InotifyWatcher implements Watcher {
  readonly #ports: WatcherPorts;
  #budget: number;
  /** By path, least recently active first. */
  readonly #watches = new Map<string, Watch>();
  readonly #hints = new Map<string, Hint>();
  #events = 0;
  #isLost = false;
  #isGathering = false;
  readonly #watchGauge: Gauge;
  readonly #hintGauge: Gauge;

  constructor(ports: WatcherPorts, budget = WATCHES_MAX) {
    this.#ports = ports;
    this.#budget = budget;
    this.#watchGauge = new Gauge(
      'watches',
      () => this.#budget,
      'refuses',
      () => this.count,
    );
    this.#hintGauge = new Gauge('hints', HINTS_MAX, 'drops', () => this.#hints.size);
  }

  /** Watches held now. */
  get count(): number {
    return this.#watches.size;
  }

  watch(dir: Path, isActive: boolean): void {
    const key = latin1(dir);
    if (this.#budget === 0) return;
    if (!isActive && this.count >= this.#budget && !this.#watches.has(key)) {
      this.#watchGauge.met();
      return;
    }
    this.#withDirectory(dir, fd => {
      // Another directory may have come to this path before the kernel told that the watched one left it.
      const known = this.#watches.get(key);
      if (known !== undefined && known.inode === fstatSync(fd).ino) {
        if (isActive) this.#touch(key);
        return;
      }
      if (known !== undefined) this.#forget(key);
      this.#begin(key, dir.slice(), fd);
    });
  }

  gauges(): GaugeReading[] {
    return [this.#watchGauge.reading(), this.#hintGauge.reading()];
  }

  close(): void {
    for (const { handle } of this.#watches.values()) handle.close();
    this.#watches.clear();
    this.#hints.clear();
  }

  #begin(key: string, dir: Path, fd: number): void {
    if (this.#watches.size >= this.#budget) this.#makeRoom();
    try {
      const handle = watch(`/proc/self/fd/${fd}`, { encoding: 'buffer', persistent: false });
      this.#watches.set(key, { dir, inode: fstatSync(fd).ino, selfName: String(fd), handle });
      this.#watchGauge.grew();
      handle.on('change', (_, name) => this.#onChange(key, name as unknown as Buffer | null));
      handle.on('error', () => this.#forget(key));
    } catch (error) {
      this.#onLimit(error);
    }
  }

  #withDirectory<T>(dir: Path, use: (fd: number) => T): T | undefined {
    try {
      return this.#ports.withDirectory(dir, use);
    } catch (error) {
      // Gone again, or not ours to open: the rescan deals with it.
      troubleOf(error);
      return undefined;
    }
  }

  #touch(key: string): boolean {
    const known = this.#watches.get(key);
    if (known === undefined) return false;
    this.#watches.delete(key);
    this.#watches.set(key, known);
    return true;
  }

  #makeRoom(): void {
    const [oldest] = this.#watches.keys();
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(key: string): void {
    this.#watches.get(key)?.handle.close();
    this.#watches.delete(key);
  }

  #onLimit(error: unknown): void {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return;
    if (code !== 'ENOSPC' && code !== 'EMFILE' && code !== 'ENFILE' && code !== 'ENOSYS') throw error;
    this.#budget = this.#watches.size;
    this.#ports.onTrouble(code);
    this.#watchGauge.met();
  }

  #onChange(key: string, name: Buffer | null): void {
    const known = this.#watches.get(key);
    if (known === undefined) return;
    this.#events++;
    this.#touch(key);
    // A file of that name makes the same event, and the same look at the directory finds it.
    if (name === null || name.toString('latin1') === known.selfName) {
      this.#hint({ dir: known.dir, name: undefined });
      if (!this.#isStillThere(known)) this.#forgetTree(key);
      return;
    }
    this.#hint({ dir: known.dir, name: Uint8Array.from(name) });
  }

  #isStillThere({ dir, inode }: Watch): boolean {
    return this.#withDirectory(dir, fd => fstatSync(fd).ino) === inode;
  }

  /** The directory moved or is gone: its watch and those below would speak of paths that are no longer theirs. */
  #forgetTree(key: string): void {
    const below = key === '' ? '' : `${key}/`;
    for (const other of this.#watches.keys())
      if (other === key || other.startsWith(below)) this.#forget(other);
  }

  #hint(hint: Hint): void {
    const key = `${latin1(hint.dir)}/${hint.name === undefined ? '' : latin1(hint.name)}`;
    if (this.#hints.size < HINTS_MAX) {
      this.#hints.set(key, hint);
      this.#hintGauge.grew();
    } else if (!this.#hints.has(key)) {
      this.#isLost = true;
      this.#hintGauge.met();
    }
    this.#gather();
  }

  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#ports.scheduler.later(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    this.#isGathering = false;
    const isLost = this.#isLost || this.#events >= EVENTS_MAX;
    const hints = [...this.#hints.values()];
    this.#hints.clear();
    this.#events = 0;
    this.#isLost = false;
    for (const { dir, name } of hints) this.#ports.tell({ is: 'hint', dir, name });
    if (isLost) this.#ports.tell({ is: 'hintsLost' });
  }
}
