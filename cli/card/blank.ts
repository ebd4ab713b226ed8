// Secrets in a config file, found and blanked without changing the file's length: a file that is overwritten in place
// with as many bytes keeps its clusters on a FAT file system, so a power cut cannot damage anything else.
//
//   password = "correct horse"   ->   password = ""
//
// It knows a value in one line, "..." or '...'. Others, a number among them, are refused rather than left on the card:
// after blanking, the text is parsed again, and every secret must be empty and everything else as it was.

import { isDeepStrictEqual } from 'node:util';
import { headerOf, isTable, readToml, type Table } from '../settings/toml.ts';

/** Keys whose value is a secret itself; in a table or in the open. */
const SECRETS = ['password'];

const LINE = new RegExp(
  `^([ \\t]*(?:[\\w-]+[ \\t]*\\.[ \\t]*)?["']?(?:${SECRETS.join('|')})["']?[ \\t]*=[ \\t]*)("(?:[^"\\\\\\r\\n]|\\\\.)*"|'[^'\\r\\n]*')`,
  'gm',
);

/** The secrets in a parsed config, by their key with its table. */
export const secretsOf = (config: Table): Map<string, string> => valuesOf(config, SECRETS);

/** What a parsed config says under these keys, in the open and in its tables, by the key with its table. */
export function valuesOf(config: Table, keys: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const look = (table: Table, prefix: string) => {
    for (const [key, value] of Object.entries(table)) {
      if (keys.includes(key)) found.set(`${prefix}${key}`, String(value));
      else if (prefix === '' && isTable(value)) look(value, `${key}.`);
    }
  };
  look(config, '');
  return found;
}

/** The text with all secrets empty, of the same length in bytes; undefined where it cannot be done safely. */
export function blanked(text: string): string | undefined {
  const blank = text.replace(LINE, (_, before: string, value: string) => {
    return `${before}""${' '.repeat(Buffer.byteLength(value) - 2)}`;
  });
  const [was, is] = [readToml(text, 'card'), readToml(blank, 'card')];
  const isEmpty = [...secretsOf(is).values()].every(secret => secret === '');
  return isEmpty && isDeepStrictEqual(without(was), without(is)) ? blank : undefined;
}

/** The text with each empty secret replaced by the one of that key in `kept`. */
export function restored(text: string, kept: ReadonlyMap<string, string>): string {
  let table = '';
  return text
    .split('\n')
    .map(line => {
      const header = headerOf(line);
      if (header !== undefined) table = `${header}.`;
      return line.replace(LINE, (all, before: string, value: string) => {
        if (value.length > 2) return all;
        const key = before.replace(/["'=\s]/g, '');
        return `${before}${JSON.stringify(kept.get(key.includes('.') ? key : `${table}${key}`) ?? '')}`;
      });
    })
    .join('\n');
}

/** A copy in which every secret is empty. */
function without(table: Table): Table {
  const copy: Table = {};
  for (const [key, value] of Object.entries(table)) {
    if (SECRETS.includes(key) && typeof value === 'string') copy[key] = '';
    else if (isTable(value)) copy[key] = without(value);
    else copy[key] = value;
  }
  return copy;
}
