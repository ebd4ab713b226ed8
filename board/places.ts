// Where things of `board` stand: what is made, and what is kept of downloads.

import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageRoot } from '../agent/arena/wasm.ts';

/** The checkout. */
export const ROOT = packageRoot();

/** What is made; anything in it may be deleted. */
export const BUILD = join(ROOT, 'build', 'board');

/** A directory of downloads, checked by their hashes whenever they are used. Machines that build often keep it. */
export function cachePlace(name: string): string {
  const place = resolve(process.env.BOARD_CACHE ?? join(ROOT, '.cache', 'board'), name);
  mkdirSync(place, { recursive: true });
  return place;
}
