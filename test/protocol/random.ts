// Random messages made from the tables: whatever a field's CDDL allows, then bent so that what the tables cannot say
// holds too (bodies as long as their items say, seqs that rise).

import fc from 'fast-check';
import {
  COPY_BYTES_MAX,
  DICTIONARY_BYTES_MAX,
  RUN_BYTES_MAX,
  TEXT_BYTES_MAX,
  UINT_MAX,
} from '../../protocol/limits.ts';
import { MESSAGES, type Message, type MessageNamed, Piece } from '../../protocol/messages.ts';
import type { Field, Fields, MessageKind } from '../../protocol/schema.ts';

/** Small numbers, any number, and the ends. */
const uintUpto = (max: number) =>
  fc.oneof(
    fc.nat(Math.min(max, 1000)),
    fc.maxSafeNat().map(n => n % (max + 1)),
    fc.constantFrom(
      0,
      max,
      Math.min(max, 23),
      Math.min(max, 24),
      Math.min(max, 2 ** 32),
      Math.min(max, 2 ** 32 - 1),
    ),
  );

function fieldValue(name: string, field: Field<unknown>): fc.Arbitrary<unknown> {
  if (field.tuple !== undefined) return fc.array(fieldValues(field.tuple), { maxLength: 6 });
  if (name === 'share') return fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);
  if (field.cddl === 'uint') return uintUpto(UINT_MAX);
  if (field.cddl === 'int')
    return fc.oneof(fc.maxSafeInteger(), fc.constantFrom(-1, -24, -25, -UINT_MAX, -(2 ** 32)));
  if (field.cddl === 'id / none') return fc.constantFrom(0, 16).chain(size => byteString(size, size));
  if (field.cddl === 'term / none') return fc.constantFrom(0, 8).chain(size => byteString(size, size));
  if (field.cddl === 'tstr')
    return fc
      .string({ unit: 'grapheme', maxLength: 40 })
      .filter(text => Buffer.byteLength(text) <= TEXT_BYTES_MAX);
  const range = /^0\.\.(\d+)$/.exec(field.cddl);
  if (range) return uintUpto(Number(range[1]));
  const size = /^bstr \.size \((\d+)\.\.(\d+)\)$/.exec(field.cddl);
  if (size) return byteString(Number(size[1]), Math.min(Number(size[2]), 300));
  throw new Error(`no generator for ${field.cddl}`);
}

const byteString = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });

function fieldValues(fields: Fields): fc.Arbitrary<Record<string, unknown>> {
  const record: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, field] of Object.entries(fields)) record[name] = fieldValue(name, field);
  return fc.record(record);
}

export interface Sample {
  message: Message;
  body: Uint8Array;
}

export function anySample(kind: MessageKind): fc.Arbitrary<Sample> {
  return fieldValues(kind.fields).map(values => bend({ is: kind.name, ...values } as Message));
}

export const anyOfAll: fc.Arbitrary<Sample> = fc.oneof(
  ...MESSAGES.map(kind => anySample(kind as MessageKind)),
);

function bend(message: Message): Sample {
  let bodyBytes = 0;
  switch (message.is) {
    case 'recipe':
      bodyBytes = 1 + (message.ordinal % 50);
      break;
    case 'blocks':
      for (const item of message.items) bodyBytes += bendLiteral(item);
      break;
    case 'whole':
      for (const item of message.items) {
        item.size = 1 + (item.size % 200);
        bodyBytes += item.size;
      }
      bodyBytes -= Number(bodyBytes > 3);
      break;
    case 'piece':
      for (const item of message.items) bodyBytes += bendPiece(item);
      break;
    case 'need':
      for (const item of message.items) {
        item.what %= 2;
        item.dictionary %= DICTIONARY_BYTES_MAX + 1;
      }
      break;
    case 'done':
      for (const item of message.items) item.verdict %= 8;
      break;
    case 'changes':
      message.after = message.after % 2 ** 52;
      message.items.forEach((item, index) => {
        item.seq = message.after + 1 + index * 3;
      });
      message.upto = message.after + message.items.length * 3 + 1;
      break;
  }
  return { message, body: Uint8Array.from({ length: bodyBytes }, (_, index) => index * 7) };
}

function bendLiteral(item: { length: number; stored: number; dictionary: number }): number {
  item.length %= RUN_BYTES_MAX + 1;
  item.stored = item.stored % (Math.min(item.length, 2000) + 1);
  item.dictionary %= DICTIONARY_BYTES_MAX + 1;
  return item.stored;
}

function bendPiece(item: MessageNamed<'piece'>['items'][number]): number {
  item.op %= 2;
  item.offset %= 2 ** 52;
  item.baseOffset %= 2 ** 52;
  if (item.op === Piece.COPY) {
    item.length %= COPY_BYTES_MAX + 1;
    item.stored = 0;
    return 0;
  }
  bendLiteral(item);
  item.dictionary = Math.min(item.dictionary, item.offset);
  item.dictionaryLength %= DICTIONARY_BYTES_MAX - item.dictionary + 1;
  return item.stored;
}

/** xorshift32: for loops that are too hot for fast-check. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return below => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
}
