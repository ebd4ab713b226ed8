// The image on a board: made of Debian's and npm's packages, started in QEMU with 64 MB, and what has to hold there
// (npm run board -- check armv7). It wants qemu-system-arm, mtools and the packages themselves; only where QEMU is not
// installed is it left out.

import { expect, test } from 'vitest';
import { budgetOf } from '../../board/check/budget.ts';
import type { Figures } from '../../board/check/scenario.ts';
import { check } from '../../board/check/word.ts';
import { makeImage } from '../../board/image/image.ts';
import { has } from '../transport/brokers.ts';

const WITHIN_MS = 2_400_000;

test.runIf(has('qemu-system-arm') && has('mosquitto'))(
  'board: armv7 with 64 MB -> joins, syncs both ways, takes an update, loses nothing over five power cuts',
  async () => {
    const budget = budgetOf('armv7');
    const image = await makeImage('armv7');
    expect(image.bytes).toBeLessThanOrEqual(budget.imageBytes);
    const figures = new Map<string, Figures>();
    await check({
      ...{ word: 'armv7', ramMib: budget.ramMib, isLong: false, only: [], onText: () => {} },
      onFigures(name, found) {
        console.info(JSON.stringify({ scenario: name, ...found }));
        figures.set(name, found);
      },
    });
    expect([...figures.keys()]).toEqual(['image', 'join', 'both', 'update', 'powercut', 'memory']);
    expect(figures.get('memory')).toMatchObject({ oomKills: 0 });
  },
  WITHIN_MS,
);
