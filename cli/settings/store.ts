// Which store a command is to look into, and which path in it.

import { closeSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import type { Folder, Store } from '../../gateway/store/port.ts';
import { checkPath } from '../../protocol/path.ts';
import { suggestion } from './nearest.ts';

/** Where the demo puts both ends, if it is not told otherwise. */
export const DEMO_NAME = 'toastbox-demo';

/** The gateway's data: what was named, or what is found here. */
export function dataOf(data: string | undefined, directory: string): string {
  const found = data ?? [join(directory, DEMO_NAME, 'gateway-data'), directory].find(hasStore);
  if (found === undefined)
    throw new Failure('usage', 'of which gateway? There is no store here', 'say --data DIR');
  if (hasStore(found)) return found;
  if (lookAt(found) === 'closed')
    throw new Failure(
      'environment',
      `${found}: permission denied`,
      'only the user that the gateway runs as may read it',
    );
  throw new Failure('environment', `${found}: no gateway keeps its store here`, "say the gateway's --data");
}

export const storeOf = (data: string): string => join(data, 'store');
const hasStore = (data: string): boolean => lookAt(data) === 'there';

function lookAt(data: string): 'there' | 'none' | 'closed' {
  try {
    const file = join(storeOf(data), 'data.mdb');
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return 'none';
    closeSync(openSync(file, 'r'));
    return 'there';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'closed' : 'none';
  }
}

export interface Place {
  folder: Folder;
  path: Uint8Array;
}

/** `text` is SHARE or SHARE/PATH, with escapes as printable() writes them. */
export function placeOf(store: Store, text: string): Place {
  const bytes = unprinted(text.replace(/^\.\//, '').replace(/\/+$/, ''));
  const slash = bytes.indexOf(0x2f);
  if (slash === 0)
    throw new Failure(
      'usage',
      `${JSON.stringify(text)} does not begin with a share`,
      'write SHARE/PATH, no / before it',
    );
  const share = bytes.subarray(0, slash < 0 ? undefined : slash).toString();
  const folder = store.folder(share);
  if (folder === undefined) {
    const shares = store.folders().map(each => each.share);
    throw new Failure(
      'usage',
      `there is no share ${JSON.stringify(share)}${suggestion(share, shares)}`,
      shares.length === 0 ? 'the gateway keeps none yet' : `the shares are ${shares.join(', ')}`,
    );
  }
  const path = new Uint8Array(slash < 0 ? [] : bytes.subarray(slash + 1));
  const fault = path.length === 0 ? undefined : checkPath(path);
  if (fault !== undefined) throw new Failure('usage', `${JSON.stringify(text)}: ${fault}`);
  return { folder, path };
}

/** The command that shows what there is of `text`, as a shell takes it. */
export function historyLine(text: string, data: string | undefined): string {
  const words = ['toastbox', 'history', text, ...(data === undefined ? [] : ['--data', data])];
  return words
    .map(word => (/^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** Of a path that nobody knows: where to look for the right one. */
export const shareLine = (text: string, data: string | undefined): string =>
  `${historyLine(text.replace(/^\.\//, '').split('/')[0]!, data)} lists what changed last in the share`;

function unprinted(text: string): Buffer {
  const parts = text.split(/(\\\\|\\x[0-9a-f]{2}|\\u\{[0-9a-f]{1,6}\})/i);
  return Buffer.concat(
    parts.map((part, index) => {
      if (index % 2 === 0) return Buffer.from(part);
      if (part[1] === '\\') return Buffer.from('\\');
      const code = Number.parseInt(part.slice(part[1] === 'u' ? 3 : 2), 16);
      return part[1] === 'x' ? Buffer.from([code]) : Buffer.from(String.fromCodePoint(code));
    }),
  );
}
