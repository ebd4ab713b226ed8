// A look through a folder in which nothing changed: by an agent that was just restarted, from the start of the scan to
// its end as it says itself, beside find with the same facts and rsync -n against the plain copy, which has to look
// through both. All read the same inodes, just before and just after, so the kernel's caches are equally warm.

import { lifetime } from './lifetime.ts';
import type { Sampler } from './memory.ts';
import { NONE, ratio, seconds, table } from './table.ts';

export async function scan(options: { seed: number; files: number; sampler: Sampler }): Promise<string> {
  const { seed, files, sampler } = options;
  const { restart, looks } = await lifetime(files, seed, sampler);
  const row = (name: string, ms: number | undefined, read: string): string[] => [
    name,
    seconds(ms),
    ms === undefined ? NONE : ratio(ms, looks.find),
    ms === undefined ? NONE : ratio(ms, looks.rsync),
    read,
  ];
  return table(
    `scan: ${files.toLocaleString('en-US')} unchanged files (aim: 1.5 x find, none read)`,
    ['', 'seconds', 'x find', 'x rsync -n', 'files read'],
    [
      row('toastbox, restarted: the scan', restart.scanMs, String(restart.read)),
      row('toastbox, from its start until idle', restart.readyMs, String(restart.read)),
      row("find -printf '%s %T@'", looks.find, '0'),
      row('rsync -an to the plain copy', looks.rsync, '0'),
    ],
  );
}
