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
