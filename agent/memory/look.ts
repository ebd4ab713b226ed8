// What the memory ledger reads of a folder that is open.

import type { LinkQueue } from '../../transport/link.ts';
import type { Arena } from '../arena/arena.ts';
import type { Tree } from '../arena/tree.ts';
import type { GaugeReading } from '../gauge.ts';

export interface MemoryLook {
  arena: Arena;
  tree: Tree;
  gauges: GaugeReading[];
  /** What holds the file window, and the directory that holds the listing buffer. */
  inUse: { window: boolean; listing: unknown };
}

/** A link's queue as a gauge would tell it; nothing of a link that has none. */
export function queueReadings(queue: LinkQueue | undefined): GaugeReading[] {
  if (queue === undefined) return [];
  const { bytes: taken, bytesMax: limit, highWater, drops: times } = queue;
  return [{ name: 'link queue', unit: 'bytes', taken, limit, highWater, whenFull: 'drops', times }];
}
