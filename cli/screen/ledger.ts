// The memory ledger in words: a table for each part, and the arena's map below. Under 80 columns, plain ASCII but for
// the map's colours. Pure.
//
//   agent board-7: 24.1 MiB of its own (RssAnon), an arena of 8 MiB in it
//                             now     limit  this run      ever  at the limit
//     RssAnon            24.1 MiB         -  24.3 MiB  26.0 MiB

import type { AgentLedger, FolderLedger, RegionRow, Row } from '../../agent/memory/ledger.ts';
import type { GatewayLedger } from '../../gateway/memory.ts';
import { bytesText, countOf, countText, durationText } from './figures.ts';
import { type MapOptions, mapOf } from './map.ts';
import { wrap } from './wrap.ts';

const NAME_COLUMNS = 22;
const FIGURE_COLUMNS = 10;

/**
 * `rows`: of the screen that it has to fit. An agent's is shortened for it: to what the process takes, the arena and
 * a map with larger steps.
 */
export function ledgerOf(
  ledger: AgentLedger | GatewayLedger,
  now: number,
  map: MapOptions,
  rows = Number.POSITIVE_INFINITY,
): string {
  if (ledger.kind === 'gateway') return gatewayLedger(ledger, now, map).join('\n');
  const lines = agentLedger(ledger, now, map);
  return (lines.length < rows ? lines : briefLedger(ledger, now, map, rows)).join('\n');
}

function agentLedger(ledger: AgentLedger, now: number, map: MapOptions): string[] {
  return [...agentHead(ledger, now), ...processTable(ledger.process), ...folderTables(ledger, map)];
}

const agentHead = (ledger: AgentLedger, now: number): string[] => [
  `agent ${ledger.name}: ${ownText(ledger.process)}, an arena of ${bytesText(ledger.arena.bytes)} in it`,
  sinceText(ledger, now),
  '',
  HEADING,
];

/** Of the process's rows, those that a board runs out of first. */
const BRIEF = ['RssAnon', 'heap used'];
const MAP_ROWS_LEAST = 4;

function briefLedger(ledger: AgentLedger, now: number, options: MapOptions, rows: number): string[] {
  const { process, arena } = ledger;
  const head = [
    ...agentHead(ledger, now),
    ...processTable(process.filter(({ name }) => BRIEF.includes(name))),
    ...arenaTable(arena),
    '',
  ];
  const spare = (rowsMax: number) => mapOf(arena, { ...options, rowsMax }).lines;
  let rowsMax = options.rowsMax;
  while (rowsMax > MAP_ROWS_LEAST && head.length + spare(rowsMax).length >= rows) rowsMax /= 2;
  return [...head, ...spare(rowsMax)];
}

function gatewayLedger(ledger: GatewayLedger, now: number, map: MapOptions): string[] {
  const lines = [
    `gateway: ${ownText(ledger.process)}, with an arena for each of ${countOf(ledger.folders.length, 'plain copy').replace(/copys$/, 'copies')}`,
    sinceText(ledger, now),
    '',
    HEADING,
    ...processTable(ledger.process),
    ...table('in flight', ledger.bounds),
    ...table('on disk', ledger.disk),
  ];
  for (const { share, ...folder } of ledger.folders)
    lines.push(
      '',
      `share ${share}: an arena of ${bytesText(folder.arena.bytes)}`,
      '',
      HEADING,
      ...folderTables(folder, map),
    );
  return lines;
}

function folderTables({ arena, bounds, cache, disk }: FolderLedger, options: MapOptions): string[] {
  const { lines, unit } = mapOf(arena, options);
  return [
    ...arenaTable(arena),
    ...table('in flight', bounds),
    ...table('on disk', disk),
    '',
    ...wrap(cacheText(cache), '  catalog cache: ', '    '),
    '',
    `  arena, ${bytesText(unit)} a character`,
    ...lines,
  ];
}

const arenaTable = ({ regions }: FolderLedger['arena']): string[] =>
  table('arena', regions.filter(({ holders }) => holders[0]?.[0] !== 'fixed').map(regionRow));

/** Fixed regions are left out: the map has them. A region of bytes is a row of bytes, one of cells a row of cells. */
function regionRow({ name, cellBytes, cells, taken, thisRun, ever, whenFull, times }: RegionRow): Row {
  const unit = cellBytes === 1 ? 'bytes' : 'count';
  const full = whenFull === undefined || times === undefined ? {} : { whenFull, times };
  return { name, unit, now: taken, limit: cells, thisRun, ever, ...full };
}

function cacheText({ hits, misses, written, commits }: FolderLedger['cache']): string {
  const asked = hits + misses;
  const share = asked === 0 ? '' : ` (${((100 * hits) / asked).toFixed(1)} % there)`;
  return `${countText(asked)} look-ups${share}, ${countText(written)} pages written in ${countOf(commits, 'commit')}`;
}

const ownText = (process: readonly Row[]): string => {
  const own = process.find(({ name }) => name === 'RssAnon');
  return own === undefined ? 'memory' : `${bytesText(own.now)} of its own (RssAnon)`;
};

const sinceText = (
  { pid, startedAt, since }: { pid: number; startedAt: number; since: number },
  now: number,
) =>
  `  pid ${pid}, this run ${durationText((now - startedAt) / 1000)}, ever ${durationText((now - since) / 1000)}`;

const figures = (...texts: string[]): string => texts.map(text => text.padStart(FIGURE_COLUMNS)).join('');

const HEADING = `${''.padEnd(NAME_COLUMNS)}${figures('now', 'limit', 'this run', 'ever')}  at the limit`;

const processTable = (rows: readonly Row[]): string[] => rows.map(lineOf);

const table = (title: string, rows: readonly Row[]): string[] => ['', `  ${title}`, ...rows.map(lineOf)];

function lineOf(row: Row): string {
  const text = (value: number | undefined): string =>
    value === undefined ? '-' : row.unit === 'bytes' ? bytesText(value) : countText(value);
  const full =
    row.whenFull === undefined
      ? ''
      : `  ${row.whenFull}${row.times === undefined ? '' : ` ${timesText(row.times)}`}`;
  return (
    `    ${row.name}`.padEnd(NAME_COLUMNS) +
    figures(text(row.now), text(row.limit), text(row.thisRun), text(row.ever)) +
    full
  );
}

/** At most seven characters: "9,999", "123 k", "45 M". */
function timesText(times: number): string {
  if (times < 100_000) return countText(times);
  return times < 1e8 ? `${countText(Math.round(times / 1000))} k` : `${countText(Math.round(times / 1e6))} M`;
}
