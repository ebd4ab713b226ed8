// The MQTT topics: three of a board, one of the gateway. Fewer than seven slashes, so that every broker takes them.
//
//   toastbox/1/board/NAME/up        board -> gateway, frames
//   toastbox/1/board/NAME/down      gateway -> board, frames
//   toastbox/1/board/NAME/status    of the board: retained text, with a will
//   toastbox/1/gateway/status       of the gateway: retained text, with a will
//
// The `1` is the topics' version, apart from the protocol's, which hello negotiates. NAME is a LABEL: no '/', '+' or
// '#' can get in, so a board's name cannot widen a subscription or an access rule.

import { assert } from './assert.ts';
import { LABEL } from './limits.ts';

const ROOT = 'toastbox/1';

export type Leaf = 'up' | 'down' | 'status';
const LEAVES: readonly string[] = ['up', 'down', 'status'] satisfies Leaf[];

export function boardTopic(board: string, leaf: Leaf): string {
  assert(LABEL.test(board), 'a board is named by a label');
  return `${ROOT}/board/${board}/${leaf}`;
}

export const GATEWAY_STATUS_TOPIC = `${ROOT}/gateway/status`;

/** The longest topic: a board's status, its name a full LABEL of 63. */
export const TOPIC_BYTES_MAX = `${ROOT}/board//status`.length + 63;

/** A subscription to one leaf of all boards. */
export const everyBoard = (leaf: Leaf): string => `${ROOT}/board/+/${leaf}`;

/** Which board's topic it is; undefined for any other, and for a name that is no label. */
export function boardOfTopic(topic: string): { board: string; leaf: Leaf } | undefined {
  const [root, version, kind, board, leaf, ...more] = topic.split('/');
  if (`${root}/${version}` !== ROOT || kind !== 'board' || more.length > 0) return undefined;
  if (board === undefined || !LABEL.test(board)) return undefined;
  if (leaf === undefined || !LEAVES.includes(leaf)) return undefined;
  return { board, leaf: leaf as Leaf };
}
