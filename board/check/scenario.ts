// What a check consists of: scenarios that run one after the other on one stand, each with its figures. What does not
// hold is an error, and ends it.

import { Failure } from '../../agent/failure.ts';
import type { Stand } from './stand.ts';

export type Figures = Readonly<Record<string, number | string>>;

export interface Scenario {
  name: string;
  summary: string;
  /** Part of the short check, which has some minutes. */
  isShort: boolean;
  /** What it makes the board complain of; any other trouble in the board's status is one that nothing explains. */
  troubles?: RegExp;
  run(stand: Stand, isLong: boolean): Promise<Figures>;
}

/** Seconds that something took, to a tenth. */
export async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return Math.round((performance.now() - start) / 100) / 10;
}

export function mustBe(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it does not hold: ${what}`);
}

/** How long or how often something is done: `usual`, or what an environment variable says; figures tell which. */
export function amountOf(variable: string, usual: number): number {
  const amount = Number(process.env[variable] ?? usual);
  if (!(amount > 0)) throw new Failure('usage', `${variable} is no number above 0`);
  return amount;
}
