// How to reach the broker, from a command's settings: what agent and gateway have in common. Secrets are read from
// their files here, before anything runs, so that a wrong file is refused by name.

import { readFileSync, statSync } from 'node:fs';
import { Failure } from '../agent/failure.ts';
import type { LinkOptions } from '../agent/options.ts';
import { failureOf } from './exits.ts';
import type { SettingsOf } from './options.ts';

/** No password is longer: it is the wrong file. MQTT's own limit is 65,535 (MQTT 5, 3.1.3.6). */
const PASSWORD_BYTES_MAX = 4096;

export function linkOptionsOf(
  settings: SettingsOf<'agent'> | SettingsOf<'gateway'>,
  warn: (text: string) => void,
): Omit<LinkOptions, 'broker'> {
  const { username, 'ca-file': caFile, 'cert-file': certFile, 'key-file': keyFile } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new Failure('usage', '--cert-file and --key-file go together: give both or none');
  for (const file of [caFile, certFile, keyFile]) if (file !== undefined) probe(file);
  const passwordFile = settings['password-file'];
  const password = passwordFile === undefined ? settings.password : readPassword(passwordFile, warn);
  if (password !== undefined && username === undefined)
    throw new Failure('usage', 'a password needs a --username (MQTT 3.1.1 knows none without)');
  return {
    keepaliveSeconds: settings.keepalive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}

/** Refuses a file that cannot be read, by name. */
export function probe(file: string): void {
  try {
    readFileSync(file);
  } catch (error) {
    throw failureOf(error);
  }
}

export function readPassword(file: string, warn: (text: string) => void): string {
  let text: string;
  try {
    const stat = statSync(file);
    if (stat.size > PASSWORD_BYTES_MAX) throw new Failure('usage', `${file}: too long for a password`);
    if ((stat.mode & 0o077) !== 0) warn(`${file} holds a password and others may read it: chmod 600 ${file}`);
    text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw failureOf(error);
  }
  if (text === '' || text.includes('\n'))
    throw new Failure('usage', `${file}: must hold the password in one line`);
  return text;
}
