// What happens in a simulated world, step by step, made from a seed before it begins: who changes what, and every
// fault but those of single frames. So a world can be told as a story, and run again without a step of it.
//
// Each world has its own few kinds of faults: with all kinds at once some would hide what others bring about.

import { type Faults, NO_FAULTS } from './network.ts';
import { Random } from './random.ts';

/** At a call: the one that is so many calls of this board's disk away, or the first after it that is fit. */
export type Act =
  | { is: 'edit'; board: number; seed: number }
  | { is: 'edit at a call'; board: number; calls: number; seed: number }
  | { is: 'cut'; board: number; downMs: number }
  | { is: 'stop'; board: number; downMs: number }
  | { is: 'kill'; board: number; downMs: number }
  | { is: 'kill at a call'; board: number; calls: number; downMs: number }
  | { is: 'power cut'; board: number; seed: number; downMs: number }
  | { is: 'power cut at a call'; board: number; calls: number; seed: number; downMs: number }
  | { is: 'I/O error'; board: number; calls: number; code: string }
  | { is: 'disk full'; board: number; forMs: number }
  | { is: 'no room at a call'; board: number; calls: number }
  | { is: 'clock jump'; board: number; byMs: number }
  | { is: 'catalog lost'; board: number; downMs: number }
  | { is: 'broker restart'; keeps: boolean; downMs: number }
  | { is: 'gateway kill'; downMs: number }
  | { is: 'gateway kill in a commit'; isAfter: boolean; downMs: number }
  | { is: 'commit failed'; code: string }
  | { is: 'old versions go'; keepMs: number; steps: number; gapMs: number }
  | { is: 'restore'; seed: number }
  | { is: 'backup' }
  | { is: 'rollback'; downMs: number };

export interface Step {
  /** Before it. */
  pauseMs: number;
  act: Act;
}

export interface HintFaults {
  lost: number;
  doubled: number;
  lateMs: number;
}

export interface Script {
  seed: number;
  boards: number;
  /** The last board has the first one's name, until all is over. */
  hasTwin: boolean;
  frames: Faults;
  hints: HintFaults;
  steps: Step[];
  /** The first board's disk keeps whole seconds. */
  isCoarse: boolean;
  /** The boards have little processor time. */
  isSlow: boolean;
}

export const NO_HINT_FAULTS: HintFaults = { lost: 0, doubled: 0, lateMs: 0 };

const CODES = ['EIO', 'EIO', 'EACCES', 'EMFILE', 'EROFS', 'ENOMEM'];
const JUMPS_MS = [-86_400_000, -3_600_000, -2_000, -5, 3_000, 3_600_000, 400 * 86_400_000];
/** Calls of a board's disk within which something happens at one. */
const CALLS_AHEAD = 300;

type Maker = (random: Random, board: number) => Act;

const downMs = (random: Random): number => random.pick([0, 100, 2_000, 5_000, 90_000]);
const seed = (random: Random): number => random.below(2 ** 32);
const calls = (random: Random): number => random.below(random.pick([5, 30, CALLS_AHEAD]));

