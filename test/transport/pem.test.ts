// Files of TLS that cannot be used: said before anything runs, by name.

import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { endpointOf } from '../../agent/endpoint.ts';
import type { Failure } from '../../agent/failure.ts';
import { Files, has } from './brokers.ts';
import { Certificates } from './certificates.ts';

const hasOpenssl = has('openssl');

describe.skipIf(!hasOpenssl)('pem', () => {
  let made: Certificates;
  let files: Files;
  beforeAll(() => {
    made = new Certificates();
    made.issue('one');
    files = new Files();
  });
  afterAll(() => {
    made?.remove();
    files?.remove();
  });

  const read = (names: { caFile?: string; certFile?: string; keyFile?: string }, url = 'mqtts://h') =>
    endpointOf({ broker: url, keepaliveSeconds: 60, ...names });
  const refusalOf = (...words: Parameters<typeof read>): Pick<Failure, 'kind' | 'message'> => {
    try {
      read(...words);
    } catch (error) {
      const { kind, message } = error as Failure;
      return { kind, message };
    }
    throw new Error('it was taken');
  };

  test('pem: what fits -> taken', () => {
    const names = {
      caFile: made.path('ca', 'cert'),
      certFile: made.path('one', 'cert'),
      keyFile: made.path('one', 'key'),
    };
    expect(read(names)).toMatchObject({
      ca: expect.anything(),
      cert: expect.anything(),
      key: expect.anything(),
    });
  });

  test('pem: what does not -> refused by name', () => {
    const [cert, key] = [made.path('one', 'cert'), made.path('one', 'key')];
    const other = made.path('broker', 'cert');
    const none = files.write('none', 'no certificate\n');
    const broken = files.write('broken', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    const [weak, weakKey] = [files.write('weak', ''), files.write('weak.key', '')];
    const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' });
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:512', '-nodes', '-subj', '/CN=w', '-keyout', weakKey, '-out', weak],
    );
    const closed = files.write('closed.key', '');
    openssl(...['ec', '-in', key, '-aes128', '-passout', 'pass:x', '-out', closed]);
    const der = files.write('der', '');
    openssl(...['x509', '-in', cert, '-outform', 'DER', '-out', der]);
    for (const [names, why] of [
      [{ certFile: other, keyFile: key }, `${key} is not the key of ${other}`],
      [{ certFile: none, keyFile: key }, `${none} is no certificate in PEM`],
      [{ certFile: broken, keyFile: key }, `${broken} is no certificate in PEM`],
      [{ certFile: cert, keyFile: none }, `${none} is no private key in PEM`],
      [
        { certFile: cert, keyFile: closed },
        `${closed} is no private key in PEM, or one that wants a passphrase`,
      ],
      [{ certFile: weak, keyFile: weakKey }, `${weak} cannot be used (`],
      [{ caFile: none }, `${none} is no certificate in PEM`],
      [{ caFile: der }, `${der} is no certificate in PEM`],
      [{ caFile: key }, `${key} is no certificate in PEM`],
      [{ caFile: `${none}.not` }, `cannot read ${none}.not: it does not exist`],
    ] as const)
      expect(refusalOf(names)).toEqual({ kind: 'environment', message: expect.stringContaining(why) });
  });

  test('pem: a URL that has no use for them, or leads nowhere -> a mistake of who typed it', () => {
    const caFile = made.path('ca', 'cert');
    expect(refusalOf({ caFile }, 'mqtt://h')).toEqual({
      kind: 'usage',
      message: expect.stringContaining('use mqtts://'),
    });
    expect(refusalOf({}, 'mqtt://h/x')).toEqual({
      kind: 'usage',
      message: expect.stringContaining('after the port'),
    });
  });
});
