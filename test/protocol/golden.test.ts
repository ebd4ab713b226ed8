import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeFrame, encodeFrameHeader, type Way } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { MESSAGES } from '../../protocol/messages.ts';
import { readRecipe } from '../../protocol/recipe.ts';
import { SAMPLES } from './samples.ts';

interface Golden {
  name: string;
  way: Way;
  frame: Uint8Array;
}

/** `= NAME WAY`, then lines of hex and what it means. */
function read(text: string): Golden[] {
  return text
    .split(/^= /m)
    .slice(1)
    .map(section => {
      const [title, ...lines] = section.split('\n');
      const [name, way] = title!.split(' ');
      const hex = lines.map(line => line.split(' ')[0]).join('');
      return { name: name!, way: way as Way, frame: Uint8Array.from(Buffer.from(hex, 'hex')) };
    });
}

const goldens = read(readFileSync(new URL('../golden/frames.txt', import.meta.url), 'utf8'));

describe('golden frames', () => {
  test('one of each message, in order -> the file and the samples', () => {
    const names = MESSAGES.map(kind => kind.name);
    expect(goldens.map(golden => golden.name)).toEqual(names);
    expect(SAMPLES.map(sample => sample.message.is)).toEqual(names);
  });

  test.each(goldens.map((golden, index) => [golden.name, golden, SAMPLES[index]!] as const))(
    '%s -> encoded to these bytes, decoded from them',
    (_, golden, { message, body }) => {
      const frame = Buffer.concat([encodeFrameHeader(message), body]);
      expect(frame.toString('hex')).toBe(Buffer.from(golden.frame).toString('hex'));
      expect(decodeFrame(golden.frame, golden.way, FRAME_BYTES_MAX)).toEqual({ message, body });
    },
  );

  test('the recipes in them -> well formed', () => {
    const offer = SAMPLES.find(sample => sample.message.is === 'offer')!.message;
    if (offer.is !== 'offer') throw new Error('no offer');
    expect(readRecipe(offer.items[1]!.recipe)).toEqual({ blocks: 17 });
    expect(readRecipe(SAMPLES.find(sample => sample.message.is === 'recipe')!.body)).toEqual({ blocks: 2 });
  });
});
