import { describe, expect, test } from 'vitest';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { isAllowed, rulesOfBoard, rulesOfGateway } from '../../gateway/access.ts';
import { boardTopic, everyBoard, GATEWAY_STATUS_TOPIC } from '../../protocol/topics.ts';
import { TestOut } from './out.ts';

const acl = async (...words: string[]) => {
  const [out, errors] = [new TestOut(), new TestOut()];
  const world = { env: {}, directory: '/' };
  const code = await main({ words: ['acl', ...words], world, out, errors, program: '/none' });
  const rules = out.text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  return { code, rules, errors: errors.text };
};

const OF_GATEWAY = [
  'topic read toastbox/1/board/+/up',
  'topic write toastbox/1/board/+/down',
  'topic read toastbox/1/board/+/status',
  'topic readwrite toastbox/1/gateway/status',
];

describe('acl', () => {
  test('acl: every user a board -> patterns; no rule before a user, which would be for anyone', async () => {
    const { code, rules } = await acl('--gateway-user', 'hub');
    expect([code, rules]).toEqual([
      Exit.FINE,
      [
        'user hub',
        ...OF_GATEWAY,
        'pattern write toastbox/1/board/%u/up',
        'pattern read toastbox/1/board/%u/down',
        'pattern readwrite toastbox/1/board/%u/status',
        'pattern read toastbox/1/gateway/status',
      ],
    ]);
  });
  test('acl: boards by name -> lines for each, no patterns', async () => {
    const { rules } = await acl('--boards', 'a, b.c');
    expect(rules.slice(0, 5)).toEqual(['user gateway', ...OF_GATEWAY]);
    expect(rules.slice(5)).toEqual(
      ['a', 'b.c'].flatMap(name => [
        `user ${name}`,
        `topic write toastbox/1/board/${name}/up`,
        `topic read toastbox/1/board/${name}/down`,
        `topic readwrite toastbox/1/board/${name}/status`,
        'topic read toastbox/1/gateway/status',
      ]),
    );
  });
  test.each([['a,a'], ['a,,b'], ['a b'], ['+'], ['a/b'], ['gateway'], ['a\ntopic readwrite #']])(
    'acl: --boards %j -> refused',
    async boards => {
      expect(await acl('--boards', boards)).toMatchObject({ code: Exit.USAGE, rules: [] });
    },
  );
});

describe('access', () => {
  test('access: what both ends subscribe to and write -> allowed; each read by one end is written by the other', () => {
    const [board, gateway] = [rulesOfBoard('b'), rulesOfGateway()];
    const down = boardTopic('b', 'down');
    const [up, status] = [boardTopic('b', 'up'), boardTopic('b', 'status')];
    for (const topic of [down, status, GATEWAY_STATUS_TOPIC])
      expect(isAllowed(board, 'read', topic)).toBe(true);
    for (const topic of [up, status]) expect(isAllowed(board, 'write', topic)).toBe(true);
    for (const topic of [everyBoard('up'), everyBoard('status'), GATEWAY_STATUS_TOPIC])
      expect(isAllowed(gateway, 'read', topic)).toBe(true);
    for (const topic of [down, GATEWAY_STATUS_TOPIC]) expect(isAllowed(gateway, 'write', topic)).toBe(true);
  });
  test('access: the gateway itself, beyond what it needs -> not allowed', () => {
    const gateway = rulesOfGateway();
    for (const filter of [
      '#',
      'toastbox/1/board/#',
      'toastbox/1/board/+/#',
      'toastbox/1/board/#/up',
      '+/1/board/+/up',
    ])
      expect(isAllowed(gateway, 'read', filter)).toBe(false);
    for (const topic of [boardTopic('b', 'up'), boardTopic('b', 'status'), 'toastbox/1/board/+/up'])
      expect(isAllowed(gateway, 'write', topic)).toBe(false);
  });
});
