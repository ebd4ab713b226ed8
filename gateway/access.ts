// Who may read and write which topic, once: the built-in broker enforces it, `toastbox acl` prints it for others.
//
//   board NAME   writes its up, reads its down, both its status; reads the gateway's status
//   gateway      reads every up, writes every down, reads every board's status; both its own status
//
// Nothing else is let through: no other board's topics, no wildcard wider than these, no $SYS. It is the least that
// both ends need; that a name in a topic is its sender's rests on it (SPEC.md, Topics).

import { everyBoard, GATEWAY_STATUS_TOPIC, type Leaf } from '../protocol/topics.ts';

export type May = 'read' | 'write' | 'readwrite';

export interface Rule {
  may: May;
  /** A topic, with `+` for a level that may be any. */
  topic: string;
}

const OF_A_BOARD: readonly (readonly [May, Leaf])[] = [
  ['write', 'up'],
  ['read', 'down'],
  ['readwrite', 'status'],
];

/** `name` may also be what a broker puts a name in for, as Mosquitto's %u. */
export const rulesOfBoard = (name: string): Rule[] => [
  ...OF_A_BOARD.map(([may, leaf]) => ({ may, topic: everyBoard(leaf).replace('+', name) })),
  { may: 'read', topic: GATEWAY_STATUS_TOPIC },
];

export const rulesOfGateway = (): Rule[] => [
  { may: 'read', topic: everyBoard('up') },
  { may: 'write', topic: everyBoard('down') },
  { may: 'read', topic: everyBoard('status') },
  { may: 'readwrite', topic: GATEWAY_STATUS_TOPIC },
];

/** Whether a rule lets this topic be written, or this filter be subscribed to. */
export const isAllowed = (rules: readonly Rule[], deed: 'read' | 'write', topic: string): boolean =>
  rules.some(rule => rule.may.includes(deed) && covers(rule.topic, topic));

// A filter's own '+' fits under a '+', its '#' under nothing: what a rule does not name cannot be asked for.
function covers(rule: string, topic: string): boolean {
  const levels = rule.split('/');
  const asked = topic.split('/');
  return (
    levels.length === asked.length &&
    levels.every((level, index) => level === asked[index] || (level === '+' && asked[index] !== '#'))
  );
}
