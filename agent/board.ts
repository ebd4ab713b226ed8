// What an agent and the programs that start a board tell each other, by small files that both are told of: the
// gateway's clock, for a board that has none, and a mistake in the board's settings, for who looks at its status.

import { readFileSync, renameSync, writeFileSync } from 'node:fs';

/** A status has room for 200 characters of it (agent/report.ts); what is longer is another file. */
const NOTICE_CHARACTERS_MAX = 400;

/**
 * Writes milliseconds since 1970, whole or not at all; the file's own time says when that was. What was in the way, in
 * words: a clock that is not told is no reason to end.
 */
export function writeClock(file: string, time: number): string | undefined {
  try {
    writeFileSync(`${file}.new`, `${time}\n`);
    renameSync(`${file}.new`, file);
    return undefined;
  } catch (error) {
    return `the clock file: ${(error as Error).message}`;
  }
}

/** The notice in one line; undefined if there is none. */
export function readNotice(file: string): string | undefined {
  try {
    const text = readFileSync(file, 'utf8').trim().replaceAll(/\s+/g, ' ');
    return text === '' ? undefined : text.slice(0, NOTICE_CHARACTERS_MAX);
  } catch {
    return undefined;
  }
}
