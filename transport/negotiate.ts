// Which version of MQTT to speak, found out by trying: version 5 first, 3.1.1 where the broker has no 5.
//
//   tried 5, refused for its version -----> 3.1.1 at once, and for the next hour
//   tried 5, closed without an answer ----> 3.1.1 at once, this time only
//   anything else ------------------------> wait, then as before
//
// A broker that is just going down also closes without an answer: what that taught must not outlive the attempt,
// or one bad moment would keep a good broker on 3.1.1.

/** After so long a broker may have been updated. One attempt more costs a connection, so it may be rare. */
const FORGET_MS = 60 * 60 * 1000;

export type Ending =
  /** CONNACK said so: 0x84 of MQTT 5, 1 of 3.1.1. */
  | 'version'
  /** The connection was made, then closed before any CONNACK. */
  | 'silent'
  | 'other';

export class Negotiation {
  #hasNoFive = false;
  #since = 0;
  #tryFour = false;

  next(now: number): 4 | 5 {
    if (this.#hasNoFive && now - this.#since >= FORGET_MS) this.#hasNoFive = false;
    return this.#hasNoFive || this.#tryFour ? 4 : 5;
  }

  /** True if the next attempt should follow at once. */
  ended(tried: 4 | 5, ending: Ending, now: number): boolean {
    this.#tryFour = false;
    if (tried === 4) {
      // Refused both ways, or updated to a broker of 5 only.
      if (ending === 'version') this.#hasNoFive = false;
      return false;
    }
    if (ending === 'version') {
      this.#hasNoFive = true;
      this.#since = now;
      return true;
    }
    this.#tryFour = ending === 'silent';
    return this.#tryFour;
  }
}

const WAIT_MS_MIN = 500;
const WAIT_MS_MAX = 30_000;

/**
 * How long to wait before attempt `failures` + 1: anything from half a second to a bound that doubles, to 30 s. The
 * whole range is random, so that a thousand boards do not come back to a restarted broker in one instant.
 */
export function waitMs(failures: number, random: () => number): number {
  const bound = Math.min(WAIT_MS_MAX, WAIT_MS_MIN * 2 ** (Math.min(failures, 16) + 1));
  return WAIT_MS_MIN + random() * (bound - WAIT_MS_MIN);
}
