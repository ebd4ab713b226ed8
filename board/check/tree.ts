// What a folder holds, in two lines: the same for a folder of this machine and for one on a board, which has only
// busybox to tell, and no memory for a list of 100,000 files: so it goes by directories, in order.

import { execFileSync } from 'node:child_process';

/** A shell's words for it: the MD5 of path and MD5 of each file outside of the agent's own directory, and how many
 * there are. */
export const digestWords = (folder: string): string =>
  `cd ${folder} && find . -path ./.toastbox -prune -o -type d -print | sort | while IFS= read -r place; do ` +
  'find "$place" -maxdepth 1 -type f -print0 | xargs -0 -r md5sum | sort -k2; done | md5sum; ' +
  'find . -path ./.toastbox -prune -o -type f -print | wc -l';

export const digestHere = (folder: string): string =>
  execFileSync('sh', ['-c', digestWords(folder)], { env: { ...process.env, LC_ALL: 'C' } })
    .toString()
    .trim();
