// The memory ledger of one synced folder, on both sides of the language border: every region of its arena with who
// holds it, everything in flight that has a bound, its files on disk. Read from what is there; changes nothing. The
// answer to `memory` on the control socket, and the stable shape of `toastbox memory --json` (fields may be added,
// none changes its meaning).
//
// All of a gateway's is in gateway/memory.ts: a ledger a plain copy, and the hub's own.
//
// A region is a row of cells of one size: 32 KiB in `frames`, 4 KiB in `pages`, a byte elsewhere. `holders` names the
// tenants of the cells in their order, so that the arena can be drawn as it lies.

import { regionsOf, type Span } from '../arena/regions.ts';
import type { GaugeReading, WhenFull } from '../gauge.ts';
import type { MemoryLook } from './look.ts';
import type { Marks } from './marks.ts';
import { processReadings } from './process.ts';
import type { Reading } from './reading.ts';

/** One thing that takes memory, or may be full. */
export interface Row {
  name: string;
  unit: 'bytes' | 'count';
  now: number;
  limit?: number;
  /** The most of this run, and of all runs since `since`. */
  thisRun: number;
  ever: number;
  /** What happens at the limit, and how often it did in this run. */
  whenFull?: WhenFull;
  times?: number;
}

export interface RegionRow {
  name: string;
  what: string;
  at: number;
  bytes: number;
  cellBytes: number;
  cells: number;
  taken: number;
  free: number;
  thisRun: number;
  ever: number;
  whenFull?: WhenFull;
  times?: number;
  holders: Span[];
}

export interface FolderLedger {
  arena: { bytes: number; regions: RegionRow[] };
  bounds: Row[];
  /** Of the catalog's pages. */
  cache: { hits: number; misses: number; evictions: number; written: number; commits: number };
  disk: Row[];
}

export interface AgentLedger extends FolderLedger {
  kind: 'agent';
  version: string;
  pid: number;
  startedAt: number;
  /** When the marks of `ever` began. */
  since: number;
  name: string;
  share: string;
  folder: string;
  state: string;
  process: Row[];
}

/** What one region of the arena holds. */
interface Use {
  cellBytes: number;
  cells: number;
  taken: number;
  highWater: number;
  holders: Span[];
  whenFull?: WhenFull;
  times?: number;
}

/** The ledger of a folder that is open; each reading raises the marks. */
export function folderLedger(look: MemoryLook, disk: readonly Reading[], marks: Marks): FolderLedger {
  const { arena, tree, gauges } = look;
  const { hits, misses, evictions, pagesWritten, commits } = tree.stats();
  const regions = regionsOf(arena).map((region): RegionRow => {
    const { highWater, ...use } = useOf(region.name, region.bytes, look);
    return {
      ...region,
      ...use,
      free: use.cells - use.taken,
      ...marks.raise(`arena.${region.name}`, highWater),
    };
  });
  return {
    arena: { bytes: arena.memory.buffer.byteLength, regions },
    bounds: gauges.filter(({ name }) => !isRegion(name)).map(gauge => boundRow(gauge, marks)),
    cache: { hits, misses, evictions, written: pagesWritten, commits },
    disk: disk.map(reading => readingRow('disk', reading, marks)),
  };
}

/** The rows of this process; each reading raises the marks. */
export function processRows(marks: Marks, readings: readonly Reading[] = processReadings()): Row[] {
  return readings.map(reading => readingRow('process', reading, marks));
}

export function readingRow(group: string, reading: Reading, marks: Marks): Row {
  return { ...reading, ...marks.raise(`${group}.${reading.name}`, reading.now) };
}

export function boundRow({ taken, highWater, ...gauge }: GaugeReading, marks: Marks): Row {
  return { ...gauge, now: taken, ...marks.raise(`bound.${gauge.name}`, highWater) };
}

/** Gauges of regions, in bytes. */
const isRegion = (name: string): boolean => name === 'window' || name === 'listing';

function useOf(name: string, bytes: number, look: MemoryLook): Use {
  const { arena, tree, gauges, inUse } = look;
  const gauge = isRegion(name) ? gauges.find(one => one.name === name) : undefined;
  if (name === 'frames') {
    const [pool] = arena.pools();
    if (pool === undefined) throw new Error('an arena without frames');
    const { cells, cellBytes, taken, highWater, waits } = pool;
    return {
      cells,
      cellBytes,
      taken,
      highWater,
      whenFull: 'waits',
      times: waits,
      holders: arena.frameSpans(),
    };
  }
  if (name === 'pages') {
    const {
      pageBytes: cellBytes,
      frames: cells,
      cached: taken,
      cachedMost: highWater,
      evictions,
    } = tree.stats();
    return {
      cells,
      cellBytes,
      taken,
      highWater,
      whenFull: 'evicts',
      times: evictions,
      holders: tree.pageSpans(),
    };
  }
  if (gauge !== undefined) {
    const { taken, highWater, whenFull, times } = gauge;
    const isHeld = name === 'window' ? inUse.window : inUse.listing !== undefined;
    const held: Span[] = taken > 0 || isHeld ? [[name === 'window' ? 'file' : 'names', taken]] : [];
    const holders: Span[] = [...held, ['free', bytes - taken]];
    return { cells: bytes, cellBytes: 1, taken, highWater, whenFull, times, holders };
  }
  // Held from the first second to the last, and written within single calls.
  return { cells: bytes, cellBytes: 1, taken: bytes, highWater: bytes, holders: [['fixed', bytes]] };
}
