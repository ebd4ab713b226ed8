// Messages to frames and back: the only door between bytes from a peer and values that the rest trusts.
//
//   bytes -> bounds.ts -> cbor.ts -> the message's table -> what the table cannot say (below) -> Message
//
// What a decoded message promises: every field is there and inside its bound; the body is as long as its items say;
// no run inflates past RUN_BYTES_MAX, no copy is longer than COPY_BYTES_MAX, no dictionary longer than
// DICTIONARY_BYTES_MAX; offset plus length stays exact. What it does not: paths and facts (path.ts, an answer per
// item), recipe operations (recipe.ts), and whether the request that it answers was ever made (the engine, the hub).
//
// The message owns its bytes. The body is a view of the frame and lives as long as the frame does.
// A peer's mistake is `malformed`, a short reason from a fixed set, to be counted; ours, when encoding, throws.

import { assert } from './assert.ts';
import type { Refusal } from './bounds.ts';
import { decodeHeader, encodeHeader } from './cbor.ts';
import {
  COPY_BYTES_MAX,
  DICTIONARY_BYTES_MAX,
  FRAME_BYTES_MAX,
  RUN_BYTES_MAX,
  TRAIL_MAX,
  UINT_MAX,
} from './limits.ts';
import { MESSAGES, type Message, type MessageNamed, Need, Piece, Verdict } from './messages.ts';
import type { Field, Fields, MessageKind } from './schema.ts';

export type Way = 'up' | 'down';

/** `NAME: FIELD` names the first field, or the first claim about the body, that does not hold. */
export type Malformed =
  | Refusal
  | 'oversized'
  | 'no type'
  | `unknown type ${number}`
  | 'wrong way'
  | `${Message['is']}: ${string}`;

export type Decoded = { message: Message; body: Uint8Array } | { malformed: Malformed };

const byType = new Map<number, MessageKind>(MESSAGES.map(kind => [kind.type, kind]));
const byName = new Map<string, MessageKind>(MESSAGES.map(kind => [kind.name, kind]));

/** The header; the frame is this and then the body. */
export function encodeFrameHeader(message: Message): Uint8Array {
  const kind = byName.get(message.is);
  assert(kind !== undefined, 'a message is one of MESSAGES');
  const header: unknown[] = [kind.type];
  for (const name in kind.fields) {
    const field = kind.fields[name]!;
    const value = onWire(field, (message as unknown as Record<string, unknown>)[name]);
    assert(field.check(value) !== undefined, `${kind.name}.${name} fits its bound`);
    header.push(value);
  }
  const wrong = firstWrong(message, undefined);
  assert(wrong === undefined, `${kind.name}: ${wrong} is as it must be`);
  const bytes = encodeHeader(header);
  assert(bytes.length <= FRAME_BYTES_MAX, 'a header fits a frame');
  return bytes;
}

function onWire(field: Field<unknown>, value: unknown): unknown {
  if (field.tuple === undefined) return value;
  const fields = field.tuple;
  assert(Array.isArray(value), 'a list is an array');
  return value.map((item: Record<string, unknown>) => Object.keys(fields).map(name => item[name]));
}

/** `way` is the way that the frame came, `frameBytesMax` what this end announced. Never throws. */
export function decodeFrame(bytes: Uint8Array, way: Way, frameBytesMax: number): Decoded {
  if (bytes.length > frameBytesMax) return { malformed: 'oversized' };
  const decoded = decodeHeader(bytes);
  if ('refusal' in decoded) return { malformed: decoded.refusal };

  // A type above 2^32 comes as bigint: no type of ours.
  const type = decoded.header[0];
  if (typeof type !== 'number' || type < 0) return { malformed: 'no type' };
  const kind = byType.get(type);
  if (kind === undefined) return { malformed: `unknown type ${type}` };
  if (kind.way !== way) return { malformed: 'wrong way' };

  const read = readFields(kind.fields, decoded.header);
  if (typeof read === 'string') return { malformed: `${kind.name as Message['is']}: ${read}` };
  const message = { is: kind.name, ...read } as Message;
  const body = bytes.subarray(decoded.length);
  const wrong = firstWrong(message, body.length);
  if (wrong !== undefined) return { malformed: `${message.is}: ${wrong}` };
  return { message, body };
}

