// The broker is gone for an hour of the board's time, while both sides go on writing; then it is back. And the same
// link when it is bad: packets lost and late, by netem in a network namespace in which QEMU runs.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { amountOf, type Figures, type Scenario, timed } from '../scenario.ts';
import { FOLDER, type Stand } from '../stand.ts';

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

const NAMESPACE = 'toastbox-check';
const [HERE, THERE] = ['10.77.13.1', '10.77.13.2'];
/** Each way: with 11 % lost, a fifth of all round trips is; 300 ms make 600. */
const BAD = 'delay 300ms loss 11%';
const LINK_FILES = 30;

export const link: Scenario = {
  name: 'link',
  summary: 'a fifth of all round trips lost, 600 ms each (netem; needs root)',
  isShort: false,
  async run(stand) {
    const [near, far] = ['toastbox-near', 'toastbox-far'];
    const ip = (words: string) => execFileSync('ip', words.split(' '), { stdio: 'pipe' });
    const tc = (words: string, inside: readonly string[] = []) => {
      const [program, ...rest] = [...inside, 'tc', ...words.split(' ')];
      execFileSync(program!, rest, { stdio: 'pipe' });
    };
    const inside = ['ip', 'netns', 'exec', NAMESPACE];
    await stand.on();
    await stand.cut();
    ip(`netns add ${NAMESPACE}`);
    try {
      ip(`link add ${near} type veth peer name ${far} netns ${NAMESPACE}`);
      ip(`address add ${HERE}/30 dev ${near}`);
      ip(`link set ${near} up`);
      ip(`-n ${NAMESPACE} address add ${THERE}/30 dev ${far}`);
      ip(`-n ${NAMESPACE} link set ${far} up`);
      stand.host.addresses.push(HERE);
      tc(`qdisc add dev ${near} root netem ${BAD}`);
      tc(`qdisc add dev ${far} root netem ${BAD}`, inside);
      await stand.host.stopBroker();
      await stand.host.startBroker();
      const lines = (host: string) => [
        `broker = "mqtt://${host}:${stand.host.port}"`,
        `name = "${stand.name}"`,
      ];
      stand.settings(lines(HERE));
      await stand.power({ through: inside });
      const figures = await badly(stand);
      await stand.cut();
      stand.settings([`broker = "${stand.broker}"`, `name = "${stand.name}"`, 'rescan = "30s"']);
      return figures;
    } finally {
      // Its end of the wire goes with it, and an address that a broker started anew could not listen on.
      ip(`netns delete ${NAMESPACE}`);
      stand.host.addresses.splice(1);
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
