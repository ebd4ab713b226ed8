// A catalog that is damaged, found at the start or in the middle of the work: said, set aside, and made again from
// the folder and the gateway, with nothing sent that the gateway has.

import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Random } from '../sim/random.ts';
import { type Cast, openCast } from './cast.ts';

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

function damage(file: string, isChosen: Choice): number {
  const bytes = readFileSync(file);
  let count = 0;
  for (let number = 0; (number + 1) * PAGE_BYTES <= bytes.length; number++) {
    const page = bytes.subarray(number * PAGE_BYTES, (number + 1) * PAGE_BYTES);
    if (!isChosen(page, number)) continue;
    page[PAGE_BYTES - 20] = (page[PAGE_BYTES - 20] as number) ^ 0x10;
    count++;
  }
  writeFileSync(file, bytes);
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
