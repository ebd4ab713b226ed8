// Places that could not be read or fetched, or did not hold still, and when they may be tried again. Each rests by
// itself, so the others go on; there are never more than `most` of them. Were more to rest at once, nothing would be
// tried until the youngest has rested: a disk that fails everywhere costs time, not memory, and no busy loop. Whoever
// tries in some order says it, and then what comes after all that failed is still tried.
//
// A place that has rested stays known, with its number of tries, until it is forgotten or others need the room.

import type { Gauge } from '../gauge.ts';
import type { Core } from './core.ts';
import { type Place, samePlace } from './keys.ts';

interface Rest {
  place: Place;
  until: number;
  tries: number;
  /** tick() has told that it is over. */
  isTold: boolean;
}

export class Resting {
  private readonly core: Core;
  private readonly most: number;
  private readonly crowdMs: number;
  private readonly rests: Rest[] = [];
  private readonly gauge: Gauge;
  private allUntil = 0;
  /** Of those that rest until then, the last in order. */
  private allUpTo = 0;

  /** `name` is what the status calls it. With more than `most`, all rest for `crowdMs` at least. */
  constructor(core: Core, name: string, most: number, crowdMs = 0) {
    this.core = core;
    this.most = most;
    this.crowdMs = crowdMs;
    this.gauge = core.gauge(name, most, 'waits', () => this.rests.length);
  }

  has(place: Place, order = 0): boolean {
    const { now } = this.core;
    const isInCrowd = now < this.allUntil && order <= this.allUpTo;
    return isInCrowd || now < (this.at(place)?.until ?? 0);
  }

  /** How often it rested since it was last forgotten. */
  tries(place: Place): number {
    return this.at(place)?.tries ?? 0;
  }

  rest(place: Place, ms: number, order = Number.POSITIVE_INFINITY): void {
    const { core } = this;
    const until = core.now + ms;
    const tries = this.tries(place) + 1;
    this.forget(place);
    core.wake(until);
    if (this.rests.length >= this.most) {
      const over = this.rests.findIndex(rest => rest.until <= core.now);
      if (over === -1) {
        this.gauge.met();
        this.allUpTo = core.now < this.allUntil ? Math.max(this.allUpTo, order) : order;
        this.allUntil = Math.max(until, core.now + this.crowdMs);
        core.wake(this.allUntil);
        return;
      }
      this.rests.splice(over, 1);
    }
    this.rests.push({ place, until, tries, isTold: false });
    this.gauge.grew();
  }

  forget(place: Place): void {
    const index = this.rests.findIndex(rest => samePlace(rest.place, place));
    if (index !== -1) this.rests.splice(index, 1);
  }

  /** True when something has rested since the last call; wakes when the next one has. */
  tick(): boolean {
    const { core } = this;
    let isOver = this.allUntil > 0 && this.allUntil <= core.now;
    if (isOver) this.allUntil = 0;
    else if (this.allUntil > 0) core.wake(this.allUntil);
    for (const rest of this.rests) {
      if (rest.until > core.now) core.wake(rest.until);
      else if (!rest.isTold) {
        rest.isTold = true;
        isOver = true;
      }
    }
    return isOver;
  }

  private at(place: Place): Rest | undefined {
    return this.rests.find(rest => samePlace(rest.place, place));
  }
}
