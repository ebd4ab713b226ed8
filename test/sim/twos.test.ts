// Workloads of two operations: one of the things that users do, then another, with the power gone right after each of
// the board's fsyncs, where a promise begins to hold. Each deed with a few others; PAIRS=all: every two of them.

import { describe, expect, test } from 'vitest';
import { cutAt } from './cuts.ts';
import { begin, DEEDS, seenAt, show } from './deeds.ts';
import type { Trap } from './machine.ts';

const OTHERS = process.env.PAIRS === 'all' ? Object.keys(DEEDS).length : 3;
/** So far apart that all deeds come to be second. */
const STRIDE = 5;

const names = Object.keys(DEEDS);
const pairs = names.flatMap((first, at) =>
  Array.from({ length: OTHERS }, (_, other) => [first, names[(at + 1 + other * STRIDE) % names.length]!]),
);

/** The call after an fsync. */
function afterSyncs(): Trap['fits'] {
  let isSynced = false;
  return call => {
    const wasSynced = isSynced;
    isSynced = call === 'fsyncSync';
    return wasSynced;
  };
}

/** False: the second cannot be done after the first. */
function attempt(act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === undefined) throw error;
    return false;
  }
}

describe('power: two deeds, cut after each fsync -> just that, here and at the gateway', () => {
  test.each(pairs)('%s, then %s', (first, second) => {
    for (let syncs = 0, isMore = true; isMore; syncs++) {
      const pair = begin();
      const { volume, medium } = { volume: pair.machine.volume, medium: pair.machine.volume.medium };
      DEEDS[first]!(volume);
      if (!attempt(() => DEEDS[second]!(volume))) volume.writeFileSync('/folder/other', 'the second');
      medium.syncAll();
      const wanted = show(pair);
      pair.machine.hint(Buffer.from(''), undefined);
      isMore = cutAt(pair, syncs, undefined, syncs, afterSyncs())();
      expect(show(pair)).toBe(wanted);
      expect(seenAt(pair)).toBe(wanted);
    }
  });
});
