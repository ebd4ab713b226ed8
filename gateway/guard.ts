// Closed by default: what the built-in broker refuses to start with, because everyone would be let in.

import { isIPv4 } from 'node:net';
import { Failure } from '../agent/failure.ts';

export interface Guarded {
  host: string;
  isOpen?: boolean | undefined;
  usersFile?: string | undefined;
  tls?: { clientCa?: Uint8Array | string | undefined } | undefined;
}

/** Only what says so of itself: a name that merely begins like an address may lead anywhere. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** Throws a Failure that says what to do. */
export function refuseOpenDoor({ host, isOpen = false, usersFile, tls }: Guarded): void {
  const isKeyed = usersFile !== undefined || tls?.clientCa !== undefined;
  if (isOpen && isKeyed)
    throw new Failure(
      'usage',
      '--open lets everyone in, --users and --client-ca do not: give one or the other',
    );
  if (isKeyed || isOpen || isLoopback(host)) return;
  throw new Failure(
    'usage',
    `on ${host} everyone who reaches the port could read and write every folder: it has no users`,
    'make some (toastbox user --add board-7 --users FILE) and give --users FILE; or --open, on a network that you trust',
  );
}
