import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeHeader } from '../../protocol/cbor.ts';
import { decodeFrame, encodeFrameHeader, type Way } from '../../protocol/frame.ts';
import {
  COPY_BYTES_MAX,
  DICTIONARY_BYTES_MAX,
  FRAME_BYTES_MAX,
  RUN_BYTES_MAX,
  UINT_MAX,
} from '../../protocol/limits.ts';
import { MESSAGES, type Message, Piece } from '../../protocol/messages.ts';
import type { Field, MessageKind } from '../../protocol/schema.ts';
import { anySample, type Sample } from './random.ts';

const kinds = MESSAGES as readonly MessageKind[];
const frameOf = ({ message, body }: Sample) => Buffer.concat([encodeFrameHeader(message), body]);
const decode = (frame: Uint8Array, way: Way) => decodeFrame(frame, way, FRAME_BYTES_MAX);
const malformed = (header: unknown[], way: Way, body: Uint8Array = new Uint8Array(0)) =>
  decode(Buffer.concat([encodeHeader(header), body]), way);

const replaced = (values: unknown[], at: number, value: unknown) =>
  values.map((old, index) => (index === at ? value : old));

/** A header and body of this kind that decode, as CBOR values. */
function plain(kind: MessageKind): { header: unknown[]; body: Uint8Array } {
  const value = (name: string, field: Field<unknown>): unknown => {
    if (field.tuple) return [Object.entries(field.tuple).map(([key, of]) => value(key, of))];
    const most = Number(/\.\.(\d+)\)$/.exec(field.cddl)?.[1] ?? 16);
    if (field.cddl.startsWith('bstr') || field.cddl.startsWith('id'))
      return new Uint8Array(Math.min(most, 16)).fill(1);
    if (field.cddl.startsWith('term')) return new Uint8Array(8).fill(1);
    if (field.cddl === 'tstr') return 'word';
    // A piece's LITERAL reaches no dictionary before its offset 1; a change's seq 1 comes after 0.
    return name === 'after' ? 0 : 1;
  };
  const header = [kind.type, ...Object.entries(kind.fields).map(([name, field]) => value(name, field))];
  const hasBody = ['recipe', 'blocks', 'whole', 'piece'].includes(kind.name);
  return { header, body: new Uint8Array(hasBody ? 1 : 0) };
}

