// The boot partition: a FAT file system in a plain file, filled from a directory by mtools. FAT, because boot ROMs and
// every PC read it.
//
// mtools takes all times from SOURCE_DATE_EPOCH and puts files in the order in which they are named, so the same tree
// gives the same bytes. Files go in one by one, so that each lies in one piece: whoever overwrites one in place, with
// as many bytes, changes its clusters and nothing else (a power cut then tears at most that file; see
// cli/card/take.ts).

import { readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../fetch/tool.ts';

export interface Fat {
  file: string;
  /** At most 11 letters. */
  label: string;
  /** 8 hex digits. */
  serial: string;
  /** Seconds since 1970. */
  time: number;
  tree: string;
  bytes: number;
}

export function makeFat({ file, label, serial, time, tree, bytes }: Fat): void {
  rmSync(file, { force: true });
  writeFileSync(file, '');
  truncateSync(file, bytes);
  const env = { SOURCE_DATE_EPOCH: String(time), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' };
  const run = (program: string, words: string[]) =>
    runTool(program, ['-i', file, ...words], { env, package: 'mtools' });
  run('mformat', ['-v', label, '-N', serial, '-T', String(bytes / 512), '-h', '255', '-s', '63', '::']);
  const walk = (path: string) => {
    for (const entry of readdirSync(join(tree, path), { withFileTypes: true }).sort(byName)) {
      const inside = `${path}${entry.name}`;
      if (entry.isDirectory()) {
        run('mmd', [`::${inside}`]);
        walk(`${inside}/`);
      } else run('mcopy', [join(tree, inside), `::${inside}`]);
    }
  };
  walk('');
}

const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
