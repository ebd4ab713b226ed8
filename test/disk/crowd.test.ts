// One directory with very many names, listed by the real lister in the smallest arena: LONG=1 for a million.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, type Bench, list, openBench, path, Turns } from './bench.ts';
import { closeGround, openQuickGround, systemWith } from './ground.ts';

const isLong = process.env.LONG === '1';
const NAMES = isLong ? 1_000_000 : 100_000;
const WITHIN_MS = isLong ? 600_000 : 60_000;
/** Half of them stay; of the others some go while the directory is read. */
const CHANGING = isLong ? 200_000 : 20_000;

let bench: Bench;
let many: string;
/** How long the spill file became, and how often one was opened. */
let spillBytes = 0;
let spills = 0;

beforeEach(() => {
  const ground = openQuickGround();
  let spillFd = -1;
  spillBytes = 0;
  spills = 0;
  const system = systemWith({
    openSync(place, flags, mode) {
      const fd = fs.openSync(place, flags, mode);
      if (!String(place).endsWith('/listing')) return fd;
      spillFd = fd;
      spills++;
      return fd;
    },
    writeSync(fd, from, offset, length, position) {
      const count = fs.writeSync(fd, from, offset, length, position);
      if (fd === spillFd) spillBytes = Math.max(spillBytes, position + count);
      return count;
    },
  });
  // Each look at the clock ends a turn.
  let now = Date.now();
  const turns = new Turns(() => {
    now += 10;
    return now;
  });
  bench = openBench({ ...ground, system }, {}, turns);
  many = join(bench.root, 'many');
  fs.mkdirSync(many);
});
afterEach(() => {
  bench.disk.close();
  closeGround(bench);
});

/** In no order that a directory would keep. */
const nameOf = (n: number, of: number): string => `name-${(n * 48_271) % of}`;
const make = (name: string) => fs.closeSync(fs.openSync(join(many, name), 'w'));
const openFiles = () => fs.readdirSync('/proc/self/fd').length;

/** Lists the directory, with `between` called in each turn; hands each row's name to `take`. */
function listWith(take: (name: string) => void, between: () => void): string | undefined {
  const { step } = bench.turns;
  bench.turns.step = () => {
    between();
    return step.call(bench.turns);
  };
  let answer = ask(bench, { do: 'list', dir: path('many') }, 'listed');
  for (;;) {
    for (let index = 0; index < (answer.rows?.count ?? 0); index++)
      take(Buffer.from(answer.rows!.at(index).name).toString('latin1'));
    if (answer.isEnd) return answer.trouble?.code;
    answer = ask(bench, { do: 'more' }, 'listed');
  }
}

test(
  `crowd: ${NAMES} names in a 2 MiB arena -> sorted, each once, through one spill file that is gone afterwards`,
  () => {
    for (let n = 0; n < NAMES; n++) make(nameOf(n, NAMES));
    // Whatever is opened once and kept is open by now.
    list(bench, path(''));
    const before = openFiles();
    const seen = new Uint8Array(NAMES);
    let last = '';
    let isSorted = true;
    let count = 0;
    const trouble = listWith(
      name => {
        isSorted &&= last < name;
        last = name;
        count++;
        const number = Number(name.slice(5));
        seen[number] = (seen[number] ?? 0) + 1;
      },
      () => {},
    );
    expect([trouble, count, isSorted]).toEqual([undefined, NAMES, true]);
    expect(seen.every(times => times === 1)).toBe(true);
    const listing = bench.disk.gauges().find(({ name }) => name === 'listing')!;
    expect(listing.highWater).toBeLessThanOrEqual(bench.arena.listing.length);
    expect(listing.times).toBeGreaterThan(10);
    // All names with their lengths, once a level: 23 runs are merged into one.
    expect(spills).toBe(1);
    expect(spillBytes).toBeGreaterThan(NAMES * 8);
    expect(spillBytes).toBeLessThanOrEqual(NAMES * 12 * (isLong ? 3 : 1));
    expect(fs.readdirSync(join(bench.root, '.toastbox')).sort()).toEqual(['folder', 'stage']);
    expect(openFiles()).toBe(before);
    expect(bench.arena.audit()).toBe(undefined);
  },
  WITHIN_MS,
);

test(
  `crowd: files come and go while ${CHANGING} names are read -> those that stay are listed once, in order`,
  () => {
    for (let n = 0; n < CHANGING; n++) make(nameOf(n, CHANGING));
    const stays = (number: number) => number % 2 === 0;
    let goes = 1;
    let comes = 0;
    let isSorted = true;
    let last = '';
    let strangers = 0;
    const seen = new Uint8Array(CHANGING);
    const trouble = listWith(
      name => {
        isSorted &&= last < name;
        last = name;
        const number = Number(name.slice(5));
        if (name.startsWith('name-')) seen[number] = (seen[number] ?? 0) + 1;
        else if (Number(name.slice(4)) >= comes) strangers++;
      },
      () => {
        for (let n = 0; n < 50; n++) {
          if (goes < CHANGING) fs.unlinkSync(join(many, `name-${goes}`));
          goes += 2;
          make(`new-${comes++}`);
        }
      },
    );
    expect([trouble, isSorted, strangers]).toEqual([undefined, true, 0]);
    expect(comes).toBeGreaterThan(1_000);
    expect(seen.every((times, number) => times === 1 || (!stays(number) && times === 0))).toBe(true);
    expect(fs.readdirSync(join(bench.root, '.toastbox')).sort()).toEqual(['folder', 'stage']);
  },
  WITHIN_MS,
);
