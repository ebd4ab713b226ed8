// The commands that look into what a gateway keeps, as rows of table.ts.

import { type Command, config, type Option, type Options } from './option.ts';

const keeping = {
  data: {
    kind: 'path',
    value: 'DIR',
    example: '/var/lib/toastbox',
    defaultWords: 'the demo here, or the directory that it is called in',
    help: "The gateway's --data.",
  },
  json: {
    kind: 'flag',
    default: 'false',
    example: 'true',
    help: 'One JSON object per line, for programs.',
  },
  config,
} as const satisfies Options;

const limit = {
  kind: 'count',
  value: 'COUNT',
  default: '50',
  least: 1,
  most: 1_000_000,
  isFlagOnly: true,
  example: '500',
  help: 'Show at most this many, the newest.',
} as const satisfies Option;

/** Of the gateway: how much of the history it keeps. */
export const retaining = {
  'keep-days': {
    kind: 'count',
    value: 'DAYS',
    default: '30',
    most: 36_500,
    example: '90',
    help: 'Keep a version this long after it was replaced or deleted. What is current, and that something was deleted, is kept for good.',
  },
  'keep-bytes': {
    kind: 'size',
    value: 'SIZE',
    defaultWords: 'any size',
    // A number without its unit would take all history away.
    least: 2 ** 20,
    example: '50GiB',
    help: 'Keep less history while the store holds more than this.',
  },
} as const satisfies Options;

const argument = { value: 'SHARE/PATH', isRequired: true, example: 'photos/2024/cat.jpg' } as const;

export const history = {
  summary: 'list the versions of a path, or what changed under it',
  about: [
    'Of a file or symlink: every version that the gateway keeps, deletions too, with its number, when it came, from which board, and what it was. Of a directory: its own versions, and then the newest change of each path under it. The share alone is its whole folder.',
    'Reads the store on this machine, whether the gateway runs or not. Names are shown and taken with \\xNN for bytes that are not UTF-8.',
  ],
  usage: 'toastbox history SHARE/PATH [--data DIR] [--limit COUNT] [--json]',
  argument,
  alsoReads: ['gateway'],
  options: { ...keeping, limit },
  examples: [
    ['toastbox history photos/2024/cat.jpg --data /var/lib/toastbox', 'all versions of a file'],
    ['toastbox history photos --data /var/lib/toastbox', 'what changed last in the folder'],
  ],
} as const satisfies Command;

export const restore = {
  summary: 'bring back a version of a file, or a whole directory',
  about: [
    'What was deleted comes back as it last was; of what is there say which version, by --version (toastbox history has the numbers) or by --at. A directory needs --at: all that stood in it then comes back as it was then, and what came to be since stays.',
    'It is a change like any other: every board gets it, and what it replaces is a version that can be brought back. With --to it is put elsewhere on this machine instead, and the folder stays as it is. A gateway that runs makes the change itself; one that does not finds it at its start.',
  ],
  usage: 'toastbox restore SHARE/PATH [--at TIME | --version NUMBER] [--to PLACE] [--data DIR] [--json]',
  argument,
  alsoReads: ['gateway'],
  options: {
    at: {
      kind: 'time',
      value: 'TIME',
      excludes: 'version',
      isFlagOnly: true,
      example: '2026-11-22T21:30',
      help: 'As it was then: 2026-11-22T21:30, with a space for the T, with seconds, a zone or neither; 21:30, the last one; or 2h, so long ago.',
    },
    version: {
      kind: 'count',
      value: 'NUMBER',
      least: 1,
      isFlagOnly: true,
      example: '4711',
      help: 'The version of this number.',
    },
    to: {
      kind: 'path',
      value: 'PLACE',
      isFlagOnly: true,
      example: '/tmp/cat.jpg',
      help: 'Put it here instead. Nothing that stands there is touched; the same command again goes on with what is missing.',
    },
    ...keeping,
  },
  examples: [
    ['toastbox restore photos/2024/cat.jpg', 'a file that was deleted'],
    ["toastbox restore photos/2024 --at '2026-11-22 21:30'", 'a directory, as it was then'],
    ['toastbox restore photos/notes.txt --version 4711 --to /tmp/notes.txt', 'to look at it first'],
  ],
} as const satisfies Command;

export const verify = {
  summary: "read a gateway's whole store and name any damage",
  about: [
    'Every block against its id, every content against its id, every version for its content, and all lists and counts against each other. What is damaged is named by its path and version. Exit code 1 says that something is.',
    'Reads only, and works beside a running gateway, whose file grows meanwhile by what it writes. A gateway that runs there is told which blocks are damaged. To mend a file then: on a board that has it, write it anew or make a copy of it, and verify again.',
  ],
  usage: 'toastbox verify [--data DIR] [--json]',
  alsoReads: ['gateway'],
  options: keeping,
  examples: [
    ['toastbox verify --data /var/lib/toastbox', 'a gateway'],
    ['toastbox verify --data /backup/toastbox && echo whole', 'a backup of its data'],
  ],
} as const satisfies Command;
