// What a board may cost at most, per target: board/budget.json. Whoever needs more raises it there, and says why.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../places.ts';
import type { Memory } from './stand.ts';

export interface Budget {
  imageBytes: number;
  bundleBytes: number;
  wasmBytes: number;
  /** Of the agent, at rest and at its most, in the least RAM. */
  rssAnonKiB: number;
  rssAnonMostKiB: number;
  threads: number;
  ramMib: number;
}

export function budgetOf(word: string): Budget {
  const all = JSON.parse(readFileSync(join(ROOT, 'board', 'budget.json'), 'utf8')) as Record<string, Budget>;
  const budget = all[word];
  if (budget === undefined) throw new Error(`board/budget.json has nothing for ${word}`);
  return budget;
}

/** What is over, in words. */
export function overruns(memory: Memory, budget: Budget): string[] {
  const rows = [
    ['RssAnon at rest', memory.rssAnonKiB, budget.rssAnonKiB],
    ['RssAnon at its most', memory.rssAnonMostKiB, budget.rssAnonMostKiB],
    ['threads', memory.threads, budget.threads],
  ] as const;
  return rows.filter(([, is, most]) => is > most).map(([name, is, most]) => `${name}: ${is}, not ${most}`);
}
