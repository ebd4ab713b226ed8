// The images on boards: made of Debian's and npm's packages, started in QEMU with the RAM that budget.json has, and
// what has to hold there (npm run board -- check armv7). All of it on armv7; on arm64 that it starts and joins, and its
// sizes. It wants QEMU, mtools and the packages themselves; only where QEMU is not installed is it left out.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { budgetOf } from '../../board/check/budget.ts';
import type { Figures } from '../../board/check/scenario.ts';
import { check } from '../../board/check/word.ts';
import { makeImage } from '../../board/image/image.ts';
import { has } from '../transport/brokers.ts';

const WITHIN_MS = 2_400_000;

/** Makes the image and checks it; the figures of each scenario. */
async function checked(word: string, only: readonly string[]): Promise<Map<string, Figures>> {
  const { imageBytes, ramMib } = budgetOf(word);
  const image = await makeImage(word);
  expect(image.bytes).toBeLessThanOrEqual(imageBytes);
  const figures = new Map<string, Figures>();
  await check({
    ...{ word, ramMib, isLong: false, only, onText: () => {} },
    onFigures(name, found) {
      console.info(JSON.stringify({ board: word, scenario: name, ...found }));
      figures.set(name, found);
    },
  });
  expect(figures.get('memory')).toMatchObject({ oomKills: 0 });
  return figures;
}

test.runIf(has('mcopy'))(
  'image: made twice -> the same bytes',
  async () => {
    const place = mkdtempSync(join(tmpdir(), 'toastbox-image-'));
    try {
      expect((await makeImage('armv7', place)).sha256).toBe((await makeImage('armv7', place)).sha256);
    } finally {
      rmSync(place, { recursive: true });
    }
  },
  WITHIN_MS,
);

test.runIf(has('qemu-system-arm') && has('mosquitto'))(
  'board: armv7 with 64 MB -> joins, syncs both ways, takes an update, loses nothing over five power cuts',
  async () => {
    const figures = await checked('armv7', []);
    expect([...figures.keys()]).toEqual(['image', 'join', 'both', 'update', 'powercut', 'memory']);
  },
  WITHIN_MS,
);

test.runIf(has('qemu-system-aarch64') && has('mosquitto'))(
  'board: arm64 with 96 MB -> joins and syncs its first files',
  async () => {
    const figures = await checked('arm64', ['join']);
    expect([...figures.keys()]).toEqual(['image', 'join', 'memory']);
  },
  WITHIN_MS,
);
