// A command's settings from the command line, the environment, the config file and the defaults, in that order.
//
// Everything that is given is checked, also what a stronger place overrules: a typo in a file shows on the day it is
// made. Nothing unknown is passed over: flags, TOASTBOX_ variables and keys are refused with the nearest right one.

import { Failure } from '../../agent/failure.ts';
import { read, Wrong } from '../options/kinds.ts';
import type { Command, Option } from '../options/option.ts';
import {
  COMMANDS,
  type CommandName,
  envOf,
  optionsOf,
  rivalsOf,
  SETTABLE_NAMES,
  type SettingsOf,
} from '../options/table.ts';
import { readConfig } from './config.ts';
import { suggestion } from './nearest.ts';

export interface World {
  env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths of flags and variables start. */
  directory: string;
}

export interface Resolved<C extends CommandName> {
  settings: SettingsOf<C>;
  /** The word that is no option, where the command takes one. */
  argument: string | undefined;
  warnings: string[];
}

interface Given {
  text: string;
  /** As the message names it: --arena, TOASTBOX_ARENA, toastbox.toml:3: arena. */
  place: string;
  directory: string;
}
type Layer = Map<string, Given>;

export function resolveSettings<C extends CommandName>(
  command: C,
  words: readonly string[],
  world: World,
): Resolved<C> {
  const options = optionsOf(command);
  const { flags, argument } = readWords(command, words, world.directory);
  const env = readEnv(command, world);
  const configGiven = flags.get('config') ?? env.get('config');
  const configFile = configGiven && (readValue(options.config!, 'config', configGiven) as string);
  const config = configFile === undefined ? undefined : readConfig(configFile, command);
  const file: Layer = new Map();
  for (const [name, { text, place }] of config?.values ?? [])
    file.set(name, { text, place, directory: config!.directory });

  const values: Record<string, unknown> = {};
  const taken = new Set<string>();
  for (const layer of [flags, env, file]) {
    settleRivals(command, layer);
    const ruledOut = new Set(taken);
    for (const [name, given] of layer) {
      const value = readValue(options[name]!, name, given);
      if (ruledOut.has(name)) continue;
      values[name] = value;
      taken.add(name);
      for (const rival of rivalsOf(options, name)) taken.add(rival);
    }
  }
  for (const [name, option] of Object.entries(options)) {
    if (values[name] !== undefined) continue;
    values[name] = undefined;
    if (option.default !== undefined)
      values[name] = readValue(option, name, {
        text: option.default,
        place: name,
        directory: world.directory,
      });
    else if (option.isRequired) throw missing(command, name, option);
  }
  return { settings: values as SettingsOf<C>, argument, warnings: config?.warnings ?? [] };
}

function readValue(option: Option, name: string, given: Given): unknown {
  const value = read(option.kind, given.text, option, given.directory);
  const mayHide = /[@?]/.test(given.text);
  if (option.kind === 'url' && mayHide && given.place.startsWith('--'))
    throw new Failure(
      'usage',
      `${given.place}: what stands before an @ or after a ? may be a secret, and every user of this machine can read the command line`,
      `use --username and --password-file; a query may stand in ${envOf(name)}, or as ${name} in a config file`,
    );
  if (!(value instanceof Wrong)) return value;
  const shown = option.isSecret || mayHide ? '' : ` ${JSON.stringify(given.text)}`;
  const example = option.isSecret ? '' : `, such as ${exampleFor(name, option, given.place)}`;
  throw new Failure('usage', `${given.place}:${shown} ${value.why}${example}`);
}

/** The example in the words of the place where it was wrong. */
function exampleFor(name: string, option: Option, place: string): string {
  if (place.startsWith('--')) return option.kind === 'flag' ? place : `${place} ${option.example}`;
  if (place.startsWith('TOASTBOX_')) return `${place}=${option.example}`;
  return option.kind === 'flag' ? `${name} = true` : `${name} = "${option.example}"`;
}

