// Hints from inotify: something changed in a directory, sooner than a rescan would find it.
//
// One watch per directory, set through its open descriptor, so it sits on the very directory that was looked at.
// The budget bounds them, and is spent where changes happen: the first wishes get watches; then a wish for a
// directory in which something changes takes the place of the watch that spoke least recently, and any other wish is
// refused. So a rescan of a large folder moves no watch. inotify's own limit (ENOSPC, EMFILE) lowers the budget to
// what there is. A watched directory that moves or goes takes its watch and those below along; each is hinted at, so
// that one which is back at its path when it is looked at is watched again.
//
// Hints are gathered for some milliseconds (hints.ts); more than are held is hintsLost. libuv drops inotify's
// overflow event (IN_Q_OVERFLOW, at 16,384 waiting events by default) in silence, so as many events in one gathering
// count as an overflow. What still slips through costs time: the rescan finds it.

import { type FSWatcher, fstatSync, watch } from 'node:fs';
import { copyOf, latin1 } from '../../protocol/bytes.ts';
import type { Event, Path } from '../engine/ports.ts';
import { Gauge, type GaugeReading } from '../gauge.ts';
import { Hints } from './hints.ts';
import type { Scheduler } from './schedule.ts';
import { codeOf, troubleOf } from './trouble.ts';

const GATHER_MS = 5;
const EVENTS_MAX = 16_000;

export interface Watcher {
  /** `isActive`: something changes there. */
  watch(dir: Path, isActive: boolean): void;
  /** There is no such directory any more. Its watch may not have heard of it: it moved together with another. */
  unwatch(dir: Path): void;
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

/** What libuv calls the directory itself: the last part of the path that it was given. No file has this name. */
const SELF = '.';

interface Watch {
  dir: Path;
  /** Tells the directory from others, also from a later one with the same inode number: its watch is dead. */
  identity: string;
  handle: FSWatcher;
}

export class InotifyWatcher implements Watcher {
  readonly #ports: WatcherPorts;
  #budget: number;
  /** By path, least recently active first. */
  readonly #watches = new Map<string, Watch>();
  readonly #hints = new Hints();
  #events = 0;
  #isGathering = false;
  #isWaiting = false;
  readonly #watchGauge: Gauge;

  constructor(ports: WatcherPorts, budget: number) {
    this.#ports = ports;
    this.#budget = budget;
    this.#watchGauge = new Gauge(
      'watches',
      () => this.#budget,
      'refuses',
      () => this.count,
    );
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
      if (known !== undefined && known.identity === identityOf(fd)) {
        if (isActive) this.#touch(key);
        return;
      }
      if (known !== undefined) this.#forget(key);
      this.#begin(key, copyOf(dir), fd);
    });
  }

  unwatch(dir: Path): void {
    this.#forget(latin1(dir));
  }

  gauges(): GaugeReading[] {
    return [this.#watchGauge.reading(), this.#hints.gauge.reading()];
  }

  close(): void {
    for (const { handle } of this.#watches.values()) handle.close();
    this.#watches.clear();
    this.#hints.clear();
  }

  #begin(key: string, dir: Path, fd: number): void {
    if (this.#watches.size >= this.#budget) this.#makeRoom();
    try {
      const handle = watch(`/proc/self/fd/${fd}/${SELF}`, { encoding: 'buffer', persistent: false });
      const known: Watch = { dir, identity: identityOf(fd), handle };
      this.#watches.set(key, known);
      this.#watchGauge.grew();
      handle.on('change', (_, name) => this.#onChange(key, known, name as unknown as Buffer | null));
      handle.on('error', () => this.#onError(key, known));
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

  #onError(key: string, known: Watch): void {
    if (this.#watches.get(key) === known) this.#forget(key);
  }

  #onChange(key: string, known: Watch, name: Buffer | null): void {
    if (this.#watches.get(key) !== known) return;
    this.#events++;
    this.#touch(key);
    if (name === null || name.toString('latin1') === SELF) {
      this.#hint(known.dir, undefined);
      if (!this.#isStillThere(known)) this.#forgetTree(key);
      return;
    }
    this.#hint(known.dir, Uint8Array.from(name));
  }

  #isStillThere({ dir, identity }: Watch): boolean {
    return this.#withDirectory(dir, identityOf) === identity;
  }

  /** The directory moved or is gone: its watch and those below would speak of paths that are no longer theirs. */
  #forgetTree(key: string): void {
    const below = key === '' ? '' : `${key}/`;
    for (const [other, { dir }] of this.#watches) {
      if (other !== key && !other.startsWith(below)) continue;
      this.#forget(other);
      this.#hint(dir, undefined);
    }
  }

  #hint(dir: Path, name: Uint8Array | undefined): void {
    const { scheduler } = this.#ports;
    this.#hints.add({ dir, name }, scheduler.now());
    if (this.#isGathering) return;
    this.#isGathering = true;
    scheduler.later(() => {
      this.#isGathering = false;
      this.#flush();
    }, GATHER_MS);
  }

  #flush(): void {
    const { scheduler, tell } = this.#ports;
    const { hints, isLost } = this.#hints.take(scheduler.now());
    const isFlooded = this.#events >= EVENTS_MAX;
    this.#events = 0;
    for (const { dir, name } of hints) tell({ is: 'hint', dir, name });
    if (isLost || isFlooded) tell({ is: 'hintsLost' });
    if (!this.#hints.isWaiting || this.#isWaiting) return;
    this.#isWaiting = true;
    scheduler.later(() => {
      this.#isWaiting = false;
      this.#flush();
    }, this.#hints.waitMs);
  }
}

function identityOf(fd: number): string {
  const { ino, birthtimeMs } = fstatSync(fd);
  return `${ino} ${birthtimeMs}`;
}
