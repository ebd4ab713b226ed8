// Changes to the folder other than files put in place: one at a time, each answered before the next. The carrier
// checks what it expects just before it acts, so a change of the user's that came between is an answer, not a
// loss. What the gateway tells of the place meanwhile is recorded beside it, and must stand when the answer comes.

import type { Core } from './core.ts';
import { type Place, samePlace } from './keys.ts';
import type { Effect, Event } from './ports.ts';

export type Did = Extract<Event, { is: 'did' }>;
export type Doing = Extract<
  Effect,
  { do: 'makeDirectory' | 'makeSymlink' | 'remove' | 'retouch' | 'setAside' }
>;

export class Change {
  private readonly core: Core;
  private waiting: ((did: Did) => void) | undefined;
  private place: Place | undefined;

  constructor(core: Core) {
    this.core = core;
  }

  get isBusy(): boolean {
    return this.waiting !== undefined;
  }

  /** Whether the disk is being changed there: what the catalog says of it is not so any more, or not yet. */
  isAt(place: Place): boolean {
    return this.place !== undefined && samePlace(this.place, place);
  }

  run(place: Place, effect: Doing, then: (did: Did) => void): void {
    if (this.waiting !== undefined) throw new Error('a change is under way');
    this.waiting = then;
    this.place = place;
    this.core.emit(effect);
  }

  onDid(did: Did): void {
    const answer = this.waiting;
    this.waiting = undefined;
    this.place = undefined;
    // What failed would only fail again: a look that finds something else marks by itself.
    if (did.trouble === undefined) {
      this.core.isUnsynced = true;
      this.core.isLocalMarked = true;
      this.core.isRemoteMarked = true;
    }
    answer?.(did);
  }
}
