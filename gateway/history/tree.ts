// A tree as it was at a time: which version of each path was the newest then, a directory before what stood in it.
//
// A version counts from when the gateway took it. What is under a path that was no directory then is passed over,
// whatever the clocks of then said: so nothing is ever put through what was a symlink.
//
// Memory: one page of names a level.

import { NO_BYTES } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { joinPath } from '../../protocol/path.ts';
import type { Folder, Store, Version } from '../store/port.ts';
import { isLive, versionsOf } from './versions.ts';

const NAMES_AT_ONCE = 64;

export interface Stood {
  path: Uint8Array;
  /** What stood there: never a deletion. */
  version: Version;
  /** The newest version there. */
  current: Version;
}

/** A path of which it is no longer kept what it was; `oldest` is. */
export type OnLost = (path: Uint8Array, oldest: Version) => void;

export interface State {
  version?: Version;
  /** It came later, and others before it are no longer kept: what it was then is not known. */
  oldest?: Version;
}

/** What `path` was at `time`. */
export function stateAt(store: Store, folder: Folder, path: Uint8Array, time: number): State {
  let oldest: Version | undefined;
  for (const { version } of versionsOf(store, folder, path)) {
    if (version.arrived <= time) return { version };
    oldest = version;
  }
  return oldest?.isCut ? { oldest } : {};
}

/**
 * All that stood under the directory `path` (empty: the root) at `time`. Of a directory that was changed since, most
 * often only its mode was: it is told as lost, and passed through as the oldest that is kept.
 */
export function* treeAt(
  store: Store,
  folder: Folder,
  path: Uint8Array,
  time: number,
  onLost: OnLost,
): Generator<Stood> {
  for (let after: Uint8Array = NO_BYTES; ; ) {
    const children = store.children(folder.number, path, after, NAMES_AT_ONCE);
    for (const { name, version: current } of children) {
      const below = joinPath(path, name);
      const state = current.arrived <= time ? { version: current } : stateAt(store, folder, below, time);
      if (state.oldest !== undefined) onLost(below, state.oldest);
      const version = standing(state);
      if (!isLive(version)) continue;
      yield { path: below, version, current };
      if (version.kind === Kind.DIRECTORY) yield* treeAt(store, folder, below, time, onLost);
    }
    if (children.length < NAMES_AT_ONCE) return;
    after = children[children.length - 1]!.name;
  }
}

/** What stood there, or most likely did. */
export const standing = ({ version, oldest }: State): Version | undefined =>
  version ?? (oldest?.kind === Kind.DIRECTORY ? oldest : undefined);
