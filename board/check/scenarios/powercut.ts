// Power goes under load, again and again: QEMU is killed while the board writes files and has others coming down. Its
// card is written past the host's cache, so what was not synced is gone, as it is on a board.
//
// Afterwards the board starts, its file systems recover, both sides become equal, and nothing is missing that was
// acknowledged: each file that the gateway had from the board at the cut, and each that was put into the gateway's
// copy. The board's writer syncs each file before it takes its name, as programs do that care.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { amountOf, mustBe, type Scenario } from '../scenario.ts';
import { FOLDER, type Stand } from '../stand.ts';
import { until } from '../wait.ts';

/** Where the board writes. */
const KEPT = 'kept';
const CUTS = { short: 5, long: amountOf('CUTS', 100) };
const SEED = Number(process.env.SEED ?? 1);
/** One cut in five comes while the board starts, the others within these seconds of work. */
const EARLY = 0.2;
const EARLY_MS_MAX = 12_000;
const WORK_MS_MAX = 4_000;
/** Between two files of either writer: software emulation has little processor time for a board that also starts
 * programs. */
const HOST_MS = 250;
const BOARD_S = 0.4;
const BEGIN_MS = 900_000;
/** Files that the board has yet to take, beyond which this side waits: a board that gets less processor time than that
 * would come to nothing of its own any more. */
const BEHIND_MAX = 30;
/** A number a cut, so that no name comes twice. */
const STRIDE = 100_000;

export const powercut: Scenario = {
  name: 'powercut',
  summary: 'power goes under load: 5 times, 100 with --long (SEED=n: other instants)',
  isShort: true,
  async run(stand, isLong) {
    await stand.on();
    const cuts = isLong ? CUTS.long : CUTS.short;
    const instants = Array.from({ length: 2 * cuts }, (_, at) => chance(at));
    const known = new Map<string, string>();
    let journals = 0;
    for (let cut = 0; cut < cuts; cut++) {
      const [kind, when] = [instants[2 * cut]!, instants[2 * cut + 1]!];
      await underLoad(stand, cut, known, kind < EARLY && cut > 0 ? 'early' : 'work', when);
      for (const [name, digest] of acknowledged(stand)) known.set(name, digest);
      await stand.power({}, true);
      journals +=
        (await stand.run('grep -c "recovering journal" /run/board/fsck; true')).trim() === '1' ? 1 : 0;
      const errors = await stand.run('dmesg | grep -c "EXT4-fs error"; true');
      mustBe(errors.trim() === '0', `no file system complains after cut ${cut + 1}`);
      await stand.settle();
      const missing = [...known].filter(([name, digest]) => digestOf(join(stand.copy, name)) !== digest);
      mustBe(missing.length === 0, `after cut ${cut + 1} all is there: ${missing.slice(0, 5).join('; ')}`);
    }
    const filesAcknowledged = [...known.keys()].filter(name => name.startsWith(`${KEPT}/`)).length;
    mustBe(filesAcknowledged >= cuts / 2, 'files of the board were acknowledged');
    return { cuts, journalsRecovered: journals, filesAcknowledged };
  },
};

/** Both sides write until power goes. */
async function underLoad(
  stand: Stand,
  cut: number,
  known: Map<string, string>,
  kind: 'early' | 'work',
  when: number,
): Promise<void> {
  const mine = join(stand.copy, 'kept-here');
  mkdirSync(mine, { recursive: true });
  let isOn = true;
  const writing = (async () => {
    for (let at = cut * STRIDE; isOn; at++) {
      while (isOn && (await isBehind(stand))) await pause(HOST_MS);
      const text = `${at}\n`.repeat(1 + (at % 300));
      writeFileSync(join(mine, String(at)), text);
      known.set(`kept-here/${at}`, createHash('md5').update(text).digest('hex'));
      await pause(HOST_MS);
    }
  })();
  try {
    if (kind === 'early') {
      await stand.cut();
      await stand.power({}, false);
      await pause(when * EARLY_MS_MAX);
    } else {
      stand.board.type(
        `(cd ${FOLDER}; mkdir -p ${KEPT}; i=${cut * STRIDE}; while :; do ` +
          `echo $i $i $i $i | dd of=.next conv=fsync; mv .next ${KEPT}/$i; i=$((i + 1)); sleep ${BOARD_S}; done) ` +
          '</dev/null >/dev/null 2>&1 &',
      );
      const first = join(stand.copy, KEPT, String(cut * STRIDE));
      await until('the board’s files arrive', () => existsSync(first), BEGIN_MS);
      await pause(when * WORK_MS_MAX);
    }
    await stand.cut();
  } finally {
    isOn = false;
    await writing;
  }
}

async function isBehind({ host, name }: Stand): Promise<boolean> {
  const status = await host.statusOf(name);
  return status?.state === 'online' && Number(status.pendingDown) > BEHIND_MAX;
}

/** What the gateway has from the board: its copy is made of what it committed. */
function acknowledged(stand: Stand): [name: string, digest: string][] {
  const place = join(stand.copy, KEPT);
  if (!existsSync(place)) return [];
  return readdirSync(place).map(name => [`${KEPT}/${name}`, digestOf(join(place, name))!]);
}

function digestOf(file: string): string | undefined {
  return existsSync(file) ? createHash('md5').update(readFileSync(file)).digest('hex') : undefined;
}

/** 0 to 1, by the seed. */
const chance = (at: number): number =>
  createHash('md5').update(`${SEED} ${at}`).digest().readUInt32BE() / 2 ** 32;
