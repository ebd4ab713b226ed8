// A store that was put back from a copy: what it has in common with what a board was told, by terms. Each opening of a
// store is a start of a gateway.

import { describe, expect, test } from 'vitest';
import { TERMS_MAX } from '../../gateway/store/terms.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { TRAIL_MAX } from '../../protocol/limits.ts';
import { type MemoryStore, openMemoryShelves, openMemoryStore } from './memory.ts';
import { arena, NOTHING, World } from './world.ts';

/** The store as it would be found by another start. */
const reopen = (store: MemoryStore): MemoryStore => openMemoryStore({ image: store.image() });

/** So many changes, in the term of this opening. */
function change(store: MemoryStore, count: number): MemoryStore {
  const board = new World(store).board('oven').hello();
  const head = store.folder('attic')!.head;
  for (let n = 0; n < count; n++) board.directory(`${store.term}-${head + n}`);
  return store;
}

const common = (store: MemoryStore, seq: number, term: Uint8Array): number =>
  store.commonWith(store.folder('attic')!, seq, term);

describe('terms', () => {
  test('terms: the gateway starts again and goes on -> each seq is of the start that gave it, all is in common', () => {
    const first = change(openMemoryStore(), 3);
    const second = change(reopen(first), 2);
    const idle = reopen(second);
    const third = change(reopen(idle), 1);
    const { number } = third.folder('attic')!;
    const terms = [first, first, first, second, second, third].map(({ term }) => term);
    expect(terms.map((_, index) => third.termOf(number, index + 1))).toEqual(terms);
    expect(terms.map((term, index) => common(third, index + 1, term))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(third.termOf(number, 0)).toHaveLength(0);
  });

  test('terms: a copy is put back, and as many changes made again -> in common is what came before the copy', () => {
    const told = change(openMemoryStore(), 4);
    const back = change(openMemoryStore({ image: told.image() }), 6);
    change(told, 6);
    expect(common(back, 4, told.term)).toBe(4);
    for (const seq of [5, 10, 400]) expect(common(back, seq, told.term)).toBe(4);
    // What was told after yet another start is not known to be anything's.
    const later = change(reopen(told), 1);
    expect(common(back, 11, later.term)).toBe(0);
    const again = change(openMemoryStore({ image: told.image() }), 1);
    expect(common(again, 10, told.term)).toBe(10);
    expect(common(again, 11, later.term)).toBe(0);
  });

  test('terms: a copy is put back, and nothing made since -> in common is all that it has', () => {
    const told = change(openMemoryStore(), 4);
    const back = openMemoryStore({ image: told.image() });
    change(told, 2);
    expect(common(back, 6, told.term)).toBe(4);
    expect(common(back, 4, told.term)).toBe(4);
  });

  test(`terms: the trail -> last seqs of ${TRAIL_MAX} terms before ours, each in common`, () => {
    const stores = [change(openMemoryStore(), 2)];
    expect(stores[0]!.trail(stores[0]!.folder('attic')!)).toEqual([]);
    for (let n = 1; n < TRAIL_MAX + 3; n++) stores.push(change(reopen(stores.at(-1)!), 2));
    const last = stores.at(-1)!;
    const trail = last.trail(last.folder('attic')!);
    const expected = stores.map(({ term }, index) => ({ seq: 2 * (index + 1), term })).slice(0, -1);
    expect(trail).toEqual(expected.slice(-TRAIL_MAX));
    const idle = reopen(last);
    const own = { seq: 2 * stores.length, term: last.term };
    expect(idle.trail(idle.folder('attic')!)).toEqual([...expected, own].slice(-TRAIL_MAX));
    for (const { seq, term } of trail) expect(common(last, seq, term)).toBe(seq);
  });

  test('terms: nothing is told, or no term with it -> taken for ours, as far as that reaches', () => {
    const store = change(openMemoryStore(), 4);
    expect(common(store, 0, NOTHING)).toBe(0);
    expect(common(store, 3, NOTHING)).toBe(3);
    expect(common(store, 9, NOTHING)).toBe(4);
    const past = Number.MAX_SAFE_INTEGER;
    expect(store.termOf(store.folder('attic')!.number, past)).toEqual(store.term);
    expect(common(store, past, store.term)).toBe(4);
  });

  test('terms: a commit fails, the first of its start too -> nothing of it is there, the next begins the term', () => {
    let code: string | undefined;
    const before = change(openMemoryStore(), 2);
    const store = openMemoryStore({ image: before.image(), onCommit: () => code });
    const { number } = store.folder('attic')!;
    const commit = (): boolean =>
      store.transaction(() =>
        store.commit(number, Buffer.from('x'), {
          kind: 2,
          mode: 0,
          size: 0,
          mtime: 0,
          content: NOTHING,
          board: 'b',
          arrived: 1,
        }),
      ).isDurable;
    code = 'ENOSPC';
    expect(commit()).toBe(false);
    expect(store.termOf(number, 3)).toEqual(before.term);
    code = undefined;
    expect(commit()).toBe(true);
    code = 'EIO';
    expect(commit()).toBe(false);
    code = undefined;
    expect(commit()).toBe(true);
    expect([2, 3, 4].map(seq => store.termOf(number, seq))).toEqual([before.term, store.term, store.term]);
    expect([...store.image()[0].keys()].filter(key => key.startsWith('G'))).toHaveLength(2);
  });

  test(`terms: more than ${TERMS_MAX} starts -> no more rows, the oldest are no longer known, the others are`, () => {
    const stores = [change(openMemoryStore(), 1)];
    for (let n = 1; n < TERMS_MAX + 3; n++) stores.push(change(reopen(stores.at(-1)!), 1));
    const last = stores.at(-1)!;
    const rows = [...last.image()[0].keys()].filter(key => key.startsWith('G'));
    expect(rows).toHaveLength(TERMS_MAX);
    expect(stores.map(({ term }, index) => common(last, index + 1, term)).slice(0, 6)).toEqual([
      0, 0, 0, 0, 5, 6,
    ]);
    // Who reads all of it now is known again.
    const { number } = last.folder('attic')!;
    for (const seq of [1, 4, 5, TERMS_MAX + 3]) expect(common(last, seq, last.termOf(number, seq))).toBe(seq);
    const sum = verify(openMemoryShelves({ image: last.image() }), arena, () => {});
    expect(sum.damages).toBe(0);
  });
});
