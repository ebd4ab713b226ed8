// A week of a board's life in half an hour or two hours: each day changes on both sides, a broker and a gateway that
// start anew. The first two days end without power; the others are one life of the agent, so that its memory has all
// of them to grow in. It has not grown at the end, nor has the catalog's file, nor the number of directories that are
// watched.

import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { amountOf, mustBe, type Scenario } from '../scenario.ts';
import { FOLDER, type Stand } from '../stand.ts';
import { bytesWritten } from '../traffic.ts';

const DAYS = amountOf('DAYS', 7);
const SMALL = 1_000;
const LARGE = 10;
const KIB = 1024;
/** A large file, and the part of it that is another each day. */
const LARGE_KIB = 2_000;
const CHANGED_KIB = 500;
const WITHIN_MS = 1_800_000;
/** So many days end with a power cut. The next is the first of the life that is looked at, and begins with everything
 * there. */
const CUT_DAYS = 2;
const GROWTH = 1.15;

interface Day {
  rssAnonKiB: number;
  catalogBytes: number;
  watches: number;
  bytesWritten: number;
}

export const week: Scenario = {
  name: 'week',
  summary: 'seven days of changes, restarts and power cuts: nothing grows',
  isShort: false,
  async run(stand) {
    mustBe(DAYS >= CUT_DAYS + 2, `fewer than ${CUT_DAYS + 2} days have nothing to compare`);
    await stand.on();
    const days: Day[] = [];
    for (let day = 0; day < DAYS; day++) {
      const before = await bytesWritten(stand);
      await change(stand, day);
      await stand.settle(WITHIN_MS);
      const written = (await bytesWritten(stand)) - before;
      await stand.host.stopBroker();
      await stand.host.startBroker();
      await stand.host.stopGateway();
      await stand.host.startGateway();
      await stand.settle(WITHIN_MS);
      await stand.rest();
      days.push({ ...(await measure(stand)), bytesWritten: written });
      if (day < CUT_DAYS) {
        await stand.cut();
        await stand.on();
      }
    }
    const [first, last] = [days[CUT_DAYS]!, days.at(-1)!];
    for (const key of ['rssAnonKiB', 'catalogBytes', 'watches'] as const)
      mustBe(last[key] <= first[key] * GROWTH, `${key} does not grow: ${days.map(day => day[key])}`);
    return { days: DAYS, ...last, rssAnonKiBOfDays: days.map(day => day.rssAnonKiB).join(' ') };
  },
};

/**
 * A standard day, half of it on either side: 1,000 small changes, of which half write over what is there, a quarter is
 * new and a quarter goes; and 10 large files of which a quarter is written over. So every day ends with as much as the
 * one before.
 */
async function change(stand: Stand, day: number): Promise<void> {
  const half = SMALL / 2;
  for (let at = 0; at < half; at++) {
    const place = join(stand.copy, 'days', String(at % 20));
    mkdirSync(place, { recursive: true });
    const text = `${day} ${at}\n`.repeat(20);
    if (at % 4 < 2) writeFileSync(join(place, String(at)), text);
    else if (at % 4 === 2) writeFileSync(join(place, `${day}.${at}`), text);
    else rmSync(join(place, '..', String((at - 1) % 20), `${day - 1}.${at - 1}`), { force: true });
  }
  const from = (day % (LARGE_KIB / CHANGED_KIB)) * CHANGED_KIB;
  for (let at = 0; at < LARGE / 2; at++) {
    const file = join(stand.copy, `large ${at}`);
    if (day === 0) writeFileSync(file, randomBytes(LARGE_KIB * KIB));
    const handle = openSync(file, 'r+');
    writeSync(handle, randomBytes(CHANGED_KIB * KIB), 0, CHANGED_KIB * KIB, from * KIB);
    closeSync(handle);
  }
  const large =
    day === 0 ? `bs=1k count=${LARGE_KIB}` : `bs=1k count=${CHANGED_KIB} seek=${from} conv=notrunc`;
  await stand.run(
    `cd ${FOLDER} && i=0 && while [ $i -lt ${half} ]; do d=mine/$((i % 20)); mkdir -p $d; ` +
      `echo ${day} $i >$d/$i; echo ${day} $i >$d/$i.too; echo ${day} $i >$d/${day}.$i; rm -f $d/${day - 1}.$i; ` +
      `i=$((i + 4)); done; i=0; while [ $i -lt ${LARGE / 2} ]; do ` +
      `dd if=/dev/urandom ${large} of=large.$i 2>/dev/null; i=$((i + 1)); done`,
    WITHIN_MS,
  );
}

async function measure(stand: Stand): Promise<Omit<Day, 'bytesWritten'>> {
  const { rssAnonKiB } = await stand.memory();
  const text = await stand.run(
    'stat -c %s /data/state/catalog; cat /proc/$(pidof node)/fdinfo/* | grep -c ^inotify',
  );
  const [catalogBytes, watches] = text.split('\n').map(Number) as [number, number];
  return { rssAnonKiB, catalogBytes, watches };
}
