// Power cuts that are counted: before write 0, 1, 2 ... of a board's.

import type { Pair } from '../memory/pair.ts';
import { REST_MS } from './deeds.ts';
import type { Call } from './disk.ts';
import type { Trap } from './machine.ts';
import { Random } from './random.ts';

/** Calls that leave the disk as it is: a cut before one is a cut after the write before it. */
const READING = new Set<Call>([
  'accessSync',
  'closeSync',
  'fstatSync',
  'lstatSync',
  'opendirSync',
  'readSync',
  'readlinkSync',
]);

const isWrite: Trap['fits'] = (call, isGrowing) => !READING.has(call) && (call !== 'openSync' || isGrowing);

/** The power goes before that call from now on; what it gives says whether it did. */
function arm({ machine }: Pair, fits: Trap['fits'], calls: number, seed: number): () => boolean {
  let isReached = false;
  machine.traps.push({
    calls,
    fits,
    spring() {
      isReached = true;
      machine.cutPower(new Random(seed));
      throw machine.end();
    },
  });
  return () => isReached;
}

/**
 * The power goes before that write from now on, and before that one of the recovery. What it gives lets all that
 * happen, and is false where there were not so many. `fits`: which calls count.
 */
export function cutAt(
  pair: Pair,
  calls: number,
  again: number | undefined,
  seed: number,
  fits = isWrite,
): () => boolean {
  const { machine, time } = pair;
  const isReached = arm(pair, fits, calls, seed);
  return () => {
    time.runFor(REST_MS);
    machine.traps.length = 0;
    if (again !== undefined && isReached()) {
      arm(pair, fits, again, seed + 1);
      machine.start();
      time.runFor(REST_MS);
      machine.traps.length = 0;
    }
    machine.start();
    time.runFor(REST_MS);
    return isReached();
  };
}
