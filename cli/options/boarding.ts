// The command that puts a board's settings in force, as a row of table.ts. Its table in the file, [card], holds what
// a board needs beside the agent's settings: its network and its clock.

import { type Command, config } from './option.ts';

export const card = {
  summary: "take a board's settings from its card",
  about: [
    'For the images of board/: what toastbox.toml says on the boot partition, which any PC can edit, is checked as every config file is and kept on the data partition, with its certificates. Passwords and private keys are moved: once they are safe there, they are blanked on the card. A secret that is blank on the card is the one that was moved before.',
    'With a mistake in the file nothing is taken: the last good settings stay. With --look they are checked in the same way on any machine, all but how much memory a board has.',
  ],
  usage: 'toastbox card --card FILE (--kept DIR | --look)',
  options: {
    card: {
      kind: 'path',
      value: 'FILE',
      isRequired: true,
      isFlagOnly: true,
      example: '/boot/toastbox.toml',
      help: 'The file on the card. Files that it names stand beside it.',
    },
    kept: {
      kind: 'path',
      value: 'DIR',
      isFlagOnly: true,
      example: '/data/board',
      help: 'Where the settings in force are kept: agent.toml, network, and what they name. Made if missing.',
    },
    look: {
      kind: 'flag',
      default: 'false',
      isFlagOnly: true,
      example: 'true',
      help: 'Only check the card and say what would be taken; nothing is changed, no secret moved. Without --kept, as on a new board, where no secret may be blank.',
    },
    address: {
      kind: 'subnet',
      value: 'ADDRESS/BITS',
      defaultWords: 'by DHCP',
      example: '192.168.1.7/24',
      help: "The board's own IPv4 address, with the bits of its network.",
    },
    router: {
      kind: 'ip',
      value: 'ADDRESS',
      example: '192.168.1.1',
      help: 'The way to other networks, where --address is given.',
    },
    dns: {
      kind: 'ip',
      value: 'ADDRESS',
      example: '192.168.1.1',
      help: 'Who knows names, where --address is given.',
    },
    'time-server': {
      kind: 'host',
      value: 'HOST',
      defaultWords: 'what DHCP names, and the gateway',
      example: 'pool.ntp.org',
      help: 'Who tells the time (SNTP), for a board without a clock chip.',
    },
    config,
  },
  examples: [
    ['toastbox card --card /boot/toastbox.toml --kept /data/board', 'what a board runs when it starts'],
    ['toastbox card --card ./toastbox.toml --look', 'check it on a PC, before it goes into a board'],
  ],
} as const satisfies Command;
