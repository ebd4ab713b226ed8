// Paths and what may stand at them: bytes, parts divided by '/', from the folder's root. The root itself is empty.
//
// Both ends check every path and every set of facts that a peer sends with the two functions at the top, before
// anything is done with them; what they let through cannot name a place outside the folder or the agent's own state.
// Names are never decoded except for a person to read (printable): two names that differ in one byte are two files.
//
// What leads out of the folder by other means, a symlink on the way, is the disk's to refuse.

import { assert } from './assert.ts';
import { copyOf, latin1, SLASH, sameBytes } from './bytes.ts';
import { ID_BYTES, LABEL, NAME_BYTES_MAX, PATH_BYTES_MAX, TARGET_BYTES_MAX } from './limits.ts';
import { type Facts, Kind } from './messages.ts';
import { sequenceLength } from './utf8.ts';

const DOT = 0x2e;

/** The agent's own directory at the folder's root: state, staging. No peer may name it. */
export const RESERVED_NAME = '.toastbox';
const reserved = Buffer.from(RESERVED_NAME);

export type PathFault =
  | 'empty path'
  | 'path too long'
  | 'empty part'
  | 'dot part'
  | 'name too long'
  | 'NUL in path'
  | 'reserved name';

/** Undefined when the path is fine. */
export function checkPath(path: Uint8Array): PathFault | undefined {
  if (path.length === 0) return 'empty path';
  if (path.length > PATH_BYTES_MAX) return 'path too long';
  if (path.includes(0)) return 'NUL in path';
  let start = 0;
  while (start <= path.length) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    const length = end - start;
    // Also a '/' at either end: an absolute path starts with an empty part.
    if (length === 0) return 'empty part';
    if (length > NAME_BYTES_MAX) return 'name too long';
    if (path[start] === DOT && (length === 1 || (length === 2 && path[start + 1] === DOT))) return 'dot part';
    if (start === 0 && isReserved(path.subarray(0, end))) return 'reserved name';
    start = end + 1;
  }
  return undefined;
}

/** In any case of letters and with dots after it, too: vfat opens the same directory by those names. */
function isReserved(name: Uint8Array): boolean {
  for (let index = 0; index < name.length; index++) {
    const byte = name[index]!;
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== (reserved[index] ?? DOT)) return false;
  }
  return name.length >= reserved.length;
}

export type FactsFault =
  | 'unknown kind'
  | 'content is no id'
  | 'size and content differ'
  | 'size of no file'
  | 'target length'
  | 'NUL in target'
  | 'content of no file';

/** BLAKE3 of nothing, the content id of the empty file. */
export const EMPTY_CONTENT: Uint8Array = Uint8Array.from(
  Buffer.from('af1349b9f5f9a1a6a0404dea36dcc949', 'hex'),
);

/** Whether size and content are what this kind has, if it is one. Undefined when they are. */
export function checkFacts({
  kind,
  size,
  content,
}: Pick<Facts, 'size' | 'content'> & { kind: number }): FactsFault | undefined {
  if (kind === Kind.FILE) {
    if (content.length !== ID_BYTES) return 'content is no id';
    return (size === 0) === sameBytes(content, EMPTY_CONTENT) ? undefined : 'size and content differ';
  }
  if (size !== 0) return 'size of no file';
  if (kind === Kind.SYMLINK) {
    if (content.length === 0 || content.length > TARGET_BYTES_MAX) return 'target length';
    return content.includes(0) ? 'NUL in target' : undefined;
  }
  if (kind !== Kind.DIRECTORY && kind !== Kind.ABSENT) return 'unknown kind';
  return content.length === 0 ? undefined : 'content of no file';
}

/** `parent` may be the root. */
export function joinPath(parent: Uint8Array, name: Uint8Array): Uint8Array {
  return parent.length === 0 ? copyOf(name) : joinParts([parent, name]);
}

/** Bytes of their own, with a '/' between any two parts. */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  let length = parts.length - 1;
  for (const part of parts) length += part.length;
  const path = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    if (at > 0) path[at++] = SLASH;
    path.set(part, at);
    at += part.length;
  }
  return path;
}

/** A view of the path; empty, the root, for a name at the root. */
export function parentOf(path: Uint8Array): Uint8Array {
  return path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
}

