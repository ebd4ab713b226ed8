// The files of TLS, in PEM: read, and checked before anything runs. What OpenSSL says of a wrong one names no file,
// and of an authority that is none it says nothing: no broker would be believed, without a word why.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { tls } from '../transport/endpoint.ts';
import { Failure, systemFailure } from './failure.ts';

const BEGIN = '-----BEGIN ';

/** Of an authority, say: one certificate or more, of which the first is looked at. Throws a Failure that names it. */
export function readCertificate(file: string): Buffer {
  const pem = read(file);
  certificateIn(file, pem);
  return pem;
}

/** A certificate and its key. Throws a Failure that names the wrong one. */
export function readPair(certFile: string, keyFile: string): { cert: Buffer; key: Buffer } {
  const [cert, key] = [read(certFile), read(keyFile)];
  const certificate = certificateIn(certFile, cert);
  const own = attempt(`${keyFile} is no private key in PEM, or one that wants a passphrase`, () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(own)) throw unusable(`${keyFile} is not the key of ${certFile}`);
  attempt(`${certFile} cannot be used`, () => tls().createSecureContext({ cert, key }));
  return { cert, key };
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw systemFailure(`cannot read ${file}`, error);
  }
}

function certificateIn(file: string, pem: Buffer): X509Certificate {
  const text = `${file} is no certificate in PEM`;
  // Node reads DER as well, TLS does not.
  if (!pem.includes(BEGIN)) throw unusable(text);
  return attempt(text, () => new X509Certificate(pem));
}

function attempt<T>(text: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { reason } = error as { reason?: string };
    throw unusable(reason === undefined ? text : `${text} (${reason})`, error);
  }
}

const unusable = (text: string, cause?: unknown): Failure =>
  new Failure(
    'environment',
    text,
    'openssl x509 -in FILE, or openssl pkey -in FILE, shows what it holds',
    cause,
  );
