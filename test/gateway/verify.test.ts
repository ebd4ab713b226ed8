// Verification finds every record that is lost and every byte of content that is changed, and names whose it is.

import { describe, expect, test } from 'vitest';
import type { Word } from '../../gateway/verify/findings.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { Kind } from '../../protocol/messages.ts';
import { type Image, openMemoryShelves, openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { arena, cut, text, World } from './world.ts';

/** A share with a bit of everything in it, as a crash would leave it. */
function makeImage(): Image {
  const store = openMemoryStore();
  const world = new World(store);
  const board = world.board('oven').hello();
  const random = makeRandom(1);
  board.directory('d');
  board.upload('d/large', cut(random.bytes(700_000)));
  board.upload('d/small', cut(text('small')));
  board.upload('d/small', cut(text('smaller')), { base: 3 });
  board.tell('empty');
  board.symlink('link', 'd/large');
  board.symlink('link', 'elsewhere', 6);
  board.directory('gone');
  board.remove('gone', 8);
  board.whole('d/whole', cut(text('whole')));
  board.whole('d/twin', cut(text('whole')));
  board.upload('copy', cut(text('small')));
  board.tell('copy', { kind: Kind.ABSENT, content: new Uint8Array(0), base: 12 });
  return store.image();
}

function damagesOf(image: Image): string[] {
  const words: Word[] = [];
  verify(openMemoryShelves({ image }), arena, word => words.push(word));
  return words.flatMap(word => (word.is === 'damage' ? [word.text] : []));
}

const image = makeImage();
const without = (shelf: 0 | 1, key: string): Image => {
  const rows = new Map(image[shelf]);
  rows.delete(key);
  return shelf === 0 ? [rows, image[1]] : [image[0], rows];
};
const withRow = (shelf: 0 | 1, key: string, value: Uint8Array): Image => {
  const rows = new Map(image[shelf]).set(key, value);
  return shelf === 0 ? [rows, image[1]] : [image[0], rows];
};

describe('verify', () => {
  test('verify: nothing is damaged -> nothing is said, and everything was counted', () => {
    const words: Word[] = [];
    const sum = verify(openMemoryShelves({ image }), arena, word => words.push(word));
    expect(words.filter(word => word.is === 'damage')).toEqual([]);
    expect(words.at(-1)).toEqual({ is: 'sum', sum });
    expect(sum).toMatchObject({ contents: 5, shares: 1, paths: 9, versions: 4, damages: 0 });
    expect(sum.blockBytes).toBe(700_000 + 5 + 7 + 5);
  });

  test('verify: an empty store -> nothing is said', () => {
    expect(damagesOf([new Map(), new Map()])).toEqual([]);
  });

  test('verify: each record lost, one at a time -> noticed, but for what is known of a board', () => {
    const unnoticed: string[] = [];
    for (const shelf of [0, 1] as const) {
      for (const key of image[shelf].keys())
        if (damagesOf(without(shelf, key)).length === 0) unnoticed.push(key);
    }
    // A board that is not known says hello again.
    expect(unnoticed.map(key => key[0])).toEqual(['B']);
  });

  test('verify: each record cut short -> noticed', () => {
    const unnoticed: string[] = [];
    for (const shelf of [0, 1] as const) {
      for (const [key, value] of image[shelf]) {
        if (value.length === 0) continue;
        const short = withRow(shelf, key, value.subarray(0, value.length - 1));
        if (damagesOf(short).length === 0) unnoticed.push(key);
      }
    }
    // Nobody reads the number behind a known content.
    expect(new Set(unnoticed.map(key => key[0]))).toEqual(new Set(['W']));
  });

  test('verify: a byte of each pack flipped, anywhere -> the path and version are named', () => {
    const random = makeRandom(2);
    for (const [key, value] of image[1]) {
      for (let round = 0; round < 8; round++) {
        const flipped = value.slice();
        flipped[random.below(flipped.length)]! ^= 1 << random.below(8);
        const said = damagesOf(withRow(1, key, flipped)).join('\n');
        expect(said).toContain('are not what their ids say');
        expect(said).toMatch(/^attic\/(d\/large|d\/small|copy): the content of version \d+/m);
      }
    }
  });
});
