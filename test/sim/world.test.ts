import { expect, test } from 'vitest';
import { type Plan, World } from './world.ts';

// SEED=N replays one world and tells its story; SEEDS=N runs that many.
const only = process.env.SEED === undefined ? undefined : Number(process.env.SEED);
const count = Number(process.env.SEEDS ?? 100);

const CALM: Plan = {
  boards: 2,
  changes: 30,
  faults: { lost: 0, doubled: 0, delayMs: 5 },
  cut: 0,
  kill: 0,
  lose: 0,
  restart: 0,
  hintLost: 0,
  restore: 0,
  collect: 0,
  pauses: [0, 1, 5, 50, 500, 20_000],
};
const ROUGH: Plan = {
  boards: 2,
  changes: 40,
  faults: { lost: 0.05, doubled: 0.05, delayMs: 200 },
  cut: 0.05,
  kill: 0.05,
  lose: 0,
  restart: 0.03,
  hintLost: 0.1,
  restore: 0,
  collect: 0,
  pauses: [0, 1, 5, 50, 500, 20_000],
};
// Everyone at once: changes meet in flight, conflicts pile up.
const DENSE: Plan = {
  ...CALM,
  boards: 3,
  changes: 150,
  faults: { lost: 0, doubled: 0, delayMs: 60 },
  pauses: [0, 1, 5, 20, 50],
};

// Boards forget what both ends agreed on, at any moment.
const FORGETFUL: Plan = { ...ROUGH, lose: 0.06 };

// Whoever runs the gateway brings back what was, in the middle of everything.
const NOSTALGIC: Plan = { ...ROUGH, restore: 0.2 };

// Nothing is kept but what is current, while everything goes on: what comes back from long ago is a conflict.
const SHORT: Plan = { ...ROUGH, collect: 0.6, cut: 0.1 };

function planOf(seed: number): Plan {
  if (seed % 8 === 5) return FORGETFUL;
  if (seed % 8 === 3) return DENSE;
  if (seed % 4 === 0) return CALM;
  if (seed % 16 === 9) return NOSTALGIC;
  if (seed % 16 === 6) return seed % 32 === 6 ? SHORT : { ...SHORT, boards: 3, restore: 0.1 };
  return seed % 16 === 1 ? { ...ROUGH, boards: 3 } : ROUGH;
}

function play(seed: number): void {
  const world = new World(seed, planOf(seed));
  const wrong = world.run();
  if (wrong.length === 0) return;
  const story = only === undefined ? [] : world.story;
  expect.fail([...story, ...wrong, `replay: SEED=${seed} npx vitest run test/sim/world.test.ts`].join('\n'));
}

if (only !== undefined) {
  test(`world: seed ${only} -> converges, nothing lost`, () => play(only));
} else {
  test.each(Array.from({ length: count }, (_, seed) => seed))(
    'world: seed %i -> converges, nothing lost',
    play,
  );
  test.each([1, 2, 3, 4])('world: seed %i twice -> the same trace', seed => {
    const [a, b] = [new World(seed, planOf(seed)), new World(seed, planOf(seed))];
    a.run();
    b.run();
    expect(b.trace).toBe(a.trace);
  });
}
