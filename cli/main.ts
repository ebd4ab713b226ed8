// The command line's entrance: which command, and what the process exits with. Each command's code is loaded when it
// is called for, so an agent never has the gateway's store in memory.

import { VERSION } from '../agent/version.ts';
import { Exit, exitOf, failureOf } from './exits.ts';
import { commandHelp, generalHelp } from './help.ts';
import type { Invocation } from './invocation.ts';
import { suggestion } from './nearest.ts';
import { COMMAND_NAMES, type CommandName } from './options.ts';

const RUN: { readonly [C in CommandName]: (invocation: Invocation) => Promise<Exit> } = {
  demo: async invocation => (await import('./demo.ts')).demoCommand(invocation),
  gateway: async invocation => (await import('./gateway.ts')).gatewayCommand(invocation),
  agent: async invocation => (await import('./agent.ts')).agentCommand(invocation),
  status: async invocation => (await import('./status.ts')).statusCommand(invocation),
  memory: async invocation => (await import('./memory.ts')).memoryCommand(invocation),
  history: async invocation => (await import('./history.ts')).historyCommand(invocation),
  restore: async invocation => (await import('./restore.ts')).restoreCommand(invocation),
  verify: async invocation => (await import('./verify.ts')).verifyCommand(invocation),
  plan: async invocation => (await import('./plan.ts')).planCommand(invocation),
  user: async invocation => (await import('./user.ts')).userCommand(invocation),
  acl: async invocation => (await import('./acl.ts')).aclCommand(invocation),
};

const isCommand = (word: string): word is CommandName => (COMMAND_NAMES as readonly string[]).includes(word);
const isHelp = (word: string): boolean => word === '--help' || word === '-h';

/** Runs one command line to its end; resolves with the exit code. Never throws. */
export async function main(invocation: Invocation): Promise<Exit> {
  const [first, ...words] = invocation.words;
  try {
    if (first === undefined) {
      invocation.errors.write(`${generalHelp()}\n`);
      return Exit.USAGE;
    }
    if (first === '--version') return print(invocation, `toastbox ${VERSION}`);
    if (isHelp(first) || first === 'help') return help(invocation, words);
    if (!isCommand(first)) return refuse(invocation, first);
    const end = words.indexOf('--');
    if (words.slice(0, end < 0 ? undefined : end).some(isHelp)) return print(invocation, commandHelp(first));
    return await RUN[first]({ ...invocation, words });
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

function help(invocation: Invocation, words: readonly string[]): Exit {
  const about = words.find(word => !isHelp(word));
  if (about === undefined || about === 'help') return print(invocation, generalHelp());
  return isCommand(about) ? print(invocation, commandHelp(about)) : refuse(invocation, about);
}

function print({ out }: Invocation, text: string): Exit {
  // `toastbox help | head` is fine.
  out.on('error', () => {});
  out.write(`${text}\n`);
  return Exit.FINE;
}

function refuse({ errors }: Invocation, word: string): Exit {
  const what = word.startsWith('-')
    ? `the command comes before ${word}`
    : `there is no command ${JSON.stringify(word)}`;
  errors.write(`toastbox: ${what}${suggestion(word, [...COMMAND_NAMES, 'help', '--help', '--version'])}\n`);
  errors.write(`  the commands are ${COMMAND_NAMES.join(', ')} and help\n`);
  return Exit.USAGE;
}
