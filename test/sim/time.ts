// The simulated clock: calls in the order of their times, and of their making where the times are equal. Nothing
// waits for real; a simulated minute takes as long as its events.

const CALLS_MAX = 300_000;

interface Call {
  at: number;
  order: number;
  run: () => void;
}

export class Time {
  /** Milliseconds since 1970. */
  now = 1_700_000_000_000;
  /** A binary heap: each call before the two at twice its place. */
  private readonly calls: Call[] = [];
  private order = 0;
  /** Calls made. A world that never rests is stopped. */
  private made = 0;

  after(ms: number, run: () => void): void {
    const { calls } = this;
    const call = { at: this.now + ms, order: this.order++, run };
    let index = calls.length;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (isBefore(calls[above] as Call, call)) break;
      calls[index] = calls[above] as Call;
      index = above;
    }
    calls[index] = call;
  }

  /** Runs the next call, if there is one until `end`; else moves the clock there. */
  step(end: number): boolean {
    const next = this.calls[0];
    if (next === undefined || next.at > end) {
      this.now = Math.max(this.now, end);
      return false;
    }
    this.takeFirst();
    if (++this.made > CALLS_MAX) throw new Error('the world does not come to rest');
    this.now = Math.max(this.now, next.at);
    next.run();
    return true;
  }

  runFor(ms: number): void {
    const end = this.now + ms;
    while (this.step(end));
  }

  /** As runFor(), and lets what waits for a promise go on after each call of which `isWaiting` says that it may have
   * made one. */
  async passFor(ms: number, isWaiting: () => boolean): Promise<void> {
    const end = this.now + ms;
    while (this.step(end)) if (isWaiting()) for (let turn = 0; turn < PROMISES_MAX; turn++) await undefined;
  }

  private takeFirst(): void {
    const { calls } = this;
    const last = calls.pop() as Call;
    if (calls.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= calls.length) break;
      if (below + 1 < calls.length && isBefore(calls[below + 1] as Call, calls[below] as Call)) below++;
      if (isBefore(last, calls[below] as Call)) break;
      calls[index] = calls[below] as Call;
      index = below;
    }
    calls[index] = last;
  }
}

/** Promises that wait for each other in a row, at most. */
const PROMISES_MAX = 16;

const isBefore = (a: Call, b: Call): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);
