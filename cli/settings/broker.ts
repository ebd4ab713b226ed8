// How to reach the broker, from a command's settings: what agent and gateway have in common. Secrets are read from
// their files here, before anything runs, so that a wrong file is refused by name.

import { Failure } from '../../agent/failure.ts';
import type { LinkOptions } from '../../agent/options.ts';
import type { SettingsOf } from '../options/table.ts';
import { probe, probeKey, readPassword } from './secrets.ts';

export function linkOptionsOf(
  settings: SettingsOf<'agent'> | SettingsOf<'gateway'>,
  warn: (text: string) => void,
): Omit<LinkOptions, 'broker'> {
  const { username, 'ca-file': caFile, 'cert-file': certFile, 'key-file': keyFile } = settings;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw new Failure('usage', '--cert-file and --key-file go together: give both or none');
  for (const file of [caFile, certFile]) if (file !== undefined) probe(file);
  if (keyFile !== undefined) probeKey(keyFile, warn);
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
