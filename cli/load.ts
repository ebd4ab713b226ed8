// Loads an agent's or a gateway's code when it is to run: an agent on a small board never has the gateway's store
// and broker in memory, and `toastbox help` has neither.

import type { StartAgent } from '../agent/options.ts';
import type { StartGateway } from '../gateway/options.ts';
import type { BlockHasher, Store } from '../gateway/store/port.ts';

export const loadAgent = async (): Promise<StartAgent> => (await import('../agent/main.ts')).startAgent;

export const loadGateway = async (): Promise<StartGateway> =>
  (await import('../gateway/main.ts')).startGateway;

/** Opens a gateway's store to read it, beside the gateway or without it. */
export const loadReader = async (): Promise<(directory: string, hasher?: BlockHasher) => Store> =>
  (await import('../gateway/store/lmdb.ts')).readLmdbStore;

/** Opens a gateway's store to write it: only where no gateway runs. */
export const loadWriter = async (): Promise<(directory: string) => Store> =>
  (await import('../gateway/store/lmdb.ts')).openLmdbStore;
