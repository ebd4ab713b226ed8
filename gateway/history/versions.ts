// What the history has of one path, and what changed under a directory. Reads the store; decides nothing.
//
// A version's number is its seq in the folder: it never changes and is never used again.

import { Kind } from '../../protocol/messages.ts';
import { hasContent } from '../hub/restore.ts';
import type { Folder, Store, Version } from '../store/port.ts';

/** Versions read at once while one is looked for. */
const READ_AT_ONCE = 64;

export interface KeptVersion {
  version: Version;
  isCurrent: boolean;
  /** Whether it can be restored: its content is kept, and it is no deletion. */
  isThere: boolean;
}

export interface ChangeUnder {
  path: Uint8Array;
  version: Version;
}

/** All versions of `path` that are kept, the newest first. */
export function* versionsOf(store: Store, folder: Folder, path: Uint8Array): Generator<KeptVersion> {
  const current = store.current(folder.number, path);
  if (current === undefined) return;
  const keep = (version: Version, isCurrent: boolean) => ({
    version,
    isCurrent,
    isThere: isLive(version) && hasContent(store, version),
  });
  yield keep(current, true);
  for (let before = current.seq; ; ) {
    const some = store.versions(folder.number, path, READ_AT_ONCE, before);
    for (const version of some) yield keep(version, false);
    if (some.length < READ_AT_ONCE) return;
    before = some[some.length - 1]!.seq;
  }
}

/** The newest version of `path` that `isWanted`. */
export function findVersion(
  store: Store,
  folder: Folder,
  path: Uint8Array,
  isWanted: (version: Version) => boolean,
): Version | undefined {
  for (const { version } of versionsOf(store, folder, path)) if (isWanted(version)) return version;
  return undefined;
}

export const isLive = (version: Version | undefined): version is Version =>
  version !== undefined && version.kind !== Kind.ABSENT;

/** The newest change of each path under `path` (empty: the root), deletions too, the newest first. */
export function* changesUnder(store: Store, folder: Folder, path: Uint8Array): Generator<ChangeUnder> {
  const above = path.length === 0 ? path : Buffer.concat([path, Buffer.from('/')]);
  for (let before = folder.head + 1; ; ) {
    const some = store.changesBefore(folder.number, before, READ_AT_ONCE);
    for (const { path: changed, version } of some) {
      const isUnder =
        changed.length > above.length && Buffer.compare(changed.subarray(0, above.length), above) === 0;
      if (isUnder) yield { path: changed, version };
    }
    if (some.length < READ_AT_ONCE) return;
    before = some[some.length - 1]!.version.seq;
  }
}