/** A view of the last part. */
export function nameOf(path: Uint8Array): Uint8Array {
  return path.subarray(path.lastIndexOf(SLASH) + 1);
}

/** Of a conflict copy's own stem: a UTF-8 sequence need not be cut. */
const NAME_BYTES_LEAST = 4;

/** 31 December 9999: a clock may be wrong, a name is not. */
const TIME_MS_MAX = 253_402_300_799_999;

/**
 * Where a change that lost keeps its content: `name.conflict-BOARD-YYYYMMDD-HHMMSS.ext` beside it, in UTC; from the
 * second attempt on `-ATTEMPT` after the time. The extension is what follows the last '.', unless that one starts
 * the name. The stem is cut, never inside a valid UTF-8 sequence, to keep the name within NAME_BYTES_MAX and the path
 * within PATH_BYTES_MAX; an extension that leaves no byte to the stem counts as stem.
 * Under a parent so deep that no such name fits, it stands in the nearest directory above that has room for it.
 */
export function conflictPath(path: Uint8Array, board: string, timeMs: number, attempt: number): Uint8Array {
  assert(LABEL.test(board), 'a board is named by a label');
  const name = nameOf(path);
  const time = new Date(Math.min(Math.max(0, timeMs), TIME_MS_MAX)).toISOString().replace(/[-:]/g, '');
  const number = attempt > 0 ? `-${attempt}` : '';
  const mark = Buffer.from(`.conflict-${board}-${time.slice(0, 8)}-${time.slice(9, 15)}${number}`);

  let parent = parentOf(path);
  while (parent.length + 1 + mark.length + NAME_BYTES_LEAST > PATH_BYTES_MAX) parent = parentOf(parent);
  const room = Math.min(NAME_BYTES_MAX, PATH_BYTES_MAX - (parent.length === 0 ? 0 : parent.length + 1));
  const dot = name.lastIndexOf(DOT);
  let stemBytes = dot > 0 ? dot : name.length;
  if (mark.length + (name.length - stemBytes) + 1 > room) stemBytes = name.length;
  const extension = name.subarray(stemBytes);
  const stem = name.subarray(0, cut(name, Math.min(stemBytes, room - mark.length - extension.length)));
  return joinPath(parent, Buffer.concat([stem, mark, extension]));
}

/** `.conflict-`, a label, the time; what may follow is a number and an extension. */
const CONFLICT = /.\.conflict-[a-z0-9][a-z0-9._-]*-\d{8}-\d{6}(-\d+)?(\.|$)/is;
const CONFLICT_BYTES_LEAST = 'x.conflict-x-YYYYMMDD-HHMMSS'.length;

/** Whether a name is one that conflictPath() gives, whoever gave it. */
export function isConflictName(name: Uint8Array): boolean {
  if (name.length < CONFLICT_BYTES_LEAST) return false;
  return CONFLICT.test(latin1(name));
}

/** The most bytes up to `end` that split no valid UTF-8 sequence; at least one byte of a name. */
function cut(name: Uint8Array, end: number): number {
  if (end < 1) return 1;
  for (let lead = end - 1; lead >= 0 && lead > end - 4; lead--) {
    if (lead + sequenceLength(name, lead) > end) return Math.max(1, lead);
  }
  return end;
}

/** What a terminal may act on or hide: controls, invisible formatting (also right-to-left marks), line separators. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Bytes for a person to read: UTF-8 where it is valid, `\xNN` per byte where not, `\u{N}` for what could act on the
 * terminal or hide, `\\` for a backslash. Different bytes read differently.
 */
export function printable(bytes: Uint8Array): string {
  let line = '';
  let valid = 0;
  for (let at = 0; at <= bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    line += escapeText(bytes.subarray(valid, at));
    if (at < bytes.length) line += `\\x${bytes[at]!.toString(16).padStart(2, '0')}`;
    valid = ++at;
  }
  return line;
}

function escapeText(valid: Uint8Array): string {
  const text = Buffer.from(valid.buffer, valid.byteOffset, valid.length).toString('utf8');
  return printableText(text.replace(/\\/g, '\\\\'));
}

/** A line of text that a peer may have had a part in: it stays one line, and acts on no terminal. */
export const printableText = (text: string): string =>
  text.replace(UNPRINTABLE, character => `\\u{${character.codePointAt(0)!.toString(16)}}`);
