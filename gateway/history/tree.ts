// A tree as it was at a time: which version of each path was the newest then, a directory before what stood in it.
//
// A version counts from when the gateway took it. What is under a path that was no directory then is passed over,
// whatever the clocks of then said: so nothing is ever put through what was a symlink.
//
// Memory: one page of names a level.

import { Kind } from '../../protocol/messages.ts';
import { joinPath } from '../../protocol/path.ts';
import type { Folder, Store, Version } from '../store/port.ts';
import { findVersion, isLive } from './versions.ts';

const NAMES_AT_ONCE = 64;
const NOTHING = new Uint8Array(0);

export interface Stood {
  path: Uint8Array;
  /** What stood there: never a deletion. */
  version: Version;
  /** The newest version there. */
  current: Version;
}

export const versionAt = (
  store: Store,
  folder: Folder,
  path: Uint8Array,
  time: number,
): Version | undefined => findVersion(store, folder, path, version => version.arrived <= time);

/** All that stood under the directory `path` (empty: the root) at `time`. */
export function* treeAt(store: Store, folder: Folder, path: Uint8Array, time: number): Generator<Stood> {
  for (let after: Uint8Array = NOTHING; ; ) {
    const children = store.children(folder.number, path, after, NAMES_AT_ONCE);
    for (const { name, version: current } of children) {
      const below = joinPath(path, name);
      const version = current.arrived <= time ? current : versionAt(store, folder, below, time);
      if (!isLive(version)) continue;
      yield { path: below, version, current };
      if (version.kind === Kind.DIRECTORY) yield* treeAt(store, folder, below, time);
    }
    if (children.length < NAMES_AT_ONCE) return;
    after = children[children.length - 1]!.name;
  }
}
