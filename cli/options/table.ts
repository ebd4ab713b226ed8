// Every command and every option, once. The command line, the environment, the config file, the help and the tests
// are all read off this table: an option that stands here works in all of them.
//
//   name 'rescan'   ->   --rescan 10m     TOASTBOX_RESCAN=10m     rescan = "10m"
//
// What counts, strongest first: the command line, the environment, the config file, the default here.

import { WATCHES_MAX } from '../../agent/options.ts';
import { ARENA_BYTES_LEAST } from '../../agent/plan.ts';
import { acl, admitting, user } from './admitting.ts';
import { card } from './boarding.ts';
import { history, restore, retaining, verify } from './keeping.ts';
import { type Command, config, type Option, type Options, type Settings } from './option.ts';

const arena = {
  kind: 'size',
  value: 'SIZE',
  default: '6MiB',
  least: ARENA_BYTES_LEAST,
  most: 2 ** 30,
  example: '4MiB',
  help: 'Memory for file data and the catalog. Taken once at the start; it never grows.',
} as const satisfies Option;

const progress = {
  kind: 'choice',
  value: 'HOW',
  default: 'auto',
  words: ['auto', 'lines', 'none'],
  example: 'lines',
  help: 'Long work: auto draws a bar in a terminal and prints a line now and then elsewhere; lines; none.',
} as const satisfies Option;

const json = {
  kind: 'flag',
  default: 'false',
  example: 'true',
  help: 'One JSON object per line and process, for programs.',
} as const satisfies Option;

const quiet = {
  kind: 'flag',
  default: 'false',
  example: 'true',
  help: 'Print warnings and errors only: no files, no progress.',
} as const satisfies Option;

/** Both long-running commands: what is the same in an agent and in the agents that keep a gateway's plain copies. */
const syncing = {
  arena,
  rescan: {
    kind: 'duration',
    value: 'TIME',
    default: '10m',
    least: 10,
    most: 7 * 86_400,
    example: '1h',
    help: 'Look through the whole folder this often, for what watching missed.',
  },
  watches: {
    kind: 'count',
    value: 'COUNT',
    default: String(WATCHES_MAX),
    most: 1_000_000,
    example: '256',
    help: 'Watch at most this many directories for changes; rescans find the rest.',
  },
} as const satisfies Options;

const linking = {
  username: {
    kind: 'text',
    value: 'NAME',
    example: 'board-7',
    help: 'User name for the broker.',
  },
  'password-file': {
    kind: 'path',
    value: 'FILE',
    example: '/etc/toastbox.password',
    help: 'A file that holds the password for the broker, read at the start.',
  },
  password: {
    kind: 'secret',
    isSecret: true,
    excludes: 'password-file',
    example: 'correct horse',
    help: 'The password itself; environment and config file only.',
  },
  'ca-file': {
    kind: 'path',
    value: 'FILE',
    example: '/etc/ssl/broker-ca.pem',
    help: "The authority that signed the broker's certificate (PEM); otherwise those that Node trusts.",
  },
  'cert-file': {
    kind: 'path',
    value: 'FILE',
    example: '/etc/ssl/board-7.pem',
    help: 'The certificate to show to the broker (PEM); needs --key-file.',
  },
  'key-file': {
    kind: 'path',
    value: 'FILE',
    example: '/etc/ssl/board-7.key',
    help: 'The private key of --cert-file (PEM).',
  },
  keepalive: {
    kind: 'duration',
    value: 'TIME',
    default: '60s',
    least: 5,
    most: 65_535,
    example: '5m',
    help: 'Tell the broker this often that the link stands. Longer costs less, and notices a dead link later.',
  },
} as const satisfies Options;

