// Runs a program of the machine to its end: what it prints, or one clear line when it is missing or fails.

import { spawnSync } from 'node:child_process';
import { Failure } from '../../agent/failure.ts';

/** Of what a program says on stderr, the end is what matters. */
const COMPLAINT_CHARACTERS = 600;

/** Debian keeps some of them (depmod, mke2fs, sfdisk, Mosquitto) where a user's PATH does not look. */
export const toolEnv = (): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
});

export interface ToolOptions {
  directory?: string;
  env?: NodeJS.ProcessEnv;
  input?: string | Uint8Array;
  /** The Debian package that has it, where that is called otherwise. */
  package?: string;
}

export function runTool(program: string, words: readonly string[], options: ToolOptions = {}): string {
  const { status, signal, error, stdout, stderr } = spawnSync(program, words, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...(options.directory !== undefined && { cwd: options.directory }),
    ...(options.input !== undefined && { input: options.input }),
    env: { ...toolEnv(), LC_ALL: 'C', ...options.env },
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new Failure(
      'environment',
      `${program} is not on this machine`,
      `install it: apt-get install ${options.package ?? program}`,
    );
  if (error !== undefined) throw new Failure('environment', `${program}: ${error.message}`);
  if (status === 0) return stdout;
  const complaint = `${stderr}`.trim().slice(-COMPLAINT_CHARACTERS);
  throw new Failure('environment', `${program} ${words[0] ?? ''} failed (${signal ?? status}): ${complaint}`);
}
