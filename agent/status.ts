// What a running agent says about itself: the answer of its control socket, what `toastbox status` shows, and
// the stable shape of `toastbox status --json` (fields may be added, none changes its meaning).
//
// Nearly everything is counted, and what is listed has a bound: a status is as long for a million files as for ten.
// Bytes are bytes, times are milliseconds since 1970, paths are printable text (protocol/path.ts).

import type { PoolUse } from './arena/arena.ts';

/** Conflict copies that a status names. */
export const COPIES_NAMED_MAX = 16;

export type AgentState =
  /** Opening the catalog. */
  | 'starting'
  /** Looking through the folder; changes already found are on their way. */
  | 'scanning'
  /** Changes are on their way, in either direction. */
  | 'syncing'
  /** Nothing is known to be different. */
  | 'idle'
  /** Something is in the way that a person may have to remove; `lastError` names it. The rest goes on. */
  | 'trouble'
  /** No session with the gateway. Changes are kept and go later. */
  | 'offline';

export interface LinkStatus {
  up: boolean;
  /** URL without user name and password. */
  broker: string;
  /** 5 or 4 (which is 3.1.1), once negotiated. */
  protocol?: number;
  /** When it came up or went down. */
  since: number;
  /** Why it is down. */
  why?: string;
  /** Connections begun since the start: moves on while the link is down. */
  tries?: number;
}

/** The long work under way, for the progress bar. Totals are what is known so far: they may grow. */
export interface Progress {
  doing: 'up' | 'down' | 'scan' | 'examine';
  /** The file in hand, or empty. */
  path: string;
  bytesDone: number;
  bytesTotal: number;
  filesDone: number;
  filesTotal: number;
}

export interface AgentStatus {
  kind: 'agent';
  version: string;
  pid: number;
  startedAt: number;
  name: string;
  share: string;
  folder: string;
  state: AgentState;
  link: LinkStatus;
  session: number;
  /** The gateway's newest seq, as last heard. */
  head: number;
  /** The newest seq recorded here. */
  position: number;
  /** The newest seq that is durable here and that the gateway was told of. */
  settled: number;
  pending: { up: number; down: number; bytesUp: number; bytesDown: number };
  /** Payload bytes over the link since the start. */
  bytes: { in: number; out: number };
  /** Conflict copies that stand in the folder, whoever made them; counted up to 100. */
  conflicts: number;
  /** The first of them. */
  conflictCopies: string[];
  /** Frames dropped because they were malformed, oversized or out of place. */
  malformed: number;
  /** Paths that are too long to travel, mount points, and what is no file, directory or symlink: by the last full scan,
   * and since. */
  skipped: number;
  lastError?: { at: number; text: string };
  /** `read`: files read for their content since the start; `startedAt`: of the scan under way or the last one. */
  scan: { running: boolean; seen: number; read: number; startedAt?: number; lastFinishedAt?: number };
  arena: { bytes: number; pools: PoolUse[] };
  catalog: {
    pages: number;
    freePages: number;
    bytes: number;
    cachePages: number;
    commits: number;
    /** Of the page cache, since the start. */
    hits: number;
    misses: number;
    evictions: number;
  };
  /**
   * Directories watched for changes, of those in the folder as far as a scan has counted them, at most `budget`; the
   * rest is found by a rescan every `rescanSeconds`. `refused`: wishes for a watch that the budget had no room for.
   */
  watching: { directories: number; of: number; budget: number; refused: number; rescanSeconds: number };
  /** Parts of directory listings that did not fit the arena and were sorted through a file. */
  spills: number;
  progress?: Progress;
}
