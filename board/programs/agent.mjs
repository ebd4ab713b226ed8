// The program as a board has it: an agent, and what asks about it. Bundled into one file (board/bundle), in which
// nothing of the gateway is.
import { begin } from '../../cli/begin.mjs';
import { enter } from '../../cli/enter.ts';

const commands = {
  card: async invocation => (await import('../../cli/commands/card.ts')).cardCommand(invocation),
  agent: async invocation => (await import('../../cli/commands/agent.ts')).agentCommand(invocation),
  status: async invocation => (await import('../../cli/commands/status.ts')).statusCommand(invocation),
  memory: async invocation => (await import('../../cli/commands/memory.ts')).memoryCommand(invocation),
  plan: async invocation => (await import('../../cli/commands/plan.ts')).planCommand(invocation),
};

begin(process.argv[1], async () => ({ main: invocation => enter(commands, invocation) }));
