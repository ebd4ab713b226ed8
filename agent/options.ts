// What starting an agent takes and gives. `agent/main.ts` implements startAgent; the command line calls it. The
// gateway's plain folders are agents without this: they take Sync and realPorts (gateway/plain/copy.ts).

import type { Note } from './engine/ports.ts';
import type { AgentStatus } from './status.ts';

export type LogLevel = 'info' | 'warn' | 'error';

/** How to reach the broker. Secrets arrive here as values: whoever calls has read the file they stood in. */
export interface LinkOptions {
  /** mqtt://, mqtts://, ws:// or wss://; never with a password in it. */
  broker: string;
  username?: string;
  password?: string;
  caFile?: string;
  certFile?: string;
  keyFile?: string;
  keepaliveSeconds: number;
}

/** Directories watched unless told otherwise: each costs 1 KiB in the kernel and about 2 here. */
export const WATCHES_MAX = 512;

/** The catalog's file in the state's directory. */
export const CATALOG_NAME = 'catalog';

export interface AgentOptions extends LinkOptions {
  /** Absolute; must exist. */
  folder: string;
  /** Absolute: `folder/.toastbox` unless chosen. Made if missing. */
  state: string;
  name: string;
  share: string;
  arenaBytes: number;
  rescanSeconds: number;
  /** Directories watched at most; the rest is found by rescans. 0: none. */
  watches: number;
  /** Gets the gateway's clock at each hello. */
  clockFile?: string | undefined;
  /** What it says at the start counts as the last error. */
  noticeFile?: string | undefined;
  onNote(note: Note): void;
  onLog(level: LogLevel, text: string): void;
}

export interface RunningAgent {
  status(): AgentStatus;
  /** Settles when the catalog is committed and the link is closed. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves with the error that ended the agent by itself; never rejects, and stays pending otherwise. */
  failed: Promise<Error>;
}

export type StartAgent = (options: AgentOptions) => Promise<RunningAgent>;
