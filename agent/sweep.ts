// Collects garbage once an agent has come to rest. V8 collects as it is allocated from, and at rest hardly anything is:
// what work left would stay until there is work again. On armv7, after 6,000 small files and a large one each way:
//
//   at rest                 18.5 MiB of RssAnon and swap
//   a minute later          18.6
//   collected               16.9; collected again 16.2
//
// For 13 to 20 ms on a PC's processor. What cannot wait for rest is litter.ts's. The function is there only where
// Node was started with --expose-gc (cli/flags.ts).

/** Whoever writes files often does so again within this. */
export const REST_MS = 10_000;
/** A board that is busy every few seconds spends no more than some 0.2 % of its time with it. */
export const APART_MS = 60_000;

export class Sweep {
  readonly #collect: () => void;
  /** Infinity: nothing was done since the last time. */
  #restedSince = Number.POSITIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(collect: () => void = globalThis.gc ?? (() => {})) {
    this.#collect = collect;
  }

  /** Every second or so. `now`: milliseconds of a clock that nobody sets. */
  look(isBusy: boolean, now: number): void {
    if (isBusy) this.#restedSince = now;
    if (now - this.#restedSince < REST_MS || now - this.#sweptAt < APART_MS) return;
    this.#restedSince = Number.POSITIVE_INFINITY;
    this.#sweptAt = now;
    this.#collect();
  }
}
