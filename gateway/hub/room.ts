// Whether there is room for contents that boards would send. One that does not fit is not asked for: taken up to where
// the disk is full, it would fall with everybody's changes of that moment, and be sent again from its start, for ever.
//
//   room = what the store has - what was promised to uploads under way - ROOM_BYTES_KEPT
//
// What brings no content (deletions, directories, names for what is known) is not asked about: what is kept free is
// for that. An estimate: what is packed better than it came leaves more, and what others write on that disk leaves
// less. Then the commit fails, as it may at any time.
//
// Cost: a look at the store for each large upload, and one a second for all others.

import { sameBytes } from '../../protocol/bytes.ts';
import { recordId, recordLength } from '../../protocol/record.ts';
import type { Store } from '../store/port.ts';
import type { Records } from './content.ts';

/** For everything but contents; under this the store takes a failed write for a full disk, too. */
const ROOM_BYTES_KEPT = 4 * 1024 * 1024;

/** Contents up to this many bytes go by a look of the last second: at a full disk's bound it is off by what came since,
 * which is not much more than what is kept. */
const UNASKED_BYTES_MAX = 64 * 1024;
const LOOK_MS = 1_000;

export class Room {
  readonly #store: Store;
  #free = 0;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #promised = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Whether a content of that many bytes fits beside those that were promised room. */
  has(bytes: number, now: number): boolean {
    const age = now - this.#lookedAt;
    if (bytes > UNASKED_BYTES_MAX || age < 0 || age >= LOOK_MS) {
      this.#free = this.#store.roomBytes();
      this.#lookedAt = now;
    }
    return bytes + this.#promised + ROOM_BYTES_KEPT <= this.#free;
  }

  /** Negative: they came, or will not come any more. */
  promise(bytes: number): void {
    this.#promised += bytes;
  }
}

/** What one upload asks of the room. */
export class Claim {
  readonly #room: Room;
  readonly #size: number;
  /** Bytes that it was promised, less what came; undefined before. */
  #promised: number | undefined;
  /** Records that were looked at, and the bytes that the store lacks of them. */
  #measured = 0;
  #missing = 0;

  constructor(room: Room, size: number) {
    this.#room = room;
    this.#size = size;
  }

  /** Where there is no room for the whole content, what the store lacks of it is added up: that may be little. */
  find(
    records: Records,
    lacks: (ordinal: number, id: Uint8Array) => boolean,
    budget: { records: number },
    now: number,
  ): 'promised' | 'looking' | 'none' {
    if (this.#promised !== undefined) return 'promised';
    if (this.#measured === 0 && this.#room.has(this.#size, now)) return this.#take(this.#size);
    let before: Uint8Array | undefined;
    for (; this.#measured < records.count && budget.records > 0; this.#measured++, budget.records--) {
      const record = records.at(this.#measured);
      const id = recordId(record);
      // A block that repeats itself, as in the holes of an image, is kept once.
      const isRepeated = before !== undefined && sameBytes(id, before);
      if (!isRepeated && lacks(this.#measured, id)) this.#missing += recordLength(record);
      before = id;
    }
    if (!this.#room.has(this.#missing, now)) return 'none';
    return this.#measured === records.count ? this.#take(this.#missing) : 'looking';
  }

  came(bytes: number): void {
    const kept = Math.min(bytes, this.#promised ?? 0);
    this.#room.promise(-kept);
    this.#promised = (this.#promised ?? 0) - kept;
  }

  /** Nothing more will come. */
  end(): void {
    this.came(this.#promised ?? 0);
  }

  #take(bytes: number): 'promised' {
    this.#promised = bytes;
    this.#room.promise(bytes);
    return 'promised';
  }
}
