// From a command's options to what a link connects with: the files that they name are read here.

import { type EndpointOptions, readEndpoint } from '../transport/endpoint.ts';
import { Failure } from './failure.ts';
import type { LinkOptions } from './options.ts';
import { readCertificate, readPair } from './pem.ts';

/** Throws a Failure if it cannot lead anywhere. */
export function endpointOf(options: LinkOptions): EndpointOptions {
  const { broker: url, username, password, caFile, certFile, keyFile } = options;
  const endpoint = {
    url,
    username,
    password,
    ...(caFile !== undefined && { ca: readCertificate(caFile) }),
    ...(certFile !== undefined && keyFile !== undefined && readPair(certFile, keyFile)),
  };
  try {
    readEndpoint(endpoint);
  } catch (error) {
    throw new Failure('usage', (error as Error).message, undefined, error);
  }
  return endpoint;
}