describe.each(kinds.map(kind => [kind.name, kind] as const))('frame: %s', (_, kind) => {
  test('random values -> decode is the mirror of encode', () => {
    fc.assert(
      fc.property(anySample(kind), sample => {
        const frame = frameOf(sample);
        expect(decode(frame, kind.way)).toEqual({
          message: sample.message,
          body: frame.subarray(frame.length - sample.body.length),
        });
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test('a plain one -> decodes; the other way -> wrong way', () => {
    const { header, body } = plain(kind);
    expect(malformed(header, kind.way, body)).toMatchObject({ message: { is: kind.name } });
    const other = kind.way === 'up' ? 'down' : 'up';
    expect(malformed(header, other, body)).toEqual({ malformed: 'wrong way' });
  });

  test('cut after each byte of the header -> malformed', () => {
    const { header } = plain(kind);
    const bytes = encodeHeader(header);
    for (let length = 0; length < bytes.length; length++) {
      expect(decode(bytes.subarray(0, length), kind.way)).toEqual({
        malformed: length === 0 ? 'empty' : 'truncated',
      });
    }
  });

  test('each field missing, of another type, over its bound -> malformed by its name', () => {
    const { header, body } = plain(kind);
    Object.entries(kind.fields).forEach(([name, field], index) => {
      const at = index + 1;
      const short = malformed(header.slice(0, at), kind.way, body);
      if (field.absent === undefined) expect(short).toEqual({ malformed: `${kind.name}: ${name}` });
      else expect(short).toMatchObject({ message: { [name]: field.absent } });
      for (const wrong of misfits(field)) {
        const altered = replaced(header, at, wrong);
        expect(malformed(altered, kind.way, body), `${name} = ${wrong}`).toEqual({
          malformed: `${kind.name}: ${name}`,
        });
      }
      if (!field.tuple) return;
      const tuple = (header[at] as unknown[][])[0]!;
      Object.values(field.tuple).forEach((inner, place) => {
        for (const altered of [
          tuple.slice(0, place),
          ...misfits(inner)
            .filter(wrong => !Array.isArray(wrong))
            .map(wrong => replaced(tuple, place, wrong)),
        ]) {
          expect(malformed(replaced(header, at, [tuple, altered]), kind.way, body)).toEqual({
            malformed: `${kind.name}: ${name}`,
          });
        }
      });
    });
  });

  test('elements of a later version at the end -> ignored, at both levels', () => {
    const { header, body } = plain(kind);
    const later = [7, 'later', new Uint8Array(3), [[1]]];
    const longer = [...header, ...later].map(value =>
      Array.isArray(value) && Array.isArray(value[0]) && value !== later[3]
        ? value.map(tuple => [...tuple, 9, 'later'])
        : value,
    );
    expect(malformed(longer, kind.way, body)).toEqual(malformed(header, kind.way, body));
  });

  test('a body that no field speaks of -> malformed', () => {
    const { header, body } = plain(kind);
    const longer = new Uint8Array(body.length + 1);
    if (kind.name === 'recipe')
      return expect(malformed(replaced(header, 4, 0), 'up')).toEqual({ malformed: 'recipe: body' });
    expect(malformed(header, kind.way, longer)).toEqual({ malformed: `${kind.name}: body` });
  });
});

function misfits(field: Field<unknown>): unknown[] {
  if (field.tuple) return [1, 'x', [1], [[], 5], new Uint8Array(2)];
  if (field.cddl === 'uint') return [-1, 'x', [], new Uint8Array(1)];
  if (field.cddl === 'int') return ['x', [], new Uint8Array(1)];
  if (field.cddl === 'tstr') return [1, [], new Uint8Array(1), 'é'.repeat(129)];
  if (field.cddl === 'id / none') return [1, 'x'.repeat(16), new Uint8Array(15), new Uint8Array(17), []];
  if (field.cddl === 'term / none') return [1, 'x'.repeat(8), new Uint8Array(7), new Uint8Array(9), []];
  const range = /^0\.\.(\d+)$/.exec(field.cddl);
  if (range) return [-1, Number(range[1]) + 1, 2 ** 40, 'x', [], new Uint8Array(1)];
  const [, min, max] = /^bstr \.size \((\d+)\.\.(\d+)\)$/.exec(field.cddl)!;
  const below = Number(min) > 0 ? [new Uint8Array(Number(min) - 1)] : [];
  return [1, 'x'.repeat(16), [], new Uint8Array(Number(max) + 1), ...below];
}

describe('frame: what the tables cannot say', () => {
  const whole = (sizes: number[], bodyBytes: number) =>
    malformed(
      [9, 1, sizes.map((size, req) => [req, Uint8Array.of(97), 0, size, 0, new Uint8Array(16), 0])],
      'up',
      new Uint8Array(bodyBytes),
    );

  test('whole: a body as long as its contents, or shorter -> decodes', () => {
    expect(whole([5, 7], 12)).toHaveProperty('message');
    expect(whole([5, 7], 1)).toHaveProperty('message');
    expect(whole(new Array(7).fill(4096), 7 * 4096)).toHaveProperty('message');
  });

  test('hello, welcome: a longer trail than there may be -> malformed', () => {
    const none = new Uint8Array(0);
    const marks = (count: number) => Array.from({ length: count }, () => [1, new Uint8Array(8)]);
    const hello = (count: number) =>
      malformed([1, 1, 1, 1, 's', none, 0, 32_768, 4, '', none, 0, none, marks(count)], 'up');
    expect(hello(8)).toHaveProperty('message');
    expect(hello(9)).toEqual({ malformed: 'hello: trail' });
    const welcome = [16, 1, 1, new Uint8Array(16), 0, 32_768, 0, none, 0, marks(9)];
    expect(malformed(welcome, 'down')).toEqual({ malformed: 'welcome: trail' });
  });

  test('whole: none of its contents, more than they are, more than a run -> malformed', () => {
    expect(whole([5, 7], 0)).toEqual({ malformed: 'whole: body' });
    expect(whole([5, 7], 13)).toEqual({ malformed: 'whole: body' });
    expect(whole([5, 0], 5)).toEqual({ malformed: 'whole: size' });
    expect(whole(new Array(8).fill(4096), 100)).toEqual({ malformed: 'whole: size' });
  });

  const literal = [1, Piece.LITERAL, 100, 50, 0, 10, 0, 0];
  const piece = (item: unknown[], bodyBytes: number) =>
    malformed([22, 1, [item]], 'down', new Uint8Array(bodyBytes));
  const blocks = (item: unknown[], bodyBytes: number) =>
    malformed([4, 1, [item]], 'up', new Uint8Array(bodyBytes));

  test('piece: a right one -> decodes', () => {
    expect(piece(literal, 10)).toHaveProperty('message');
    expect(piece([1, Piece.COPY, 0, COPY_BYTES_MAX, 0, 0, 0, 0], 0)).toHaveProperty('message');
  });

  test.each([
    ['op', [1, 2, 100, 50, 0, 10, 0, 0], 10],
    ['offset', [1, 0, UINT_MAX, 1, 0, 0, 0, 0], 0],
    ['baseOffset', [1, 0, 0, 1, UINT_MAX, 0, 0, 0], 0],
    ['length', [1, 0, 0, COPY_BYTES_MAX + 1, 0, 0, 0, 0], 0],
    ['baseOffset', [1, 1, 100, 50, UINT_MAX, 10, 1, 0], 10],
    ['stored', [1, 0, 0, 50, 0, 10, 0, 0], 0],
    ['stored', [1, 1, 100, 9, 0, 10, 0, 0], 10],
    ['length', [1, 1, 100, RUN_BYTES_MAX + 1, 0, 10, 0, 0], 10],
    ['dictionary', [1, 1, 100, 50, 0, 10, DICTIONARY_BYTES_MAX, 1], 10],
    ['dictionary', [1, 1, 100, 50, 0, 10, 0, 101], 10],
    ['body', literal, 9],
    ['body', literal, 11],
  ])('piece: wrong %s -> malformed', (name, item, bodyBytes) => {
    expect(piece(item, bodyBytes)).toEqual({ malformed: `piece: ${name}` });
  });

  test.each([
    ['length', [1, 0, 1, RUN_BYTES_MAX + 1, 10, 0], 10],
    ['stored', [1, 0, 1, 9, 10, 0], 10],
    ['dictionary', [1, 0, 1, 50, 10, DICTIONARY_BYTES_MAX + 1], 10],
    ['body', [1, 0, 1, 50, 10, 0], 9],
  ])('blocks: wrong %s -> malformed', (name, item, bodyBytes) => {
    expect(blocks(item, bodyBytes)).toEqual({ malformed: `blocks: ${name}` });
  });

  test('piece: stored lengths whose sum wraps a double -> malformed, not accepted', () => {
    const items = Array.from({ length: 3 }, () => [1, 1, 0, 0, 0, UINT_MAX, 0, 0]);
    expect(malformed([22, 1, items], 'down')).toEqual({ malformed: 'piece: stored' });
  });

  test('need of a kind, done of a verdict that nobody knows -> malformed', () => {
    expect(malformed([18, 1, [[1, 2, 0, 1, 0]]], 'down')).toEqual({ malformed: 'need: what' });
    expect(malformed([18, 1, [[1, 1, 0, 1, 40_000]]], 'down')).toEqual({ malformed: 'need: dictionary' });
    expect(malformed([19, 1, [[1, 8, 5]]], 'down')).toEqual({ malformed: 'done: verdict' });
  });

  test('changes out of order, doubled, or outside (after, upto] -> malformed', () => {
    const none = new Uint8Array(0);
    const item = (seq: number) => [seq, Buffer.from('a'), 2, 0o755, 0, 0, none, none];
    const changes = (...seqs: number[]) => malformed([21, 1, 10, 20, seqs.map(item)], 'down');
    expect(changes(11, 15, 20)).toHaveProperty('message');
    expect(changes()).toHaveProperty('message');
    for (const seqs of [[10], [21], [15, 14], [15, 15]]) {
      expect(changes(...seqs)).toEqual({ malformed: 'changes: seq' });
    }
    expect(malformed([21, 1, 10, 9, []], 'down')).toEqual({ malformed: 'changes: seq' });
  });
});

describe('frame: types and sizes', () => {
  test('a type that no message has -> named', () => {
    for (const type of [0, 10, 15, 25, 23_000, 2 ** 32 - 1]) {
      expect(malformed([type, 1], 'up')).toEqual({ malformed: `unknown type ${type}` });
    }
  });

  test('no type, a text, a negative, a 64-bit one -> no type', () => {
    for (const header of [[], ['hello'], [-1], [2 ** 40], [[1]]]) {
      expect(malformed(header, 'up')).toEqual({ malformed: 'no type' });
    }
  });

  test('a frame over what this end announced -> oversized, whatever is in it', () => {
    const frame = new Uint8Array(FRAME_BYTES_MAX + 1);
    expect(decode(frame, 'up')).toEqual({ malformed: 'oversized' });
    expect(decodeFrame(encodeHeader([17, 1]), 'down', 2)).toEqual({ malformed: 'oversized' });
    expect(decodeFrame(encodeHeader([17, 1]), 'down', 3)).toEqual({
      message: { is: 'again', session: 1 },
      body: new Uint8Array(0),
    });
  });

  test('the frame is written over after decoding -> the message stays, the body is a view', () => {
    const body = new Uint8Array([1, 2, 3]);
    const path = Buffer.from('a/rather/long/path/that/would/not/fit/into/a/small/object/on/the/heap');
    const item = [
      1,
      path,
      1,
      0o644,
      3,
      5,
      new Uint8Array(16).fill(9),
      0,
      new Uint8Array(0),
      new Uint8Array(0),
    ];
    const offer = encodeHeader([2, 1, [item]]);
    const decoded = decode(offer, 'up');
    const frame = Buffer.concat([encodeHeader([4, 1, [[1, 0, 1, 3, 3, 0]]]), body]);
    const withBody = decode(frame, 'up');
    offer.fill(0xff);
    frame.fill(0xff);
    expect(decoded).toMatchObject({ message: { items: [{ path: Uint8Array.from(path) }] } });
    expect(withBody).toMatchObject({ body: Buffer.from([255, 255, 255]) });
  });
});

describe('frame: encoding our own mistakes', () => {
  test('a value over its bound, a missing field, an impossible claim -> throws', () => {
    const head: Message = { is: 'head', session: 1, head: 5 };
    expect(() => encodeFrameHeader({ ...head, head: -1 })).toThrow('head.head');
    expect(() => encodeFrameHeader({ ...head, head: 1.5 })).toThrow('broken promise');
    expect(() => encodeFrameHeader({ is: 'head', session: 1 } as Message)).toThrow('head.head');
    expect(() => encodeFrameHeader({ is: 'other' } as unknown as Message)).toThrow('MESSAGES');
    expect(() =>
      encodeFrameHeader({
        is: 'done',
        session: 1,
        items: [{ req: 1, verdict: 9, seq: 1 }],
        term: new Uint8Array(0),
      }),
    ).toThrow('verdict');
  });

  test('a list that does not fit a frame -> throws', () => {
    const item = { seq: 1, path: new Uint8Array(4000).fill(97), kind: 2, mode: 0, size: 0, mtime: 0 };
    const none = new Uint8Array(0);
    const items = Array.from({ length: 9 }, (_, index) => ({
      ...item,
      seq: index + 1,
      content: none,
      like: none,
    }));
    expect(() =>
      encodeFrameHeader({ is: 'changes', session: 1, after: 0, upto: 9, items, term: none, uptoTerm: none }),
    ).toThrow('fits a frame');
  });
});
