// An operating error that ends a command before or while it runs, in words for the person who started it.
//
// `kind` says whose move it is, and the command line turns it into the exit code (cli/exits.ts). `advice` is the
// next thing to try, one sentence. Errors that heal by themselves (link down, disk full) are never a Failure:
// they stand in the status, and the rest goes on.

export type FailureKind =
  /** What was asked for makes no sense: an option is missing, unknown or wrong. */
  | 'usage'
  /** Another process holds this folder's state, or (status) none does. */
  | 'running'
  /** The machine is in the way: a port is taken, a folder is missing or may not be read. */
  | 'environment'
  /** Anything else that went wrong while running. */
  | 'runtime';

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  readonly advice: string | undefined;

  constructor(kind: FailureKind, text: string, advice?: string, cause?: unknown) {
    super(text, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.advice = advice;
  }
}

/** Errors of the system that a start meets when the machine is in the way, in words. */
export const ERRNO_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'the address is taken by another program',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EAI_AGAIN: 'the name cannot be looked up now',
  EDQUOT: "the user's share of the disk is full",
  EEXIST: 'something else stands there',
  EFBIG: 'too large for the file system',
  EISDIR: 'it is a directory',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the path is too long',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'it is not a directory',
  ENOTFOUND: 'the name is not known',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

/** `what` failed with `error`, which the system threw: the machine is in the way. */
export function systemFailure(what: string, error: unknown, advice?: string): Failure {
  const { code = '' } = error as NodeJS.ErrnoException;
  return new Failure('environment', `${what}: ${ERRNO_WORDS[code] ?? code}`, advice, error);
}
