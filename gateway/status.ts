// What a running gateway says about itself: the answer of its control socket. Grows with the number of shares and
// boards, not with files. Units as in agent/status.ts.

import type { AgentStatus, LinkStatus } from '../agent/status.ts';
import type { BoardCounters } from './hub/ports.ts';

export interface ShareStatus {
  share: string;
  head: number;
  entries: number;
  /** Content of the current versions, before compression and deduplication. */
  bytes: number;
  /** The agent that keeps the plain copy. */
  agent: AgentStatus;
}

export interface BoardStatus {
  name: string;
  share: string;
  online: boolean;
  /** When it was last heard. */
  seenAt: number;
  /** What it has told to be durable on its disk. */
  settled: number;
  counters: BoardCounters;
}

export interface GatewayStatus {
  kind: 'gateway';
  version: string;
  pid: number;
  startedAt: number;
  /** Where plain copies stand. */
  folder: string;
  data: string;
  link: LinkStatus;
  /** Where the embedded broker listens, if it runs. */
  listen?: { host: string; port: number; clients: number };
  folders: ShareStatus[];
  boards: BoardStatus[];
  malformed: number;
  bytes: { in: number; out: number };
  /** On disk. */
  store: {
    bytes: number;
    /** Damaged, and waiting for a board to offer a file with them. */
    lostBlocks: number;
  };
  lastError?: { at: number; text: string };
}
