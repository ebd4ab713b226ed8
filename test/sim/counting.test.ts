// Power cuts by counting: each thing that users do, with the power gone before write 0, 1, 2 ... of the board's until
// it is through; once on the board that it is done on, once on one that it comes to. A write is any call that changes
// the disk or makes a change durable. What the power takes is drawn anew for each (medium.ts): unsynced names, unsynced
// bytes, parts of them. SEEDS=n draws n times at each.
//
// Each once more with a second cut in the recovery, before a write that is drawn; AGAIN=all: before each of them.
//
//   up     done and synced by the user, then the cut: the board comes back with just that, and so does the gateway
//   down   done elsewhere: the board comes back with just that in the end, and nothing of its own goes up

import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../gateway/memory.ts';
import { Pair } from '../memory/pair.ts';
import { cutAt } from './cuts.ts';
import { begin, DEEDS, REST_MS, seenAt, show } from './deeds.ts';
import { Random } from './random.ts';

const SEEDS = Number(process.env.SEEDS ?? 1);
/** The second cut comes before one of as many writes of the recovery, if it has as many. */
const AGAIN_MAX = 12;
/** What comes after a first cut: none, or one before that write. */
const secondCuts = (seed: number): (number | undefined)[] =>
  process.env.AGAIN === 'all'
    ? [undefined, ...Array.from({ length: AGAIN_MAX }, (_, calls) => calls)]
    : [undefined, new Random(seed).below(AGAIN_MAX)];

/** What to draw with at the first cut, and what comes after it. */
const draws = (calls: number): { seed: number; again: number | undefined }[] =>
  Array.from({ length: SEEDS }, (_, draw) => calls * 7 + draw).flatMap(seed =>
    secondCuts(seed).map(again => ({ seed, again })),
  );

const headOf = ({ store }: Pair): number => store.folders()[0]?.head ?? 0;

describe.each(Object.entries(DEEDS))('power: %s, cut at each write', (_name, deed) => {
  test('up -> just that, here and at the gateway', () => {
    for (let calls = 0, isMore = true; isMore; calls++) {
      isMore = false;
      for (const { seed, again } of draws(calls)) {
        const pair = begin();
        deed(pair.machine.volume);
        pair.machine.volume.medium.syncAll();
        const wanted = show(pair);
        // Directories that are watched tell of it; the cut is in what follows.
        pair.machine.hint(Buffer.from(''), undefined);
        isMore = cutAt(pair, calls, again, seed)() || isMore;
        expect(show(pair)).toBe(wanted);
        expect(seenAt(pair)).toBe(wanted);
      }
    }
  });

  test('down -> just that in the end, and nothing goes up', () => {
    const source = begin();
    const image = source.store.image();
    deed(source.machine.volume);
    const wanted = show(source);
    source.machine.kill();
    source.machine.start();
    source.time.runFor(REST_MS);
    const head = headOf(source);
    const [before, after] = [image, source.store.image()];
    for (let calls = 0, isMore = true; isMore; calls++) {
      isMore = false;
      for (const { seed, again } of draws(calls)) {
        const pair = new Pair(openMemoryStore({ image: before }));
        pair.machine.start();
        pair.time.runFor(REST_MS);
        pair.machine.kill();
        pair.putBack(after);
        const isReached = cutAt(pair, calls, again, seed);
        pair.machine.start();
        isMore = isReached() || isMore;
        expect(show(pair)).toBe(wanted);
        expect(headOf(pair)).toBe(head);
      }
    }
  });
});
