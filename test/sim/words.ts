// What stands on the simulator's command line.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Failure } from '../../agent/failure.ts';
import { KIND_NAMES } from './script.ts';

export const HELP = `npm run sim -- [--seeds N] [--from N] [--seed N] [--kinds A,B] [--twice] [--jobs N] [--report FILE]

Plays simulated worlds. Says how many, what was injected, and of each seed that fails its story, shrunk, with the
command that plays it again. Exit code 1 if any world failed.

  --seeds N      how many (2000)
  --from N       the first (0)
  --seed N       this one only, and all of its story
  --kinds A,B    only these kinds of faults: ${KIND_NAMES.join(', ')}
  --twice        each world again, which has to go the same way
  --jobs N       worlds at a time (as many as there are processors)
  --report FILE  a summary as scripts/sum.mjs reads it`;

export interface Words {
  seeds: number;
  from: number;
  seed?: number | undefined;
  kinds?: string[] | undefined;
  isTwice: boolean;
  jobs: number;
  report?: string | undefined;
  isHelp: boolean;
}

/** Throws a Failure of kind usage. */
export function wordsOf(args: readonly string[]): Words {
  const values = parsed(args);
  const kinds = values.kinds?.split(',');
  for (const kind of kinds ?? [])
    if (!KIND_NAMES.includes(kind))
      throw new Failure('usage', `there is no kind ${kind}`, `there are ${KIND_NAMES.join(', ')}`);
  return {
    ...{ seeds: whole('seeds', values.seeds, 1), from: whole('from', values.from, 0) },
    seed: values.seed === undefined ? undefined : whole('seed', values.seed, 0),
    ...{ kinds, isTwice: values.twice, jobs: whole('jobs', values.jobs, 1) },
    ...{ report: values.report, isHelp: values.help },
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '2000' },
        from: { type: 'string', default: '0' },
        seed: { type: 'string' },
        jobs: { type: 'string', default: String(availableParallelism()) },
        kinds: { type: 'string' },
        twice: { type: 'boolean', default: false },
        report: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new Failure('usage', (error as Error).message, 'npm run sim -- --help');
  }
}

function whole(name: string, text: string, least: number): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < least)
    throw new Failure(
      'usage',
      `--${name} ${text}: no whole number from ${least} on`,
      'npm run sim -- --help',
    );
  return number;
}
