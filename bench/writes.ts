// Bytes written to the board's disk for one small change, everything counted: what the kernel books to the agent's
// process (write_bytes of /proc/PID/io: pages made dirty, in files of 4 KiB pages; less what was cancelled).
//
//   up     a program writes 200 bytes into a file of 120 on this board: what the agent writes to learn, send and settle
//          it. The program's own write is not counted.
//   down   another board did it: what this board's agent writes to fetch, stage, place and settle it, content included.
//
//   by hand   this process puts a file in another's place as safely, and nothing else: write, fsync, rename, fsync of
//          the directory. What `down` takes beyond it is the agent's own: catalog pages.
//
// The catalog holds a folder of some size, for its tree's height is what a change pays for. One change at a time, both
// ends idle between. Pages of the file system itself (inodes, bitmaps, directories) are booked to whoever dirtied them,
// its journal to nobody.
//
// Kernels with large folios on ext4 book a whole folio for one page written in it: 200 writes of 4 KiB each with a
// sync, in a file that was written in one piece, were booked at 1,857 KiB each (Linux 6.18) where the disk took 5. In
// a file written page by page they were booked at 4. So write_bytes is an upper bound there.

import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crowdPath, makeCrowd } from './crowd.ts';
import { Place } from './place.ts';
import { prose, random } from './seeded.ts';
import { type Board, pause, Stand, until } from './stand.ts';
import { count, percentile, table } from './table.ts';
import { traffic } from './usage.ts';

const LIMIT_MS = 600_000;
const CALM_MS = 400;
const CHANGE_BYTES = 200;
const AIM_BYTES = 32 * 1024;

const toDisk = (board: Board): number => traffic(board.process.pid).toDisk;
const commits = async (stand: Stand, board: Board): Promise<number> =>
  (await stand.status(board))?.catalog.commits ?? 0;

/** Nothing under way and nothing more written, looked at twice. */
async function calm(stand: Stand, what: string): Promise<void> {
  let before = '';
  await until(
    what,
    LIMIT_MS,
    async () => {
      const now = stand.boards.map(toDisk).join(' ');
      const isSame = now === before;
      before = now;
      return (await stand.isIdle()) && isSame ? true : undefined;
    },
    CALM_MS,
  );
}

/** Replaces a file as an agent does, with no catalog to keep. */
function byHand(place: Place, folder: string, path: string, bytes: string): number {
  const before = traffic(process.pid).toDisk;
  const staged = openSync(place.path('staged'), 'wx');
  writeSync(staged, bytes);
  fsyncSync(staged);
  closeSync(staged);
  renameSync(place.path('staged'), `${folder}/${path}`);
  const directory = openSync(join(folder, dirname(path)), 'r');
  fsyncSync(directory);
  closeSync(directory);
  return traffic(process.pid).toDisk - before;
}

export async function writes(options: { seed: number; files: number; changes: number }): Promise<string> {
  const { seed, files, changes } = options;
  const place = new Place('writes');
  const stand = new Stand(place);
  try {
    await stand.open();
    makeCrowd(place.folder('one'), files, seed);
    const one = stand.directBoard('one');
    await calm(stand, 'the first sync');
    place.folder('two');
    const two = stand.directBoard('two');
    await calm(stand, "the second board's first sync");
    const next = random(seed);
    const up: number[] = [];
    const down: number[] = [];
    const commitsOf = { up: -(await commits(stand, one)), down: -(await commits(stand, two)) };
    for (let change = 0; change < changes; change++) {
      const { head } = (await stand.status(one))!;
      const before = { one: toDisk(one), two: toDisk(two) };
      const handle = openSync(`${one.folder}/${crowdPath(seed, next() % files)}`, 'r+');
      writeSync(handle, prose(next, CHANGE_BYTES), 0);
      closeSync(handle);
      await until(`change ${change}`, LIMIT_MS, async () =>
        (await stand.status(two))!.settled > head ? true : undefined,
      );
      await calm(stand, `change ${change}`);
      up.push(toDisk(one) - before.one);
      down.push(toDisk(two) - before.two);
    }
    commitsOf.up += await commits(stand, one);
    commitsOf.down += await commits(stand, two);
    const hand: number[] = [];
    makeCrowd(place.folder('hand'), files, seed);
    spawnSync('sync');
    for (let change = 0; change < changes; change++) {
      const path = crowdPath(seed, next() % files);
      hand.push(byHand(place, place.path('hand'), path, prose(next, CHANGE_BYTES)));
      await pause(CALM_MS);
    }
    const row = (name: string, values: readonly number[], committed: number): string[] => {
      const most = percentile(values, 100);
      return [
        name,
        ...[50, 90, 100].map(percent => count(percentile(values, percent))),
        count(AIM_BYTES),
        (most / AIM_BYTES).toFixed(2),
        (committed / changes).toFixed(1),
      ];
    };
    return table(
      `writes: bytes to the board's disk for one change of ${CHANGE_BYTES} bytes, ${changes} single changes, ` +
        `${files.toLocaleString('en-US')} files in the catalog`,
      ['', 'p50', 'p90', 'most', 'aim', 'most / aim', 'commits each'],
      [
        row('up: changed here', up, commitsOf.up),
        row('down: changed elsewhere', down, commitsOf.down),
        row('  the same by hand', hand, 0),
      ],
    );
  } finally {
    await stand.close();
    await place.close();
  }
}
