// A flashed card starts for the first time, on a board whose clock stands at 2001: it takes its settings, finds the
// network by DHCP, joins, has the gateway's time, and syncs its first files.

import { writeFileSync } from 'node:fs';
import { join as joinPath } from 'node:path';
import { type Scenario, timed } from '../scenario.ts';
import { FOLDER } from '../stand.ts';

/** From the gateway's word to the clock: on the wire, in a busy emulator's agent, until the next turn of tend. */
const CLOCK_S_MAX = 60;
const SAID_MS = 60_000;

export const join: Scenario = {
  name: 'join',
  summary: 'a card starts for the first time, joins, has the gateway’s time, and syncs a file each way',
  isShort: true,
  async run(stand) {
    const start = performance.now();
    const shellSeconds = await stand.power({ words: ['-rtc', 'base=2001-01-01'] });
    await stand.joined();
    const joinedSeconds = (performance.now() - start) / 1000;
    const up = Number((await stand.run('cut -d" " -f1 /proc/uptime')).trim());
    await stand.board.saying(/the clock is set by the gateway/, SAID_MS);
    const off = Math.abs(Number(await stand.run('date +%s')) - Date.now() / 1000);
    if (off > CLOCK_S_MAX) throw new Error(`the board's clock is ${off} s off`);
    const firstSeconds = await timed(async () => {
      writeFileSync(joinPath(stand.copy, 'first'), 'from the gateway\n');
      await stand.run(`echo from the board >${FOLDER}/first.too`);
      await stand.settle();
    });
    const [shell, joined, clockOff] = [shellSeconds, joinedSeconds, off].map(value => Math.round(value));
    return {
      ...{ shellSeconds: shell!, joinedSeconds: joined!, boardSeconds: up },
      ...{ clockOffSeconds: clockOff!, firstSeconds },
    };
  },
};
