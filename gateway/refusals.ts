// Clients that the built-in broker turns away: what each is told, how many there were, and what the log says of them.

import type { Guest } from './door.ts';

/** Between two lines about who was turned away: a scanner must not fill a log. */
const TOLD_MS = 10_000;

/** CONNACK's codes (MQTT 3.1.1, 3.2.2.3). */
const RETURN_CODES = { busy: 3, wrong: 4, forbidden: 5 } as const;

export class Refusal extends Error {
  readonly returnCode: (typeof RETURN_CODES)[keyof typeof RETURN_CODES];
  constructor(kind: keyof typeof RETURN_CODES, why: string) {
    super(why);
    this.returnCode = RETURN_CODES[kind];
  }
}

export class Refusals {
  readonly #onWarn: (text: string) => void;
  #count = 0;
  #toldCount = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(onWarn: (text: string) => void) {
    this.#onWarn = onWarn;
  }

  get count(): number {
    return this.#count;
  }

  /** Never says what a stranger said: people type passwords where a name belongs. */
  add({ address }: Guest, why: string): void {
    this.#count++;
    const now = performance.now();
    if (now - this.#toldAt < TOLD_MS) return;
    const more = this.#count - this.#toldCount - 1;
    this.#onWarn(
      `turned away ${address}: ${why}${more === 0 ? '' : `; ${more} more since this was last said`}`,
    );
    this.#toldAt = now;
    this.#toldCount = this.#count;
  }
}
