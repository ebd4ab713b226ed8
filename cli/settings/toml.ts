// TOML as our files have it, and where in it something stands.

import { parse } from 'smol-toml';
import { Failure } from '../../agent/failure.ts';

/** A config is some forty lines; what is longer is another file. */
export const TOML_BYTES_MAX = 256 * 1024;

export type Table = Record<string, unknown>;

/** Throws a Failure that names the file and the line. */
export function readToml(text: string, file: string): Table {
  try {
    return parse(text);
  } catch (error) {
    const { line, message } = error as Error & { line?: number };
    if (line === undefined) throw error;
    const what = message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    // Most often a word, path or password as it is.
    const advice = what === 'invalid value' ? 'text stands in quotes, as in name = "board-7"' : undefined;
    throw new Failure('usage', `${file}:${line}: ${what}`, advice);
  }
}

export const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

/** The table that a line begins. */
export const headerOf = (line: string): string | undefined =>
  /^\s*\[\s*["']?([^\]"']+?)["']?\s*\]/.exec(line)?.[1];

/** Some editors put a byte order mark before the first key. */
export const withoutMark = (text: string): string => text.replace('\uFEFF', '');
