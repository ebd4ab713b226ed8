// The directories that an agent or a gateway makes for itself: for its owner's eyes only.

import { mkdirSync } from 'node:fs';
import { Failure } from './failure.ts';

/** Made if missing. Throws a Failure with this advice. */
export function makePrivate(directory: string, advice?: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure('environment', `cannot make ${directory}: ${code}`, advice, error);
  }
}
