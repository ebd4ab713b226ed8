// Draws an arena as it lies in memory: one character for so many bytes, a letter and a colour for who holds them.
//
//      0 B  mmffffffffFFFFFFFFLLLLLLLLffffffffwwwwwwwwwwwwwwww...
//  256 KiB  CCCCCCCCCCCCCCCCDDCCCCCC......
//
// The letters alone say everything: without colours the map reads the same. Where a character stands for several
// tenants, it shows the one with most bytes; of equals, whoever comes first in TENANTS. Pure.

import type { RegionRow } from '../../agent/memory/ledger.ts';
import { bytesText, countText } from './figures.ts';

interface Tenant {
  region: string;
  holder: string;
  letter: string;
  /** SGR parameters: black on a colour for what is held, a dim colour for what is free. */
  colour: string;
  what: string;
}

const TENANTS: readonly Tenant[] = [
  { region: 'pages', holder: 'dirty', letter: 'D', colour: '30;41', what: 'page not yet written' },
  { region: 'frames', holder: 'link', letter: 'L', colour: '30;46', what: 'frame with the link' },
  { region: 'frames', holder: 'filling', letter: 'F', colour: '30;42', what: 'frame being filled' },
  { region: 'window', holder: 'file', letter: 'W', colour: '30;43', what: 'file being read' },
  { region: 'listing', holder: 'names', letter: 'N', colour: '30;45', what: 'names being sorted' },
  { region: 'pages', holder: 'clean', letter: 'C', colour: '37;44', what: 'page of the catalog' },
  { region: 'run', holder: 'fixed', letter: 'r', colour: '90', what: 'run buffer' },
  { region: 'module', holder: 'fixed', letter: 'm', colour: '90', what: "module's data" },
  { region: '', holder: 'fixed', letter: 't', colour: '90', what: 'tables' },
  { region: 'frames', holder: 'free', letter: 'f', colour: '32', what: 'free frame' },
  { region: 'window', holder: 'free', letter: 'w', colour: '33', what: 'window, free' },
  { region: 'listing', holder: 'free', letter: 'n', colour: '35', what: 'listing, free' },
  { region: 'pages', holder: 'free', letter: '.', colour: '34', what: 'free page' },
];

/** Of bytes that align regions, and of a tenant that a newer agent has. */
const GAP: Tenant = { region: '', holder: '', letter: '-', colour: '90', what: 'between regions' };

export interface MapOptions {
  /** Columns of the terminal or of the file that it goes to. */
  columns: number;
  rowsMax: number;
  hasColours: boolean;
}

const MARGIN = 13;
const COLUMNS_LEAST = 16;
/** A page of the catalog, which is the smallest cell but for bytes. */
const UNIT_LEAST = 4096;

export interface ArenaMap {
  lines: string[];
  /** Bytes that a character stands for. */
  unit: number;
}

export function mapOf(
  arena: { bytes: number; regions: readonly RegionRow[] },
  { columns, rowsMax, hasColours }: MapOptions,
): ArenaMap {
  const width = 2 ** Math.floor(Math.log2(Math.max(COLUMNS_LEAST, columns - MARGIN)));
  let unit = UNIT_LEAST;
  while (arena.bytes / unit / width > rowsMax) unit *= 2;
  const held = new Map<Tenant, number>();
  const cells = tenantsOf(arena, unit, held);
  const paint = hasColours ? inColour : (text: string) => text;
  const lines: string[] = [];
  for (let from = 0; from < cells.length; from += width) {
    const label = offsetText(from * unit, width * unit).padStart(MARGIN - 3);
    lines.push(`${label}  ${runsOf(cells.slice(from, from + width), paint)}`);
  }
  return { lines: [...lines, '', ...legend(held, columns, paint)], unit };
}

/** All in one unit, so that they stand under each other. */
function offsetText(at: number, step: number): string {
  return step % 2 ** 20 === 0 ? `${countText(at / 2 ** 20)} MiB` : `${countText(at / 1024)} KiB`;
}

/** The tenant to show for each `unit` bytes; counts in `held` what each holds. */
function tenantsOf(
  arena: { bytes: number; regions: readonly RegionRow[] },
  unit: number,
  held: Map<Tenant, number>,
): Tenant[] {
  const shares: Map<Tenant, number>[] = Array.from(
    { length: Math.ceil(arena.bytes / unit) },
    () => new Map(),
  );
  const hold = (tenant: Tenant, from: number, end: number) => {
    held.set(tenant, (held.get(tenant) ?? 0) + end - from);
    for (let at = from; at < end; ) {
      const index = Math.floor(at / unit);
      const next = Math.min(end, (index + 1) * unit);
      const share = shares[index];
      share?.set(tenant, (share.get(tenant) ?? 0) + next - at);
      at = next;
    }
  };
  for (const region of arena.regions) {
    let at = region.at;
    for (const [holder, cells] of region.holders) {
      const tenant = tenantOf(region.name, holder);
      const end = at + cells * region.cellBytes;
      hold(tenant, at, end);
      at = end;
    }
    // Behind the cells stand the books of them.
    hold(tenantOf('', 'fixed'), at, region.at + region.bytes);
  }
  return shares.map(share => {
    let most = GAP;
    let mostBytes = 0;
    for (const tenant of TENANTS) {
      const bytes = share.get(tenant) ?? 0;
      if (bytes > mostBytes) [most, mostBytes] = [tenant, bytes];
    }
    return most;
  });
}

const tenantOf = (region: string, holder: string): Tenant =>
  TENANTS.find(tenant => tenant.region === region && tenant.holder === holder) ??
  TENANTS.find(tenant => tenant.region === '' && tenant.holder === holder) ??
  GAP;

type Paint = (text: string, tenant: Tenant) => string;

const inColour: Paint = (text, { colour }) => `\u001b[${colour}m${text}\u001b[0m`;

/** Equal neighbours share one colour's escapes. */
function runsOf(cells: readonly Tenant[], paint: Paint): string {
  let text = '';
  for (let from = 0; from < cells.length; ) {
    const tenant = cells[from] as Tenant;
    let end = from;
    while (cells[end] === tenant) end++;
    text += paint(tenant.letter.repeat(end - from), tenant);
    from = end;
  }
  return text;
}

/** Only who is there, as many beside each other as fit. */
function legend(held: ReadonlyMap<Tenant, number>, columns: number, paint: Paint): string[] {
  const present = TENANTS.filter(tenant => (held.get(tenant) ?? 0) > 0);
  const texts = present.map(tenant => `${tenant.what} ${bytesText(held.get(tenant) as number)}`);
  const width = Math.max(...texts.map(text => text.length)) + 2;
  const perLine = Math.max(1, Math.floor((columns - 4) / (width + 2)));
  const lines: string[] = [];
  for (let from = 0; from < present.length; from += perLine) {
    const items = present
      .slice(from, from + perLine)
      .map(
        (tenant, index) => `${paint(tenant.letter, tenant)} ${(texts[from + index] as string).padEnd(width)}`,
      );
    lines.push(`    ${items.join('')}`.trimEnd());
  }
  return lines;
}
