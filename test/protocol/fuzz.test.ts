// A peer that sends anything: frames of ours with bytes changed, lost, doubled, and lengths at their ends; two frames
// as one; noise behind an array's head; arrays that claim more than there is, inside each other. Both ways, from one
// seed. FRAMES=n for another count than a million.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrameHeader, type Way } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { MESSAGES, type Message } from '../../protocol/messages.ts';
import { anyOfAll, randomFrom, type Sample } from './random.ts';
import { SAMPLES } from './samples.ts';

const FRAMES = Number(process.env.FRAMES ?? 1_000_000);

type Random = (below: number) => number;

interface Frame {
  bytes: Uint8Array;
  way: Way;
}

const frameOf = ({ message, body }: Sample): Frame => ({
  bytes: Uint8Array.from(Buffer.concat([encodeFrameHeader(message), body])),
  way: wayOf(message),
});
const wayOf = (message: Message): Way => MESSAGES.find(kind => kind.name === message.is)!.way;
const other = (way: Way): Way => (way === 'up' ? 'down' : 'up');

/** Where headers are: what is changed behind them is body, which nobody reads here. */
const HEAD_BYTES = 120;
/** Of a CBOR head: the value itself, 1 to 8 bytes that follow, no length at all. */
const WIDTHS = [0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f];

function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(Math.min(mutated.length, HEAD_BYTES));
    const choice = random(6);
    if (choice === 0) mutated[at] = random(256);
    else if (choice === 1) mutated[at]! ^= 1 << random(8);
    else if (choice === 2) mutated = mutated.subarray(0, Math.max(1, at));
    else if (choice === 3) mutated.copyWithin(at, random(mutated.length));
    else if (choice === 4) {
      mutated[at] = (random(8) << 5) | WIDTHS[random(WIDTHS.length)]!;
      if (random(2) === 0) mutated.fill(0xff, at + 1, at + 9);
    } else mutated = join(mutated, at, mutated, random(at + 1));
  }
  return mutated.subarray(0, FRAME_BYTES_MAX);
}

function join(first: Uint8Array, end: number, second: Uint8Array, from: number): Uint8Array {
  const joined = new Uint8Array(end + second.length - from);
  joined.set(first.subarray(0, end));
  joined.set(second.subarray(from), end);
  return joined;
}

function noise(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(80));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random(256);
  if (bytes.length > 0 && random(2) === 0) bytes[0] = 0x80 + random(24);
  return bytes;
}

/** Few are as long as a frame may be: one of those costs as much as a thousand others. */
function bomb(random: Random): Uint8Array {
  const bytes = new Uint8Array(1 + random(random(500) === 0 ? FRAME_BYTES_MAX : 200));
  // Empty arrays, strings or numbers by the thousand, in one array or in as many as fit.
  bytes.fill([0x80, 0x40, 0x60, 0x00, 0x81, 0x98, 0x9b, 0x5b][random(8)]!);
  for (let at = 0, depth = random(6); depth >= 0 && at < bytes.length - 9; depth--) {
    const width = WIDTHS[random(WIDTHS.length - 1)]!;
    bytes[at++] = 0x80 | width;
    if (width === 0x17) continue;
    const end = at + (1 << (width - 0x18));
    bytes.fill(random(3) === 0 ? 0xff : 0, at, end);
    bytes[end - 1] = random(256);
    if (end - at > 1) bytes[end - 2] = random(10);
    at = end;
  }
  return bytes;
}

describe('fuzz: the decoder', () => {
  test(`${FRAMES.toLocaleString('en')} frames -> a message or a reason, never a throw`, () => {
    const corpus = [...SAMPLES, ...fc.sample(anyOfAll, { seed: 7, numRuns: 400 })].map(frameOf);
    const random = randomFrom(20_260_805);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < FRAMES; round++) {
      const sample = corpus[random(corpus.length)]!;
      const kind = random(16);
      let bytes: Uint8Array;
      if (kind < 10) bytes = mutate(sample.bytes, random);
      else if (kind < 12) {
        const second = corpus[random(corpus.length)]!.bytes;
        bytes = join(sample.bytes, random(sample.bytes.length), second, random(second.length));
      } else bytes = kind < 14 ? noise(random) : bomb(random);
      const way = random(16) === 0 ? other(sample.way) : sample.way;

      const decoded = decodeFrame(bytes.subarray(0, FRAME_BYTES_MAX), way, FRAME_BYTES_MAX);
      // What was taken could be sent on: every bound holds.
      if ('message' in decoded) encodeFrameHeader(decoded.message);
      const outcome = 'message' in decoded ? 'taken' : decoded.malformed.replace(/type \d+$/, 'type');
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const reason of outcomes.keys()) expect(reason).toMatch(/^[a-z][\w ,^:-]{2,60}$/i);
    // They reach every layer: bounds, types, tables, what the tables cannot say; and some are taken.
    const layers = [
      ...['taken', 'truncated', 'not UTF-8', 'integer over 2^53', 'too deep', 'too many items'],
      ...['indefinite length', 'reserved length', 'map, tag, float or simple value', 'not an array'],
      ...['no type', 'unknown type', 'wrong way', 'hello: share', 'offer: items'],
      ...[
        'piece: body',
        'piece: dictionary',
        'blocks: stored',
        'changes: seq',
        'whole: body',
        'done: verdict',
      ],
    ];
    expect(layers.filter(layer => !outcomes.has(layer))).toEqual([]);
    console.info(`${FRAMES} frames, ${outcomes.get('taken')} taken, ${outcomes.size - 1} reasons`);
  }, 600_000);
});
