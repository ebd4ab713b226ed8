// An agent's and a gateway's status, as tests of those who read it begin.

import type { AgentStatus } from '../../agent/status.ts';
import type { GatewayStatus } from '../../gateway/status.ts';

export const NOW = 1_700_000_000_000;
export const agent = (more: Partial<AgentStatus> = {}): AgentStatus => ({
  kind: 'agent',
  version: '0.1.0',
  pid: 4711,
  startedAt: NOW - 7_200_000,
  name: 'board-7',
  share: 'photos',
  folder: '/home/pi/photos',
  state: 'idle',
  link: { up: true, broker: 'mqtt://broker.lan', protocol: 5, since: NOW - 3_780_000 },
  session: 1,
  head: 1204,
  position: 1204,
  settled: 1204,
  pending: { up: 0, down: 0, bytesUp: 0, bytesDown: 0 },
  bytes: { in: 1234, out: 5_000_000 },
  conflicts: 0,
  conflictCopies: [],
  malformed: 0,
  skipped: 0,
  scan: { running: false, seen: 10_233, read: 0, lastFinishedAt: NOW - 120_000 },
  arena: {
    bytes: 2 ** 23,
    pools: [{ name: 'frames', cells: 10, cellBytes: 32_768, taken: 1, highWater: 7, waits: 0 }],
  },
  catalog: {
    pages: 1,
    freePages: 0,
    bytes: 4096,
    cachePages: 1,
    commits: 1,
    hits: 9,
    misses: 1,
    evictions: 0,
  },
  watching: { directories: 512, of: 3204, budget: 512, refused: 2692, rescanSeconds: 600 },
  spills: 0,
  ...more,
});

const COUNTERS = { accepted: 1, conflicts: 0, refused: 0, malformed: 0, mismatches: 0, unasked: 0 };

export const gateway = (more: Partial<GatewayStatus> = {}): GatewayStatus => ({
  kind: 'gateway',
  version: '0.1.0',
  pid: 4712,
  startedAt: NOW - 60_000,
  folder: '/srv/boards',
  data: '/var/lib/toastbox',
  link: { up: true, broker: 'mqtt://127.0.0.1:1883', protocol: 4, since: NOW - 60_000 },
  listen: { host: '127.0.0.1', port: 1883, clients: 3 },
  folders: [
    {
      share: 'photos',
      head: 1204,
      entries: 10_300,
      bytes: 5e9,
      agent: agent({ folder: '/srv/boards/photos' }),
    },
  ],
  boards: [
    { name: 'board-7', share: 'photos', online: true, seenAt: NOW, settled: 1204, counters: COUNTERS },
    {
      name: 'board-8',
      share: 'photos',
      online: false,
      seenAt: NOW - 90_000,
      settled: 1200,
      counters: { ...COUNTERS, malformed: 1, mismatches: 3 },
    },
  ],
  malformed: 0,
  bytes: { in: 5_000_000, out: 1234 },
  store: { bytes: 3e9, lostBlocks: 0 },
  ...more,
});
