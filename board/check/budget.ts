// What a board may cost at most, per target: board/budget.json. Whoever needs more raises it there, and says why.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { ROOT } from '../places.ts';
import type { Figures } from './scenario.ts';

export interface Budget {
  imageBytes: number;
  bundleBytes: number;
  wasmBytes: number;
  /** Of the agent, with what of it lies in the board's swap: what is resident is far less. In the short check, at rest
   * and at its most. */
  rssAnonKiB: number;
  rssAnonMostKiB: number;
  /** In a long one, always: more of the program is compiled there, which stays. */
  rssAnonLongKiB: number;
  threads: number;
  /** Of the board's time, from power to joined, and from there to the first file on both sides: in an emulator that
   * shares a busy machine, so what is over these is broken, not slow. */
  joinedSeconds: number;
  firstSeconds: number;
  ramMib: number;
}

/** Scenario -> its figure -> what that is called, and the most it may be. */
const BOUNDS: Record<string, Record<string, readonly [name: string, most: keyof Budget]>> = {
  image: { bytes: ['bytes of the image', 'imageBytes'] },
  join: {
    boardSeconds: ['seconds from power to joined', 'joinedSeconds'],
    firstSeconds: ['seconds until the first file', 'firstSeconds'],
  },
  memory: {
    rssAnonKiB: ['KiB RssAnon at rest', 'rssAnonKiB'],
    rssAnonMostKiB: ['KiB RssAnon at its most', 'rssAnonMostKiB'],
    threads: ['threads', 'threads'],
  },
};

export function budgetOf(word: string): Budget {
  const all = JSON.parse(readFileSync(join(ROOT, 'board', 'budget.json'), 'utf8')) as Record<string, Budget>;
  const budget = all[word];
  if (budget === undefined) throw new Error(`board/budget.json has nothing for ${word}`);
  return budget;
}

/** What --ram says, in MiB, or what the budget gives. */
export function ramOf(text: string | undefined, word: string): number {
  if (text === undefined) return budgetOf(word).ramMib;
  if (/^[1-9]\d{1,4}$/.test(text)) return Number(text);
  throw new Failure('usage', `--ram: ${JSON.stringify(text)} is not a number of MiB, such as --ram 64`);
}

/** What of a scenario's figures is over, in words; a figure that is missing is over. */
export function overruns(scenario: string, figures: Figures, budget: Budget): string[] {
  return Object.entries(BOUNDS[scenario] ?? {})
    .filter(([key, [, most]]) => !(Number(figures[key]) <= budget[most]))
    .map(([key, [name, most]]) => `${figures[key]} ${name}, not ${budget[most]}`);
}
