// Certificates for one test, made by openssl, gone after it.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Files } from './brokers.ts';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority `ca`, and a certificate `broker` of its own for localhost and 127.0.0.1. */
export class Certificates {
  readonly #files = new Files();

  constructor() {
    this.authority('ca');
    this.issue('broker', 'ca', 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  }

  path(name: string, part: 'cert' | 'key'): string {
    return join(this.#files.dir, `${name}.${part}`);
  }

  pem(name: string, part: 'cert' | 'key'): string {
    return readFileSync(this.path(name, part), 'utf8');
  }

  authority(name: string): void {
    const out = ['-keyout', this.path(name, 'key'), '-out', this.path(name, 'cert')];
    openssl('req', '-x509', ...KEY, ...out, '-subj', `/CN=${name}`, '-days', '2');
  }

  /** Once for each name. */
  issue(name: string, authority = 'ca', extensions = 'keyUsage=digitalSignature\n'): void {
    if (existsSync(this.path(name, 'cert'))) return;
    const request = join(this.#files.dir, `${name}.csr`);
    const more = this.#files.write(`${name}.extensions`, extensions);
    openssl('req', ...KEY, '-keyout', this.path(name, 'key'), '-out', request, '-subj', `/CN=${name}`);
    const by = [
      '-CA',
      this.path(authority, 'cert'),
      '-CAkey',
      this.path(authority, 'key'),
      '-CAcreateserial',
    ];
    openssl(
      'x509',
      '-req',
      '-in',
      request,
      ...by,
      '-days',
      '2',
      '-extfile',
      more,
      '-out',
      this.path(name, 'cert'),
    );
  }

  remove(): void {
    this.#files.remove();
  }
}

const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' });
