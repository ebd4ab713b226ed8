// What the watcher gathers before it tells: names, each once; of a directory in which much happens, the directory.
//
//   names     told at the next take()
//   crowds    a directory with more than NAMES_A_DIRECTORY names at once: told as a whole when it has been quiet for
//             QUIET_MS, or after a patience that doubles when the crowd comes back at once. So an agent that puts a
//             million files into one directory lists it now and then, not once for each group of files. Told, a
//             crowd is over: one file there that never rests does not hold up the others.
//
// All of it is bounded: what does not fit is lost, and a rescan is due.

import { latin1 } from '../../protocol/bytes.ts';
import type { Path } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';

const NAMES_MAX = 256;
const NAMES_A_DIRECTORY = 32;
const CROWDS_MAX = 512;
const QUIET_MS = 250;
const PATIENCE_MS = 1_000;
const PATIENCE_MS_MAX = 16_000;
/** A crowd that comes back within this is the same one. */
const MEMORY_MS = 5_000;

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
}

export class Hints {
  readonly gauge: Gauge;
  /** By directory, then by name. */
  readonly #names = new Map<string, Map<string, Hint>>();
  readonly #crowds = new Map<string, Crowd>();
  /** Crowds that were told: when, and what their patience was. */
  readonly #told = new Map<string, { at: number; patience: number }>();
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
    for (const [directory, { dir, since, lastAt, patience }] of this.#crowds) {
      if (now - lastAt < QUIET_MS && now - since < patience) continue;
      hints.push({ dir, name: undefined });
      this.#crowds.delete(directory);
      if (this.#told.size === CROWDS_MAX) this.#told.clear();
      this.#told.set(directory, { at: now, patience });
    }
    const isLost = this.#isLost;
    this.#isLost = false;
    return { hints, isLost };
  }

  clear(): void {
    this.#names.clear();
    this.#crowds.clear();
    this.#told.clear();
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
    const told = this.#told.get(directory);
    const isBack = told !== undefined && now - told.at < MEMORY_MS;
    const patience = isBack ? Math.min(2 * told.patience, PATIENCE_MS_MAX) : PATIENCE_MS;
    this.#crowds.set(directory, { dir, since: now, lastAt: now, patience });
  }

  #lose(): void {
    this.#isLost = true;
    this.gauge.met();
  }
}
