// A small text file that a running gateway follows: one entry a line, `name:value`, blank lines and those that begin
// with # left out. Read whole at the start, where anything wrong in it is refused by its line; read again when it
// changed, where it is only told, and what was read before stays in force.
//
// It is looked at every LOOK_MS and whenever somebody asks: one stat. Memory: FILE_BYTES_MAX.

import { readFileSync, statSync } from 'node:fs';
import { Failure, systemFailure } from '../agent/failure.ts';
import { LABEL } from '../protocol/limits.ts';

/** Some ten thousand lines. */
const FILE_BYTES_MAX = 2 ** 20;
/** How long somebody who was crossed out may stay. */
const LOOK_MS = 2_000;

export interface ListedOptions<V> {
  file: string;
  /** The value of a line; undefined for one that is wrong. */
  read(value: string): V | undefined;
  /** What a line should look like. */
  wanted: string;
  /** What makes such a file, for whoever has none. */
  madeBy: string;
  /** A name besides a board's that may stand before the colon. */
  alsoNamed?: string;
  onWarn(text: string): void;
}

export class Listed<V> {
  #values: ReadonlyMap<string, V>;
  #seen: string;
  readonly #options: ListedOptions<V>;
  readonly #timer: NodeJS.Timeout;
  /** Called after a change was read. */
  onChange: () => void = () => {};

  /** Throws a Failure if the file cannot be read or is wrong. */
  constructor(options: ListedOptions<V>) {
    this.#options = options;
    this.#seen = identityOf(options.file);
    this.#values = readListed(options);
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  get(name: string): V | undefined {
    this.look();
    return this.#values.get(name);
  }

  look(): void {
    const { onWarn } = this.#options;
    const seen = identityOf(this.#options.file);
    if (seen === this.#seen) return;
    this.#seen = seen;
    try {
      this.#values = readListed(this.#options);
    } catch (error) {
      onWarn(`${(error as Error).message}; what it said before stays in force`);
      return;
    }
    this.onChange();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** Throws a Failure that names file and line, and never shows the line's value. */
export function readListed<V>({
  file,
  read,
  wanted,
  madeBy,
  alsoNamed,
}: Omit<ListedOptions<V>, 'onWarn'>): Map<string, V> {
  let text: string;
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new Failure('usage', `${file}: too long`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw systemFailure(`cannot read ${file}`, error, isMissing ? madeBy : undefined);
  }
  const values = new Map<string, V>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim();
    const value = LABEL.test(name) || name === alsoNamed ? read(line.slice(colon + 1).trim()) : undefined;
    if (value === undefined) throw new Failure('usage', `${file}:${index + 1}: is not ${wanted}`);
    if (values.has(name)) throw new Failure('usage', `${file}:${index + 1}: ${name} is there twice`);
    values.set(name, value);
  }
  return values;
}

/** What is another when the file was changed or replaced. */
function identityOf(file: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(file);
    return `${ino} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code);
  }
}
