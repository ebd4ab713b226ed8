// Offers that the gateway cannot take for now (BUSY): it starts, it forgot what came in a flood, or its disk is full.
//
// A file that is too large for the room that is left must not travel again and again for nothing: it rests by itself,
// twice as long each time, and others go on. Where even a small one is turned away, or one large after the other,
// everything rests, and then one offer at a time goes to see whether the gateway takes anything. From the third time on
// it is said.

import { WHOLE_BYTES_MAX } from '../../protocol/limits.ts';
import type { Core } from './core.ts';
import type { Place } from './keys.ts';
import type { Offer } from './offered.ts';
import { Resting } from './resting.ts';

const FIRST_MS = 2_000;
const LARGE_MS_MAX = 5 * 60_000;
/** One small frame each. */
const ALL_MS_MAX = 30_000;
const UNSAID = 2;
const LARGE_MAX = 64;
/** Large ones in a row, each for the first time, after which it is not their size. */
const ROW_MAX = 16;

export class Busy {
  private readonly core: Core;
  private readonly large: Resting;
  /** Large ones that were turned away for the first time since anything was taken. */
  private row = 0;
  /** How often in a row it was not for the size, and until when all rest. */
  private times = 0;
  private until = 0;

  constructor(core: Core) {
    this.core = core;
    this.large = new Resting(core, 'offers put off', LARGE_MAX);
  }

  /** Nothing is to be offered at the moment. */
  get isResting(): boolean {
    return this.core.now < this.until;
  }

  /** Whether the gateway takes anything is not known: one offer at a time. */
  get isProbing(): boolean {
    return this.times > 0;
  }

  has(place: Place): boolean {
    return this.large.has(place);
  }

  add({ place, path, facts }: Offer): void {
    const { core, large } = this;
    const tries = large.tries(place);
    if (facts.size > WHOLE_BYTES_MAX && tries === 0) this.row++;
    const isLarge = facts.size > WHOLE_BYTES_MAX && this.row <= ROW_MAX;
    const times = isLarge ? tries : this.times;
    if (times >= UNSAID) core.trouble(path, 'BUSY', 'offering what the gateway cannot take now');
    const ms = Math.min(FIRST_MS * 2 ** times, isLarge ? LARGE_MS_MAX : ALL_MS_MAX);
    if (isLarge) {
      large.rest(place, ms);
      return;
    }
    // Of many that went together the first counts.
    if (this.isResting) return;
    this.times++;
    this.until = core.now + ms;
    core.wake(this.until);
  }

  /** Any other answer. */
  end(place: Place): void {
    this.large.forget(place);
    this.row = 0;
    this.times = 0;
    this.until = 0;
  }

  /** True when something has rested since the last call. */
  tick(): boolean {
    const { core } = this;
    const isOver = this.until > 0 && this.until <= core.now;
    if (isOver) this.until = 0;
    else if (this.until > 0) core.wake(this.until);
    return this.large.tick() || isOver;
  }
}
