// What the commands exit with. Scripts and supervisors branch on these: a code never changes its meaning.
// 0 to 4 stand in `toastbox --help`.

import { errnoName } from '../agent/disk/errno.ts';
import { ERRNO_WORDS, Failure, type FailureKind } from '../agent/failure.ts';

export const Exit = { FINE: 0, FAILED: 1, USAGE: 2, RUNNING: 3, ENVIRONMENT: 4 } as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

export const EXIT_HELP: readonly (readonly [code: Exit, name: string, what: string])[] = [
  [Exit.FINE, 'fine', 'also after Ctrl-C, SIGTERM and SIGHUP, which end it in good order'],
  [Exit.FAILED, 'failed', 'while it ran; stderr says how'],
  [Exit.USAGE, 'usage', 'an option, variable or config key is missing, unknown or wrong'],
  [Exit.RUNNING, 'running', 'another one is on this folder; for status: none is'],
  [Exit.ENVIRONMENT, 'machine', 'a port is taken, a folder is missing, Node is too old'],
];

const OF_KIND: Readonly<Record<FailureKind, Exit>> = {
  usage: Exit.USAGE,
  running: Exit.RUNNING,
  environment: Exit.ENVIRONMENT,
  runtime: Exit.FAILED,
};

/** Any error as a Failure: ours as it is, the system's by its errno, the rest as a failure while running. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { code, errno, path, address, port, message } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const words = ERRNO_WORDS[code ?? ''] ?? ERRNO_WORDS[errnoName(-(errno ?? 0))];
  if (words === undefined) return new Failure('runtime', message ?? String(error), undefined, error);
  const where = path ?? (port === undefined ? address : `${address}:${port}`);
  return new Failure('environment', where === undefined ? words : `${where}: ${words}`, undefined, error);
}

const OF_LISTENING: readonly string[] = ['listen', 'getaddrinfo'];
const OF_ADDRESS: readonly string[] = ['EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN'];

/** A port that cannot be had, with how to choose another; any other error as it is. The system's word on it may be
 * the error itself or its cause. */
export function portFailureOf(error: unknown, { host, port }: { host: string; port: number }): unknown {
  for (const one of [error, (error as Error).cause] as (NodeJS.ErrnoException | undefined)[]) {
    const { syscall = '', code = '' } = one ?? {};
    const words = OF_LISTENING.includes(syscall) ? ERRNO_WORDS[code] : undefined;
    if (words === undefined) continue;
    const other = `${host}:${port < 1024 || port > 65_000 ? 1884 : port + 1}`;
    // Where the address is wrong, no other port would help.
    const advice = OF_ADDRESS.includes(code)
      ? `give an address of this machine: --listen 127.0.0.1:${port} for itself only, 0.0.0.0:${port} for all that it has`
      : `choose another: --listen ${other} or TOASTBOX_LISTEN=${other}`;
    return new Failure('environment', `cannot listen on ${host}:${port}: ${words}`, advice, error);
  }
  return error;
}

export const exitOf = (failure: Failure): Exit => OF_KIND[failure.kind];
