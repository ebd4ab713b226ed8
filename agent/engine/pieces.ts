// What a part of a `piece` message may say of a fetch, and the effect that carries it out.

import { DICTIONARY_BYTES_MAX, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { Piece, type PieceItem } from '../../protocol/messages.ts';
import { statOf } from './entry.ts';
import type { Fetch } from './fetching.ts';
import type { Dictionary, Effect } from './ports.ts';

/** Whether the part lies within the content and the base. False: a peer's mistake. */
export function isFair({ version, base }: Fetch, item: PieceItem): boolean {
  if (item.length === 0 || item.offset + item.length > version.size) return false;
  const baseSize = base?.local.size ?? 0;
  if (item.op === Piece.COPY) return item.baseOffset + item.length <= baseSize;
  if (item.op !== Piece.LITERAL || item.length > RUN_BYTES_MAX || item.stored > item.length) return false;
  return (
    item.dictionary <= item.offset &&
    item.baseOffset + item.dictionaryLength <= baseSize &&
    item.dictionary + item.dictionaryLength <= DICTIONARY_BYTES_MAX
  );
}

/** Whether the part is all of the content, and nothing else is needed to have it. */
export const isWholeIn = ({ version }: Fetch, item: PieceItem): boolean =>
  item.op === Piece.LITERAL && item.length === version.size && item.dictionaryLength + item.dictionary === 0;

/** Writes a fair part to the staged file. */
export function patchOf({ slot, base }: Fetch, item: PieceItem, stored: Uint8Array): Effect {
  const { offset, length } = item;
  const expect = base === undefined ? undefined : statOf(base.local);
  if (item.op === Piece.COPY && base !== undefined && expect !== undefined)
    return { do: 'copy', slot, offset, from: base.path, expect, fromOffset: item.baseOffset, length };
  const isFromBase = item.dictionaryLength > 0 && base !== undefined && expect !== undefined;
  const dictionary: Dictionary = {
    from: isFromBase
      ? { path: base.path, expect, offset: item.baseOffset, length: item.dictionaryLength }
      : undefined,
    tail: item.dictionary,
  };
  return { do: 'patch', slot, offset, length, stored, dictionary };
}
