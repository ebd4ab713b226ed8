// Many small files and a large one, both ways at once.

import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { amountOf, type Scenario, timed } from '../scenario.ts';
import { FOLDER } from '../stand.ts';

const MIB = 2 ** 20;
/** On either side. */
const SMALL = { short: 150, long: amountOf('FILES', 100_000) / 2 };
const LARGE_MIB = { short: 3, long: amountOf('LARGE_MIB', 200) };
const IN_DIRECTORY = 500;
const WITHIN_MS = { short: 300_000, long: 4 * 3_600_000 };

export const both: Scenario = {
  name: 'both',
  summary: 'small files and a large one, both ways: 300 and 3 MiB; --long 100,000 and 200 MiB',
  isShort: true,
  async run(stand, isLong) {
    const size = isLong ? 'long' : 'short';
    const count = SMALL[size];
    const within = WITHIN_MS[size];
    await stand.on();
    const smallSeconds = await timed(async () => {
      for (let at = 0; at < count; at++) {
        const place = join(stand.copy, 'down', String(Math.floor(at / IN_DIRECTORY)));
        if (at % IN_DIRECTORY === 0) mkdirSync(place, { recursive: true });
        writeFileSync(join(place, String(at)), `from the gateway ${at}\n`.repeat(1 + (at % 20)));
      }
      await stand.run(
        `cd ${FOLDER} && i=0 && while [ $i -lt ${count} ]; do d=up/$((i / ${IN_DIRECTORY})); ` +
          `[ $((i % ${IN_DIRECTORY})) -ne 0 ] || mkdir -p $d; ` +
          'echo "from the board $i $i $i $i $i $i" >$d/$i; i=$((i + 1)); done',
        within,
      );
      await stand.settle(within);
    });
    const small = await stand.memory();
    const largeSeconds = await timed(async () => {
      writeFileSync(join(stand.copy, 'large from the gateway'), randomBytes(LARGE_MIB[size] * MIB));
      await stand.run(
        `dd if=/dev/urandom of=${FOLDER}/large.from.the.board bs=1M count=${LARGE_MIB[size]} 2>/dev/null`,
        within,
      );
      await stand.settle(within);
    });
    const { rssAnonMostKiB } = await stand.memory();
    return {
      ...{ smallFiles: 2 * count, smallSeconds, smallRssAnonMostKiB: small.rssAnonMostKiB },
      ...{ largeMib: LARGE_MIB[size], largeSeconds, rssAnonMostKiB },
    };
  },
};
