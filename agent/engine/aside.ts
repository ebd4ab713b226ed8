// A conflict's loser: renamed on this disk under a name that tells whose it is and when, never over something, and
// offered as new. The path itself is then free for the change that came first. Nothing travels that is not new.

import { conflictPath, nameOf, parentOf } from '../../protocol/path.ts';
import type { Change } from './change.ts';
import type { Core } from './core.ts';
import { type EntryId, type Local, statOf } from './entry.ts';
import type { Place } from './keys.ts';
import type { Path } from './ports.ts';

/** Names tried before it waits for another second. */
const TRIES_MAX = 32;

/** What was offered and lost: an offer is one. `facts.seq` is the change that came first. */
export interface Loser {
  place: Place;
  path: Path;
  local: Local | undefined;
  facts: { seq: number };
}

export class Aside {
  private readonly core: Core;
  private readonly change: Change;

  constructor(core: Core, change: Change) {
    this.core = core;
    this.change = change;
  }

  /** `then` is told whether it moved; if not, what stands there is looked at again. No change may be under way. */
  move(loser: Loser, then: (isMoved: boolean) => void, attempt = 0): void {
    const { core } = this;
    const before = core.catalog.get(loser.place);
    if (before?.local === undefined || loser.local === undefined) {
      then(true); // gone meanwhile: there is nothing to keep
      return;
    }
    const to = conflictPath(loser.path, core.options.board, core.wall, attempt);
    const expect = statOf(before.local);
    this.change.run(loser.place, { do: 'setAside', path: loser.path, to, expect }, did => {
      if (did.trouble?.code === 'EEXIST' && attempt < TRIES_MAX) {
        this.move(loser, then, attempt + 1);
        return;
      }
      if (did.trouble === undefined) this.record(loser, to);
      else {
        // Changed again since it was offered, most likely: the look offers that.
        if (did.trouble.code !== 'CHANGED')
          core.trouble(loser.path, did.trouble.code, 'setting a conflict copy aside');
        this.onGone(loser.place);
      }
      then(did.trouble === undefined);
    });
  }

  private record({ place, path, facts }: Loser, to: Path): void {
    const { core } = this;
    core.counters.conflicts++;
    core.note({ kind: 'conflict', path, copy: to });
    // As it is now: the change that came first may have come while this was under way.
    const before = core.catalog.get(place);
    if (before !== undefined) core.put(place, { ...before, local: undefined, synced: undefined }, before);
    // If it is not on its way, ask for all of them again.
    if (before?.remote === undefined && core.catalog.position >= facts.seq) core.catalog.rewind();
    const directory = core.catalog.findDirectory(parentOf(to));
    if (directory !== undefined) this.onGone({ parent: directory, name: nameOf(to) });
    if (before !== undefined && before.id !== 0) this.onMoved(before.id);
  }

  /** A path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};
  /** A directory is not where it was: the scan lists it, and finds nothing. */
  onMoved: (directory: EntryId) => void = () => {};
}
