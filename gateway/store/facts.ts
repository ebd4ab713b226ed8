// The `facts` shelf with a waiting room in front of it.
//
// What is put `later` is seen by `get` at once and reaches the shelf with the next transaction that writes for
// another reason, or when the waiting room is full. Ranges do not look into the waiting room: only records that
// are read by their own key may wait.
//
// Cost: an fsync a commit instead of one a message, for at most WAITING_BYTES_MAX (port.ts) that a crash may take.

import { afterKey, nameOf } from './keys.ts';
import type { Pair, Shelf } from './shelf.ts';

interface Waiting {
  key: Uint8Array;
  /** Undefined: to be removed. */
  value: Uint8Array | undefined;
}

/** A map's entry and two small buffers, beside the bytes themselves. */
const WAITING_OVERHEAD_BYTES = 200;
const ROWS_AT_ONCE = 256;

export class FactsTable {
  readonly #shelf: Shelf;
  readonly #waiting = new Map<string, Waiting>();
  #hasWritten = false;
  #waitingBytes = 0;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Whether the transaction under way must commit. */
  get hasWritten(): boolean {
    return this.#hasWritten;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  begin(): void {
    this.#hasWritten = false;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const waiting = this.#waiting.size > 0 ? this.#waiting.get(nameOf(key)) : undefined;
    return waiting === undefined ? this.#shelf.get(key) : waiting.value;
  }

  range(from: Uint8Array, until: Uint8Array, limit: number, isBackward = false): Pair[] {
    return this.#shelf.range(from, until, limit, isBackward);
  }

  /** All of a range, without holding all of it. */
  *each(from: Uint8Array, until: Uint8Array): Generator<Pair> {
    for (;;) {
      const rows = this.range(from, until, ROWS_AT_ONCE);
      yield* rows;
      if (rows.length < ROWS_AT_ONCE) return;
      from = afterKey(rows.at(-1)!.key);
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#hasWritten = true;
    this.#forget(nameOf(key));
    this.#shelf.put(key, value);
  }

  remove(key: Uint8Array): void {
    this.#hasWritten = true;
    this.#forget(nameOf(key));
    this.#shelf.remove(key);
  }

  putLater(key: Uint8Array, value: Uint8Array | undefined): void {
    const name = nameOf(key);
    this.#forget(name);
    this.#waiting.set(name, { key, value });
    this.#waitingBytes += weigh(key, value);
  }

  /** Writes everything that waits. */
  flush(): void {
    for (const { key, value } of this.#waiting.values()) {
      if (value === undefined) this.#shelf.remove(key);
      else this.#shelf.put(key, value);
    }
    this.drop();
  }

  /** Forgets everything that waits. */
  drop(): void {
    this.#waiting.clear();
    this.#waitingBytes = 0;
  }

  #forget(name: string): void {
    const waiting = this.#waiting.get(name);
    if (waiting === undefined) return;
    this.#waiting.delete(name);
    this.#waitingBytes -= weigh(waiting.key, waiting.value);
  }
}

const weigh = (key: Uint8Array, value: Uint8Array | undefined) =>
  WAITING_OVERHEAD_BYTES + key.length + (value?.length ?? 0);
