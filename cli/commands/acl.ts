// `toastbox acl`: the access list for Mosquitto, from the table that the built-in broker goes by.

import { Failure } from '../../agent/failure.ts';
import { type Rule, rulesOfBoard, rulesOfGateway } from '../../gateway/access.ts';
import { Exit } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { resolveSettings } from '../settings/resolve.ts';

export async function aclCommand({ words, world, out }: Invocation): Promise<Exit> {
  const { settings } = resolveSettings('acl', words, world);
  const { boards, 'gateway-user': gateway } = settings;
  if (boards?.includes(gateway))
    throw new Failure('usage', `${gateway} cannot be a board and the gateway: give another --gateway-user`);
  out.write(`${aclOf(gateway, boards).join('\n')}\n`);
  return Exit.FINE;
}

/** Without `boards`, every user but the gateway's is a board. Rules before any `user` line would be anonymous ones. */
const aclOf = (gateway: string, boards?: readonly string[]): string[] => [
  ...HEAD,
  '',
  `user ${gateway}`,
  ...lines('topic', rulesOfGateway()),
  ...(boards ?? []).flatMap(board => ['', `user ${board}`, ...lines('topic', rulesOfBoard(board))]),
  ...(boards === undefined
    ? ['', '# Everybody else is a board, called like the user.', ...lines('pattern', rulesOfBoard('%u'))]
    : []),
];

const lines = (word: 'topic' | 'pattern', rules: readonly Rule[]): string[] =>
  rules.map(({ may, topic }) => `${word} ${may} ${topic}`);

const HEAD = [
  '# For Mosquitto, made by `toastbox acl`. In mosquitto.conf:',
  '#',
  '#   allow_anonymous false',
  '#   acl_file THIS-FILE',
  '#   password_file FILE          a user per board, called like it: mosquitto_passwd FILE board-7',
  '#',
  '# or with certificates, their common name the name of the board, instead of passwords, below its listener:',
  '#',
  '#   require_certificate true',
  '#   use_identity_as_username true',
  '#',
  "# In both, below its listener, or a board could throw out the gateway or another board by that one's client id:",
  '#',
  '#   use_username_as_clientid true',
  '#',
  '# A user then has one connection at a time: give other programs users of their own.',
];
