import { describe, expect, test } from 'vitest';
import {
  boardOfTopic,
  boardTopic,
  everyBoard,
  GATEWAY_STATUS_TOPIC,
  type Leaf,
  TOPIC_BYTES_MAX,
} from '../../protocol/topics.ts';

const leaves: Leaf[] = ['up', 'down', 'status'];

describe('topics', () => {
  test('a board and a leaf -> the topic, and back', () => {
    expect(boardTopic('kitchen', 'up')).toBe('toastbox/1/board/kitchen/up');
    expect(GATEWAY_STATUS_TOPIC).toBe('toastbox/1/gateway/status');
    expect(everyBoard('status')).toBe('toastbox/1/board/+/status');
    for (const board of ['a', '0', 'Board.7_x-y', 'b'.repeat(63)]) {
      for (const leaf of leaves) {
        const topic = boardTopic(board, leaf);
        expect(boardOfTopic(topic)).toEqual({ board, leaf });
        expect(topic.length).toBeLessThanOrEqual(TOPIC_BYTES_MAX);
        expect(topic.split('/').length - 1).toBeLessThanOrEqual(7);
      }
    }
    expect(boardTopic('b'.repeat(63), 'status')).toHaveLength(TOPIC_BYTES_MAX);
  });

  test.each(['', '+', '#', 'a/b', '.a', '-a', 'a b', 'ä', 'a\n', 'b'.repeat(64), '../x'])(
    'the name %j -> no topic, and no board in one',
    name => {
      expect(() => boardTopic(name, 'up')).toThrow('broken promise');
      expect(boardOfTopic(`toastbox/1/board/${name}/up`)).toBeUndefined();
    },
  );

  test.each([
    '',
    'toastbox',
    'toastbox/1/board/a',
    'toastbox/1/board/a/other',
    'toastbox/1/board/a/up/x',
    'toastbox/2/board/a/up',
    'other/1/board/a/up',
    '/toastbox/1/board/a/up',
    'toastbox/1/gateway/status',
    'toastbox/1/gateway/a/up',
    '$SYS/broker/uptime',
  ])('%j -> no board', topic => {
    expect(boardOfTopic(topic)).toBeUndefined();
  });
});
