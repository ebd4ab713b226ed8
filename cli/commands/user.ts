// `toastbox user`: the file of users of the gateway's own broker.
//
// The file is replaced as a whole, so a gateway that reads it meanwhile has the old or the new one. Other lines and
// comments stay as they are, and so does whose it is and who may read it; a new file is its maker's alone.

import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { Failure } from '../../agent/failure.ts';
import { readListed } from '../../gateway/listed.ts';
import { hashPassword, makePassword } from '../../gateway/password.ts';
import { usersForm } from '../../gateway/users.ts';
import { Exit, failureOf } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { readPassword } from '../settings/secrets.ts';

export async function userCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings } = resolveSettings('user', words, world);
  const { users: file, add, remove, 'password-file': passwordFile } = settings;
  const users = existsSync(file) ? readListed(usersForm(file)) : new Map<string, string>();
  if (add !== undefined) {
    const password =
      passwordFile === undefined
        ? makePassword()
        : readPassword(passwordFile, text => errors.write(`warn: ${text}\n`));
    const hash = await hashPassword(Buffer.from(password));
    replace(file, [...linesWithout(file, add), `${add}:${hash}`]);
    errors.write(`${add}: ${users.has(add) ? 'has another password now' : 'added'}\n`);
    if (passwordFile === undefined) out.write(`${password}\n`);
  } else if (remove !== undefined) {
    if (!users.has(remove)) throw new Failure('usage', `${file} has no user ${remove}`);
    replace(file, linesWithout(file, remove));
    errors.write(`${remove}: removed\n`);
  } else if (existsSync(file)) for (const name of users.keys()) out.write(`${name}\n`);
  else errors.write(`no users: ${file} does not exist; --add makes it\n`);
  return Exit.FINE;
}

function linesWithout(file: string, name: string): string[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').replace(/\n$/, '').split('\n');
  return lines.filter(line => line.split(':')[0]!.trim() !== name);
}

function replace(file: string, lines: readonly string[]): void {
  const fresh = `${file}.new`;
  let isMade = false;
  try {
    const descriptor = openSync(fresh, 'wx', 0o600);
    isMade = true;
    writeSync(descriptor, lines.map(line => `${line}\n`).join(''));
    if (existsSync(file)) {
      const { uid, gid, mode } = statSync(file);
      chownSync(fresh, uid, gid);
      chmodSync(fresh, mode & 0o777);
    }
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(fresh, file);
  } catch (error) {
    if (isMade) rmSync(fresh, { force: true });
    const { kind, message } = failureOf(error);
    const isThere = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const advice = isThere ? 'another toastbox user may be at it; if none is, remove that file' : undefined;
    throw new Failure(kind, message, advice, error);
  }
}
