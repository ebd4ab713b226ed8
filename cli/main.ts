// The command line's entrance with all commands. Each one's code is loaded when it is called for, so an agent never
// has the gateway's store in memory.

import { type Commands, enter } from './enter.ts';
import type { Exit } from './exits.ts';
import type { Invocation } from './invocation.ts';

const COMMANDS: Required<Commands> = {
  demo: async invocation => (await import('./commands/demo.ts')).demoCommand(invocation),
  gateway: async invocation => (await import('./commands/gateway.ts')).gatewayCommand(invocation),
  agent: async invocation => (await import('./commands/agent.ts')).agentCommand(invocation),
  status: async invocation => (await import('./commands/status.ts')).statusCommand(invocation),
  memory: async invocation => (await import('./commands/memory.ts')).memoryCommand(invocation),
  history: async invocation => (await import('./commands/history.ts')).historyCommand(invocation),
  restore: async invocation => (await import('./commands/restore.ts')).restoreCommand(invocation),
  verify: async invocation => (await import('./commands/verify.ts')).verifyCommand(invocation),
  plan: async invocation => (await import('./commands/plan.ts')).planCommand(invocation),
  user: async invocation => (await import('./commands/user.ts')).userCommand(invocation),
  acl: async invocation => (await import('./commands/acl.ts')).aclCommand(invocation),
  card: async invocation => (await import('./commands/card.ts')).cardCommand(invocation),
};

/** Runs one command line to its end; resolves with the exit code. Never throws. */
export const main = (invocation: Invocation): Promise<Exit> => enter(COMMANDS, invocation);
