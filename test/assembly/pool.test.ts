// Frame cells against a model that a child could keep: a set of handles.
import { expect, it } from 'vitest';
import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { xorshift } from './seeded.ts';

const MIB = 2 ** 20;
const frames = (arena: Arena) => arena.pools().find(pool => pool.name === 'frames')!;

it.each([
  { mib: 2, cells: 4 },
  { mib: 8, cells: 8 },
  { mib: 64, cells: 8 },
])('pool: an arena of $mib MiB -> $cells frames, then no room', ({ mib, cells }) => {
  const arena = openArena({ bytes: mib * MIB });
  const taken = Array.from({ length: cells }, () => arena.takeFrame());
  expect(taken.every(frame => frame?.bytes.length === arena.frameBytes)).toBe(true);
  expect(arena.takeFrame()).toBe(undefined);
  expect(frames(arena)).toEqual({
    name: 'frames',
    cells,
    cellBytes: 32768,
    taken: cells,
    highWater: cells,
    waits: 1,
  });
  expect(arena.releaseFrame(taken[0]!.handle)).toBe(true);
  expect(arena.takeFrame()).not.toBe(undefined);
  expect(arena.audit()).toBe(undefined);
});

it('pool: takes and releases at random -> as the model, audited after every step', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const arena = openArena({ bytes: (seed % 2 === 0 ? 2 : 8) * MIB });
    const { cells } = frames(arena);
    const next = xorshift(seed);
    const held = new Map<number, number>();
    const stale: number[] = [];
    let highWater = 0;
    for (let step = 0; step < 3000; step++) {
      const where = `seed ${seed}, step ${step}`;
      const what = next() % 8;
      if (what < 4) {
        const frame = arena.takeFrame();
        expect(frame === undefined, where).toBe(held.size === cells);
        if (frame !== undefined) {
          expect(held.has(frame.handle), where).toBe(false);
          const mark = next() & 0xff;
          frame.bytes.fill(mark);
          held.set(frame.handle, mark);
          highWater = Math.max(highWater, held.size);
        }
      } else if (what < 7 && held.size > 0) {
        const handle = [...held.keys()][next() % held.size]!;
        const bytes = arena.frame(handle);
        const mark = held.get(handle)!;
        expect([bytes[0], bytes[16_000], bytes[32_767]], where).toEqual([mark, mark, mark]);
        expect(arena.releaseFrame(handle), where).toBe(true);
        held.delete(handle);
        stale.push(handle);
      } else if (stale.length > 0) {
        const handle = stale[next() % stale.length]!;
        expect(arena.releaseFrame(handle), where).toBe(false);
        expect(() => arena.frame(handle), where).toThrow(`frame handle ${handle} is not taken`);
      }
      expect(frames(arena), where).toMatchObject({ taken: held.size, highWater });
      expect(arena.audit(), where).toBe(undefined);
    }
  }
});

it('pool: asked again and again while it is full -> one wait, until a cell came back', () => {
  const arena = openArena({ bytes: 2 * MIB });
  const taken = Array.from({ length: 4 }, () => arena.takeFrame()!);
  expect(frames(arena).waits).toBe(0);
  for (let round = 1; round <= 3; round++) {
    for (let again = 0; again < 5; again++) expect(arena.takeFrame()).toBe(undefined);
    expect(frames(arena).waits).toBe(round);
    expect(arena.releaseFrame(taken.pop()!.handle)).toBe(true);
    taken.push(arena.takeFrame()!);
  }
});

it('pool: cells taken, passed on and given back -> each shows its tenant', () => {
  const arena = openArena({ bytes: 2 * MIB });
  expect(arena.frameSpans()).toEqual([['free', 4]]);
  const [first, second] = [arena.takeFrame()!, arena.takeFrame()!];
  arena.passFrame(first.handle);
  expect(arena.frameSpans()).toEqual([
    ['link', 1],
    ['filling', 1],
    ['free', 2],
  ]);
  arena.releaseFrame(first.handle);
  arena.releaseFrame(second.handle);
  expect(arena.frameSpans()).toEqual([['free', 4]]);
  expect(() => arena.passFrame(first.handle)).toThrow(/not taken/);
  // A tenant without a name, and none, are mistakes of ours.
  expect(() => arena.exports.takeCell(arena.exports.POOL_FRAMES.value, 0)).toThrow(WebAssembly.RuntimeError);
  expect(arena.audit()).toBe(undefined);
});

it('pool: handles that were never given -> refused, nothing changes', () => {
  const arena = openArena({ bytes: 2 * MIB });
  const { handle } = arena.takeFrame()!;
  const foreign = [
    0,
    -1,
    1,
    0x7fffffff,
    -0x80000000,
    handle + 1,
    handle + 4,
    handle + 0x1000,
    handle + 0x10000,
  ];
  for (const wrong of foreign) {
    expect(arena.releaseFrame(wrong), String(wrong)).toBe(false);
    expect(() => arena.frame(wrong), String(wrong)).toThrow(/not taken/);
  }
  expect(frames(arena).taken).toBe(1);
  expect(arena.releaseFrame(handle)).toBe(true);
  expect(arena.releaseFrame(handle)).toBe(false);
  expect(arena.audit()).toBe(undefined);
});

it('pool: one cell released 70,000 times -> its handles stay positive and the last stale one is refused', () => {
  const arena = openArena({ bytes: 2 * MIB });
  let before = 0;
  for (let round = 0; round < 70_000; round++) {
    const { handle } = arena.takeFrame()!;
    if (handle <= 0 || handle === before) expect.fail(`handle ${handle} in round ${round}`);
    if (!arena.releaseFrame(handle) || arena.releaseFrame(handle)) expect.fail(`round ${round}`);
    before = handle;
  }
  expect(arena.audit()).toBe(undefined);
});
