// Who may come in: the gateway's options about it and the commands that keep it, as rows of table.ts.

import { type Command, config, type Option, type Options } from './option.ts';

const users = {
  kind: 'path',
  value: 'FILE',
  excludes: 'broker',
  example: '/etc/toastbox.users',
  help: 'The users of the built-in broker, one for each board: what toastbox user keeps. Followed while it runs.',
} as const satisfies Option;

/** Of the gateway: all but the last two of its own broker. */
export const admitting = {
  users,
  'listen-cert': {
    kind: 'path',
    value: 'FILE',
    excludes: 'broker',
    example: '/etc/toastbox/broker.pem',
    help: "The built-in broker's certificate (PEM): it then speaks TLS only. Needs --listen-key.",
  },
  'listen-key': {
    kind: 'path',
    value: 'FILE',
    excludes: 'broker',
    example: '/etc/toastbox/broker.key',
    help: 'The private key of --listen-cert (PEM).',
  },
  'client-ca': {
    kind: 'path',
    value: 'FILE',
    excludes: 'broker',
    example: '/etc/toastbox/boards-ca.pem',
    help: "Let boards in by a certificate that this authority signed (PEM), its common name the board's; needs --listen-cert.",
  },
  open: {
    kind: 'flag',
    default: 'false',
    excludes: 'broker',
    example: 'true',
    help: 'Let everyone into the built-in broker, also from other machines: whoever reaches the port may read and write every folder.',
  },
  grants: {
    kind: 'path',
    value: 'FILE',
    example: '/etc/toastbox.grants',
    help: 'Which boards may join which shares, a line "BOARD: SHARE, SHARE" for each, * for any; and each its own. Followed while it runs. Without it any board may join any share.',
  },
  'max-shares': {
    kind: 'count',
    value: 'COUNT',
    default: '256',
    least: 1,
    most: 100_000,
    example: '1000',
    help: 'Let boards make new shares up to this many; each has a plain copy, which takes some 220 KiB of memory. A board without --share makes one. Those that are there always stay.',
  },
} as const satisfies Options;

export const user = {
  summary: "keep the users of the gateway's own broker",
  about: [
    'A user is a board: called like it, with a password of its own, of which the file holds a hash (scrypt). --add makes one, or gives it another password: it makes one up and prints it, alone on stdout, this once. Put it into a file on the board that only the agent may read, and name that with --username and --password-file. With neither --add nor --remove it lists the names.',
    'A gateway that runs with this file takes a change at once; who was removed, or has another password now, is cut off within seconds.',
  ],
  usage: 'toastbox user --users FILE [--add BOARD [--password-file FILE] | --remove BOARD]',
  alsoReads: ['gateway'],
  options: {
    users: {
      kind: 'path',
      value: 'FILE',
      isRequired: true,
      example: '/etc/toastbox.users',
      help: 'The file of users. Made if missing.',
    },
    add: {
      kind: 'label',
      value: 'BOARD',
      excludes: 'remove',
      example: 'board-7',
      help: 'Add this user, or change its password.',
    },
    remove: {
      kind: 'label',
      value: 'BOARD',
      example: 'board-7',
      help: 'Remove this user.',
    },
    'password-file': {
      kind: 'path',
      value: 'FILE',
      defaultWords: 'one is made up',
      example: '/dev/stdin',
      help: 'Take the password from this file; /dev/stdin is what is piped in.',
    },
    config,
  },
  examples: [
    [
      'toastbox user --users /etc/toastbox.users --add board-7 > board-7.password',
      'with a password made up; after umask 077',
    ],
    ['toastbox user --users /etc/toastbox.users --remove board-7', 'and it is cut off'],
  ],
} as const satisfies Command;

export const acl = {
  summary: 'print an access list for Mosquitto',
  about: [
    "What a gateway and its boards need at a Mosquitto, and no more: a board writes and reads the topics of its name only. The gateway takes the name in a topic for the sender's, so a broker that does not keep boards apart lets each be any other.",
    'Without --boards every user but the gateway is a board, called like the user; with it, only those that are named get in, each by lines of its own. To be put into the file that acl_file in mosquitto.conf names.',
  ],
  usage: 'toastbox acl [--boards NAME,NAME] [--gateway-user NAME]',
  options: {
    boards: {
      kind: 'labels',
      value: 'NAMES',
      defaultWords: 'every user',
      example: 'board-7,board-8',
      help: 'The boards, with commas between.',
    },
    'gateway-user': {
      kind: 'label',
      value: 'NAME',
      default: 'gateway',
      example: 'toastbox-gateway',
      help: 'The user that the gateway comes as.',
    },
    config,
  },
  examples: [
    ['toastbox acl > /etc/mosquitto/toastbox.acl', 'each user is a board'],
    ['toastbox acl --boards board-7,board-8', 'these two and nobody else'],
  ],
} as const satisfies Command;
