// Changes to the folder other than files put in place: one at a time, each answered before the next. The carrier
// checks what it expects just before it acts, so a change of the user's that came between is an answer, not a
// loss.

import type { Core } from './core.ts';
import type { Effect, Event } from './ports.ts';

export type Did = Extract<Event, { is: 'did' }>;
export type Doing = Extract<
  Effect,
  { do: 'makeDirectory' | 'makeSymlink' | 'remove' | 'retouch' | 'setAside' }
>;

export class Change {
  private readonly core: Core;
  private waiting: ((did: Did) => void) | undefined;

  constructor(core: Core) {
    this.core = core;
  }

  get isBusy(): boolean {
    return this.waiting !== undefined;
  }

  run(effect: Doing, then: (did: Did) => void): void {
    if (this.waiting !== undefined) throw new Error('a change is under way');
    this.waiting = then;
    this.core.emit(effect);
  }

  onDid(did: Did): void {
    const answer = this.waiting;
    this.waiting = undefined;
    // What failed would only fail again: a look that finds something else marks by itself.
    if (did.trouble === undefined) {
      this.core.isUnsynced = true;
      this.core.isLocalMarked = true;
      this.core.isRemoteMarked = true;
    }
    answer?.(did);
  }
}