/** The fields by name, or the name of the first that does not fit. */
function readFields(fields: Fields, header: readonly unknown[]): Record<string, unknown> | string {
  const values: Record<string, unknown> = {};
  let index = 1;
  for (const name in fields) {
    const field = fields[name]!;
    const value = index < header.length ? field.check(header[index]) : field.absent;
    if (value === undefined) return name;
    values[name] = value;
    index++;
  }
  return values;
}

/** What the tables cannot say. The body's length is not known yet when encoding: undefined. */
function firstWrong(message: Message, bodyBytes: number | undefined): string | undefined {
  switch (message.is) {
    case 'recipe':
      return bodyBytes === 0 && message.isLast === 0 ? 'body' : undefined;
    case 'blocks':
      return wrongBlocks(message, bodyBytes);
    case 'whole':
      return wrongWhole(message, bodyBytes);
    case 'piece':
      return wrongPiece(message, bodyBytes);
    case 'need':
      if (message.items.some(item => item.what > Need.BLOCKS)) return 'what';
      if (message.items.some(item => item.dictionary > DICTIONARY_BYTES_MAX)) return 'dictionary';
      break;
    case 'hello':
    case 'welcome':
      if (message.trail.length > TRAIL_MAX) return 'trail';
      break;
    case 'done':
      if (message.items.some(item => item.verdict > Verdict.REFUSED)) return 'verdict';
      break;
    case 'changes':
      if (!isInOrder(message)) return 'seq';
      break;
  }
  return bodyBytes !== undefined && bodyBytes > 0 ? 'body' : undefined;
}

function wrongBlocks(message: MessageNamed<'blocks'>, bodyBytes: number | undefined): string | undefined {
  let stored = 0;
  for (const item of message.items) {
    if (item.length > RUN_BYTES_MAX) return 'length';
    if (item.stored > item.length) return 'stored';
    if (item.dictionary > DICTIONARY_BYTES_MAX) return 'dictionary';
    stored += item.stored;
  }
  return bodyBytes === undefined || stored === bodyBytes ? undefined : 'body';
}

/** A body as long as its contents is those, a shorter one inflates to them. */
function wrongWhole(message: MessageNamed<'whole'>, bodyBytes: number | undefined): string | undefined {
  let length = 0;
  for (const item of message.items) {
    if (item.size === 0) return 'size';
    length += item.size;
  }
  if (length > RUN_BYTES_MAX) return 'size';
  if (bodyBytes === undefined) return undefined;
  return bodyBytes > length || (bodyBytes === 0 && length > 0) ? 'body' : undefined;
}

function wrongPiece(message: MessageNamed<'piece'>, bodyBytes: number | undefined): string | undefined {
  let stored = 0;
  for (const item of message.items) {
    if (item.offset + item.length > UINT_MAX) return 'offset';
    if (item.op === Piece.COPY) {
      if (item.length > COPY_BYTES_MAX) return 'length';
      if (item.baseOffset + item.length > UINT_MAX) return 'baseOffset';
      if (item.stored !== 0) return 'stored';
    } else if (item.op === Piece.LITERAL) {
      if (item.length > RUN_BYTES_MAX) return 'length';
      if (item.stored > item.length) return 'stored';
      if (item.baseOffset + item.dictionaryLength > UINT_MAX) return 'baseOffset';
      // Both parts together are one dictionary: zlib keeps no more of it, we take memory for no more.
      if (item.dictionaryLength + item.dictionary > DICTIONARY_BYTES_MAX) return 'dictionary';
      if (item.dictionary > item.offset) return 'dictionary';
      stored += item.stored;
    } else return 'op';
  }
  return bodyBytes === undefined || stored === bodyBytes ? undefined : 'body';
}

/** Each path has one newest change and each change one path: seqs rise, inside (after, upto]. */
function isInOrder(message: MessageNamed<'changes'>): boolean {
  let last = message.after;
  for (const item of message.items) {
    if (item.seq <= last) return false;
    last = item.seq;
  }
  return last <= message.upto;
}
