// Operating errors on their way to the engine: errno's name, or one of ours: CHANGED (what was expected no longer
// stands there) and REFUSED (the path leads through a symlink, or to where no peer may go).
//
// Inside the carrier they are thrown, because node:fs throws; at its border they become values. What is not an
// operating error (a bad argument, a bug) is thrown on: hiding it would answer the engine with a lie.

import type { Stat, Trouble } from '../engine/ports.ts';
import { errnoName } from './errno.ts';

export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;
  /** What stands there instead, where that is known. */
  readonly stands: Stat | undefined;

  constructor(code: string, stands?: Stat) {
    super(code);
    this.code = code;
    this.stands = stands;
  }
}

export function codeOf(error: unknown): string | undefined {
  if (error instanceof DiskError) return error.code;
  const { code, errno } = (error ?? {}) as { code?: unknown; errno?: unknown };
  if (typeof code !== 'string') return undefined;
  if (/^E[A-Z0-9]+$/.test(code)) return code;
  return typeof errno === 'number' && errno < 0 ? errnoName(-errno) : undefined;
}

/** The trouble that an error means; throws on what is no operating error. */
export function troubleOf(error: unknown): Trouble {
  const code = codeOf(error);
  if (code === undefined) throw error;
  return { code };
}
