// The memory ledger of a gateway: its process, the hub, the store, the broker, and a ledger for each plain copy. The
// answer to `memory` on its control socket; the shapes of agent/memory/ledger.ts.

import type { GaugeReading } from '../agent/gauge.ts';
import { boundRow, type FolderLedger, type Row, readingRow } from '../agent/memory/ledger.ts';
import type { Marks } from '../agent/memory/marks.ts';
import type { Broker } from './broker.ts';
import { WAITING_BYTES_MAX } from './store/port.ts';

export interface GatewayLedger {
  kind: 'gateway';
  version: string;
  pid: number;
  startedAt: number;
  /** When the marks of `ever` began. */
  since: number;
  folder: string;
  data: string;
  process: Row[];
  /** What is in flight, in the hub and in the broker that it runs. */
  bounds: Row[];
  disk: Row[];
  folders: ({ share: string } & FolderLedger)[];
}

/** What the gateway's own part of the ledger is read from. */
export interface GatewayLook {
  gauges: GaugeReading[];
  /** Bytes of content that boards were asked for. */
  window: { taken: number; limit: number };
  /** Bytes of the arena that the hub hashes blocks in. */
  arenaBytes: number;
  store: { bytes: number; mapBytes: number; waitingBytes: number; collectingBytes: number };
  broker: Broker | undefined;
}

/** Each reading raises the marks. */
export function gatewayRows(look: GatewayLook, marks: Marks): { bounds: Row[]; disk: Row[] } {
  const { gauges, window, arenaBytes, store, broker } = look;
  const row = (group: string, name: string, unit: Row['unit'], now: number, limit?: number): Row =>
    readingRow(group, { name, unit, now, ...(limit === undefined ? {} : { limit }) }, marks);
  const bounds = [
    row('hub', 'arena', 'bytes', arenaBytes, arenaBytes),
    ...gauges.map(gauge => boundRow(gauge, marks)),
    { ...row('hub', 'asked of boards', 'bytes', window.taken, window.limit), whenFull: 'waits' } as const,
    {
      ...row('hub', 'store buffer', 'bytes', store.waitingBytes, WAITING_BYTES_MAX),
      whenFull: 'spills',
    } as const,
  ];
  bounds.push(row('hub', 'marks of collecting', 'bytes', store.collectingBytes));
  if (broker !== undefined) {
    const { queue, clients, clientsMax, drops } = broker;
    bounds.push(...broker.gauges.map(gauge => boundRow(gauge, marks)));
    const queued = row('broker', 'broker queues', 'bytes', queue.bytes, queue.bytesMax);
    bounds.push({ ...row('broker', 'broker clients', 'count', clients, clientsMax), whenFull: 'refuses' });
    bounds.push({ ...queued, whenFull: 'drops', times: drops });
  }
  const disk = [
    row('disk', 'store', 'bytes', store.bytes),
    row('disk', "store's map", 'bytes', store.mapBytes),
  ];
  return { bounds, disk };
}
