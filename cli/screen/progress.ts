// The long work under way, as a bar in a terminal or as a plain line elsewhere. Pure: what is shown follows from the
// progress, the pace and the width alone.
//
//   up    [########............]  41%  423.1 MiB of 1.0 GiB  12 of 300 files  2:05 left  photos/a.raw
//
// What does not fit is left out from the right: the path, the files, the bytes; the bar shrinks before the time does.

import type { Progress } from '../../agent/status.ts';
import { bytesText, clockText, countOf, countText, durationText } from './figures.ts';

/** A file costs about as much as this many bytes: opening, syncing and renaming it. Makes one scale for the time
 * left of a million small files and of one large one. */
const FILE_COST_BYTES = 16 * 1024;
/** Seconds that the pace remembers: long enough not to jump at each file, short enough to follow a link that slows. */
const PACE_SECONDS = 15;
/** Nothing is said of the time left before this much was seen. */
const PACE_SECONDS_LEAST = 2;
const BAR_COLUMNS_MAX = 24;
const BAR_COLUMNS_MIN = 8;

const WORDS: Readonly<Record<Progress['doing'], string>> = {
  up: 'up',
  down: 'down',
  scan: 'scan',
  examine: 'check',
};

const costOf = (bytes: number, files: number): number => bytes + files * FILE_COST_BYTES;

/** How fast the work goes, smoothed: an exponential average over PACE_SECONDS, free of the bias of its start. */
export class Pace {
  #doing: Progress['doing'] | undefined;
  #done = 0;
  #filesDone = 0;
  #at = 0;
  #rate = 0;
  #filesRate = 0;
  #weight = 0;
  #seconds = 0;

  /** Takes a reading at `now`, milliseconds. Other work, or less done than before, starts it over. */
  read(progress: Progress, now: number): void {
    const done = costOf(progress.bytesDone, progress.filesDone);
    if (progress.doing !== this.#doing || done < this.#done) {
      this.#doing = progress.doing;
      [this.#rate, this.#filesRate, this.#weight, this.#seconds] = [0, 0, 0, 0];
    } else {
      const seconds = (now - this.#at) / 1000;
      if (seconds <= 0) return;
      const keep = Math.exp(-seconds / PACE_SECONDS);
      this.#rate = this.#rate * keep + ((done - this.#done) / seconds) * (1 - keep);
      this.#filesRate =
        this.#filesRate * keep + ((progress.filesDone - this.#filesDone) / seconds) * (1 - keep);
      this.#weight = this.#weight * keep + (1 - keep);
      this.#seconds += seconds;
    }
    [this.#done, this.#filesDone, this.#at] = [done, progress.filesDone, now];
  }

  /** Seconds left, undefined while too little is known or nothing moves. */
  secondsLeft(progress: Progress): number | undefined {
    if (this.#seconds < PACE_SECONDS_LEAST || this.#rate <= 0) return undefined;
    const left = costOf(progress.bytesTotal - progress.bytesDone, progress.filesTotal - progress.filesDone);
    return Math.max(0, left) / (this.#rate / this.#weight);
  }

  filesPerSecond(): number | undefined {
    return this.#seconds < PACE_SECONDS_LEAST ? undefined : this.#filesRate / this.#weight;
  }
}

/** The done part of the work, 0 to 1; undefined when no total is known. */
function shareOf(progress: Progress): number | undefined {
  const total = costOf(progress.bytesTotal, progress.filesTotal);
  if (total <= 0) return undefined;
  return Math.min(1, costOf(progress.bytesDone, progress.filesDone) / total);
}

const bytesOf = ({ bytesDone, bytesTotal }: Progress): string =>
  bytesTotal > 0 ? `${bytesText(bytesDone)} of ${bytesText(bytesTotal)}` : bytesText(bytesDone);

const filesOf = ({ filesDone, filesTotal }: Progress): string =>
  filesTotal > 0 ? `${countText(filesDone)} of ${countOf(filesTotal, 'file')}` : countOf(filesDone, 'file');

/** Rounded down: 100% means done. */
const percentOf = (share: number): string => `${Math.floor(share * 100)}%`.padStart(4);

/** One line of at most `columns` columns. */
export function barText(progress: Progress, pace: Pace, columns: number): string {
  const word = WORDS[progress.doing].padEnd(5);
  const share = shareOf(progress);
  const left = pace.secondsLeft(progress);
  const rate = pace.filesPerSecond();
  const bytes = progress.bytesDone > 0 || progress.bytesTotal > 0 ? bytesOf(progress) : '';
  const time = share === undefined ? '' : left === undefined ? '-:-- left' : `${clockText(left)} left`;
  const files =
    share === undefined && rate !== undefined
      ? `${filesOf(progress)}, ${countText(Math.round(rate))}/s`
      : filesOf(progress);
  const done = share === undefined ? '' : percentOf(share);
  const tries: [string[], boolean][] = [
    [[done, bytes, files, time], true],
    [[done, bytes, time], true],
    [[done, time], true],
    [[done, time], false],
    [[done === '' ? files : done], false],
  ];
  for (const [parts, hasBar] of tries) {
    const text = parts.filter(part => part !== '').join('  ');
    const room = columns - word.length - 1 - text.length - 4;
    if (!hasBar || share === undefined) {
      const line = `${word} ${text}`;
      if (line.length <= columns) return withPath(line, progress.path, columns);
    } else if (room >= BAR_COLUMNS_MIN) {
      const width = Math.min(BAR_COLUMNS_MAX, room);
      const filled = Math.floor(share * width);
      const line = `${word} [${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${text}`;
      return withPath(line, progress.path, columns);
    }
  }
  return word.trim().slice(0, Math.max(0, columns));
}

/** The path after the line, cut at its front, where there is room for enough of it to be told. */
function withPath(line: string, path: string, columns: number): string {
  const room = columns - line.length - 2;
  if (path === '' || room < 12) return line;
  return `${line}  ${cutFront(path, room)}`;
}

/** What of `text` fits into `columns`; the front goes first: the end of a path tells more. */
export function cutFront(text: string, columns: number): string {
  const symbols = [...text];
  let width = symbols.reduce((sum, symbol) => sum + columnsOf(symbol), 0);
  if (width <= columns) return text;
  let first = 0;
  while (width > columns - 3 && first < symbols.length) width -= columnsOf(symbols[first++]!);
  return `...${symbols.slice(first).join('')}`;
}

/** Columns of a symbol in a terminal: two for East Asian wide ones and pictures, none for combining marks. */
function columnsOf(symbol: string): number {
  if (/^\p{M}$/u.test(symbol)) return 0;
  const code = symbol.codePointAt(0)!;
  const isWide =
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return isWide ? 2 : 1;
}

/** A whole line for a log: "up 41%: 423.1 MiB of 1.0 GiB, 12 of 300 files, 2 min 5 s left". */
export function lineText(progress: Progress, pace: Pace): string {
  const share = shareOf(progress);
  const left = pace.secondsLeft(progress);
  const parts = [
    progress.bytesDone > 0 || progress.bytesTotal > 0 ? bytesOf(progress) : '',
    filesOf(progress),
    share !== undefined && left !== undefined ? `${durationText(left)} left` : '',
  ];
  const done = share === undefined ? '' : ` ${percentOf(share).trim()}`;
  return `${WORDS[progress.doing]}${done}: ${parts.filter(part => part !== '').join(', ')}`;
}
