// Plays the worlds of a range of seeds in a thread of its own, and tells what came of each.

import { parentPort, workerData } from 'node:worker_threads';
import { scriptOf } from './script.ts';
import { World } from './world.ts';

/** The seeds from `first` on, each `step` apart, before `end`. */
export interface Range {
  first: number;
  step: number;
  end: number;
  kinds: readonly string[] | undefined;
  /** Each world is played again, and has to go the same way. */
  isTwice: boolean;
}

export interface Told {
  seed: number;
  findings: string[];
  counts: [what: string, times: number][];
}

const { first, step, end, kinds, isTwice } = workerData as Range;
for (let seed = first; seed < end; seed += step) {
  const world = new World(scriptOf(seed, kinds));
  const findings = await world.run();
  if (isTwice) {
    const again = new World(scriptOf(seed, kinds));
    await again.run();
    if (again.trace !== world.trace) findings.push('undetermined: played again, it went another way');
  }
  const told: Told = { seed, findings, counts: [...world.counts] };
  parentPort?.postMessage(told);
}
