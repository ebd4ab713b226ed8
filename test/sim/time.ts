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
  private readonly calls: Call[] = [];
  private order = 0;
  /** Calls made. A world that never rests is stopped. */
  private made = 0;

  after(ms: number, run: () => void): void {
    const call = { at: this.now + ms, order: this.order++, run };
    let index = this.calls.length;
    while (index > 0 && this.isBefore(call, this.calls[index - 1] as Call)) index--;
    this.calls.splice(index, 0, call);
  }

  private isBefore(a: Call, b: Call): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  /** Runs the next call, if there is one until `end`; else moves the clock there. */
  step(end: number): boolean {
    const next = this.calls[0];
    if (next === undefined || next.at > end) {
      this.now = Math.max(this.now, end);
      return false;
    }
    this.calls.shift();
    if (++this.made > CALLS_MAX) throw new Error('the world does not come to rest');
    this.now = Math.max(this.now, next.at);
    next.run();
    return true;
  }

  runFor(ms: number): void {
    const end = this.now + ms;
    while (this.step(end));
  }
}
