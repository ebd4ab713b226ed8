// A board at rest: what an hour without a change costs on the wire, which may be metered, and on the card, which wears.

import { setTimeout as pause } from 'node:timers/promises';
import { amountOf, type Scenario } from '../scenario.ts';
import { bytesOnTheWire, bytesWritten } from '../traffic.ts';

const MINUTES = amountOf('IDLE_MINUTES', 60);
const MINUTE_MS = 60_000;
/** What the changes before leave behind: their last acknowledgements, a status. */
const CALM_MS = 30_000;

export const idle: Scenario = {
  name: 'idle',
  summary: 'an hour at rest: bytes on the wire, bytes written',
  isShort: false,
  async run(stand) {
    await stand.on();
    await stand.settle();
    await pause(CALM_MS);
    const before = [await bytesOnTheWire(stand), await bytesWritten(stand)] as const;
    await pause(MINUTES * MINUTE_MS);
    const perHour = (bytes: number) => Math.round((bytes * 60) / MINUTES);
    return {
      minutes: MINUTES,
      wireBytesPerHour: perHour((await bytesOnTheWire(stand)) - before[0]),
      bytesWrittenPerHour: perHour((await bytesWritten(stand)) - before[1]),
    };
  },
};
