// What has to be changed so that a path is again what it was: the directories above it that are gone, then it, then
// what stood in it. Deletes nothing: what came to be since then stays.

import { sameBytes } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { parentOf } from '../../protocol/path.ts';
import type { Wanted } from '../hub/restore.ts';
import type { Folder, Store, Version } from '../store/port.ts';
import { type OnLost, standing, stateAt, treeAt } from './tree.ts';
import { findVersion } from './versions.ts';

/** `version` of `path`, and with a `time` all that stood under it then. Directories come before what is in them. */
export function* plan(
  store: Store,
  folder: Folder,
  path: Uint8Array,
  version: Version | undefined,
  time: number | undefined,
  onLost: OnLost,
): Generator<Wanted> {
  for (const above of aboveOf(path)) {
    const current = store.current(folder.number, above);
    if (current === undefined || current.kind !== Kind.ABSENT) continue;
    const then = time === undefined ? undefined : standing(stateAt(store, folder, above, time));
    const directory =
      then?.kind === Kind.DIRECTORY
        ? then
        : findVersion(store, folder, above, ({ kind }) => kind === Kind.DIRECTORY);
    if (directory !== undefined) yield { path: above, version: directory.seq, base: current.seq };
  }
  if (version !== undefined) {
    const current = store.current(folder.number, path)!;
    if (isOther(current, version)) yield { path, version: version.seq, base: current.seq };
  }
  if (time === undefined || (version !== undefined && version.kind !== Kind.DIRECTORY)) return;
  for (const stood of treeAt(store, folder, path, time, onLost)) {
    if (!isOther(stood.current, stood.version)) continue;
    yield { path: stood.path, version: stood.version.seq, base: stood.current.seq };
  }
}

/** The directories above, the outermost first. */
function aboveOf(path: Uint8Array): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let next = parentOf(path); next.length > 0; next = parentOf(next)) above.unshift(next);
  return above;
}

const isOther = (one: Version, other: Version): boolean =>
  one.kind !== other.kind ||
  !sameBytes(one.content, other.content) ||
  (one.mode !== other.mode && one.kind !== Kind.SYMLINK);
