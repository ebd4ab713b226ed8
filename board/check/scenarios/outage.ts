// The broker is gone for an hour of the board's time, while both sides go on writing; then it is back. And the same
// link when it is bad: frames lost and late.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { amountOf, type Figures, type Scenario, timed } from '../scenario.ts';
import { FOLDER, type Stand } from '../stand.ts';
import { BadWire } from '../wire.ts';

const MINUTE_MS = 60_000;
/** Shorter than the hour that is meant, where that is too long to wait for. */
const MINUTES = amountOf('OUTAGE_MINUTES', 60);
/** As many changes wait at the end of a shorter one. */
const ROUNDS = 60;
const WITHIN_MS = 1_800_000;

export const outage: Scenario = {
  name: 'outage',
  summary: 'the broker gone for an hour while both sides write',
  isShort: false,
  async run(stand) {
    await stand.on();
    await stand.settle();
    await stand.host.stopBroker();
    mkdirSync(join(stand.copy, 'meanwhile'), { recursive: true });
    await stand.run(`mkdir -p ${FOLDER}/aside`);
    for (let round = 0; round < ROUNDS; round++) {
      await pause((MINUTES * MINUTE_MS) / ROUNDS);
      writeFileSync(join(stand.copy, 'meanwhile', String(round)), `${round}\n`.repeat(100));
      await stand.run(`echo ${round} >${FOLDER}/aside/${round}`);
    }
    await stand.host.startBroker();
    const settleSeconds = await timed(() => stand.settle(WITHIN_MS));
    return { minutes: MINUTES, files: 2 * ROUNDS, settleSeconds };
  },
};

/** Each way: with 11 % lost, a fifth of all round trips is; 300 ms make 600. */
const BAD = { delayMs: 300, loss: 0.11 };
const LINK_FILES = 30;

export const link: Scenario = {
  name: 'link',
  summary: 'a fifth of all round trips lost, 600 ms each',
  isShort: false,
  async run(stand) {
    await stand.on();
    const wire = await BadWire.open({ ...BAD, random: Math.random });
    try {
      await stand.power({ network: wire.words });
      const figures = await badly(stand);
      await stand.cut();
      return { ...figures, frames: wire.frames, framesLost: wire.lost };
    } finally {
      wire.close();
    }
  },
};

async function badly(stand: Stand): Promise<Figures> {
  mkdirSync(join(stand.copy, 'badly'), { recursive: true });
  for (let at = 0; at < LINK_FILES; at++)
    writeFileSync(join(stand.copy, 'badly', String(at)), `${at}\n`.repeat(2_000));
  await stand.run(
    `mkdir -p ${FOLDER}/worse; for i in $(seq ${LINK_FILES}); do seq $i 2000 >${FOLDER}/worse/$i; done`,
  );
  return { files: 2 * LINK_FILES, settleSeconds: await timed(() => stand.settle(WITHIN_MS)) };
}
