// The real clock for a driver: one timer, moved as the engine asks.

import type { Clock } from './driver.ts';

/** setTimeout takes 31 bits of milliseconds; a longer wait is looked at again then. */
const WAIT_MS_MAX = 2 ** 31 - 1;

export function realClock(): Clock {
  let timer: NodeJS.Timeout | undefined;
  return {
    now: () => Date.now(),
    wake(time, call) {
      clearTimeout(timer);
      if (time === Number.POSITIVE_INFINITY) return;
      timer = setTimeout(call, Math.max(0, Math.min(time - Date.now(), WAIT_MS_MAX)));
    },
  };
}
