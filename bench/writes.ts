// Bytes written to the board's disk for one small change, everything counted: what the kernel books to the agent's
// process (write_bytes of /proc/PID/io: pages made dirty, in files of 4 KiB pages; less what was cancelled).
//
//   up     a program changes 200 bytes of a file of 2 KB on this board: what the agent writes to learn, send and settle
//          it. The program's own write is not counted.
//   down   another board did it: what this board's agent writes to fetch, stage, place and settle it, content included.
//
// The catalog holds a folder of some size, for its tree's height is what a change pays for. One change at a time, both
// ends idle between. The file system's own journal is not in the figure: it books to no process.

import { closeSync, openSync, writeSync } from 'node:fs';
import { crowdPath, makeCrowd } from './crowd.ts';
import { Place } from './place.ts';
import { prose, random } from './seeded.ts';
import { type Board, Stand, until } from './stand.ts';
import { count, percentile, table } from './table.ts';
import { traffic } from './usage.ts';

const LIMIT_MS = 600_000;
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
    400,
  );
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
      [row('up: changed here', up, commitsOf.up), row('down: changed elsewhere', down, commitsOf.down)],
    );
  } finally {
    await stand.close();
    await place.close();
  }
}
