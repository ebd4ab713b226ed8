// The kinds of value an option may have: how each is read from text and what is said when it does not fit. One
// reader serves the command line, the environment and the config file, so that a value means the same in all three.
//
// A reader returns the value, or a Wrong with a sentence that says what is right. It never repeats a value that may
// hold a secret.

import { isIPv4 } from 'node:net';
import { isAbsolute, resolve } from 'node:path';
import { LABEL } from '../../protocol/limits.ts';
import { bytesText, dateText, durationText } from '../screen/figures.ts';

export interface HostPort {
  host: string;
  port: number;
}

/** What each kind is in memory: sizes in bytes, durations in seconds, paths absolute. */
export interface KindValues {
  text: string;
  secret: string;
  path: string;
  size: number;
  duration: number;
  /** Milliseconds since 1970. */
  time: number;
  count: number;
  hostPort: HostPort;
  /** An IPv4 address; and one with the bits of its network. */
  ip: string;
  subnet: string;
  host: string;
  url: string;
  label: string;
  labels: string[];
  choice: string;
  flag: boolean;
}
export type Kind = keyof KindValues;

export interface Bounds {
  least?: number;
  most?: number;
  /** The words that a choice may be. */
  words?: readonly string[];
}

export class Wrong {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

type Reader<K extends Kind> = (text: string, bounds: Bounds, directory: string) => KindValues[K] | Wrong;

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gib: 2 ** 30,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, min: 60, h: 3600, d: 86_400 };
const SCHEMES = ['mqtt:', 'mqtts:', 'ws:', 'wss:'];

const READERS: { readonly [K in Kind]: Reader<K> } = {
  text: text => (isPlain(text) ? text : new Wrong('must be a line of text, not empty')),
  secret: text => (isPlain(text) ? text : new Wrong('must be a line of text, not empty')),
  path: (text, _, directory) => {
    if (!isPlain(text)) return new Wrong('must be a path');
    return isAbsolute(text) ? resolve(text) : resolve(directory, text);
  },
  size: (text, bounds) => {
    const value = withUnit(text, SIZE_UNITS);
    if (value === undefined) return new Wrong('is not a size: write a whole number with KiB, MiB or GiB');
    return within(value, bounds, bytesText);
  },
  duration: (text, bounds) => {
    const value = withUnit(text, DURATION_UNITS);
    if (value === undefined) return new Wrong('is not a duration: write a whole number with s, m, h or d');
    return within(value, bounds, durationText);
  },
  time: text =>
    timeOf(text, Date.now()) ??
    new Wrong('is not a time: write a date and time, a time of day alone, or 2h for so long ago'),
  count: (text, bounds) => {
    const value = withUnit(text, { '': 1 });
    return value === undefined ? new Wrong('is not a whole number') : within(value, bounds, String);
  },
  hostPort: text => {
    const found = /^(?:(?:\[([0-9A-Fa-f:.]+)\]|([^\s:/[\]]+)):)?(\d{1,5})$/.exec(text);
    const port = Number(found?.[3]);
    if (found === null || port > 65_535)
      return new Wrong('is not HOST:PORT, or a PORT alone (then the host is 127.0.0.1)');
    return { host: found[1] ?? found[2] ?? '127.0.0.1', port };
  },
  ip: text => (isIPv4(text) ? text : new Wrong('is not an IPv4 address')),
  subnet: text => {
    const [address, bits, ...more] = text.split('/');
    const isRight = isIPv4(address!) && more.length === 0 && /^([1-9]|[12]\d|3[0-2])$/.test(bits ?? '');
    return isRight ? text : new Wrong('is not an IPv4 address with the bits of its network');
  },
  host: text =>
    /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(text) ? text : new Wrong('is not the name of a host'),
  url: text => {
    if (!text.includes('://')) return new Wrong('is not a broker URL: it begins with mqtt:// or mqtts://');
    if (!URL.canParse(text)) return new Wrong('is not a broker URL');
    const url = new URL(text);
    if (!SCHEMES.includes(url.protocol))
      return new Wrong(
        `is not a broker URL: the schemes are ${SCHEMES.map(scheme => `${scheme}//`).join(', ')}`,
      );
    if (url.hostname === '') return new Wrong('names no host');
    if (url.username !== '' || url.password !== '')
      return new Wrong('must not hold a user or password: use --username and --password-file');
    return text;
  },
  label: text =>
    LABEL.test(text)
      ? text
      : new Wrong('is not a name: 1 to 63 letters, digits, ".", "_" or "-", the first a letter or digit'),
  labels: text => {
    const names = text.split(',').map(name => name.trim());
    const wrong = names.find(name => !LABEL.test(name));
    if (wrong !== undefined) return new Wrong('is not a list of names with commas between');
    return new Set(names).size === names.length ? names : new Wrong('names one twice');
  },
  choice: (text, bounds) =>
    bounds.words?.includes(text) ? text : new Wrong(`must be one of: ${bounds.words?.join(', ')}`),
  flag: text => {
    if (text === 'true' || text === '1') return true;
    return text === 'false' || text === '0' ? false : new Wrong('must be true or false');
  },
};

