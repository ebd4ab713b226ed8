// Makes versions of the history current again, each as a new change of the folder: everyone gets it as any other
// change, and what it replaces enters the history. So there is nothing that a restore could lose.
//
// It is ruled like an offer against the version that the asker saw (`base`): what came since wins, and is told.

import { Kind, Verdict } from '../../protocol/messages.ts';
import type { Folder, Store, Version } from '../store/port.ts';
import { rule, versionOf } from './verdict.ts';

/** Under what name the history has these changes: no board, no plain copy has it. */
export const RESTORER = '@';

export interface Wanted {
  path: Uint8Array;
  /** The seq of the version that is wanted back. */
  version: number;
  /** The seq of the path's newest version, as the asker knows it. */
  base: number;
}

export interface Restored {
  /** REFUSED: that version, or its content, is not there (any more). */
  verdict: Verdict;
  /** Of the new change; without one, of the newest version, 0 where there is none. */
  seq: number;
}

/** Inside a transaction of the store. */
export function restoreVersion(store: Store, folder: Folder, wanted: Wanted, now: number): Restored {
  const { path, base } = wanted;
  const version = versionOf(store, folder.number, path, wanted.version);
  if (version === undefined || version.kind === Kind.ABSENT || !hasContent(store, version))
    return { verdict: Verdict.REFUSED, seq: 0 };
  const ruling = rule(store, folder.number, { ...version, path, base });
  if (ruling.verdict !== Verdict.ACCEPTED) return ruling;
  const { kind, mode, size, mtime, content } = version;
  const change = { kind, mode, size, mtime, content, board: RESTORER, arrived: now };
  return { verdict: Verdict.ACCEPTED, seq: store.commit(folder.number, path, change) };
}

export function hasContent(store: Store, version: Version): boolean {
  if (version.kind !== Kind.FILE) return true;
  const recipe = store.content(version.content);
  return recipe !== undefined && !store.lacks(recipe);
}
