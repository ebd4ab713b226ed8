// What the arena is divided into: a row for each region that assembly/plan.ts carved, in their order, with the
// module's own data before them. The memory ledger reads sizes here and nowhere else; all numbers are the module's.

import type { ArenaExports } from './wasm.ts';

export type RegionName =
  | 'module'
  | 'frames'
  | 'window'
  | 'run'
  | 'listing'
  | 'records'
  | 'blocks'
  | 'values'
  | 'scratch'
  | 'hash'
  | 'pages';

export interface Region {
  name: RegionName;
  /** For a person: what stands there. */
  what: string;
  /** Offset in the memory. */
  at: number;
  bytes: number;
}

type Numbered = Extract<keyof ArenaExports, `REGION_${string}`>;

const REGIONS: readonly (readonly [Exclude<RegionName, 'module'>, Numbered, what: string])[] = [
  ['frames', 'REGION_FRAMES', 'bodies of frames on their way out'],
  ['window', 'REGION_WINDOW', 'file bytes being cut and hashed'],
  ['run', 'REGION_RUN', 'a dictionary and a run of file bytes'],
  ['listing', 'REGION_LISTING', 'names of the directory being read'],
  ['records', 'REGION_RECORDS', 'what the window was cut into'],
  ['blocks', 'REGION_BLOCKS', 'blocks being hashed'],
  ['values', 'REGION_VALUES', 'chaining values of their chunks'],
  ['scratch', 'REGION_SCRATCH', 'a key and a value of the catalog'],
  ['hash', 'REGION_HASH', 'bytes from outside that want an id'],
  ['pages', 'REGION_PAGES', "the catalog's page cache"],
];

/** All regions; together they are the whole arena, but for the bytes that align them. */
export function regionsOf({ exports }: { readonly exports: ArenaExports }): Region[] {
  const regions: Region[] = REGIONS.map(([name, number, what]) => ({
    name,
    what,
    at: exports.regionAt(exports[number].value),
    bytes: exports.regionBytes(exports[number].value),
  }));
  const first = regions[0] as Region;
  return [{ name: 'module', what: "the module's own data and tables", at: 0, bytes: first.at }, ...regions];
}

/** Neighbouring cells with one tenant: who, and how many cells. */
export type Span = readonly [tenant: string, cells: number];

/** Who holds each of `cells` cells, neighbours together. */
export function spansOf(cells: number, tenantOf: (index: number) => string): Span[] {
  const spans: [string, number][] = [];
  for (let index = 0; index < cells; index++) {
    const tenant = tenantOf(index);
    const last = spans[spans.length - 1];
    if (last?.[0] === tenant) last[1]++;
    else spans.push([tenant, 1]);
  }
  return spans;
}