const demo = {
  summary: 'try it: a gateway and a board on this machine',
  about: [
    'Starts a gateway with its own broker, and an agent with a folder of its own, both under one directory. Put a file into one folder and watch it come up in the other. Ctrl-C ends both; the files stay.',
    '`npm start` in a checkout installs, builds and runs this.',
  ],
  usage: 'toastbox demo [OPTIONS]',
  options: {
    at: {
      kind: 'path',
      value: 'DIR',
      default: './toastbox-demo',
      example: '/tmp/toastbox-demo',
      help: 'Where both folders and the state stand.',
    },
    listen: {
      kind: 'hostPort',
      value: 'HOST:PORT',
      default: '127.0.0.1:1883',
      example: '127.0.0.1:1884',
      help: 'Where the broker listens; port 0 takes a free one.',
    },
    arena,
    progress,
    quiet,
    config,
  },
  examples: [
    ['toastbox demo', 'under ./toastbox-demo, broker on port 1883'],
    ['toastbox demo --listen 127.0.0.1:1884', 'when port 1883 is taken'],
  ],
} as const satisfies Command;

const gateway = {
  summary: 'run the hub: orders changes, keeps history and plain copies',
  about: [
    'The gateway takes the changes of all boards, puts them in order, keeps the versions of the last 30 days (--keep-days), and keeps a plain copy of each synced folder: one directory per share under --folder. Programs on this machine may read and write there.',
    'Boards meet it at a broker: one of yours (--broker), or its own (--listen), which is what runs when neither is given. Its own broker listens on this machine only, until it has --users or a --client-ca: then a board gets in with its password or certificate, and reads and writes its own topics only.',
  ],
  usage: 'toastbox gateway --data DIR [--folder DIR] [--broker URL | --listen HOST:PORT --users FILE]',
  options: {
    data: {
      kind: 'path',
      value: 'DIR',
      isRequired: true,
      example: '/var/lib/toastbox',
      help: 'Where the store stands: history, blocks, state. Made if missing.',
    },
    folder: {
      kind: 'path',
      value: 'DIR',
      defaultWords: 'DATA/folders',
      example: '/srv/boards',
      help: 'Where the plain copies stand, one directory per share. Made if missing.',
    },
    broker: {
      kind: 'url',
      value: 'URL',
      excludes: 'listen',
      example: 'mqtt://broker.lan:1883',
      help: 'Meet the boards at this broker: mqtt, mqtts, ws or wss.',
    },
    listen: {
      kind: 'hostPort',
      value: 'HOST:PORT',
      defaultWords: '127.0.0.1:1883, without --broker',
      example: '0.0.0.0:1883',
      help: 'Run the built-in broker here; port 0 takes a free one.',
    },
    ...admitting,
    ...retaining,
    ...syncing,
    ...linking,
    progress,
    quiet,
    config,
  },
  examples: [
    [
      'toastbox gateway --data /var/lib/toastbox --folder /srv/boards',
      'with its own broker, on this machine only',
    ],
    [
      'toastbox gateway --data /var/lib/toastbox --listen 0.0.0.0:1883 --users /etc/toastbox.users',
      'with its own broker, for boards that have a password',
    ],
    [
      'toastbox gateway --data /var/lib/toastbox --broker mqtt://broker.lan',
      'at the Mosquitto that the boards use already',
    ],
  ],
} as const satisfies Command;

