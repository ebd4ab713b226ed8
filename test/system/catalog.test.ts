// A catalog that is damaged, found at the start or in the middle of the work: said, set aside, and made again from
// the folder and the gateway, with nothing sent that the gateway has.

import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, openCast, until } from './cast.ts';

const FILES = 150;
const FILE_BYTES = 20_000;
/** What the gateway tells of the files, and what is told of them: 7 % of their content. */
const TOLD_BYTES_MAX = 200_000;

const PAGE_BYTES = 4096;
const KIND_AT = 12;
const LEAF = 1;

let cast: Cast;
afterEach(() => cast?.close());

type Choice = (page: Buffer, number: number) => boolean;

const isRoot: Choice = (_page, number) => number < 2;
/** Read only when the directory is compared: the catalog opens well. */
const isLeafOfEntries: Choice = (page, number) =>
  number >= 2 && page[KIND_AT] === LEAF && !page.includes('marker') && !page.includes('session');

/** Flips a bit in each chosen page where it lies: the file may be in use. */
function damage(file: string, isChosen: Choice): number {
  const bytes = readFileSync(file);
  const fd = openSync(file, 'r+');
  let count = 0;
  for (let number = 0; (number + 1) * PAGE_BYTES <= bytes.length; number++) {
    const page = bytes.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
    if (!isChosen(page, number)) continue;
    const at = PAGE_BYTES - 20;
    writeSync(fd, Uint8Array.of(page[at]! ^ 0x10), 0, 1, number * PAGE_BYTES + at);
    count++;
  }
  closeSync(fd);
  return count;
}

test.each<[string, Choice]>([
  ['both roots', isRoot],
  ['every page but the roots', (page, number) => !isRoot(page, number)],
  ['the entries of the folder', isLeafOfEntries],
])(
  'catalog: %s damaged -> said, set aside, made again; no content sent, no edit lost',
  async (_what, isChosen) => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const all = [one.folder, cast.gateway.copy('shared')];
    const random = new Random(5);
    mkdirSync(join(one.folder, 'a'));
    for (let file = 0; file < FILES; file++)
      writeFileSync(join(one.folder, 'a', `f${file}`), random.bytes(FILE_BYTES));
    await cast.settle(all);
    const catalog = join(one.state, 'catalog');
    for (let round = 0; round < 2; round++) {
      await one.stop();
      expect(damage(catalog, isChosen)).toBeGreaterThan(0);
      appendFileSync(join(one.folder, 'a', 'f7'), `edit ${round}`);
      await one.start();
      const tree = await cast.settle(all);
      expect(one.running?.said('set aside') || one.running?.said('kept as')).toBe(true);
      const edited = readdirSync(join(one.folder, 'a')).filter(name => name.startsWith('f7'));
      const texts = edited.map(name => readFileSync(join(one.folder, 'a', name), 'latin1'));
      expect(texts.some(text => text.endsWith(`edit ${round}`))).toBe(true);
      expect(tree.size).toBeLessThanOrEqual(FILES + 1 + round + 1);
      const { bytes } = await one.now();
      expect(bytes.in + bytes.out).toBeLessThan(TOLD_BYTES_MAX);
    }
    // For whoever wants to know what happened; not one for each time.
    expect(readdirSync(one.state).filter(name => name.startsWith('catalog.')).length).toBe(1);
  },
);

/** Names of 240 bytes that have nothing in common: their entries are more than the page cache of the smallest arena
 * holds. */
const MANY = 6_000;
const MANY_BYTES = 1_500;
const NAME_BYTES = 120;
/** The gateway's copy puts them all in place, one group after the other. */
const WITHIN_MS = 240_000;

test('catalog: damaged while the agent runs -> noticed when a page is read again, a new life, no content sent', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one', { words: ['--arena', '2MiB'] });
  const all = [one.folder, cast.gateway.copy('shared')];
  const random = new Random(6);
  const names = Array.from({ length: MANY }, () => Buffer.from(random.bytes(NAME_BYTES)).toString('hex'));
  mkdirSync(join(one.folder, 'a'));
  for (const name of names) writeFileSync(join(one.folder, 'a', name), random.bytes(MANY_BYTES));
  // The gateway's copy may take its time.
  const rest = async () => {
    const status = await one.now();
    const { state, head, settled, scan } = status;
    const isAtRest = state === 'idle' && scan.lastFinishedAt !== undefined;
    return isAtRest && head === MANY + 1 && settled === head ? status : undefined;
  };
  await until('all is up', rest, { withinMs: WITHIN_MS });

  // A restart on a whole catalog reads no file.
  await one.stop();
  await one.start();
  const { scan, catalog, pid } = await until('it rests again', rest, { withinMs: WITHIN_MS });
  expect([scan.read, scan.seen]).toEqual([0, MANY + 1]);
  expect(catalog.pages - catalog.freePages).toBeGreaterThan(1.2 * catalog.cachePages);

  expect(damage(join(one.state, 'catalog'), isLeafOfEntries)).toBeGreaterThan(catalog.cachePages);
  // Touched: so many hints of one directory have it listed, and every entry compared.
  const now = new Date();
  for (const name of names.slice(0, 100)) utimesSync(join(one.folder, 'a', name), now, now);
  await until('it is noticed', () => one.running!.said('the old catalog is kept as'));
  const { output } = one.running!;
  expect(output).toMatch(/the catalog's file: catalog: page \d+ has a wrong checksum/);
  expect(output).not.toContain('set aside as'); // that is how it is said at a start
  const tree = await cast.settle(all, { withinMs: WITHIN_MS });
  expect(tree.size).toBe(MANY + 1);
  const after = await one.now();
  expect(after.pid).toBe(pid);
  expect(after.lastError?.text).toContain('wrong checksum');
  expect(after.catalog.pages).toBeGreaterThan(catalog.cachePages);
  // Since the new life began: what the gateway tells of 6,000 names, and what is told of those touched.
  expect(after.bytes.in).toBeLessThan(MANY * 400);
  expect(after.bytes.out).toBeLessThan(100 * 1_000);
  expect(readdirSync(one.state).filter(file => file.startsWith('catalog.')).length).toBe(1);
}, 600_000);
