// What becomes of an offer: pure reading of the store, asked when the offer comes and again when it is committed,
// since another board may have come first.
//
//   cur = the newest version at the path         put                            deletion
//   ------------------------------------------   ----------------------------   -----------------
//   never was, or was deleted                    ACCEPTED                       SAME
//   is the base; a directory that holds things   ACCEPTED if it stays one,      NOT_EMPTY
//                                                else NOT_EMPTY
//   is the base                                  ACCEPTED (SAME if all equal)   ACCEPTED
//   newer than the base, same kind and content   SAME, or ACCEPTED for a new    STALE
//                                                mode: the last one wins
//   newer, and the history knows the content     STALE                          STALE
//   newer                                        CONFLICT                       STALE
//
// A put needs a live directory above it, else NO_PARENT.

import { Kind, type OfferItem, Verdict } from '../../protocol/messages.ts';
import { compareBytes, parentOf } from '../../protocol/path.ts';
import type { FolderNumber, Store, Version } from '../store/port.ts';

export interface Ruling {
  verdict: Verdict;
  /** The current version's; 0 where there is none. ACCEPTED has none yet. */
  seq: number;
}

export type Offered = Pick<OfferItem, 'path' | 'kind' | 'mode' | 'size' | 'mtime' | 'content' | 'base'>;

export function rule(store: Store, folder: FolderNumber, offer: Offered): Ruling {
  const current = store.current(folder, offer.path);
  const seq = current?.seq ?? 0;
  if (offer.kind === Kind.ABSENT) {
    if (current === undefined || current.kind === Kind.ABSENT) return { verdict: Verdict.SAME, seq };
    if (seq !== offer.base) return { verdict: Verdict.STALE, seq };
    if (!isEmptied(store, folder, offer.path, current)) return { verdict: Verdict.NOT_EMPTY, seq };
    return { verdict: Verdict.ACCEPTED, seq };
  }
  if (!hasParent(store, folder, offer.path)) return { verdict: Verdict.NO_PARENT, seq };
  if (current === undefined || current.kind === Kind.ABSENT) return { verdict: Verdict.ACCEPTED, seq };

  const isLike = current.kind === offer.kind && compareBytes(current.content, offer.content) === 0;
  // A symlink has no permissions of its own.
  const isSame = isLike && (current.mode === offer.mode || offer.kind === Kind.SYMLINK);
  if (seq === offer.base) {
    if (isSame && current.mtime === offer.mtime) return { verdict: Verdict.SAME, seq };
    const isReplaced = offer.kind !== Kind.DIRECTORY && !isEmptied(store, folder, offer.path, current);
    return { verdict: isReplaced ? Verdict.NOT_EMPTY : Verdict.ACCEPTED, seq };
  }
  if (isLike) return { verdict: isSame ? Verdict.SAME : Verdict.ACCEPTED, seq };
  // A directory has no content that the history could know: what stands in it must not give way.
  const isKnown =
    offer.kind !== Kind.DIRECTORY && store.knows(folder, offer.path, offer.kind as Kind, offer.content);
  return { verdict: isKnown ? Verdict.STALE : Verdict.CONFLICT, seq };
}

function hasParent(store: Store, folder: FolderNumber, path: Uint8Array): boolean {
  const parent = parentOf(path);
  return parent.length === 0 || store.current(folder, parent)?.kind === Kind.DIRECTORY;
}

const isEmptied = (store: Store, folder: FolderNumber, path: Uint8Array, current: Version): boolean =>
  current.kind !== Kind.DIRECTORY || store.isEmptyDirectory(folder, path);
