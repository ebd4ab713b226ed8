// Runs a command line with the commands that there are: which one, its help, and what the process exits with. The
// program has all of them (main.ts), what is bundled for a board a few (board/programs).

import { VERSION } from '../agent/version.ts';
import { Exit, exitOf, failureOf } from './exits.ts';
import type { Invocation } from './invocation.ts';
import { commandHelp, generalHelp } from './options/help.ts';
import { COMMAND_NAMES, type CommandName } from './options/table.ts';
import { suggestion } from './settings/nearest.ts';

/** Each loads its code when it is called for. */
export type Commands = { readonly [C in CommandName]?: (invocation: Invocation) => Promise<Exit> };

const isCommand = (word: string): word is CommandName => (COMMAND_NAMES as readonly string[]).includes(word);
const isHelp = (word: string): boolean => word === '--help' || word === '-h';
const namesOf = (commands: Commands): CommandName[] => COMMAND_NAMES.filter(name => name in commands);

/** Runs one command line to its end; resolves with the exit code. Never throws. */
export async function enter(commands: Commands, invocation: Invocation): Promise<Exit> {
  const [first, ...words] = invocation.words;
  try {
    if (first === undefined) {
      invocation.errors.write(`${generalHelp(namesOf(commands))}\n`);
      return Exit.USAGE;
    }
    if (first === '--version') return print(invocation, `toastbox ${VERSION}`);
    if (isHelp(first) || first === 'help') return help(commands, invocation, words);
    if (!isCommand(first)) return refuse(commands, invocation, first);
    const run = commands[first];
    if (run === undefined) return refuseAbsent(commands, invocation, first);
    const end = words.indexOf('--');
    if (words.slice(0, end < 0 ? undefined : end).some(isHelp)) return print(invocation, commandHelp(first));
    return await run({ ...invocation, words });
  } catch (error) {
    const failure = failureOf(error);
    invocation.errors.write(`toastbox: ${failure.message}\n`);
    if (failure.advice !== undefined) invocation.errors.write(`  ${failure.advice}\n`);
    // An error that nobody foresaw is a bug: show where.
    if (failure.kind === 'runtime' && failure.cause instanceof Error)
      invocation.errors.write(`${failure.cause.stack?.split('\n').slice(1).join('\n')}\n`);
    return exitOf(failure);
  }
}

function help(commands: Commands, invocation: Invocation, words: readonly string[]): Exit {
  const about = words.find(word => !isHelp(word));
  if (about === undefined || about === 'help') return print(invocation, generalHelp(namesOf(commands)));
  if (!isCommand(about)) return refuse(commands, invocation, about);
  if (commands[about] === undefined) return refuseAbsent(commands, invocation, about);
  return print(invocation, commandHelp(about));
}

function print({ out }: Invocation, text: string): Exit {
  out.write(`${text}\n`);
  return Exit.FINE;
}

function refuse(commands: Commands, { errors }: Invocation, word: string): Exit {
  const what = word.startsWith('-')
    ? `the command comes before ${word}`
    : `there is no command ${JSON.stringify(word)}`;
  const names = namesOf(commands);
  errors.write(`toastbox: ${what}${suggestion(word, [...names, 'help', '--help', '--version'])}\n`);
  errors.write(`  the commands are ${names.join(', ')} and help\n`);
  return Exit.USAGE;
}

function refuseAbsent(commands: Commands, { errors }: Invocation, name: CommandName): Exit {
  errors.write(`toastbox: ${name} is not in what is installed here\n`);
  errors.write(`  it comes with the gateway's package; here are ${namesOf(commands).join(', ')} and help\n`);
  return Exit.USAGE;
}
