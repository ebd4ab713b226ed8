// The picture of memory over the number of files: one SVG, drawn from points, readable on white and on black.
//
// Both axes are logarithmic, so a line that stays level is memory that does not grow and any fixed share of a file's
// cost is a straight slope. Colours are of one lightness that both grounds bear; each line says its own name at its
// end, so nobody needs a key or the colours.

export interface Point {
  tool: string;
  files: number;
  /** RssAnon at its peak, bytes. */
  peak: number;
  /** It did not do all that the others did: a hollow point. */
  isLowerBound?: boolean;
}

export interface Picture {
  /** What it was measured on, one line. */
  machine: string;
  points: Point[];
}

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 150;
const TOP = 52;
const BOTTOM = 74;
const COLOURS: Readonly<Record<string, string>> = {
  toastbox: '#d9622b',
  syncthing: '#3f8fd2',
  unison: '#7a9a3a',
  rsync: '#9a7fc0',
};
const GREY = '#808890';
const HOLLOW =
  'hollow: at least, for it was not let to its end; all others: first scan and sync, 3,600 changes';
/** Of a hollow point: lighter than every line on either ground. */
const GROUND = '#e8eaed';
const LABEL_GAP = 17;

const powers = (from: number, to: number): number[] => {
  const all: number[] = [];
  for (let power = from; power <= to; power++) all.push(10 ** power);
  return all;
};
const counted = (files: number): string =>
  files >= 1e6 ? `${files / 1e6} million` : files.toLocaleString('en-US');
const megabytes = (bytes: number): string => {
  const value = bytes / 2 ** 20;
  return value >= 10 ? value.toFixed(0) : value.toFixed(1);
};

export function draw({ machine, points }: Picture): string {
  const tools = [...new Set(points.map(({ tool }) => tool))];
  const filesLeast = Math.min(...points.map(({ files }) => files));
  const filesMost = Math.max(...points.map(({ files }) => files));
  const peakMost = Math.max(...points.map(({ peak }) => peak)) / 2 ** 20;
  const rows = powers(0, Math.ceil(Math.log10(peakMost)));
  const columns = powers(Math.floor(Math.log10(filesLeast)), Math.ceil(Math.log10(filesMost)));
  const along = (value: number, scale: readonly number[]): number => {
    const [first, last] = [Math.log10(scale[0]!), Math.log10(scale.at(-1)!)];
    return last === first ? 0 : (Math.log10(value) - first) / (last - first);
  };
  const x = (files: number): number => LEFT + along(files, columns) * (WIDTH - LEFT - RIGHT);
  const y = (mebibytes: number): number =>
    HEIGHT - BOTTOM - along(Math.max(mebibytes, rows[0]!), rows) * (HEIGHT - TOP - BOTTOM);

  const parts: string[] = [];
  const text = (at: [number, number], words: string, anchor: string, fill = GREY, more = ''): void => {
    parts.push(
      `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}" fill="${fill}"${more}>${words}</text>`,
    );
  };
  for (const row of rows) {
    const height = y(row).toFixed(1);
    parts.push(
      `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${height}" y2="${height}" stroke="${GREY}" stroke-opacity="0.35"/>`,
    );
    text([LEFT - 8, y(row) + 4], row.toLocaleString('en-US'), 'end');
  }
  for (const column of columns) {
    const place = x(column).toFixed(1);
    parts.push(
      `<line x1="${place}" x2="${place}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke="${GREY}" stroke-opacity="0.2"/>`,
    );
    text([x(column), HEIGHT - BOTTOM + 20], counted(column), 'middle');
  }
  text([LEFT, 24], 'Anonymous memory at its peak, MiB', 'start', GREY, ' font-weight="bold"');
  text([(LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40], 'files in the folder', 'middle');
  text([LEFT, HEIGHT - 12], machine, 'start', GREY, ' font-size="10"');

  if (points.some(({ isLowerBound }) => isLowerBound))
    text([LEFT, TOP - 6], HOLLOW, 'start', GREY, ' font-size="11"');

  const ends: { tool: string; at: number; words: string; from: number }[] = [];
  for (const tool of tools) {
    const line = points.filter(point => point.tool === tool).sort((a, b) => a.files - b.files);
    const colour = COLOURS[tool] ?? GREY;
    const width = tool === 'toastbox' ? 3.5 : 2;
    const path = line.map(({ files, peak }) => `${x(files).toFixed(1)},${y(peak / 2 ** 20).toFixed(1)}`);
    parts.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="${width}"/>`,
    );
    for (const { files, peak, isLowerBound } of line) {
      const at = `cx="${x(files).toFixed(1)}" cy="${y(peak / 2 ** 20).toFixed(1)}"`;
      const title = `<title>${tool}, ${counted(files)} files: ${megabytes(peak)} MiB</title>`;
      parts.push(
        `<circle ${at} r="${width + 1}" stroke="${colour}" fill="${isLowerBound ? GROUND : colour}">${title}</circle>`,
      );
    }
    const last = line.at(-1)!;
    const end = y(last.peak / 2 ** 20) + 4;
    ends.push({ tool, at: end, words: `${tool} ${megabytes(last.peak)}`, from: x(last.files) + 10 });
  }
  // Names that would lie over each other move down.
  ends.sort((a, b) => a.at - b.at);
  for (const [index, end] of ends.entries()) {
    const above = ends[index - 1];
    if (above !== undefined) end.at = Math.max(end.at, above.at + LABEL_GAP);
    const weight = end.tool === 'toastbox' ? ' font-weight="bold"' : '';
    text([end.from, end.at], end.words, 'start', COLOURS[end.tool] ?? GREY, weight);
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" ` +
      'font-family="system-ui, sans-serif" font-size="13" role="img">',
    '<title>Anonymous memory over the number of files, toastbox and others</title>',
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