const agent = {
  summary: 'run on a board: keeps one folder in sync',
  about: [
    'The agent watches one folder and keeps it the same as its share at the gateway, in both directions, whenever the broker can be reached. It may be killed at any time; it goes on where it was.',
    'Every board needs a --name of its own. Boards that name the same --share have the same folder; without it a board has a folder of its own, called like the board. What .toastboxignore lists (the syntax of .gitignore) stays where it is.',
  ],
  usage: 'toastbox agent --folder DIR --broker URL --name BOARD [--share NAME]',
  options: {
    folder: {
      kind: 'path',
      value: 'DIR',
      isRequired: true,
      example: '/home/pi/photos',
      help: 'The folder to sync. Must exist: a disk that is not mounted is not an empty folder.',
    },
    broker: {
      kind: 'url',
      value: 'URL',
      isRequired: true,
      example: 'mqtt://broker.lan:1883',
      help: 'The broker where the gateway is: mqtt, mqtts, ws or wss.',
    },
    name: {
      kind: 'label',
      value: 'BOARD',
      isRequired: true,
      example: 'board-7',
      help: "This board's name: no other board at this broker may have it.",
    },
    share: {
      kind: 'label',
      value: 'NAME',
      defaultWords: 'the name',
      example: 'photos',
      help: 'The folder at the gateway that this board has part in.',
    },
    state: {
      kind: 'path',
      value: 'DIR',
      defaultWords: 'FOLDER/.toastbox',
      example: '/var/lib/toastbox-agent',
      help: 'Where the catalog and the control socket stand. Files on their way are always under FOLDER/.toastbox.',
    },
    pulse: {
      kind: 'path',
      value: 'FILE',
      example: '/run/toastbox.pulse',
      help: 'Touch this file every ten seconds while all is well, for a watchdog: while work moves, or nothing is to be done, or what is in the way is nothing that a restart would mend.',
    },
    overcommit: {
      kind: 'flag',
      default: 'false',
      example: 'true',
      help: 'Start also where the plan says that memory or disk do not suffice (toastbox help plan).',
    },
    'clock-file': {
      kind: 'path',
      value: 'FILE',
      example: '/run/board/clock',
      help: "Write the gateway's clock here at each hello, in milliseconds since 1970: for a board without a clock chip.",
    },
    'notice-file': {
      kind: 'path',
      value: 'FILE',
      example: '/run/board/mistake',
      help: 'If there is such a file at the start: what it says is shown as the last error, in the status topic too.',
    },
    ...syncing,
    ...linking,
    progress,
    quiet,
    config,
  },
  examples: [
    ['toastbox agent --folder ~/photos --broker mqtt://broker.lan --name board-7', 'a folder of its own'],
    ['toastbox agent --config /etc/toastbox.toml', 'everything from a file'],
  ],
} as const satisfies Command;

/** Commands that ask a running agent or gateway. */
const asking = {
  folder: {
    kind: 'path',
    value: 'DIR',
    excludes: 'data',
    // A gateway has a data directory and a folder, an agent may have a state and a folder.
    yieldsTo: ['data', 'state'],
    example: '/home/pi/photos',
    help: "An agent's folder.",
  },
  data: {
    kind: 'path',
    value: 'DIR',
    excludes: 'state',
    example: '/var/lib/toastbox',
    help: "A gateway's --data.",
  },
  state: {
    kind: 'path',
    value: 'DIR',
    excludes: 'folder',
    example: '/var/lib/toastbox-agent',
    help: "An agent's --state, where it is not in the folder.",
  },
  json,
  watch: {
    kind: 'flag',
    default: 'false',
    example: 'true',
    help: 'Show it again every two seconds, until Ctrl-C.',
  },
} as const satisfies Options;

const status = {
  summary: 'say what a running agent or gateway is doing',
  about: [
    'Asks the agent or gateway that runs on this machine: link, position, what is pending, conflicts, the last error, memory. Without an option it looks at the folder of the config file, then for .toastbox here and in the directories above, then for ./toastbox-demo.',
  ],
  usage: 'toastbox status [--folder DIR | --data DIR | --state DIR] [--json] [--watch]',
  alsoReads: ['agent', 'gateway'],
  options: {
    ...asking,
    config,
  },
  examples: [
    ['toastbox status --folder ~/photos', 'the agent of that folder'],
    ['toastbox status --data /var/lib/toastbox --json', 'the gateway, for a program'],
  ],
} as const satisfies Command;

