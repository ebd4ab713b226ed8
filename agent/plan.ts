// What an agent takes, said before it takes it: the arithmetic behind `toastbox plan` and behind the check that an
// agent makes at its start. Pure: figures in, figures out; who asks finds the words.
//
//   RAM  = arena + beside + watches x (WATCH_BYTES + WATCH_KERNEL_BYTES) + CODE_BYTES_LEAST
//   heap = watches x WATCH_HEAP_BYTES, of HEAP_BYTES_LEFT
//   disk = CATALOG_BYTES_BESIDE + files x CATALOG_FILE_BYTES - what the catalog has already + the largest file;
//          CATALOG_BYTES_LEAST, where nobody says how many files
//
// The number of files decides about the disk alone. All constants are measured, on x86-64 with Node 20.20, and held
// to by test/system/plan.test.ts: an agent that really runs stays under them, and not far.

import { HEAP_BYTES_MAX } from './heap.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Below it the catalog's cache is too small to be worked on (assembly/arena.ts says the same). */
export const ARENA_BYTES_LEAST = 2 * MIB;

/** RssAnon at its peak without arena and watches: the heap up to its bound of 23 MiB, 2 to 5 of buffers on their way
 * through Node, 3 of Node itself. Measured over a first sync of 10,000 files, in which the heap has 12 to 13 with its
 * garbage: 20 to 22 (cli/flags.ts has the flags that make it so). */
const BESIDE_BYTES = 28 * MIB;

/** A watch's share of RssAnon: 1.3 KB of Node's FSWatcher, the rest its path and its place in our map. */
const WATCH_BYTES = 2 * KIB;
/** What of it lies in the JavaScript heap, which has a bound of its own (heap.ts), and what is left there for watches:
 * with 5,400 of them at rest 14 MiB were in use. */
const WATCH_HEAP_BYTES = 768;
const HEAP_BYTES_LEFT = 3 * MIB;
/** The kernel's own count, INOTIFY_WATCH_COST in fs/notify/inotify/inotify_user.c: the watch and the inode that it
 * pins, taken twice for what a file system adds. */
const WATCH_KERNEL_BYTES = 1280;

/** RssFile: Node's program and libraries as mapped from their files. The kernel takes it back when it needs room. */
const CODE_BYTES = 43 * MIB;
/** What of it has to stay. In a cgroup of 64 MiB 10 were left while 200 MiB went up and came down, in twice to four
 * times the time that it takes without a limit. */
export const CODE_BYTES_LEAST = 10 * MIB;

/** Catalog on disk at its most, for a file with a name of 24 bytes: pages in use have it at 60 to 80, but during a
 * first sync the index of what waits stands beside it, and the pages of earlier commits have to stay. Afterwards the
 * file is made shorter. Measured, at the most and in the end: 102 and 68 for 10,000 files that go up, 81 and 64 for
 * 30,000, 68 at the most for 100,000; 119 and 69 for 30,000 that come down. */
export const CATALOG_FILE_BYTES = 150;
/** And whatever the number: the maps of free pages, and the pages that some quick commits leave behind before they are
 * taken again. 3,000 files have a file of 370 to 770 KB for a while. */
const CATALOG_BYTES_BESIDE = 512 * KIB;
/** An empty catalog, below which nothing works: roots, maps, the first page of the tree and its next version. An agent
 * with more than that starts, and waits for room by itself when it needs some. */
const CATALOG_BYTES_LEAST = 64 * KIB;

export interface PlanAsk {
  arenaBytes: number;
  watches: number;
  files?: number | undefined;
  /** Of the largest file that will arrive. */
  largestBytes?: number | undefined;
  /** RAM that there is; undefined: not known, so it fits. */
  ramBytes?: number | undefined;
  /** Disk that is free. */
  diskBytes?: number | undefined;
  /** What the catalog has on disk already. */
  catalogBytes?: number | undefined;
}

/** What is short, and settings under which it would do. */
export interface Misfit {
  of: 'ram' | 'heap' | 'disk';
  needBytes: number;
  haveBytes: number;
  /** Any one of these. Empty: no setting helps. */
  instead: readonly { arenaBytes?: number; watches?: number }[];
}

export interface Plan {
  ask: PlanAsk;
  anonymous: { arena: number; beside: number; watches: number; total: number };
  heap: { limit: number };
  code: { usual: number; least: number };
  kernel: { watches: number };
  ram: { total: number };
  /** Undefined: not asked for. */
  disk: { catalog: number | undefined; stage: number | undefined };
  misfits: Misfit[];
}

export function planOf(ask: PlanAsk): Plan {
  const { arenaBytes, watches, files, largestBytes, ramBytes, diskBytes } = ask;
  const ram = ramOf(arenaBytes, watches);
  const catalog = files === undefined ? undefined : CATALOG_BYTES_BESIDE + files * CATALOG_FILE_BYTES;
  const disk = Math.max(0, (catalog ?? CATALOG_BYTES_LEAST) - (ask.catalogBytes ?? 0)) + (largestBytes ?? 0);
  const misfits: Misfit[] = [];
  if (ramBytes !== undefined && ram > ramBytes)
    misfits.push({ of: 'ram', needBytes: ram, haveBytes: ramBytes, instead: insteadOf(ask, ram - ramBytes) });
  const inHeap = watches * WATCH_HEAP_BYTES;
  if (inHeap > HEAP_BYTES_LEFT) {
    const instead = [{ watches: Math.floor(HEAP_BYTES_LEFT / WATCH_HEAP_BYTES) }];
    misfits.push({ of: 'heap', needBytes: inHeap, haveBytes: HEAP_BYTES_LEFT, instead });
  }
  if (diskBytes !== undefined && disk > diskBytes)
    misfits.push({ of: 'disk', needBytes: disk, haveBytes: diskBytes, instead: [] });
  return {
    ask,
    anonymous: {
      arena: arenaBytes,
      beside: BESIDE_BYTES,
      watches: watches * WATCH_BYTES,
      total: arenaBytes + BESIDE_BYTES + watches * WATCH_BYTES,
    },
    heap: { limit: HEAP_BYTES_MAX },
    code: { usual: CODE_BYTES, least: CODE_BYTES_LEAST },
    kernel: { watches: watches * WATCH_KERNEL_BYTES },
    ram: { total: ram },
    disk: { catalog, stage: largestBytes },
    misfits,
  };
}

const ramOf = (arenaBytes: number, watches: number): number =>
  arenaBytes + BESIDE_BYTES + watches * (WATCH_BYTES + WATCH_KERNEL_BYTES) + CODE_BYTES_LEAST;

/** Settings that save `overBytes` of RAM: a smaller arena, fewer watches, or the least arena and fewer watches. */
function insteadOf({ arenaBytes, watches }: PlanAsk, overBytes: number): Misfit['instead'] {
  const fewer = (bytes: number) => watches - Math.ceil(bytes / (WATCH_BYTES + WATCH_KERNEL_BYTES));
  const smaller = Math.floor((arenaBytes - overBytes) / MIB) * MIB;
  const instead: { arenaBytes?: number; watches?: number }[] = [];
  if (smaller >= ARENA_BYTES_LEAST) instead.push({ arenaBytes: smaller });
  if (fewer(overBytes) > 0) instead.push({ watches: fewer(overBytes) });
  const left = overBytes - (arenaBytes - ARENA_BYTES_LEAST);
  if (instead.length === 0 && fewer(left) >= 0)
    instead.push({ arenaBytes: ARENA_BYTES_LEAST, watches: fewer(left) });
  return instead;
}
