// The keys of the catalog's tree. One byte of space, then big-endian numbers, so that memcmp order is the order
// of the walk: a directory's children are neighbours in name order, changes to apply stand in seq order.
//
//   space   key                            value
//   e       parent(4) name                 entry (entry.ts)
//   d       directory(4)                   parent(4) name: the way up
//   l       parent(4) name                 nothing: the path waits for this board to read, adopt or offer it
//   r       seq(7)                         parent(4) name: a change of the gateway's that waits to be applied
//   x       seq(7) part(1)                 bytes that came with that change: a symlink's target, a `like` path
//   c       parent(4) name                 nothing: a conflict copy stands there
//   b       list(4) page(4)                a page of a block list (lists.ts)
//   g       list(4)                        nothing: the block list is not needed any more
//   m       name                           folder, marker, session, last id, term, ahead, trail, common, indexed

import { latin1 } from '../../protocol/bytes.ts';
import type { EntryId } from './entry.ts';

export const ROOT: EntryId = 1;

export const SPACE = {
  entry: 0x65,
  directory: 0x64,
  local: 0x6c,
  copy: 0x63,
  remote: 0x72,
  extra: 0x78,
  block: 0x62,
  garbage: 0x67,
  meta: 0x6d,
} as const;

const SEQ_BYTES = 7;

const withNumber = (space: number, value: number, width: number, tail: number): Uint8Array => {
  const key = new Uint8Array(1 + width + tail);
  key[0] = space;
  let rest = value;
  for (let at = width; at > 0; at--) {
    key[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return key;
};

const numberAt = (bytes: Uint8Array, from: number, width: number): number => {
  let value = 0;
  for (let at = from; at < from + width; at++) value = value * 256 + (bytes[at] as number);
  return value;
};

const withName = (space: number, parent: EntryId, name: Uint8Array): Uint8Array => {
  const key = withNumber(space, parent, 4, name.length);
  key.set(name, 5);
  return key;
};

export const entryKey = (parent: EntryId, name: Uint8Array): Uint8Array =>
  withName(SPACE.entry, parent, name);
export const localKey = (parent: EntryId, name: Uint8Array): Uint8Array =>
  withName(SPACE.local, parent, name);
export const copyKey = (parent: EntryId, name: Uint8Array): Uint8Array => withName(SPACE.copy, parent, name);
export const directoryKey = (id: EntryId): Uint8Array => withNumber(SPACE.directory, id, 4, 0);
export const remoteKey = (seq: number): Uint8Array => withNumber(SPACE.remote, seq, SEQ_BYTES, 0);
export const garbageKey = (list: EntryId): Uint8Array => withNumber(SPACE.garbage, list, 4, 0);

export const extraKey = (seq: number, part: number): Uint8Array => {
  const key = withNumber(SPACE.extra, seq, SEQ_BYTES, 1);
  key[1 + SEQ_BYTES] = part;
  return key;
};

export const blockKey = (list: EntryId, page: number): Uint8Array => {
  const key = withNumber(SPACE.block, list, 4, 4);
  new DataView(key.buffer).setUint32(5, page);
  return key;
};

export const metaKey = (name: string): Uint8Array => Buffer.from(`m${name}`);

/** Where an entry stands: its parent's id and its name, as one value of the spaces d, r. */
export const placeValue = (parent: EntryId, name: Uint8Array): Uint8Array =>
  withName(0, parent, name).subarray(1);

export interface Place {
  parent: EntryId;
  name: Uint8Array;
}

/** Copies: the bytes may be a view that the next call on the tree ends. */
export const placeOf = (value: Uint8Array): Place => ({
  parent: numberAt(value, 0, 4),
  name: value.slice(4),
});
export const placeOfKey = (key: Uint8Array): Place => ({ parent: numberAt(key, 1, 4), name: key.slice(5) });
export const idOfKey = (key: Uint8Array): number => numberAt(key, 1, 4);
export const seqOfKey = (key: Uint8Array): number => numberAt(key, 1, SEQ_BYTES);
export const pageOfKey = (key: Uint8Array): number => numberAt(key, 5, 4);

/** A place as text: a key of a Map. */
export const nameOfPlace = ({ parent, name }: Place): string => `${parent}/${latin1(name)}`;

export const samePlace = (a: Place, b: Place): boolean =>
  a.parent === b.parent && Buffer.compare(a.name, b.name) === 0;