/** Reads `text` as `kind`; relative paths start from `directory`. */
export const read = <K extends Kind>(
  kind: K,
  text: string,
  bounds: Bounds,
  directory: string,
): KindValues[K] | Wrong => READERS[kind](text, bounds, directory);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it keeps out
const isPlain = (text: string): boolean => text !== '' && !/[\u0000-\u001f\u007f]/.test(text);

/**
 * A moment: a date with or without a time of day (local, unless a zone is given), a time of day alone (the last one),
 * or a duration (so long ago). One that is told to the second is the end of that second: what it names had happened.
 */
export function timeOf(text: string, now: number): number | undefined {
  const ago = /^\d+ ?[a-z]+$/i.test(text) ? withUnit(text, DURATION_UNITS) : undefined;
  if (ago !== undefined) return now - ago * 1000;
  const [, date, clock, seconds, zone = ''] = MOMENT.exec(text) ?? [];
  if (date === undefined && clock === undefined) return undefined;
  for (const day of date === undefined ? daysAround(now) : [date]) {
    if (!isDay(day)) return undefined;
    const at = Date.parse(`${day}T${clock ?? '00:00'}${seconds ?? ':00'}${zone}`);
    if (Number.isNaN(at)) return undefined;
    if (date !== undefined || at <= now) return seconds?.length === 3 ? at + 999 : at;
  }
  return undefined;
}

/** Today's date and the two on either side, the last first: zones are up to 26 hours apart. */
function daysAround(now: number): string[] {
  const today = new Date(now);
  const [year, month, date] = [today.getFullYear(), today.getMonth(), today.getDate()];
  return [2, 1, 0, -1, -2].map(days => dateText(new Date(year, month, date + days)));
}

/** Date.parse() takes February 30 for March 2. */
function isDay(date: string): boolean {
  const at = Date.parse(date);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(date);
}

const MOMENT = /^(\d{4}-\d\d-\d\d)?(?:[T ](?=\d))?(?:(\d\d:\d\d)(:\d\d(?:\.\d{1,3})?)?)?(Z|[+-]\d\d:\d\d)?$/;

function withUnit(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const found = /^(\d{1,15}) ?([A-Za-z]*)$/.exec(text.trim());
  const unit = found === null ? undefined : units[found[2]!.toLowerCase()];
  if (unit === undefined) return undefined;
  const value = Number(found![1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}

function within(value: number, { least = 0, most }: Bounds, show: (value: number) => string): number | Wrong {
  if (value < least) return new Wrong(`is too small: the least is ${show(least)}`);
  if (most !== undefined && value > most) return new Wrong(`is too large: the most is ${show(most)}`);
  return value;
}
