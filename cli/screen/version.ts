// A version of the history in words: when it came, from whom, what it was.

import { RESTORER } from '../../gateway/hub/restore.ts';
import type { Version } from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable } from '../../protocol/path.ts';
import { bytesText, dateText, twoDigits } from './figures.ts';

export const KIND_WORDS: Readonly<Record<Kind, string>> = {
  [Kind.ABSENT]: 'deleted',
  [Kind.FILE]: 'file',
  [Kind.DIRECTORY]: 'directory',
  [Kind.SYMLINK]: 'symlink',
};

export function whatOf({ kind, size, content }: Version): string {
  if (kind === Kind.FILE) return `file, ${bytesText(size)}`;
  return kind === Kind.SYMLINK ? `symlink to ${printable(content)}` : KIND_WORDS[kind];
}

/** The plain copy at the gateway speaks as @SHARE. */
export const whoOf = ({ board }: Version): string => {
  if (board === RESTORER) return '(restored)';
  return board.startsWith('@') ? '(gateway)' : board;
};

/** "2026-11-22 21:30:05", local: as --at takes it. */
export function momentText(at: number): string {
  const then = new Date(at);
  return `${dateText(then)} ${twoDigits(then.getHours())}:${twoDigits(then.getMinutes())}:${twoDigits(then.getSeconds())}`;
}
