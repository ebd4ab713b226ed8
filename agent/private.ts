// The directories that an agent or a gateway makes for itself: those for its owner's eyes only, and how any is made.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemFailure } from './failure.ts';

/** Made if missing. Throws a Failure with this advice. */
export function makePrivate(directory: string, advice?: string): void {
  try {
    makeAll(directory, 0o700);
  } catch (error) {
    throw systemFailure(`cannot make ${directory}`, error, advice);
  }
}

/**
 * Makes `directory` and what is missing above it. Throws what the system says.
 *
 * Not by mkdir's `recursive`: where the kernel says ENOENT of what could be made, since what is above it stands there
 * (/proc, an automounter's directory, one that was removed under us), Node 20 tries again without end and hears no
 * signal meanwhile.
 */
export function makeAll(directory: string, mode = 0o777): void {
  try {
    makeOne(directory, mode);
  } catch (error) {
    const above = dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || existsSync(above)) throw error;
    makeAll(above, mode);
    makeOne(directory, mode);
  }
}

function makeOne(directory: string, mode: number): void {
  try {
    mkdirSync(directory, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !statSync(directory).isDirectory()) throw error;
  }
}
