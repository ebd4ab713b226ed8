// The table of figures in board/README.md: made from board/figures.json, which `check --save` keeps, and put between
// two marks. A test holds the two together.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Exit } from '../../cli/exits.ts';
import { bytesText } from '../../cli/screen/figures.ts';
import { ROOT } from '../places.ts';
import type { Figures } from './scenario.ts';

export const README = join(ROOT, 'board', 'README.md');
const FIGURES = join(ROOT, 'board', 'figures.json');
const [BEGIN, END] = ['<!-- figures: npm run board -- table -->', '<!-- /figures -->'];

/** Board -> scenario -> figures, as they were last seen. */
export type AllFigures = Record<string, Record<string, Figures>>;

interface Row {
  name: string;
  of(figures: Record<string, Figures>): string | undefined;
}

const number = (figures: Figures | undefined, key: string): number | undefined =>
  typeof figures?.[key] === 'number' ? (figures[key] as number) : undefined;
const told = (value: number | undefined, show: (value: number) => string): string | undefined =>
  value === undefined ? undefined : show(value);
const seconds = (value: number) => `${Math.round(value)} s`;
const grouped = (value: number) => value.toLocaleString('en-US');
const kib = (value: number) => bytesText(value * 1024);

const ROWS: readonly Row[] = [
  { name: 'image', of: ({ image }) => told(number(image, 'bytes'), bytesText) },
  { name: 'RAM in the check', of: ({ memory }) => told(number(memory, 'ramMib'), value => `${value} MiB`) },
  { name: 'RAM floor', of: ({ floor }) => told(number(floor, 'ramMib'), value => `${value} MiB`) },
  {
    name: 'least RAM in which --long was seen to hold',
    of: ({ floorLong }) => told(number(floorLong, 'ramMib'), value => `${value} MiB`),
  },
  { name: 'power to joined, board time', of: ({ join: one }) => told(number(one, 'boardSeconds'), seconds) },
  {
    name: 'then until the first file each way',
    of: ({ join: one }) => told(number(one, 'firstSeconds'), seconds),
  },
  {
    name: 'RssAnon and swap at rest after the short check',
    of: ({ memory }) => told(number(memory, 'rssAnonKiB'), kib),
  },
  {
    name: 'RssAnon and swap at its most in it',
    of: ({ memory }) => told(number(memory, 'rssAnonMostKiB'), kib),
  },
  { name: 'RssFile', of: ({ memory }) => told(number(memory, 'rssFileKiB'), kib) },
  { name: 'threads', of: ({ memory }) => told(number(memory, 'threads'), String) },
  { name: 'small files, half of them each way', of: ({ both }) => told(number(both, 'smallFiles'), grouped) },
  { name: 'until they are equal', of: ({ both }) => told(number(both, 'smallSeconds'), seconds) },
  {
    name: 'then a large file each way',
    of: ({ both }) => told(number(both, 'largeMib'), value => `${value} MiB`),
  },
  { name: 'until they are equal', of: ({ both }) => told(number(both, 'largeSeconds'), seconds) },
  {
    name: 'RssAnon and swap at its most with these',
    of: ({ both }) => told(number(both, 'rssAnonMostKiB'), kib),
  },
  { name: 'power cuts, nothing lost', of: ({ powercut }) => told(number(powercut, 'cuts'), String) },
  {
    name: 'flash written in a standard day',
    of: ({ week }) => told(number(week, 'bytesWritten'), bytesText),
  },
  {
    name: 'flash written in an hour at rest',
    of: ({ idle }) => told(number(idle, 'bytesWrittenPerHour'), bytesText),
  },
  {
    name: 'on the wire in an hour at rest',
    of: ({ idle }) => told(number(idle, 'wireBytesPerHour'), bytesText),
  },
  {
    name: 'minutes without a broker, then equal',
    of: ({ outage }) => told(number(outage, 'minutes'), String),
  },
  { name: 'standard days, nothing grows', of: ({ week }) => told(number(week, 'days'), String) },
  {
    name: 'RssAnon and swap at rest after them',
    of: ({ week }) => told(number(week, 'rssAnonKiB'), kib),
  },
];

export function tableOf(all: AllFigures): string {
  const boards = Object.keys(all).sort();
  const rows = ROWS.map(({ name, of }) => [name, ...boards.map(board => of(all[board]!) ?? 'not measured')]);
  return [['', ...boards], ['---', ...boards.map(() => '---')], ...rows]
    .map(row => `| ${row.join(' | ')} |`)
    .join('\n');
}

export const readFigures = (): AllFigures =>
  existsSync(FIGURES) ? (JSON.parse(readFileSync(FIGURES, 'utf8')) as AllFigures) : {};

export function saveFigures(board: string, scenario: string, figures: Figures): void {
  const all = readFigures();
  all[board] = { ...all[board], [scenario]: figures };
  writeFileSync(FIGURES, `${JSON.stringify(all, null, 2)}\n`);
}

/** The README with the table that belongs there. */
export function withTable(text: string, table: string): string {
  const [before, rest] = text.split(BEGIN) as [string, string];
  return `${before}${BEGIN}\n\n${table}\n\n${END}${rest.split(END)[1]}`;
}

export async function tableWord(): Promise<Exit> {
  const table = tableOf(readFigures());
  writeFileSync(README, withTable(readFileSync(README, 'utf8'), table));
  console.log(table);
  return Exit.FINE;
}
