// Whether a file on disk is the one that was meant: by its hash.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** `encoding` as the hash is written: npm has base64, Debian hex. */
export function hasDigest(
  file: string,
  hash: 'sha256' | 'sha512',
  encoding: 'hex' | 'base64',
  digest: string,
): boolean {
  if (!existsSync(file)) return false;
  return createHash(hash).update(readFileSync(file)).digest(encoding) === digest;
}
