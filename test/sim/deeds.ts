// Things that users do to a small folder, one of each kind, and the board that they do them on.

import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { tree } from './hands.ts';
import { ROOT } from './machine.ts';
import type { Volume } from './volume.ts';

const at = (name: string) => `${ROOT}/${name}`;
const edited = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, 9_000), bytes.subarray(9_100)]);

/** The first scan, what follows from it, and the commit; a rescan is not due before a minute. */
export const REST_MS = 40_000;

function furnish(disk: Volume): void {
  disk.mkdirSync(at('d/in'), { recursive: true });
  disk.mkdirSync(at('x'));
  disk.writeFileSync(at('d/f'), some(300, 1));
  disk.writeFileSync(at('d/in/g'), some(20_000, 2));
  disk.writeFileSync(at('e'), some(60_000, 3));
  disk.symlinkSync('d/f', at('l'));
  disk.mkdirSync(at('ro/in'), { recursive: true });
  disk.writeFileSync(at('ro/in/f'), some(200, 12));
  disk.chmodSync(at('ro/in'), 0o555);
  disk.chmodSync(at('ro'), 0o555);
}

export const DEEDS: Readonly<Record<string, (disk: Volume) => void>> = {
  'a small file': disk => disk.writeFileSync(at('n'), some(100, 4)),
  'a large file': disk => disk.writeFileSync(at('n'), some(90_000, 5)),
  'an empty file': disk => disk.writeFileSync(at('n'), ''),
  'many small files': disk => {
    for (let n = 0; n < 12; n++) disk.writeFileSync(at(`x/${n}`), some(50, n + 10));
  },
  'a small edit': disk => disk.writeFileSync(at('d/f'), some(310, 6)),
  'an edit inside a large file': disk => disk.writeFileSync(at('e'), edited(some(60_000, 3))),
  'an append': disk => disk.appendFileSync(at('e'), some(500, 7)),
  'a truncation': disk => disk.truncateSync(at('e'), 1_000),
  'a replacement by rename': disk => {
    disk.writeFileSync(at('e.new'), some(59_000, 8));
    disk.renameSync(at('e.new'), at('e'));
  },
  'a deletion': disk => disk.unlinkSync(at('e')),
  'a tree deleted': disk => disk.rmSync(at('d'), { recursive: true }),
  'a rename': disk => disk.renameSync(at('e'), at('m')),
  'a rename over a file': disk => disk.renameSync(at('e'), at('d/f')),
  'two files swapped': disk => {
    disk.renameSync(at('e'), at('t'));
    disk.renameSync(at('d/f'), at('e'));
    disk.renameSync(at('t'), at('d/f'));
  },
  'a copy': disk => disk.writeFileSync(at('x/e'), some(60_000, 3)),
  'a directory moved': disk => disk.renameSync(at('d'), at('x/d')),
  'a directory': disk => disk.mkdirSync(at('n')),
  'directories in each other': disk => {
    disk.mkdirSync(at('n/o/p'), { recursive: true });
    disk.writeFileSync(at('n/o/p/q'), some(40, 9));
  },
  'an empty directory deleted': disk => disk.rmSync(at('x'), { recursive: true }),
  'permissions of a file': disk => disk.chmodSync(at('e'), 0o600),
  'permissions of a directory': disk => disk.chmodSync(at('d'), 0o700),
  'a read-only tree': disk => {
    disk.mkdirSync(at('n/o'), { recursive: true });
    disk.writeFileSync(at('n/o/f'), some(60, 13));
    disk.chmodSync(at('n/o'), 0o555);
    disk.chmodSync(at('n'), 0o555);
  },
  'a read-only directory changed': disk => {
    disk.writeFileSync(at('ro/in/f'), some(30_000, 14));
    disk.writeFileSync(at('ro/in/n'), some(90, 15));
    disk.symlinkSync('f', at('ro/in/l'));
  },
  'a read-only tree deleted': disk => disk.rmSync(at('ro'), { recursive: true }),
  'a time': disk => disk.utimesSync(at('e'), 1_600_000_000, 1_600_000_000),
  'a symlink': disk => disk.symlinkSync('../e', at('x/n')),
  'a symlink to elsewhere': disk => {
    disk.unlinkSync(at('l'));
    disk.symlinkSync('e', at('l'));
  },
  'a symlink deleted': disk => disk.unlinkSync(at('l')),
  'a file that becomes a directory': disk => {
    disk.unlinkSync(at('e'));
    disk.mkdirSync(at('e'));
    disk.writeFileSync(at('e/n'), some(70, 10));
  },
  'a directory that becomes a file': disk => {
    disk.rmSync(at('d'), { recursive: true });
    disk.writeFileSync(at('d'), some(80, 11));
  },
  'a file that becomes a symlink': disk => {
    disk.unlinkSync(at('e'));
    disk.symlinkSync('d/f', at('e'));
  },
};

/** Lets promises go on as well: a life that ends closes its link in them. */
export async function runOn({ time }: Pair, ms: number): Promise<void> {
  for (let ran = 0; ran < ms; ran += 100) {
    time.runFor(Math.min(100, ms - ran));
    await new Promise(setImmediate);
  }
}

export const show = (pair: Pair): string => [...tree(pair.machine.volume)].sort().join('\n');

/** A board with a small folder, synced and at rest. */
export function begin(): Pair {
  const pair = new Pair();
  furnish(pair.machine.volume);
  pair.machine.volume.medium.syncAll();
  pair.machine.start();
  pair.time.runFor(REST_MS);
  return pair;
}

/** What the gateway has: what a board shows that comes to it for the first time. */
export function seenAt(pair: Pair): string {
  const other = new Pair(pair.store);
  other.machine.start();
  other.time.runFor(REST_MS);
  return show(other);
}