/** The kinds of faults, and how often one of the kind comes for each edit: the acts that make it up. */
const KINDS: Record<string, readonly (readonly [chance: number, make: Maker])[]> = {
  cut: [[0.06, (random, board) => ({ is: 'cut', board, downMs: random.below(10_000) })]],
  kill: [
    [0.04, (random, board) => ({ is: 'stop', board, downMs: downMs(random) })],
    [0.04, (random, board) => ({ is: 'kill', board, downMs: downMs(random) })],
    [
      0.08,
      (random, board) => ({ is: 'kill at a call', board, calls: calls(random), downMs: downMs(random) }),
    ],
  ],
  power: [
    [0.04, (random, board) => ({ is: 'power cut', board, seed: seed(random), downMs: downMs(random) })],
    [
      0.06,
      (random, board) => ({
        is: 'power cut at a call',
        board,
        calls: calls(random),
        seed: seed(random),
        downMs: downMs(random),
      }),
    ],
  ],
  disk: [
    [0.15, (random, board) => ({ is: 'I/O error', board, calls: calls(random), code: random.pick(CODES) })],
  ],
  room: [
    [0.08, (random, board) => ({ is: 'no room at a call', board, calls: calls(random) })],
    [0.03, (random, board) => ({ is: 'disk full', board, forMs: random.pick([100, 5_000, 40_000]) })],
  ],
  meanwhile: [
    [0.4, (random, board) => ({ is: 'edit at a call', board, calls: calls(random), seed: seed(random) })],
  ],
  clock: [[0.06, (random, board) => ({ is: 'clock jump', board, byMs: random.pick(JUMPS_MS) })]],
  catalog: [[0.05, (random, board) => ({ is: 'catalog lost', board, downMs: downMs(random) })]],
  broker: [
    [0.04, random => ({ is: 'broker restart', keeps: random.chance(0.5), downMs: random.below(5_000) })],
  ],
  gateway: [
    [0.02, random => ({ is: 'gateway kill', downMs: downMs(random) })],
    [
      0.04,
      random => ({ is: 'gateway kill in a commit', isAfter: random.chance(0.5), downMs: downMs(random) }),
    ],
    [0.06, random => ({ is: 'commit failed', code: random.pick(['ENOSPC', 'EIO']) })],
  ],
  pruning: [
    [
      0.5,
      random => ({
        is: 'old versions go',
        keepMs: random.pick([0, 1_000, 60_000]),
        steps: random.below(12),
        gapMs: random.below(50),
      }),
    ],
  ],
  restore: [[0.15, random => ({ is: 'restore', seed: seed(random) })]],
  backup: [
    [0.06, () => ({ is: 'backup' })],
    [0.05, random => ({ is: 'rollback', downMs: downMs(random) })],
  ],
};
export const KIND_NAMES: readonly string[] = Object.keys(KINDS);

const PACES = [
  [0, 1, 5, 50, 500, 20_000],
  [0, 1, 5, 20, 50],
  [0, 200, 2_000],
  [500, 5_000, 70_000],
];

/** `played`: the kinds of faults that this world's are picked from. */
export function scriptOf(worldSeed: number, played = KIND_NAMES): Script {
  const random = new Random(worldSeed);
  const kinds = new Set<string>();
  // One world in eight is calm.
  for (let count = random.pick([0, 1, 1, 2, 2, 3, 3, 5]); count > 0; count--) kinds.add(random.pick(played));
  const boards = random.pick([1, 2, 2, 2, 3, 3, 4, 5]);
  const edits = random.pick([5, 10, 20, 30, 60]);
  const paces = random.pick(PACES);
  const isRough = random.chance(0.5);
  const steps: Step[] = [];
  for (let edit = 0; edit < edits; edit++) {
    const act: Act = { is: 'edit', board: random.below(boards), seed: seed(random) };
    steps.push({ pauseMs: random.pick(paces), act });
    for (const kind of kinds)
      for (const [chance, make] of KINDS[kind] ?? [])
        if (random.chance(chance))
          steps.push({ pauseMs: random.pick([0, 0, 3, 300]), act: make(random, random.below(boards)) });
  }
  return {
    seed: worldSeed,
    boards,
    hasTwin: boards > 1 && random.chance(0.04),
    frames: isRough
      ? { lost: random.pick([0, 0.05]), doubled: random.pick([0, 0.05]), delayMs: random.pick([5, 60, 200]) }
      : { ...NO_FAULTS, delayMs: 5 },
    hints: random.chance(0.4)
      ? {
          lost: random.pick([0, 0.1, 0.5]),
          doubled: random.pick([0, 0.1]),
          lateMs: random.pick([0, 20, 3_000]),
        }
      : NO_HINT_FAULTS,
    steps,
    isCoarse: random.chance(0.05),
    isSlow: random.chance(0.25),
  };
}

/** What an act is, in a line of a story. */
export function actText({ is, ...details }: Act): string {
  const words = Object.entries(details).map(([name, value]) => `${name} ${value}`);
  return `[${[is, ...words].join(', ')}]`;
}
