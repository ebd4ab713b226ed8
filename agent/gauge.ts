// How full something bounded is: now, at most so far, of how many, and how often its bound was met. Whoever owns the
// bound moves the gauge; the memory ledger reads it. It decides nothing.
//
// What happens at the bound is one of these, and nothing else (DESIGN.md has the table with the tests):
//   waits    whoever asks comes again when there is room
//   evicts   what was used least gives way, and is brought again when it is needed
//   spills   to a file
//   drops    the other end asks again, or a rescan finds it
//   refuses  told to whoever asks, and shown

export type WhenFull = 'waits' | 'evicts' | 'spills' | 'drops' | 'refuses';

export interface GaugeReading {
  name: string;
  unit: 'count' | 'bytes';
  taken: number;
  limit: number;
  highWater: number;
  whenFull: WhenFull;
  /** Times that somebody waited; things that were evicted, spilled, dropped or refused. */
  times: number;
}

export class Gauge {
  readonly name: string;
  readonly unit: 'count' | 'bytes';
  readonly whenFull: WhenFull;
  readonly #limit: () => number;
  readonly #read: () => number;
  #highWater = 0;
  #times = 0;
  #isMet = false;

  constructor(
    name: string,
    limit: number | (() => number),
    whenFull: WhenFull,
    read: () => number,
    unit: 'count' | 'bytes' = 'count',
  ) {
    this.name = name;
    this.unit = unit;
    this.whenFull = whenFull;
    this.#limit = typeof limit === 'number' ? () => limit : limit;
    this.#read = read;
  }

  /** Call after it grew. */
  grew(): void {
    const taken = this.#read();
    if (taken > this.#highWater) this.#highWater = taken;
    this.#isMet = false;
  }

  /** Somebody met the bound. Asking again before it grew is the same wait. */
  met(): void {
    if (this.#isMet && this.whenFull === 'waits') return;
    this.#isMet = true;
    this.#times++;
  }

  reading(): GaugeReading {
    const { name, unit, whenFull } = this;
    const taken = this.#read();
    return {
      name,
      unit,
      taken,
      limit: this.#limit(),
      highWater: Math.max(taken, this.#highWater),
      whenFull,
      times: this.#times,
    };
  }
}