function missing(command: CommandName, name: string, option: Option): Failure {
  return new Failure(
    'usage',
    `${command} needs --${name} ${option.value ?? ''}`.trimEnd(),
    `for example --${name} ${option.example}, or ${envOf(name)} or ${name} in a config file; see toastbox help ${command}`,
  );
}

/** Two options of one place that rule each other out: an error, unless one is known to give way outside of flags. */
function settleRivals(command: CommandName, layer: Layer): void {
  const options = optionsOf(command);
  for (const [name, given] of layer) {
    for (const rival of rivalsOf(options, name)) {
      const other = layer.get(rival);
      if (other === undefined) continue;
      if (!given.place.startsWith('--')) {
        if (options[name]!.yieldsTo?.includes(rival)) layer.delete(name);
        if (options[rival]!.yieldsTo?.includes(name)) layer.delete(rival);
        if (!layer.has(name) || !layer.has(rival)) continue;
      }
      const where = given.place.includes(': ')
        ? '; give each command a table of its own, [agent] or [gateway]'
        : '';
      throw new Failure('usage', `${given.place} and ${other.place} rule each other out: give one${where}`);
    }
  }
}

function readWords(
  command: CommandName,
  words: readonly string[],
  directory: string,
): { flags: Layer; argument: string | undefined } {
  const options = optionsOf(command);
  const wanted = (COMMANDS[command] as Command).argument;
  let argument: string | undefined;
  const known = Object.keys(options)
    .filter(name => !options[name]!.isSecret)
    .map(name => `--${name}`);
  const see = `toastbox help ${command} lists the options`;
  const layer: Layer = new Map();
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (!word.startsWith('-') || word === '-') {
      if (wanted === undefined || argument !== undefined)
        throw new Failure(
          'usage',
          `${command} takes no ${wanted === undefined ? '' : 'second '}argument ${JSON.stringify(word)}`,
          see,
        );
      argument = word;
      continue;
    }
    const equals = word.indexOf('=');
    const flag = equals < 0 ? word : word.slice(0, equals);
    const name = flag.slice(2);
    const option = flag.startsWith('--') && Object.hasOwn(options, name) ? options[name] : undefined;
    if (option?.isSecret)
      throw new Failure(
        'usage',
        `${flag}: a secret on the command line can be read by every user of this machine`,
        `put it into a file and say --${name}-file FILE, or set ${envOf(name)}`,
      );
    if (option === undefined)
      throw new Failure('usage', `${command} has no option ${flag}${suggestion(flag, known)}`, see);
    if (layer.has(name)) throw new Failure('usage', `${flag} is given twice`);
    let text = equals < 0 ? undefined : word.slice(equals + 1);
    if (text === undefined && option.kind === 'flag') text = 'true';
    if (text === undefined) {
      text = words[++index];
      // A value that begins with two dashes is a flag whose value was forgotten; `--flag=--x` says it is not.
      if (text === undefined || text.startsWith('--'))
        throw new Failure('usage', `${flag} needs a value, such as ${flag} ${option.example}`);
    }
    layer.set(name, { text, place: flag, directory });
  }
  if (wanted?.isRequired && argument === undefined)
    throw new Failure('usage', `${command} needs a ${wanted.value}, such as ${wanted.example}`, see);
  return { flags: layer, argument };
}

function readEnv(command: CommandName, { env, directory }: World): Layer {
  const options = optionsOf(command);
  const nameOf = new Map(SETTABLE_NAMES.map(name => [envOf(name), name]));
  const layer: Layer = new Map();
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith('TOASTBOX_')) continue;
    const name = nameOf.get(variable);
    if (name === undefined)
      throw new Failure('usage', `there is no variable ${variable}${suggestion(variable, nameOf.keys())}`);
    if (text !== undefined && text !== '' && Object.hasOwn(options, name) && !options[name]!.isFlagOnly)
      layer.set(name, { text, place: variable, directory });
  }
  return layer;
}
