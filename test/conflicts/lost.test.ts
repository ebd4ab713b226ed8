// A board that lost its catalog while it was away: it has what it had, and remembers nothing of what was agreed on.
// What the history knows is no conflict; what it made itself meanwhile is kept, under whatever name.

import { describe, expect, test } from 'vitest';
import type { Machine } from '../sim/machine.ts';
import { bytesOf, CHANGES } from './changes.ts';
import { openTrio } from './group.ts';
import { copiesIn, type Facets, facetsOf } from './outcome.ts';

interface End {
  facets: Facets;
  before: Facets;
  lost: Machine;
  /** Of content, since its catalog went. */
  bytesUp: number;
}

/** While the board is away, others make `first`, its own user makes `later`, and its catalog goes. */
function play(first: string | undefined, later: string | undefined): End {
  const { group, copy, a, b } = openTrio();
  group.part(b);
  b.kill();
  b.loseCatalog();
  const sent = group.contentBytesFrom(b);
  CHANGES.find(({ name }) => name === first)?.make(a.volume, 'A');
  group.look();
  const before = facetsOf(a);
  CHANGES.find(({ name }) => name === later)?.make(b.volume, 'B');
  b.start();
  group.join(b);
  group.rest();
  group.look();
  group.rest();
  const facets = facetsOf(copy);
  for (const machine of [a, b]) expect(facetsOf(machine)).toEqual(facets);
  return { facets, before, lost: b, bytesUp: group.contentBytesFrom(b) - sent };
}

describe('conflict: a lost catalog', () => {
  const KNOWN = [
    'create n',
    'edit f',
    'rename f g',
    'chmod f',
    'chmod d/',
    'f becomes link',
    'f becomes f/',
    'link n',
  ];

  test.each(KNOWN)('%s elsewhere meanwhile -> taken over, no conflict, no content goes up', first => {
    const { facets, before, lost, bytesUp } = play(first, undefined);
    // Where a path of two was deleted, the old one comes back: nobody can tell it from a new file.
    for (const [key, value] of before) expect(facets.get(key), key).toBe(value);
    expect(copiesIn(facets)).toEqual([]);
    expect([lost.sync!.look()!.engine.counters.conflicts, bytesUp]).toEqual([0, 0]);
  });

  test('nothing happened meanwhile -> nothing is told or sent', () => {
    const { facets, before, lost, bytesUp } = play(undefined, undefined);
    expect(facets).toEqual(before);
    expect(lost.sync!.look()!.engine.counters).toMatchObject({ sentFiles: 0, receivedFiles: 0 });
    expect(bytesUp).toBe(0);
  });

  test('deleted elsewhere meanwhile -> back, from the board that still had it', () => {
    const { facets } = play('delete f', undefined);
    expect(facets.get('d/f what')).toBe(`file ${bytesOf('base', 'd/f').toString('base64')}`);
    expect(copiesIn(facets)).toEqual([]);
  });

  test('edited here meanwhile -> kept beside what stood there', () => {
    const { facets } = play(undefined, 'edit f');
    expect(facets.get('d/f what')).toBe(`file ${bytesOf('base', 'd/f').toString('base64')}`);
    const [copy] = copiesIn(facets);
    expect(facets.get(`${copy} what`)).toBe(`file ${bytesOf('B', 'd/f').toString('base64')}`);
  });
});
