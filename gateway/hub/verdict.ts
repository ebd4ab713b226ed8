// What becomes of an offer: pure reading of the store, asked when the offer comes and again when it is committed,
// since another board may have come first.
//
//   cur = the newest version at the path           put                            deletion
//   --------------------------------------------   ----------------------------   -----------------
//   never was                                      ACCEPTED                       SAME
//   was deleted                                    ACCEPTED, STALE for a retouch  SAME
//   is the base; a directory that holds things     ACCEPTED if it stays one,      NOT_EMPTY
//                                                  else NOT_EMPTY
//   is the base, or the base retouched             ACCEPTED (SAME if all equal)   ACCEPTED
//   newer, same kind and content as the offer      SAME, or ACCEPTED for a new mode
//   newer, and the offer is a retouch              STALE
//   newer, and the history knows the content       STALE
//   newer                                          CONFLICT                       STALE
//
// A retouch changes permissions or time of the base, and neither kind nor content. It is no edit: it brings nothing
// back and is in nobody's way. Permissions are merged beside the content: who changed them last wins, and who did not
// touch them changes nothing (`mode`). A base that the history does not have any more cannot be told from an edit.
//
// A put needs a live directory above it, else NO_PARENT.

import { sameBytes } from '../../protocol/bytes.ts';
import { Kind, type OfferItem, Verdict } from '../../protocol/messages.ts';
import { parentOf } from '../../protocol/path.ts';
import type { FolderNumber, Store, Version } from '../store/port.ts';

export interface Ruling {
  verdict: Verdict;
  /** The current version's; 0 where there is none. ACCEPTED has none yet. */
  seq: number;
  /** Permissions that the path's newest version has to get then, in a change of their own. */
  mode?: number;
}

export type Offered = Pick<OfferItem, 'path' | 'kind' | 'mode' | 'size' | 'mtime' | 'content' | 'base'>;

type Content = { kind: number; content: Uint8Array };

/** Versions that are looked through for the base. After more retouches than that, it is as after an edit. */
const RETOUCHES_MAX = 8;

export function rule(store: Store, folder: FolderNumber, offer: Offered): Ruling {
  const current = store.current(folder, offer.path);
  const seq = current?.seq ?? 0;
  const base = seq === offer.base ? current : versionOf(store, folder, offer.path, offer.base);
  const versions = () => store.versions(folder, offer.path, RETOUCHES_MAX);
  if (offer.kind === Kind.ABSENT) {
    if (current === undefined || current.kind === Kind.ABSENT) return { verdict: Verdict.SAME, seq };
    if (!isStill(current, base, versions)) return { verdict: Verdict.STALE, seq };
    if (!isEmptied(store, folder, offer.path, current)) return { verdict: Verdict.NOT_EMPTY, seq };
    return { verdict: Verdict.ACCEPTED, seq };
  }
  const isRetouch = isLike(offer, base);
  if (current?.kind === Kind.ABSENT && isRetouch) return { verdict: Verdict.STALE, seq };
  if (!store.isDirectory(folder, parentOf(offer.path))) return { verdict: Verdict.NO_PARENT, seq };
  if (current === undefined || current.kind === Kind.ABSENT) return { verdict: Verdict.ACCEPTED, seq };

  // Of two kinds there is nothing to merge, and a symlink has no permissions of its own.
  const isOfKind = current.kind === offer.kind && offer.kind !== Kind.SYMLINK;
  const mode = isOfKind && offer.mode === base?.mode ? current.mode : offer.mode;
  const isModeNew = isOfKind && mode !== current.mode;
  if (isStill(current, base, versions)) {
    const isTimeNew = seq === offer.base && offer.mtime !== current.mtime;
    if (isRetouch && !isModeNew && !isTimeNew) return { verdict: Verdict.SAME, seq };
    const isReplaced = offer.kind !== Kind.DIRECTORY && !isEmptied(store, folder, offer.path, current);
    if (isReplaced) return { verdict: Verdict.NOT_EMPTY, seq };
    return { verdict: Verdict.ACCEPTED, seq, ...(mode === offer.mode ? {} : { mode }) };
  }
  if (isLike(offer, current)) {
    // Who knows no base may have what was there before: a mode that it had then is an old one.
    const isOld =
      isModeNew && base === undefined && versions().some(v => isLike(v, offer) && v.mode === offer.mode);
    return { verdict: isModeNew && !isOld ? Verdict.ACCEPTED : Verdict.SAME, seq };
  }
  if (isRetouch) return { verdict: Verdict.STALE, seq, ...(isModeNew ? { mode } : {}) };
  // A directory has no content that the history could know: what stands in it must not give way.
  const isKnown =
    offer.kind !== Kind.DIRECTORY && store.knows(folder, offer.path, offer.kind as Kind, offer.content);
  return { verdict: isKnown ? Verdict.STALE : Verdict.CONFLICT, seq };
}

export function versionOf(
  store: Store,
  folder: FolderNumber,
  path: Uint8Array,
  seq: number,
): Version | undefined {
  const current = store.current(folder, path);
  // A peer may name any number; the history is asked for those that it may have.
  if (current === undefined || seq === 0 || seq > current.seq) return undefined;
  if (current.seq === seq) return current;
  const [version] = store.versions(folder, path, 1, seq + 1);
  return version?.seq === seq ? version : undefined;
}

/** The path shows the base, though it may have been retouched since; nothing else came between, no deletion either. */
function isStill(current: Version, base: Version | undefined, replaced: () => Version[]): boolean {
  if (base === undefined || current.seq === base.seq) return base !== undefined;
  if (!isLike(current, base)) return false;
  for (const version of replaced()) {
    if (version.seq === base.seq) return true;
    if (!isLike(version, base)) return false;
  }
  return false;
}

const isLike = (a: Content, b: Content | undefined): boolean =>
  b !== undefined && a.kind === b.kind && sameBytes(a.content, b.content);

const isEmptied = (store: Store, folder: FolderNumber, path: Uint8Array, current: Version): boolean =>
  current.kind !== Kind.DIRECTORY || store.isEmptyDirectory(folder, path);
