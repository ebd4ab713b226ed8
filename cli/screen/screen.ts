// What a running command prints, and where: lines on stdout, warnings and errors on stderr, and below them the bar,
// if stderr is a terminal.
//
// The bar is the last line on the terminal, without a line break. Every other line erases it first; the next reading
// of the progress draws it again. It is drawn at most every BAR_MS and gone at the end.
//
// A reader that goes away (EPIPE, a terminal that was closed) silences its stream; the work goes on.

import type { Progress } from '../../agent/status.ts';
import { printableText } from '../../protocol/path.ts';
import { Crowd, type NoteLine } from './notes.ts';
import { barText, lineText, Pace } from './progress.ts';

/** Ten times a second at most: more is not seen, and costs on a serial console. */
export const BAR_MS = 100;
/** Plain lines of a long job, at most this often. */
export const LINE_MS = 5_000;
/** Work that is over sooner shows nothing. */
const PATIENCE_MS = 1_000;

const ERASE = '\r\u001b[K';

/** What the screen needs of a stream: process.stdout, process.stderr, or a test's. */
export interface Out {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

export interface ScreenOptions {
  out: Out;
  errors: Out;
  progress: 'auto' | 'lines' | 'none';
  isQuiet: boolean;
  /** Called once when a reader of stdout or stderr is gone. */
  onGone?: () => void;
}

/** As a command that runs for long is told to: by --progress and --quiet. `onGone`: as in ScreenOptions. */
export function screenFor(
  { out, errors }: Pick<ScreenOptions, 'out' | 'errors'>,
  { progress, quiet }: { progress: string; quiet: boolean },
  onGone: () => void = () => {},
): Screen {
  return new Screen({ out, errors, progress: progress as ScreenOptions['progress'], isQuiet: quiet, onGone });
}

export class Screen {
  readonly #out: Out;
  readonly #errors: Out;
  readonly #isQuiet: boolean;
  readonly #style: 'bar' | 'lines' | 'none';
  readonly #deaf = new Set<Out>();
  readonly #crowd = new Crowd();
  #pace = new Pace();
  #bar = '';
  #barAt = Number.NEGATIVE_INFINITY;
  #lineAt = Number.NEGATIVE_INFINITY;
  #workSince: number | undefined;

  constructor({ out, errors, progress, isQuiet, onGone }: ScreenOptions) {
    this.#out = out;
    this.#errors = errors;
    this.#isQuiet = isQuiet;
    this.#style =
      isQuiet || progress === 'none' ? 'none' : progress === 'auto' && errors.isTTY ? 'bar' : 'lines';
    for (const stream of [out, errors])
      stream.on('error', () => {
        if (this.#deaf.size === 0) onGone?.();
        this.#deaf.add(stream);
      });
  }

  /** How often progress() is worth calling now. */
  get progressMs(): number {
    if (this.#style === 'bar') return this.#workSince === undefined ? PATIENCE_MS / 4 : BAR_MS;
    return PATIENCE_MS;
  }

  get showsProgress(): boolean {
    return this.#style !== 'none';
  }

  /** A line for whoever watches, unless it is quiet. */
  say(text: string): void {
    if (!this.#isQuiet) this.#print(this.#out, text);
  }

  warn(text: string): void {
    this.#print(this.#errors, text);
  }

  /** One of possibly very many lines, which may hold what a peer says; `isWarning` for those that quiet does not
   * silence. */
  note(line: NoteLine, now: number, isWarning = false): void {
    if (this.#isQuiet && !isWarning) return;
    const stream = isWarning ? this.#errors : this.#out;
    for (const text of this.#crowd.take(line, now)) this.#print(stream, printableText(text));
  }

  /** Takes a reading of the work under way, undefined for none, and shows it when it is time to. */
  progress(progress: Progress | undefined, now: number): void {
    this.#sumUp(now);
    if (this.#style === 'none') return;
    if (progress === undefined) {
      this.#workSince = undefined;
      this.#pace = new Pace();
      this.#erase();
      return;
    }
    if (this.#workSince === undefined) this.#lineAt = now;
    this.#workSince ??= now;
    this.#pace.read(progress, now);
    if (now - this.#workSince < PATIENCE_MS) return;
    if (this.#style === 'bar' && now - this.#barAt >= BAR_MS) {
      this.#barAt = now;
      // One column stays free: some terminals wrap when the last one is written.
      this.#draw(barText(progress, this.#pace, (this.#errors.columns || 80) - 1));
    }
    if (this.#style === 'lines' && now - this.#lineAt >= LINE_MS) {
      this.#lineAt = now;
      this.#print(this.#errors, lineText(progress, this.#pace));
    }
  }

  /** Takes the bar away and tells what was held back. */
  end(): void {
    this.#erase();
    this.#sumUp(0, true);
  }

  #sumUp(now: number, isEnd = false): void {
    const stream = this.#isQuiet ? this.#errors : this.#out;
    for (const text of this.#crowd.flush(now, isEnd)) this.#print(stream, text);
  }

  #print(stream: Out, text: string): void {
    this.#erase();
    this.#write(stream, `${text}\n`);
  }

  #draw(bar: string): void {
    this.#write(this.#errors, `\r${bar}\u001b[K`);
    this.#bar = bar;
  }

  #erase(): void {
    if (this.#bar !== '') this.#write(this.#errors, ERASE);
    this.#bar = '';
  }

  #write(stream: Out, text: string): void {
    if (!this.#deaf.has(stream)) stream.write(text);
  }
}
