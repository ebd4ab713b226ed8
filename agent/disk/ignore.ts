// What `.toastboxignore` at the folder's root leaves out of the sync: gitignore's syntax, by npm ignore.
//
// One file, at the root: patterns with a '/' reach any directory from there, and one file of at most 64 KiB is a
// bound on memory that one file per directory would not be. Case matters, as names do.
//
// Names are bytes, patterns are text: bytes that are not UTF-8 become U+DC80 + (byte - 0x80), one by one, in the
// file and in the names alike. Valid UTF-8 never decodes to those, so no two names become one.
//
// The library keeps a verdict, under a text of its own, for every path it was ever asked about and for each directory
// above it: 4 MiB for one path of 2,000 directories. So it is replaced, with the same compiled rules, when the texts
// asked for since may come to VERDICT_BYTES_MAX: memory stays bounded, and neighbours share their parents' verdicts.
//
// A file that cannot be read, or is too long, changes nothing: the rules before it stay, and `trouble` says why. Where
// none was read in this life, nobody knows what it leaves out: so all is left out but the file itself, which may come
// better from elsewhere.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import type { Ignore } from 'ignore';
import { latin1, sameBytes } from '../../protocol/bytes.ts';
import type { Path, Rules, Stat, Trouble } from '../engine/ports.ts';
import type { Home } from './home.ts';
import { isSame, toStat } from './stat.ts';
import type { System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

// CommonJS is required, not imported: protocol/cbor.ts says why.
const ignore = createRequire(import.meta.url)('ignore') as typeof import('ignore');

export const IGNORE_NAME = Buffer.from('.toastboxignore');
const IGNORE_BYTES_MAX = 64 * 1024;

/** What one set of verdicts may take, as if no two paths had a directory in common: some 2,500 ordinary paths. */
const VERDICT_BYTES_MAX = 1024 * 1024;
/** A verdict besides its text. */
const VERDICT_BYTES = 100;
const DIGEST_CHARACTERS = 16;
/** In place of a digest, of rules that leave out all. */
const ALL = 'all';

export class IgnoreRules implements Rules {
  /** Why the file was not taken. */
  trouble: Trouble | undefined;
  digest = '';
  readonly #system: System;
  readonly #home: Home;
  #rules: Ignore | undefined;
  #verdicts: Ignore | undefined;
  #askedBytes = 0;
  #stat: Stat | undefined;
  #text: string | undefined;
  /** It was read, or seen not to be there. */
  #isKnown = false;

  constructor(system: System, home: Home) {
    this.#system = system;
    this.#home = home;
  }

  isIgnored(path: Path, isDirectory: boolean): boolean {
    if (path.length === 0) return false;
    if (this.isHeld) return !sameBytes(path, IGNORE_NAME);
    if (this.#rules === undefined) return false;
    const text = toText(path);
    this.#askedBytes += verdictBytes(text);
    if (this.#verdicts === undefined || this.#askedBytes > VERDICT_BYTES_MAX) {
      this.#verdicts = emptyRules().add(this.#rules);
      this.#askedBytes = verdictBytes(text);
    }
    return this.#verdicts.ignores(isDirectory ? `${text}/` : text);
  }

  get isHeld(): boolean {
    return this.digest === ALL;
  }

  /** Reads the file again if it is another one than before; true when the rules differ now. */
  refresh(): boolean {
    try {
      const stat = this.#lstat();
      if (this.#isKnown && isSame(stat, this.#stat)) return false;
      const text = stat === undefined ? undefined : this.#read();
      this.trouble = undefined;
      this.#isKnown = true;
      this.#stat = stat;
      if (text === this.#text && !this.isHeld) return false;
      this.#text = text;
      this.#rules = text === undefined ? undefined : emptyRules().add(text);
      this.#verdicts = undefined;
      this.digest =
        text === undefined ? '' : createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARACTERS);
      return true;
    } catch (error) {
      this.trouble = troubleOf(error);
      if (this.#isKnown || this.isHeld) return false;
      this.digest = ALL;
      return true;
    }
  }

  #lstat(): Stat | undefined {
    try {
      return toStat(this.#system.lstatSync(this.#system.at(this.#home.rootFd, IGNORE_NAME)));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #read(): string {
    const { flags } = this.#system;
    const place = this.#system.at(this.#home.rootFd, IGNORE_NAME);
    const fd = this.#system.openSync(place, flags.RDONLY | flags.NOFOLLOW | flags.NONBLOCK);
    try {
      const { size } = this.#system.fstatSync(fd);
      if (size > IGNORE_BYTES_MAX) throw new DiskError('EFBIG');
      const bytes = Buffer.alloc(size);
      let filled = 0;
      while (filled < size) {
        const count = this.#system.readSync(fd, bytes, filled, size - filled, filled);
        if (count === 0) break;
        filled += count;
      }
      return toText(bytes.subarray(0, filled));
    } finally {
      this.#system.closeSync(fd);
    }
  }
}

/** Of a path and all directories above it, at most. */
function verdictBytes(text: string): number {
  let bytes = VERDICT_BYTES + text.length;
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) bytes += VERDICT_BYTES + at + 1;
  return bytes;
}

function emptyRules(): Ignore {
  return ignore({ ignorecase: false });
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text for bytes, another for every other bytes. */
export function toText(bytes: Uint8Array): string {
  const plain = latin1(bytes);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(plain)) return plain;
  try {
    return utf8.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

function escaped(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at] as number;
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    const character = length === 1 ? String.fromCharCode(byte) : decode(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(0xdc00 + byte);
    at += character === undefined ? 1 : length;
  }
  return text;
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    const text = utf8.decode(bytes);
    return [...text].length === 1 ? text : undefined;
  } catch {
    return undefined;
  }
}
