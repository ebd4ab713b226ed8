// When old versions go: a round of the store's collecting, now and then, a step at a time between other work.
//
// What is kept is `keepMs` of history. Where the store holds more than `keepBytes`, each round halves that, down to
// nothing, and doubles it again once it is under: what is current is never given up for it.

import type { Store } from '../store/port.ts';

/** From the end of a round to the next. */
const ROUND_EVERY_MS = 6 * 3_600_000;

/** After the start the boards come first. */
const FIRST_AFTER_MS = 10 * 60_000;

/** Less than this of history is none. */
const KEEP_MS_LEAST = 60_000;

export interface RetentionOptions {
  store: Store;
  /** Contents that somebody holds. */
  pins: () => Iterable<Uint8Array>;
  keepMs: number;
  keepBytes?: number | undefined;
  /** Milliseconds since 1970. */
  startedAt: number;
  /** A round that ended early, in words. */
  onTrouble: (text: string) => void;
}

export class Retention {
  /** When the next step is due, milliseconds since 1970. */
  wakeAt: number;
  readonly #with: RetentionOptions;
  #keepMs: number;
  #isUnderWay = false;

  constructor(options: RetentionOptions) {
    this.#with = options;
    this.#keepMs = options.keepMs;
    this.wakeAt = options.startedAt + FIRST_AFTER_MS;
  }

  /** One step, if it is due. What the store cannot do now is tried in the next round, and said: like any transaction
   * that fails, it takes along what waited in the store for uploads under way. */
  step(now: number): string | undefined {
    if (now < this.wakeAt) return undefined;
    const { store, pins } = this.#with;
    if (!this.#isUnderWay) {
      this.#adapt();
      store.startCollecting(now - this.#keepMs, pins());
    }
    const trouble = this.#collect();
    if (!this.#isUnderWay) this.wakeAt = now + ROUND_EVERY_MS;
    return trouble;
  }

  /** What went wrong, which ends the round. In a damaged store a record that must be there is not: the rest goes on. */
  #collect(): string | undefined {
    const { store, onTrouble } = this.#with;
    this.#isUnderWay = false;
    try {
      const outcome = store.transaction(() => store.collect());
      if (outcome.isDurable) {
        this.#isUnderWay = outcome.value;
        return undefined;
      }
      onTrouble(`dropping old versions failed: ${outcome.code}`);
      return outcome.code;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      onTrouble(`dropping old versions failed: ${why}; toastbox verify tells more`);
      return why;
    }
  }

  #adapt(): void {
    const { store, keepMs, keepBytes = Number.POSITIVE_INFINITY } = this.#with;
    if (store.size().usedBytes <= keepBytes)
      this.#keepMs = Math.min(keepMs, this.#keepMs * 2 + KEEP_MS_LEAST);
    else this.#keepMs = this.#keepMs < KEEP_MS_LEAST ? 0 : this.#keepMs / 2;
  }
}
