// A week of a board's life in an hour or two: each day changes on both sides, a broker that starts anew, a gateway that
// does, and now and then a board without power. Afterwards nothing has grown: neither the agent's memory, nor the
// catalog's file, nor the number of directories that are watched.

import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustBe, type Scenario } from '../scenario.ts';
import { FOLDER, type Stand } from '../stand.ts';

const DAYS = 7;
const SMALL = 1_000;
const LARGE = 10;
const LARGE_BYTES = 500_000;
const WITHIN_MS = 1_800_000;
/** The second day is the first that begins with everything there. */
const FROM_DAY = 1;
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
    await stand.on();
    const days: Day[] = [];
    for (let day = 0; day < DAYS; day++) {
      const before = await sectorsWritten(stand);
      await change(stand, day);
      await stand.settle(WITHIN_MS);
      const bytesWritten = ((await sectorsWritten(stand)) - before) * 512;
      await stand.host.stopBroker();
      await stand.host.startBroker();
      await stand.host.stopGateway();
      await stand.host.startGateway();
      await stand.settle(WITHIN_MS);
      days.push({ ...(await measure(stand)), bytesWritten });
      if (day % 3 === 2) {
        await stand.cut();
        await stand.on();
      }
    }
    const [first, last] = [days[FROM_DAY]!, days.at(-1)!];
    for (const key of ['rssAnonKiB', 'catalogBytes', 'watches'] as const)
      mustBe(last[key] <= first[key] * GROWTH, `${key} does not grow: ${days.map(day => day[key])}`);
    return { days: DAYS, ...last, rssAnonKiBOfDays: days.map(day => day.rssAnonKiB).join(' ') };
  },
};

/** A standard day: 1,000 small changes, half on either side, and 10 large ones. */
async function change(stand: Stand, day: number): Promise<void> {
  const half = SMALL / 2;
  for (let at = 0; at < half; at++) {
    const place = join(stand.copy, 'days', String(at % 20));
    mkdirSync(place, { recursive: true });
    if (at % 5 === 0) rmSync(join(place, `${day - 1} ${at}`), { force: true });
    writeFileSync(join(place, at % 2 === 0 ? String(at) : `${day} ${at}`), `${day} ${at}\n`.repeat(20));
  }
  for (let at = 0; at < LARGE / 2; at++)
    appendFileSync(join(stand.copy, `large ${at}`), Buffer.alloc(LARGE_BYTES, day * 10 + at));
  await stand.run(
    `cd ${FOLDER} && i=0 && while [ $i -lt ${half} ]; do d=mine/$((i % 20)); mkdir -p $d; ` +
      `echo ${day} $i >$d/$i; rm -f $d/${day - 2}.$i; echo ${day} >$d/${day}.$i; i=$((i + 2)); done; ` +
      `i=0; while [ $i -lt ${LARGE / 2} ]; do dd if=/dev/urandom bs=100k count=5 2>/dev/null >>grows.$i; ` +
      'i=$((i + 1)); done',
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

/** Of the data partition, since power came: the seventh number of its line. */
const sectorsWritten = async (stand: Stand): Promise<number> =>
  Number((await stand.run("awk '$3 ~ /3$/ { print $10 }' /proc/diskstats")).trim());
