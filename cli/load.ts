// Loads an agent's or a gateway's code when it is to run: an agent on a small board never has the gateway's store
// and broker in memory, and `toastbox help` has neither.

import type { StartAgent } from '../agent/options.ts';
import type { StartGateway } from '../gateway/options.ts';

// Named by variables until both compositions stand in the tree; tsc rewrites the ending either way.
const AGENT = '../agent/main.ts';
const GATEWAY = '../gateway/main.ts';

export const loadAgent = async (): Promise<StartAgent> =>
  ((await import(AGENT)) as { startAgent: StartAgent }).startAgent;

export const loadGateway = async (): Promise<StartGateway> =>
  ((await import(GATEWAY)) as { startGateway: StartGateway }).startGateway;
