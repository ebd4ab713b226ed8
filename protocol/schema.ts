// The kinds of field a message is made of. Each knows how to check a decoded CBOR value; what does not fit is
// `undefined`, never an exception: a peer's mistake is an answer that the caller counts.
//
// A message is a CBOR array: its type, then its fields in order. Elements past the last known field are ignored,
// so a later version may append. What was appended is missing in a message of who does not know it yet.

import { ID_BYTES, ITEMS_MAX, TERM_BYTES, TEXT_BYTES_MAX, UINT_MAX } from './limits.ts';

/** Checks one decoded value: the value in our type, or undefined if it does not fit. */
export interface Field<T> {
  readonly check: (value: unknown) => T | undefined;
  /** As SPEC.md's CDDL names it. */
  readonly cddl: string;
  /** Of a list: the fields of its tuples, in order. */
  readonly tuple?: Fields;
  /** Of a field that was appended: what stands for it where it is missing. */
  readonly absent?: T;
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type Values<F extends Fields> = { -readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

export const uint = (max = UINT_MAX): Field<number> => ({
  check: value => {
    const n = typeof value === 'bigint' && value <= BigInt(UINT_MAX) ? Number(value) : value;
    return typeof n === 'number' && Number.isInteger(n) && n >= 0 && n <= max ? n : undefined;
  },
  cddl: max === UINT_MAX ? 'uint' : `0..${max}`,
});

export const int = (): Field<number> => ({
  check: value => {
    const n = typeof value === 'bigint' ? Number(value) : value;
    return typeof n === 'number' && Number.isSafeInteger(n) ? n : undefined;
  },
  cddl: 'int',
});

export const bytes = (max: number, min = 0): Field<Uint8Array> => ({
  check: value =>
    value instanceof Uint8Array && value.length >= min && value.length <= max ? value : undefined,
  cddl: `bstr .size (${min}..${max})`,
});

const exactlyOrNone = (length: number, name: string): Field<Uint8Array> => ({
  check: value =>
    value instanceof Uint8Array && (value.length === length || value.length === 0) ? value : undefined,
  cddl: `${name} / none`,
});

/** A block id or content id, or no bytes at all where there is none. */
export const idOrNone = (): Field<Uint8Array> => exactlyOrNone(ID_BYTES, 'id');

/** A term, or no bytes at all where none is known. */
export const termOrNone = (): Field<Uint8Array> => exactlyOrNone(TERM_BYTES, 'term');

/** A field that was not there when the version began: behind all others, and `absent` where it is missing. */
export const appended = <T>(field: Field<T>, absent: T): Field<T> => ({ ...field, absent });

export const text = (pattern?: RegExp): Field<string> => ({
  check: value =>
    typeof value === 'string' &&
    Buffer.byteLength(value) <= TEXT_BYTES_MAX &&
    (pattern === undefined || pattern.test(value))
      ? value
      : undefined,
  cddl: 'tstr',
});

/** A list of tuples: `[[a, b], [a, b], ...]` on the wire, objects with named fields in memory. */
export const list = <F extends Fields>(fields: F): Field<Values<F>[]> => ({
  check: value => {
    if (!Array.isArray(value) || value.length > ITEMS_MAX) return undefined;
    const items: Values<F>[] = [];
    for (const tuple of value) {
      const item = checkTuple(fields, tuple);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  },
  cddl: `[* [${Object.entries(fields)
    .map(([name, field]) => `${name}: ${field.cddl}`)
    .join(', ')}]]`,
  tuple: fields,
});

/** Reads a tuple by the fields in order; undefined if anything is missing or does not fit. */
function checkTuple<F extends Fields>(fields: F, tuple: unknown): Values<F> | undefined {
  if (!Array.isArray(tuple)) return undefined;
  const item: Record<string, unknown> = {};
  let index = 0;
  for (const name in fields) {
    const value = (fields[name] as Field<unknown>).check(tuple[index++]);
    if (value === undefined) return undefined;
    item[name] = value;
  }
  return item as Values<F>;
}

export interface MessageKind<N extends string = string, F extends Fields = Fields> {
  readonly name: N;
  readonly type: number;
  /** Who sends it: `up` from board to gateway, `down` the other way. */
  readonly way: 'up' | 'down';
  readonly fields: F;
}

export const message = <N extends string, F extends Fields>(
  name: N,
  type: number,
  way: 'up' | 'down',
  fields: F,
): MessageKind<N, F> => ({ name, type, way, fields });
