// The config file: TOML with the options' names as keys.
//
//   broker = "mqtt://broker.lan"      # in the open: for every command that has the option
//   [agent]                           # for this command only, and stronger than in the open
//   folder = "/home/pi/photos"
//   name = "board-7"
//
// One file may serve an agent and a gateway, so a key in the open need only be known to some command. Unknown keys
// and tables are refused with the nearest right one. Relative paths start from the file's directory.

import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { failureOf } from '../exits.ts';
import type { Command, Options } from '../options/option.ts';
import { COMMAND_NAMES, COMMANDS, type CommandName, optionsOf, rivalsOf } from '../options/table.ts';
import { suggestion } from './nearest.ts';
import { isShared, sharedText } from './secrets.ts';
import { headerOf, isTable, readToml, type Table, TOML_BYTES_MAX, withoutMark } from './toml.ts';

export interface ConfigValue {
  text: string;
  /** `file:line` and the key, for messages. */
  place: string;
}

export interface Config {
  directory: string;
  values: Map<string, ConfigValue>;
  warnings: string[];
}

export function readConfig(file: string, command: CommandName): Config {
  const toml = load(file);
  const options = optionsOf(command);
  const tables = Object.keys(toml.table).filter(key => isTable(toml.table[key]));
  // `status` asks after what the others run: it reads their tables if it has none of its own.
  const own = [command, ...((COMMANDS[command] as Command).alsoReads ?? [])].find(name =>
    tables.includes(name),
  );
  const values = new Map<string, ConfigValue>();
  const take = (key: string, value: unknown, place: string) => {
    const text = textOf(value, place, key);
    if (Object.hasOwn(options, key) && options[key]!.isFlagOnly !== true)
      values.set(key, { text, place: `${place}: ${key}` });
  };
  for (const [key, value] of Object.entries(toml.table)) {
    if (tables.includes(key)) continue;
    const place = toml.placeOf(key);
    check(key, KEYS, `${place}: there is no key ${key}`);
    take(key, value, place);
  }
  for (const table of tables) {
    check(table, COMMAND_NAMES, `${toml.placeOf(table)}: there is no table [${table}]`);
    const inside = toml.table[table] as Table;
    const known = namesIn(optionsOf(table as CommandName));
    for (const key of Object.keys(inside))
      check(key, known, `${toml.placeOf(key, table)}: [${table}] has no key ${key}`);
    if (table !== own) continue;
    // The command's own table beats what stands in the open, also for an option that it rules out.
    for (const key of Object.keys(inside)) for (const rival of rivalsOf(options, key)) values.delete(rival);
    for (const [key, value] of Object.entries(inside)) take(key, value, toml.placeOf(key, table));
  }
  return { directory: dirname(file), values, warnings: values.has('password') ? warningsOf(file) : [] };
}

const namesIn = (options: Options): string[] =>
  Object.entries(options)
    .filter(([, option]) => option.isNotInFile !== true && option.isFlagOnly !== true)
    .map(([name]) => name);

function check(key: string, known: readonly string[], what: string): void {
  if (!known.includes(key)) throw wrong(`${what}${suggestion(key, known)}`);
}

const wrong = (text: string): Failure =>
  new Failure('usage', text, 'toastbox help COMMAND lists what there is');

const KEYS = [...new Set(COMMAND_NAMES.flatMap(name => namesIn(optionsOf(name))))];

interface Loaded {
  table: Table;
  placeOf(key: string, table?: string): string;
}

function load(file: string): Loaded {
  let text: string;
  try {
    const stats = statSync(file);
    // read() would say so without its name.
    if (stats.isDirectory()) throw new Failure('environment', `${file}: it is a directory`);
    if (stats.size > TOML_BYTES_MAX) throw new Failure('usage', `${file}: too long for a config file`);
    text = withoutMark(readFileSync(file, 'utf8'));
  } catch (error) {
    throw failureOf(error);
  }
  return { table: readToml(text, file), placeOf: (key, table) => `${file}:${lineOf(text, key, table)}` };
}

/** The line that a key or table stands on; the parser tells no places. Line 1 where it cannot be found. */
function lineOf(text: string, key: string, table?: string): number {
  let inside: string | undefined;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = headerOf(line);
    if (header !== undefined) inside = header;
    if (header === key && table === undefined) return index + 1;
    const name = /^\s*["']?([A-Za-z0-9_.-]+)["']?\s*=/.exec(line)?.[1];
    if (name === undefined) continue;
    if ((inside === table && name === key) || name === `${table}.${key}`) return index + 1;
    if (inside === undefined && (name === table || (table === undefined && name.startsWith(`${key}.`))))
      return index + 1;
  }
  return 1;
}

function textOf(value: unknown, place: string, key: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value)))
    return String(value);
  throw new Failure('usage', `${place}: ${key} must be a string, a whole number, true or false`);
}

function warningsOf(file: string): string[] {
  return isShared(statSync(file)) ? [sharedText(file, 'password')] : [];
}
