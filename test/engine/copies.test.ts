// The catalog's index of conflict copies: what stands in the folder under such a name, whoever made it.

import { expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { Catalog, COPIES_MAX } from '../../agent/engine/catalog.ts';
import { metaKey } from '../../agent/engine/keys.ts';
import { conflictPath } from '../../protocol/path.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS } from '../sim/deeds.ts';
import { ROOT } from '../sim/machine.ts';
import { MemoryPages } from '../tree/pages.ts';

/** Nobody tells of changes here: a rescan finds them. */
const RESCAN_MS = 400_000;

const copyOf = (name: string, attempt = 0): string =>
  Buffer.from(conflictPath(Buffer.from(name), 'kitchen', 0, attempt)).toString();
const listed = (pair: Pair): string[] =>
  pair.machine.sync!.look()!.engine.conflictCopies.map(path => Buffer.from(path).toString());

test('copies: in the folder before, made, moved with their directory, deleted -> listed as they stand', () => {
  const pair = new Pair();
  const { machine, time } = pair;
  const look = (): string[] => {
    time.runFor(RESCAN_MS);
    return listed(pair);
  };
  machine.volume.mkdirSync(`${ROOT}/d`);
  machine.volume.writeFileSync(`${ROOT}/d/${copyOf('a.txt')}`, 'x');
  machine.volume.writeFileSync(`${ROOT}/a.txt`, 'x');
  machine.start();
  time.runFor(REST_MS);
  expect(listed(pair)).toEqual([`d/${copyOf('a.txt')}`]);
  machine.volume.writeFileSync(`${ROOT}/${copyOf('b')}`, 'x');
  expect(look()).toEqual([copyOf('b'), `d/${copyOf('a.txt')}`]);
  machine.volume.renameSync(`${ROOT}/d`, `${ROOT}/e`);
  expect(look()).toEqual([copyOf('b'), `e/${copyOf('a.txt')}`]);
  machine.kill();
  machine.start();
  time.runFor(REST_MS);
  expect(listed(pair)).toEqual([copyOf('b'), `e/${copyOf('a.txt')}`]);
  machine.volume.unlinkSync(`${ROOT}/${copyOf('b')}`);
  expect(look()).toEqual([`e/${copyOf('a.txt')}`]);
});

test(`copies: more than ${COPIES_MAX} -> the first of them, and all the same after one goes`, () => {
  const pair = new Pair();
  const { machine, time } = pair;
  for (let n = 0; n < COPIES_MAX + 10; n++) machine.volume.writeFileSync(`${ROOT}/${copyOf('a', n)}`, 'x');
  machine.start();
  time.runFor(REST_MS);
  expect(listed(pair)).toHaveLength(COPIES_MAX);
  machine.volume.unlinkSync(`${ROOT}/${copyOf('a')}`);
  time.runFor(RESCAN_MS);
  expect(listed(pair)).toHaveLength(COPIES_MAX);
});

test('copies: a catalog of before there was an index -> known to be incomplete until a scan is through', () => {
  const tree = openTree(openArena({ bytes: 2 * 1024 * 1024 }), new MemoryPages());
  const catalog = new Catalog(tree);
  expect(catalog.rules).toBe('');
  catalog.find(Buffer.from('a/b'), true);
  expect(catalog.rules).toBeUndefined();
  catalog.rules = '';
  expect(catalog.rules).toBe('');
  tree.remove(metaKey('indexed'));
  expect(catalog.rules).toBeUndefined();
});
