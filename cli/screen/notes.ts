// What happened, a line each, for a person who watches: the agent's notes and its log.
//
//   up    a/b.txt  1.2 KiB
//   down  c/  directory
//   keep  a.txt: changed on both sides, yours is a.conflict-board-7-20250101-120000.txt
//
// A terminal takes thousands of lines a second; a person does not, and a board's log is on flash. So at most
// LINES_MAX stand in a second; what is more is counted and told in one line. Nothing is kept of it but the counts.
// Names are other people's bytes: they are printed by printable(), so no name can move a cursor.

import type { Note } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable } from '../../protocol/path.ts';
import { bytesText, countOf, countText } from './figures.ts';

/** Lines in a second. Twenty can still be followed by eye. */
export const LINES_MAX = 20;
const WINDOW_MS = 1_000;

/** A note's line, and what it counts as when it is one of too many. */
export interface NoteLine {
  text: string;
  counts: 'up' | 'down' | 'conflict' | 'skipped' | 'problem' | 'message';
  bytes: number;
}

export function lineOf(note: Note): NoteLine {
  switch (note.kind) {
    case 'sent':
      return { text: `up    ${moved(note)}`, counts: 'up', bytes: note.bytes };
    case 'received':
      return { text: `down  ${moved(note)}`, counts: 'down', bytes: note.bytes };
    case 'conflict':
      return {
        text: `keep  ${printable(note.path)}: changed on both sides; what was here is now ${printable(note.copy)}`,
        counts: 'conflict',
        bytes: 0,
      };
    case 'skipped':
      return { text: `skip  ${printable(note.path)}: ${note.why}`, counts: 'skipped', bytes: 0 };
    case 'trouble':
      return {
        // Of the folder itself the path is empty.
        text: `fail  ${note.path.length === 0 ? '' : `${printable(note.path)}: `}${note.doing}: ${note.code}`,
        counts: 'problem',
        bytes: 0,
      };
    case 'session':
      return { text: `link  ${note.text}`, counts: 'message', bytes: 0 };
  }
}

function moved(note: Extract<Note, { kind: 'sent' | 'received' }>): string {
  const path = printable(note.path);
  switch (note.what) {
    case Kind.ABSENT:
      return `${path}  deleted`;
    case Kind.DIRECTORY:
      return `${path}/`;
    case Kind.SYMLINK:
      return `${path}  symlink`;
    default:
      return `${path}  ${bytesText(note.bytes)}`;
  }
}

const NAMES: Readonly<Record<Exclude<NoteLine['counts'], 'up' | 'down'>, string>> = {
  conflict: 'conflict',
  skipped: 'skipped name',
  problem: 'problem',
  message: 'message',
};

/** The same trouble again is told at most this often: what waits for a person is tried again every few seconds. */
export const REPEAT_MS = 60_000;
/** Troubles remembered; were there more at once, they would be told more often. */
const REPEATS_MAX = 64;

/** Tells what was said a moment ago. */
export class Repeats {
  readonly #saidAt = new Map<string, number>();

  /** Whether `text` was said within REPEAT_MS; if not, it counts as said now. */
  has(text: string, now: number): boolean {
    const at = this.#saidAt.get(text);
    if (at !== undefined && now - at < REPEAT_MS) return true;
    this.#saidAt.delete(text);
    this.#saidAt.set(text, now);
    if (this.#saidAt.size > REPEATS_MAX) this.#saidAt.delete(this.#saidAt.keys().next().value as string);
    return false;
  }
}

/** Lets LINES_MAX lines through in each second and sums up the rest when the second is over. */
export class Crowd {
  #windowEnd = Number.NEGATIVE_INFINITY;
  #lines = 0;
  readonly #over = new Map<NoteLine['counts'], { count: number; bytes: number }>();

  /** The lines to print now: what came before and was held back, if its second is over, then this one or nothing. */
  take(line: NoteLine, now: number): string[] {
    const lines = this.flush(now);
    if (now >= this.#windowEnd) {
      this.#windowEnd = now + WINDOW_MS;
      this.#lines = 0;
    }
    if (this.#lines < LINES_MAX) {
      this.#lines++;
      return [...lines, line.text];
    }
    const sum = this.#over.get(line.counts) ?? { count: 0, bytes: 0 };
    this.#over.set(line.counts, { count: sum.count + 1, bytes: sum.bytes + line.bytes });
    return lines;
  }

  /** The summary of what was held back, once its second is over; at once with `isEnd`. */
  flush(now: number, isEnd = false): string[] {
    if (this.#over.size === 0 || (now < this.#windowEnd && !isEnd)) return [];
    const files: string[] = [];
    const others: string[] = [];
    for (const [counts, { count, bytes }] of this.#over) {
      if (counts === 'up' || counts === 'down')
        files.push(`${countText(count)} ${counts} (${bytesText(bytes)})`);
      else others.push(countOf(count, NAMES[counts]));
    }
    this.#over.clear();
    return [`...   and more: ${[...files, ...others].join(', ')}`];
  }

  /** When flush() will have something to say, or undefined. */
  wakeAt(): number | undefined {
    return this.#over.size === 0 ? undefined : this.#windowEnd;
  }
}
