// What the watcher gathers before it tells: names, each once; of a directory in which much happens, the directory.
//
//   names     told at the next take()
//   crowds    a directory with more than NAMES_A_DIRECTORY names at once: told as a whole when it has been quiet for
//             QUIET_MS, or, while it goes on, after a patience that doubles each time. So an agent that puts a
//             million files into one directory lists it a few times, not once for each group of files.
//
// All of it is bounded: what does not fit is lost, and a rescan is due.

import type { Path } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import { latin1 } from './folder.ts';

const NAMES_MAX = 256;
const NAMES_A_DIRECTORY = 32;
const CROWDS_MAX = 512;
const QUIET_MS = 250;
const PATIENCE_MS = 2_000;
const PATIENCE_MS_MAX = 300_000;

/** Something changed in `dir`; `name` where it is known which. */
export interface Hint {
  dir: Path;
  name: Uint8Array | undefined;
}

interface Crowd {
  dir: Path;
  since: number;
  lastAt: number;
  patience: number;
  /** Something came that was not told yet. */
  isDue: boolean;
}

export class Hints {
  readonly gauge: Gauge;
  /** By directory, then by name. */
  readonly #names = new Map<string, Map<string, Hint>>();
  readonly #crowds = new Map<string, Crowd>();
  #count = 0;
  #isLost = false;

  constructor() {
    this.gauge = new Gauge('hints', NAMES_MAX, 'drops', () => this.#count);
  }

  /** Crowds are waiting for their quiet. */
  get isWaiting(): boolean {
    return this.#crowds.size > 0;
  }

  /** When to take next while crowds wait, in milliseconds. */
  get waitMs(): number {
    return QUIET_MS;
  }

  add({ dir, name }: Hint, now: number): void {
    const directory = latin1(dir);
    const crowd = this.#crowds.get(directory);
    if (crowd !== undefined) {
      crowd.lastAt = now;
      crowd.isDue = true;
      return;
    }
    const key = name === undefined ? '' : latin1(name);
    const names = this.#names.get(directory) ?? new Map<string, Hint>();
    if (names.has(key)) return;
    if (names.size === NAMES_A_DIRECTORY) this.#gatherInto(directory, dir, now);
    else if (this.#count === NAMES_MAX) this.#lose();
    else {
      names.set(key, { dir, name });
      this.#names.set(directory, names);
      this.#count++;
      this.gauge.grew();
    }
  }

  /** What may be told now. */
  take(now: number): { hints: Hint[]; isLost: boolean } {
    const hints: Hint[] = [];
    for (const names of this.#names.values()) hints.push(...names.values());
    this.#names.clear();
    this.#count = 0;
    for (const [directory, crowd] of this.#crowds) {
      const isQuiet = now - crowd.lastAt >= QUIET_MS;
      if (!isQuiet && now - crowd.since < crowd.patience) continue;
      if (crowd.isDue) hints.push({ dir: crowd.dir, name: undefined });
      crowd.isDue = false;
      if (isQuiet) this.#crowds.delete(directory);
      crowd.since = now;
      crowd.patience = Math.min(2 * crowd.patience, PATIENCE_MS_MAX);
    }
    const isLost = this.#isLost;
    this.#isLost = false;
    return { hints, isLost };
  }

  clear(): void {
    this.#names.clear();
    this.#crowds.clear();
    this.#count = 0;
    this.#isLost = false;
  }

  #gatherInto(directory: string, dir: Path, now: number): void {
    if (this.#crowds.size === CROWDS_MAX) {
      this.#lose();
      return;
    }
    this.#count -= this.#names.get(directory)?.size ?? 0;
    this.#names.delete(directory);
    this.#crowds.set(directory, { dir, since: now, lastAt: now, patience: PATIENCE_MS, isDue: true });
  }

  #lose(): void {
    this.#isLost = true;
    this.gauge.met();
  }
}
