// From a command's options to what a link connects with: the files that they name are read here.

import { readFileSync } from 'node:fs';
import type { EndpointOptions } from '../transport/endpoint.ts';
import { Failure } from './failure.ts';
import type { LinkOptions } from './options.ts';

export const endpointOf = (options: LinkOptions): EndpointOptions => ({
  url: options.broker,
  username: options.username,
  password: options.password,
  ca: readPem(options.caFile),
  cert: readPem(options.certFile),
  key: readPem(options.keyFile),
});

/** Throws a Failure that names the file. */
export function readPem(file: string | undefined): Uint8Array | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Failure('environment', `cannot read ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
