// Carries events into the hub and its effects out, with the store's transaction around them.
//
//   push --> queue --(one turn of the loop)--> transaction { take, take, ..., early --> carry }
//                                                        '--committed--> drain --> carry
//                                                        '--failed-----> fail ---> carry
//
// No effect leaves before the commit that it speaks of: every `done` is durable. What speaks of none (what is asked
// for, content that was asked for) leaves before it, so boards work while the disk does. What came meanwhile shares
// the next commit, so the more there is to do, the fewer fsyncs each change costs.
//
// The queue is bounded. What does not fit is dropped and counted, as a broker would drop it: the board asks again.

import { Gauge } from '../agent/gauge.ts';
import type { Hub } from './hub/hub.ts';
import type { HubEffect, HubEvent } from './hub/ports.ts';
import { BROKEN, type Store } from './store/port.ts';

/** Events that may wait: a body each, 32 MiB at most. Boards' windows keep it far below. */
const QUEUE_MAX = 1024;

/** Events in one transaction: some 2 MiB of blocks, so that a lone change never waits long behind a bulk. */
const BATCH_MAX = 64;

export interface PumpOptions {
  hub: Hub;
  store: Store;
  carry: (effect: HubEffect) => void;
  /** Milliseconds since 1970. */
  now: () => number;
  /** A mistake of ours, or a broken store: the process is to end, and nothing more is handled. */
  onFail: (error: Error) => void;
  /** Work of its own, done a step at a time while no event waits. It says what made a transaction of its fail: the
   * hub hears of it as of one of its own. */
  beside?: { readonly wakeAt: number; step(now: number): string | undefined };
}

export class Pump {
  readonly #with: PumpOptions;
  readonly #queue: HubEvent[] = [];
  readonly gauge = new Gauge('events', QUEUE_MAX, 'drops', () => this.#queue.length);
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: PumpOptions) {
    this.#with = options;
  }

  /** False: it was dropped. */
  push(event: HubEvent): boolean {
    if (this.#isClosed) return false;
    if (this.#queue.length >= QUEUE_MAX) {
      this.gauge.met();
      return false;
    }
    this.#queue.push(event);
    this.gauge.grew();
    this.#schedule();
    return true;
  }

  /** Handles what waits, up to one batch; what a turn of the loop does. For tests and the simulated world. */
  step(): void {
    const { hub, store, carry, now } = this.#with;
    const time = now();
    if (time >= hub.wakeAt) this.#queue.unshift({ is: 'tick' });
    const events = this.#queue.splice(0, BATCH_MAX);
    if (events.length === 0) return;
    const outcome = store.transaction(() => {
      for (const event of events) hub.take(event, time);
      for (const effect of hub.early()) carry(effect);
    });
    if (outcome.isDurable) for (const effect of hub.drain()) carry(effect);
    else this.#fail(outcome.code, time);
  }

  #fail(code: string, time: number): void {
    const { hub, carry } = this.#with;
    for (const effect of hub.fail(code, time)) carry(effect);
    if (code === BROKEN) throw new Error('the store is broken: start it again');
  }

  /** Handles everything that waits and stops. */
  close(): void {
    while (this.#queue.length > 0 && !this.#isClosed) this.step();
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#isClosed) return;
      try {
        this.step();
        if (this.#queue.length > 0 || this.#work()) this.#schedule();
        else this.#sleep();
      } catch (error) {
        this.#isClosed = true;
        this.#with.onFail(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** A step of what is done beside; true when another is due. */
  #work(): boolean {
    const { beside, now } = this.#with;
    const time = now();
    if (beside === undefined || time < beside.wakeAt) return false;
    const trouble = beside.step(time);
    if (trouble !== undefined) this.#fail(trouble, time);
    return beside.wakeAt <= time;
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const { hub, beside, now } = this.#with;
    const wait = Math.min(hub.wakeAt, beside?.wakeAt ?? Number.POSITIVE_INFINITY) - now();
    if (wait === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#schedule(), Math.max(0, Math.min(wait, 2 ** 31 - 1)));
  }
}
