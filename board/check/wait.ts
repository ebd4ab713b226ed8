// Waiting for something to be so, by looking now and then.

import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../agent/failure.ts';

const LOOK_MS = 500;

export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs: number,
  explain: () => string = () => '',
): Promise<NonNullable<T>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > end)
      throw new Failure('runtime', `not in ${Math.round(withinMs / 1000)} s: ${what}\n${explain()}`);
    await pause(LOOK_MS);
  }
}
