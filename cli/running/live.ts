// Asks running agents and gateways over their control sockets and shows what they answer: once, or every two seconds.
// `toastbox status` and `toastbox memory` differ in what they ask and how they show it.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask, CONTROL_NAME } from '../../agent/control.ts';
import { Failure } from '../../agent/failure.ts';
import { RESERVED_NAME } from '../../protocol/path.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { Screen } from '../screen/screen.ts';
import { DEMO_NAME } from '../settings/store.ts';
import { awaitEnding } from './signals.ts';

const WATCH_MS = 2_000;
/** Home and erase all below: what was shown before. */
const CLEAR = '\u001b[H\u001b[J';

/** Who is asked: an agent by its folder, a gateway by its data, either by its state. */
export interface Place {
  folder: string | undefined;
  data: string | undefined;
  state: string | undefined;
}

export interface LiveSettings extends Place {
  json: boolean;
  watch: boolean;
}

/** `inWords` shows one answer; it may throw a Failure. */
export async function showLive(
  { world, out, errors }: Invocation,
  settings: LiveSettings,
  what: string,
  inWords: (answer: unknown) => string,
): Promise<Exit> {
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const states = statesOf(settings, world.directory);
  const show = async () => {
    const reports: string[] = [];
    for (const state of states) {
      const answer = await askAt(state, what);
      reports.push(settings.json ? JSON.stringify(answer) : inWords(answer));
    }
    return reports.join(settings.json ? '\n' : '\n\n');
  };
  if (!settings.watch) {
    screen.say(await show());
    return Exit.FINE;
  }
  const ending = awaitEnding(() => process.exit(Exit.FINE));
  const asked = ending.asked.then(() => true);
  do {
    const text = await show().catch((error: unknown) => {
      if (!(error instanceof Failure) || settings.json) throw error;
      return error.message;
    });
    screen.say(out.isTTY && !settings.json ? `${CLEAR}${text}` : text);
  } while (!(await Promise.race([asked, pause(WATCH_MS, false)])));
  ending.release();
  return Exit.FINE;
}

/** The state directories to ask at: the one that is named, or else what is found from here. */
export function statesOf({ folder, data, state }: Place, directory: string): string[] {
  const named = state ?? data ?? (folder === undefined ? undefined : join(folder, RESERVED_NAME));
  if (named !== undefined) return [named];
  for (let above = directory; ; above = dirname(above)) {
    if (existsSync(join(above, RESERVED_NAME))) return [join(above, RESERVED_NAME)];
    if (above === dirname(above)) break;
  }
  if (existsSync(join(directory, CONTROL_NAME))) return [directory];
  const demo = join(directory, DEMO_NAME);
  if (existsSync(demo)) return [join(demo, 'board', RESERVED_NAME), join(demo, 'gateway-data')];
  throw new Failure(
    'usage',
    'of what? There is no .toastbox here or above',
    'say --folder DIR (an agent) or --data DIR (a gateway)',
  );
}

async function askAt(state: string, what: string): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await ask(state, what);
  } catch (error) {
    throw silence(state, error);
  }
  if (answer === null) throw new Failure('runtime', `${state}: it is starting`, 'try again in a moment');
  const { kind, error } = answer as { kind?: unknown; error?: unknown };
  if (kind === 'agent' || kind === 'gateway') return answer;
  throw new Failure('runtime', `${state}: answered ${typeof error === 'string' ? error : 'something else'}`);
}

/** Why nobody answers at `state`. */
function silence(state: string, error: unknown): Failure {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED': {
      const advice =
        'start it (toastbox help agent, toastbox help gateway), or name another with --folder, --data or --state';
      return new Failure('running', `nothing is running on ${state}`, advice, error);
    }
    case 'EACCES':
    case 'EPERM':
      return new Failure(
        'environment',
        `${state}: permission denied`,
        'ask as the user that it runs as',
        error,
      );
    case 'ETIMEDOUT':
      return new Failure(
        'runtime',
        `${state}: it runs, but does not answer`,
        'try again; it may be at a slow disk',
        error,
      );
    default:
      return new Failure('runtime', `${state}: ${(error as Error).message}`, undefined, error);
  }
}
