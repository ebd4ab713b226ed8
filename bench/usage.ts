// What a process has used, read from /proc: processor time, bytes that it sent to the disk, memory that the kernel
// cannot take back. All threads of the process together; its children not.

import { readFileSync } from 'node:fs';

/** sysconf(_SC_CLK_TCK): 100 on every Linux that Node runs on. */
const TICK_MS = 10;

function read(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function kibibytes(pid: number, field: string): number | undefined {
  const text = read(pid, 'status');
  const at = text?.indexOf(`${field}:`) ?? -1;
  return text === undefined || at < 0 ? undefined : Number.parseInt(text.slice(at + field.length + 1), 10);
}

/** RssAnon in bytes; undefined once the process is gone. */
export function anonymousBytes(pid: number): number | undefined {
  const found = kibibytes(pid, 'RssAnon');
  return found === undefined ? undefined : found * 1024;
}

/** Processor milliseconds since its start, user and system. */
export function processorMs(pid: number): number {
  // The name in parentheses may hold spaces.
  const fields = read(pid, 'stat')?.split(') ').at(-1)?.split(' ');
  return fields === undefined ? 0 : (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

export interface Traffic {
  /** Bytes asked of read() and handed to write(), wherever they went. */
  read: number;
  written: number;
  /** Bytes of pages made dirty, less those dropped before they were written. */
  toDisk: number;
}

export function traffic(pid: number): Traffic {
  const text = read(pid, 'io') ?? '';
  const field = (name: string): number => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    read: field('rchar'),
    written: field('wchar'),
    toDisk: field('write_bytes') - field('cancelled_write_bytes'),
  };
}