const memory = {
  summary: 'show where the memory of a running agent or gateway goes',
  about: [
    'Every region of the arena and who holds it, all that is in flight and how much of it may be, the JS heap, what the kernel counts, and the catalog on disk: now, the limit, the most of this run, the most ever (kept in the state over restarts), and what happened at the limit, how often. Below that the arena as a map.',
    'The map is coloured in a terminal, unless NO_COLOR is set; its letters say the same. It looks for whom to ask as status does.',
  ],
  usage: 'toastbox memory [--folder DIR | --data DIR | --state DIR] [--json] [--watch]',
  alsoReads: ['agent', 'gateway'],
  options: {
    ...asking,
    config,
  },
  examples: [
    ['toastbox memory --folder ~/photos', 'the agent of that folder'],
    ['toastbox memory --folder ~/photos --watch', 'the map as it changes'],
    ['toastbox memory --data /var/lib/toastbox --json', 'the gateway, for a program'],
  ],
} as const satisfies Command;

const plan = {
  summary: 'say what an agent will take, and whether it fits',
  about: [
    'Reckons before the start what an agent takes at most: memory, by its parts, and disk for its catalog and for files on their way. The number of files decides about the disk only. If it does not fit, it says which settings would, and exits with 2.',
    'An agent makes the same check when it starts.',
  ],
  usage:
    'toastbox plan --files COUNT [--ram SIZE] [--disk SIZE] [--largest SIZE] [--arena SIZE] [--watches COUNT] [--json]',
  alsoReads: ['agent'],
  options: {
    files: {
      kind: 'count',
      value: 'COUNT',
      isRequired: true,
      most: 1_000_000_000,
      example: '100000',
      help: 'Files, directories and symlinks in the folder.',
    },
    ram: {
      kind: 'size',
      value: 'SIZE',
      defaultWords: 'what this machine, or the cgroup here, has',
      example: '64MiB',
      help: 'Memory that there is for the agent.',
    },
    disk: {
      kind: 'size',
      value: 'SIZE',
      example: '4GiB',
      help: 'Disk that is free for the catalog and for files on their way.',
    },
    largest: {
      kind: 'size',
      value: 'SIZE',
      example: '200MiB',
      help: 'The largest file that will arrive.',
    },
    arena,
    watches: syncing.watches,
    json,
    config,
  },
  examples: [
    ['toastbox plan --files 1000000 --ram 64MiB', 'a million files on a small board'],
    ['toastbox plan --files 20000 --largest 1GiB --disk 4GiB --json', 'disk too, for a program'],
  ],
} as const satisfies Command;

export const COMMANDS = {
  demo,
  gateway,
  agent,
  status,
  memory,
  history,
  restore,
  verify,
  plan,
  user,
  acl,
  card,
} as const;
export type CommandName = keyof typeof COMMANDS;
export const COMMAND_NAMES = Object.keys(COMMANDS) as CommandName[];

export type SettingsOf<C extends CommandName> = Settings<(typeof COMMANDS)[C]['options']>;

export const optionsOf = (command: CommandName): Options => COMMANDS[command].options;

/** The options that `name` rules out or is ruled out by. */
export const rivalsOf = (options: Options, name: string): string[] =>
  Object.keys(options).filter(
    other => other !== name && (options[other]!.excludes === name || options[name]?.excludes === other),
  );

export const envOf = (name: string): string => `TOASTBOX_${name.toUpperCase().replaceAll('-', '_')}`;

/** Every option's name that some command has: a config file and an environment may serve several. */
export const ALL_NAMES: readonly string[] = [
  ...new Set(COMMAND_NAMES.flatMap(name => Object.keys(optionsOf(name)))),
];

/** Those that may stand in the environment or in a file. */
export const SETTABLE_NAMES: readonly string[] = ALL_NAMES.filter(name =>
  COMMAND_NAMES.some(command => isSettable(command, name)),
);

function isSettable(command: CommandName, name: string): boolean {
  const option = optionsOf(command)[name];
  return option !== undefined && option.isFlagOnly !== true;
}
