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
import { parse, TomlError } from 'smol-toml';
import { Failure } from '../agent/failure.ts';
import { failureOf } from './exits.ts';
import { suggestion } from './nearest.ts';
import type { Command, Options } from './option.ts';
import { COMMAND_NAMES, COMMANDS, type CommandName, optionsOf, rivalsOf } from './options.ts';
import { isShared, sharedText } from './secrets.ts';

/** A config is some forty lines; what is longer is another file. */
const CONFIG_BYTES_MAX = 256 * 1024;

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
    const inside = toml.table[table] as Record<string, unknown>;
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
  table: Record<string, unknown>;
  placeOf(key: string, table?: string): string;
}

function load(file: string): Loaded {
  let text: string;
  try {
    if (statSync(file).size > CONFIG_BYTES_MAX)
      throw new Failure('usage', `${file}: too long for a config file`);
    // Some editors put a byte order mark before the first key.
    text = readFileSync(file, 'utf8').replace('\uFEFF', '');
  } catch (error) {
    throw failureOf(error);
  }
  try {
    return { table: parse(text), placeOf: (key, table) => `${file}:${lineOf(text, key, table)}` };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const what = error.message.split('\n')[0]!.replace(/^Invalid TOML document: /, '');
    throw new Failure('usage', `${file}:${error.line}: ${what}`);
  }
}

/** The line that a key or table stands on; the parser tells no places. Line 1 where it cannot be found. */
function lineOf(text: string, key: string, table?: string): number {
  let inside: string | undefined;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const header = /^\s*\[\s*["']?([^\]"']+?)["']?\s*\]/.exec(line);
    if (header !== null) inside = header[1];
    if (header?.[1] === key && table === undefined) return index + 1;
    const name = /^\s*["']?([A-Za-z0-9_.-]+)["']?\s*=/.exec(line)?.[1];
    if (name === undefined) continue;
    if ((inside === table && name === key) || name === `${table}.${key}`) return index + 1;
    if (inside === undefined && (name === table || (table === undefined && name.startsWith(`${key}.`))))
      return index + 1;
  }
  return 1;
}

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

function textOf(value: unknown, place: string, key: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isSafeInteger(value)))
    return String(value);
  throw new Failure('usage', `${place}: ${key} must be a string, a whole number, true or false`);
}

function warningsOf(file: string): string[] {
  return isShared(statSync(file)) ? [sharedText(file, 'password')] : [];
}
