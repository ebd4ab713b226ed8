// Aligned tables for a terminal, and numbers as people read them.

/** Columns after the first are numbers: they stand at the right. */
export function table(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map(row => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map(width => '-'.repeat(width)).join('  ');
  return [`\n${title}`, '', line(head), rule, ...rows.map(line), ''].join('\n');
}

export const NONE = '-';

export const count = (value: number | undefined): string =>
  value === undefined ? NONE : Math.round(value).toLocaleString('en-US');

export const ratio = (ours: number, peer: number | undefined): string =>
  peer === undefined || peer === 0 ? NONE : (ours / peer).toFixed(2);

export const seconds = (ms: number | undefined): string => (ms === undefined ? NONE : (ms / 1000).toFixed(2));

export const milliseconds = (ms: number | undefined): string => (ms === undefined ? NONE : ms.toFixed(1));

export const mebibytes = (bytes: number | undefined): string =>
  bytes === undefined ? NONE : (bytes / 2 ** 20).toFixed(1);

/** The nearest-rank percentile of unsorted values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export const geometricMean = (values: readonly number[]): number =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
