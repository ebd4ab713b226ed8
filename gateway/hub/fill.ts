// How many bytes a header takes, and lists cut so that each frame stays within its bound.

import { assert } from '../../protocol/assert.ts';
import { ITEMS_MAX } from '../../protocol/limits.ts';

/** A message's array, type, session, numbers and list head: eight numbers of 9 bytes. */
export const HEAD_BYTES = 80;

type Value = number | Uint8Array;

/** The exact CBOR bytes of one item of a list. */
export function itemBytes(item: object): number {
  let bytes = 1;
  for (const value of Object.values(item) as Value[]) {
    if (typeof value === 'number') bytes += numberBytes(value < 0 ? -1 - value : value);
    else bytes += numberBytes(value.length) + value.length;
  }
  return bytes;
}

function numberBytes(value: number): number {
  if (value < 24) return 1;
  if (value < 2 ** 8) return 2;
  if (value < 2 ** 16) return 3;
  return value < 2 ** 32 ? 5 : 9;
}

/** The items in order, in as few lists as keep each frame within `frameBytesMax`. */
export function* splitItems<T extends object>(items: readonly T[], frameBytesMax: number): Generator<T[]> {
  let group: T[] = [];
  let bytes = HEAD_BYTES;
  for (const item of items) {
    const added = itemBytes(item);
    assert(HEAD_BYTES + added <= frameBytesMax, 'an item fits a frame');
    if (group.length === ITEMS_MAX || bytes + added > frameBytesMax) {
      yield group;
      group = [];
      bytes = HEAD_BYTES;
    }
    group.push(item);
    bytes += added;
  }
  if (group.length > 0) yield group;
}
