// One figure of the memory ledger as it is now, and the files that such figures stand in. What cannot be read says
// nothing: a figure is left out, never guessed.

import { readdirSync, readFileSync } from 'node:fs';

export interface Reading {
  name: string;
  unit: 'bytes' | 'count';
  now: number;
  limit?: number;
}

export const limitOf = (limit: number | undefined) => (limit === undefined ? {} : { limit });

export function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

export function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
