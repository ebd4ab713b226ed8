// Loads an agent's or a gateway's code when it is to run: an agent on a small board never has the gateway's store
// and broker in memory, and `toastbox help` has neither.

import type { StartAgent } from '../../agent/options.ts';
import type { StartGateway } from '../../gateway/options.ts';

export const loadAgent = async (): Promise<StartAgent> => (await import('../../agent/main.ts')).startAgent;

export const loadGateway = async (): Promise<StartGateway> =>
  (await import('../../gateway/main.ts')).startGateway;
