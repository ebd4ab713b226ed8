// What a folder holds, as one list of lines: the same for a folder of this machine and for one on a board, which has
// only busybox to tell.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';

/** A shell's words for it: path and MD5 of each file outside of the agent's own directory, in order. */
const listing = (folder: string): string =>
  `cd ${folder} && find . -path ./.toastbox -prune -o -type f -print0 | xargs -0 -r md5sum | sort -k2`;

/** Of many files only this: a hash over the list, and how many there are. */
export const digestWords = (folder: string): string =>
  `(${listing(folder)}) >/tmp/tree; wc -l </tmp/tree; md5sum </tmp/tree`;

export function digestHere(folder: string): string {
  const lines = execFileSync('sh', ['-c', listing(folder)], {
    env: { ...process.env, LC_ALL: 'C' },
    maxBuffer: 2 ** 28,
  });
  const count = lines.reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0);
  return `${count}\n${createHash('md5').update(lines).digest('hex')}  -`;
}
