// The first sync of a full folder, wall time, beside rsync -a to its daemon on loopback.
//
//   up     from starting the agent on the folder until the gateway has it all durable, and until its plain copy is
//          complete and synced too
//   down   from starting another agent on an empty folder until it has told that all is durable there
//
// rsync's time is that of its process: its files are in the page cache then, with --fsync on the disk.

import { mkdirSync } from 'node:fs';
import type { Sampler } from './memory.ts';
import { has, hasFsync, Rsync } from './peers.ts';
import { Place } from './place.ts';
import { makeSmallFiles, writeNoise } from './seeded.ts';
import { SHARE, Stand, until } from './stand.ts';
import { NONE, ratio, seconds, table } from './table.ts';
import { firstDifference } from './tree.ts';

const LIMIT_MS = 300_000;

interface Load {
  name: string;
  /** Entries, directories included. */
  entries: number;
  bytes: number;
  make(folder: string): void;
}

interface Line {
  name: string;
  durable: number;
  plain: number;
  down: number;
  arena: string;
  rsyncUp: number | undefined;
  rsyncUpSynced: number | undefined;
  rsyncDown: number | undefined;
  rsyncDownSynced: number | undefined;
}

async function ours(
  load: Load,
  sampler: Sampler,
): Promise<Pick<Line, 'durable' | 'plain' | 'down' | 'arena'>> {
  const place = new Place('first');
  const stand = new Stand(place);
  try {
    await stand.open();
    mkdirSync(place.path('one'));
    load.make(place.path('one'));
    sampler.watch(`${load.name}, up`, 'gateway', stand.gateway!.pid, true);
    let begin = performance.now();
    const one = await stand.board('one');
    sampler.watch(`${load.name}, up`, 'agent', one.process.pid);
    const share = async () => (await stand.gatewayStatus())?.folders.find(folder => folder.share === SHARE);
    await until(`${load.name}, durable`, LIMIT_MS, async () => {
      const now = await share();
      return now !== undefined && now.bytes === load.bytes && now.entries === load.entries ? true : undefined;
    });
    const durable = performance.now() - begin;
    const { head } = (await share())!;
    await until(`${load.name}, plain`, LIMIT_MS, async () =>
      (await share())?.agent.settled === head ? true : undefined,
    );
    const plain = performance.now() - begin;
    await sampler.end();
    await stand.settle(LIMIT_MS);

    sampler.watch(`${load.name}, down`, 'gateway', stand.gateway!.pid, true);
    begin = performance.now();
    const two = await stand.board('two');
    sampler.watch(`${load.name}, down`, 'agent', two.process.pid);
    await until(`${load.name}, down`, LIMIT_MS, async () =>
      (await stand.status(two))?.settled === head ? true : undefined,
    );
    const down = performance.now() - begin;
    await sampler.end();
    const difference = firstDifference(one.folder, two.folder);
    if (difference !== undefined) throw new Error(`the boards differ at ${difference}`);
    const arenas = [(await stand.status(one))?.arena.bytes, (await stand.status(two))?.arena.bytes];
    return { durable, plain, down, arena: arenas.join(' and ') };
  } finally {
    await stand.close();
    await place.close();
  }
}

type Peers = Pick<Line, 'rsyncUp' | 'rsyncUpSynced' | 'rsyncDown' | 'rsyncDownSynced'>;

async function peers(load: Load, sampler: Sampler): Promise<Peers> {
  const none = {
    rsyncUp: undefined,
    rsyncUpSynced: undefined,
    rsyncDown: undefined,
    rsyncDownSynced: undefined,
  };
  if (!has('rsync')) return none;
  const place = new Place('first-peers');
  const rsync = new Rsync(place);
  try {
    const from = place.folder('from');
    load.make(from);
    await rsync.open(place.folder('served'));
    const timed = async (way: 'push' | 'pull', options: string[], watch = false): Promise<number> => {
      const folder = way === 'push' ? from : place.folder('to');
      if (way === 'push') place.folder('served');
      const work = `${load.name}, ${way === 'push' ? 'up' : 'down'}`;
      const time = await rsync.time(way, options, folder, watch ? { work, sampler } : undefined);
      if (watch) await sampler.end();
      return time;
    };
    const canSync = hasFsync();
    const rsyncUp = await timed('push', ['-a'], true);
    const rsyncUpSynced = canSync ? await timed('push', ['-a', '--fsync']) : undefined;
    const rsyncDown = await timed('pull', ['-a'], true);
    const rsyncDownSynced = canSync ? await timed('pull', ['-a', '--fsync']) : undefined;
    return { rsyncUp, rsyncUpSynced, rsyncDown, rsyncDownSynced };
  } finally {
    rsync.close();
    await place.close();
  }
}

export interface FirstOptions {
  seed: number;
  files: number;
  bytes: number;
  sampler: Sampler;
}

export async function first({ seed, files, bytes, sampler }: FirstOptions): Promise<string> {
  const place = new Place('first-size');
  const smallBytes = makeSmallFiles(place.folder('small'), files, seed);
  await place.close();
  const size = bytes >= 2 ** 30 ? `${bytes / 2 ** 30} GiB` : `${bytes / 2 ** 20} MiB`;
  const loads: Load[] = [
    {
      name: `${files.toLocaleString('en-US')} files of 1 KB`,
      entries: files + Math.ceil(files / 100),
      bytes: smallBytes,
      make: folder => void makeSmallFiles(folder, files, seed),
    },
    {
      name: `one file of ${size}`,
      entries: 1,
      bytes,
      make: folder => writeNoise(`${folder}/big`, bytes, seed),
    },
  ];
  const rows: string[][] = [];
  const arenas: string[] = [];
  for (const load of loads) {
    const line = { ...(await ours(load, sampler)), ...(await peers(load, sampler)) };
    const row = (what: string, time: number, peer: number | undefined, synced: number | undefined): void => {
      const rate = (load.bytes / 1e6 / (time / 1000)).toFixed(1);
      rows.push([
        load.name,
        what,
        seconds(time),
        rate,
        seconds(peer),
        ratio(time, peer),
        seconds(synced),
        ratio(time, synced),
      ]);
    };
    row('up, durable at the gateway', line.durable, line.rsyncUp, line.rsyncUpSynced);
    row('up, plain copy durable', line.plain, line.rsyncUp, line.rsyncUpSynced);
    row('down, durable at a second board', line.down, line.rsyncDown, line.rsyncDownSynced);
    arenas.push(`arena after ${load.name}, in bytes: ${line.arena}`);
  }
  const head = ['first sync', 'until', 'seconds', 'MB/s', 'rsync -a', 'x', '-a --fsync', 'x'];
  return `${table('first: wall time in seconds, loopback', head, rows)}\n${arenas.join('\n') || NONE}`;
}
