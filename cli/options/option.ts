// What an option and a command are: the shape of the rows in table.ts and in the files beside it.

import type { Bounds, Kind, KindValues } from './kinds.ts';

export interface Option extends Bounds {
  kind: Kind;
  /** What stands for the value in the help: DIR, URL. */
  value?: string;
  /** As the user would write it. */
  default?: string;
  /** The default in words, where it follows from another option. */
  defaultWords?: string;
  isRequired?: true;
  /** Never on the command line, where every user of the machine could read it. */
  isSecret?: true;
  /** Names the file, so it cannot stand in it. */
  isNotInFile?: true;
  /** Of one call and no other: neither in the environment nor in a file. */
  isFlagOnly?: true;
  /** The option that this one rules out when both come from the same place; the stronger place wins otherwise. */
  excludes?: string;
  /** Outside the command line, those of them that it silently gives way to. */
  yieldsTo?: readonly string[];
  /** A right value, for messages and tests. */
  example: string;
  help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The values of a command's options: always there with a default or when required. */
export type Settings<O extends Options> = {
  [N in keyof O]: O[N] extends { default: string } | { isRequired: true }
    ? KindValues[O[N]['kind']]
    : KindValues[O[N]['kind']] | undefined;
};

export interface Command<O extends Options = Options> {
  summary: string;
  /** What it does and what to know before using it, in paragraphs. */
  about: readonly string[];
  usage: string;
  /** The one word that is no option, as the help has it, if there may be one. */
  argument?: { value: string; isRequired: boolean; example: string };
  options: O;
  /** Other commands whose tables in the config file it reads, if it has none of its own. */
  alsoReads?: readonly string[];
  examples: readonly (readonly [line: string, what: string])[];
}

export const config = {
  kind: 'path',
  value: 'FILE',
  isNotInFile: true,
  example: '/etc/toastbox.toml',
  help: 'Read options from this TOML file: keys are named like the options, in the open or in a table named like the command.',
} as const satisfies Option;
