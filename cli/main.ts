// The command line's entrance with all commands. Each one's code is loaded when it is called for, so an agent never
// has the gateway's store in memory.

import { type Commands, enter } from './enter.ts';
import type { Exit } from './exits.ts';
import type { Invocation } from './invocation.ts';

const COMMANDS: Required<Commands> = {
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
  card: async invocation => (await import('./card.ts')).cardCommand(invocation),
};

/** Runs one command line to its end; resolves with the exit code. Never throws. */
export const main = (invocation: Invocation): Promise<Exit> => enter(COMMANDS, invocation);
