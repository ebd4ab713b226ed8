// Power cuts by counting: each thing that users do, with the power gone before write 0, 1, 2 ... of the board's until
// it is through; once on the board that it is done on, once on one that it comes to. A write is any call that changes
// the disk or makes a change durable. What the power takes is drawn anew for each (medium.ts): unsynced names, unsynced
// bytes, parts of them. SEEDS=n draws n times at each.
//
//   up     done and synced by the user, then the cut: the board comes back with just that, and so does the gateway
//   down   done elsewhere: the board comes back with just that in the end, and nothing of its own goes up

import { describe, expect, test } from 'vitest';
import { openMemoryStore } from '../../gateway/store/memory.ts';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import type { Call } from './disk.ts';
import { tree } from './hands.ts';
import { ROOT } from './machine.ts';
import { Random } from './random.ts';
import type { Volume } from './volume.ts';

const SEEDS = Number(process.env.SEEDS ?? 1);
/** The first scan, what follows from it, and the commit; a rescan is not due before a minute. */
const REST_MS = 40_000;

/** Calls that leave the disk as it is: a cut before one is a cut after the write before it. */
const READING = new Set<Call>([
  'closeSync',
  'fstatSync',
  'lstatSync',
  'opendirSync',
  'readSync',
  'readlinkSync',
]);

const at = (name: string) => `${ROOT}/${name}`;
const edited = (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, 9_000), bytes.subarray(9_100)]);

function furnish(disk: Volume): void {
  disk.mkdirSync(at('d/in'), { recursive: true });
  disk.mkdirSync(at('x'));
  disk.writeFileSync(at('d/f'), some(300, 1));
  disk.writeFileSync(at('d/in/g'), some(20_000, 2));
  disk.writeFileSync(at('e'), some(60_000, 3));
  disk.symlinkSync('d/f', at('l'));
}

const DEEDS: Readonly<Record<string, (disk: Volume) => void>> = {
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

const show = (pair: Pair): string => [...tree(pair.machine.volume)].sort().join('\n');
const headOf = ({ store }: Pair): number => store.folders()[0]?.head ?? 0;

/** The power goes before that write from now on. False: there were not so many. */
function cutAt({ machine, time }: Pair, calls: number, seed: number): () => boolean {
  let isReached = false;
  machine.traps.push({
    calls,
    fits: (call, isGrowing) => !READING.has(call) && (call !== 'openSync' || isGrowing),
    spring() {
      isReached = true;
      machine.cutPower(new Random(seed));
      throw machine.end();
    },
  });
  return () => {
    time.runFor(REST_MS);
    machine.traps.length = 0;
    machine.start();
    time.runFor(REST_MS);
    return isReached;
  };
}

/** A board that comes to a store for the first time: what the gateway has. */
function seenAt(pair: Pair): string {
  const other = new Pair(pair.store);
  other.machine.start();
  other.time.runFor(REST_MS);
  return show(other);
}

function begin(): Pair {
  const pair = new Pair();
  furnish(pair.machine.volume);
  pair.machine.volume.medium.syncAll();
  pair.machine.start();
  pair.time.runFor(REST_MS);
  return pair;
}

describe.each(Object.entries(DEEDS))('power: %s, cut at each write', (_name, deed) => {
  test('up -> just that, here and at the gateway', () => {
    for (let calls = 0, isMore = true; isMore; calls++) {
      isMore = false;
      for (let draw = 0; draw < SEEDS; draw++) {
        const pair = begin();
        deed(pair.machine.volume);
        pair.machine.volume.medium.syncAll();
        const wanted = show(pair);
        // Directories that are watched tell of it; the cut is in what follows.
        pair.machine.hint(Buffer.from(''), undefined);
        isMore = cutAt(pair, calls, calls * 7 + draw)() || isMore;
        expect(show(pair)).toBe(wanted);
        expect(seenAt(pair)).toBe(wanted);
      }
    }
  });

  test('down -> just that in the end, and nothing goes up', () => {
    const source = begin();
    const image = source.store.image();
    deed(source.machine.volume);
    const wanted = show(source);
    source.machine.kill();
    source.machine.start();
    source.time.runFor(REST_MS);
    const head = headOf(source);
    const [before, after] = [image, source.store.image()];
    for (let calls = 0, isMore = true; isMore; calls++) {
      isMore = false;
      for (let draw = 0; draw < SEEDS; draw++) {
        const pair = new Pair(openMemoryStore({ image: before }));
        pair.machine.start();
        pair.time.runFor(REST_MS);
        pair.machine.kill();
        pair.putBack(after);
        const isReached = cutAt(pair, calls, calls * 7 + draw);
        pair.machine.start();
        isMore = isReached() || isMore;
        expect(show(pair)).toBe(wanted);
        expect(headOf(pair)).toBe(head);
      }
    }
  });
});
