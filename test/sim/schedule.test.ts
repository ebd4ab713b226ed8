// Schedules of frames, enumerated: each thing that users do, with the 1st, 2nd, 3rd ... frame from then on, either way,
// lost, doubled, overtaken by those behind it, or come again when all is over; until there are no more frames. The
// board and the gateway end with just what was done, and so does a board that sees it for the first time. FATES=all
// meets every fate, else frames are lost.

import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../gateway/memory.ts';
import { Pair } from '../memory/pair.ts';
import { begin, DEEDS, REST_MS, seenAt, show } from './deeds.ts';

/** Until what is missed is asked for again, and what is late has come. */
const LATE_MS = 120_000;

const USUAL: Readonly<Record<string, readonly number[]>> = { lost: [] };
const OTHERS: Readonly<Record<string, readonly number[]>> = {
  doubled: [1, 1],
  'overtaken by the next': [2],
  'overtaken by many': [40],
  'come a minute late': [60_000],
  'come again behind others': [1, 40],
  'come again a minute later': [1, 60_000],
};
const FATES = process.env.FATES === 'all' ? { ...USUAL, ...OTHERS } : USUAL;

/** That frame from now on meets its fate. False: there were not so many. */
function meet(pair: Pair, index: number, fate: readonly number[]): () => boolean {
  let frames = 0;
  pair.fate = () => (frames++ === index ? fate : [1]);
  return () => frames > index;
}

describe.each(Object.entries(DEEDS))('schedule: %s', (_name, deed) => {
  test.each(Object.entries(FATES))(
    'up, each frame in turn is %s -> just that, at both ends',
    (_fate, fate) => {
      for (let index = 0, isMore = true; isMore; index++) {
        const pair = begin();
        const isReached = meet(pair, index, fate);
        deed(pair.machine.volume);
        const wanted = show(pair);
        pair.machine.hint(Buffer.from(''), undefined);
        pair.time.runFor(LATE_MS);
        isMore = isReached();
        expect(show(pair)).toBe(wanted);
        expect(seenAt(pair)).toBe(wanted);
      }
    },
  );

  test.each(Object.entries(FATES))(
    'down, each frame in turn is %s -> just that, nothing goes up',
    (_fate, fate) => {
      const source = begin();
      const before = source.store.image();
      deed(source.machine.volume);
      const wanted = show(source);
      source.time.runFor(LATE_MS);
      const after = source.store.image();
      const head = source.store.folders()[0]?.head;
      for (let index = 0, isMore = true; isMore; index++) {
        const pair = new Pair(openMemoryStore({ image: before }));
        pair.machine.start();
        pair.time.runFor(REST_MS);
        pair.machine.kill();
        pair.putBack(after);
        const isReached = meet(pair, index, fate);
        pair.machine.start();
        pair.time.runFor(LATE_MS);
        isMore = isReached();
        expect(show(pair)).toBe(wanted);
        expect(pair.store.folders()[0]?.head).toBe(head);
      }
    },
  );
});
