// Bytes on the wire for a change, both ways together, beside rsync -z; xdelta3 -9, which has both versions in one
// place, as the floor.
//
// Two boards share a folder. One makes the change, which goes up; the other takes it down. Each has a counter of
// its own between itself and the broker: TCP's payload, all of MQTT and of the retained statuses in it, from before
// the change until both have been quiet for 1.5 s. `payload` is what the agent says of its frames alone.
//
// rsync goes through a counter too, to its daemon: -az --checksum --delete. Without --checksum it takes files of
// npm's packages for unchanged where they are not: all have one time, and some keep their size.

import { cpSync, mkdirSync } from 'node:fs';
import type { Sampler } from './memory.ts';
import { fetchPackage, unpack } from './npm.ts';
import { has, Rsync, xdelta } from './peers.ts';
import { Place } from './place.ts';
import { appendLog, type Change, insertSource, renameDirectory, updateRows } from './seeded.ts';
import { Stand } from './stand.ts';
import { count, geometricMean, NONE, ratio, table } from './table.ts';
import { replaceTree } from './tree.ts';

const SETTLE_MS = 120_000;
const PAIRS = [
  ['5.8.2', '5.8.3'],
  ['5.9.2', '5.9.3'],
] as const;
const RSYNC = ['-az', '--checksum', '--delete'];

interface Bytes {
  wire: number;
  payload: number;
}

interface Line {
  name: string;
  up: Bytes;
  down: Bytes;
  rsyncUp: number | undefined;
  rsyncDown: number | undefined;
  xdelta: number | undefined;
}

/** The change of a package to its next version; undefined where npm's registry cannot be reached. */
async function packageChange(
  place: Place,
  name: string,
  from: string,
  to: string,
): Promise<Change | undefined> {
  const [old, fresh] = [await fetchPackage(name, from), await fetchPackage(name, to)];
  if (old === undefined || fresh === undefined) return undefined;
  const [before, after] = [place.path(`${name}-${from}`), place.path(`${name}-${to}`)];
  await unpack(old, before);
  await unpack(fresh, after);
  return {
    name: `npm ${name} ${from} to ${to}`,
    before: folder =>
      cpSync(before, folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true }),
    change: folder => replaceTree(after, folder),
  };
}

async function ours(change: Change, sampler: Sampler): Promise<{ up: Bytes; down: Bytes }> {
  const place = new Place('wire');
  const stand = new Stand(place);
  try {
    await stand.open();
    mkdirSync(place.path('one'));
    change.before(place.path('one'));
    const one = await stand.board('one');
    const two = await stand.board('two');
    await stand.settle(SETTLE_MS);
    sampler.watch(change.name, 'agent that sends', one.process.pid, true);
    sampler.watch(change.name, 'agent that receives', two.process.pid, true);
    sampler.watch(change.name, 'gateway', stand.gateway!.pid, true);
    const look = async (board: typeof one): Promise<Bytes> => {
      const status = await stand.status(board);
      return { wire: board.counter.total, payload: (status?.bytes.in ?? 0) + (status?.bytes.out ?? 0) };
    };
    const before = [await look(one), await look(two)] as const;
    change.change(one.folder);
    await stand.settle(SETTLE_MS);
    await sampler.end();
    const after = [await look(one), await look(two)] as const;
    const spent = (index: 0 | 1): Bytes => ({
      wire: after[index].wire - before[index].wire,
      payload: after[index].payload - before[index].payload,
    });
    return { up: spent(0), down: spent(1) };
  } finally {
    await stand.close();
    await place.close();
  }
}

async function peers(change: Change): Promise<Pick<Line, 'rsyncUp' | 'rsyncDown' | 'xdelta'>> {
  const place = new Place('wire-peers');
  const rsync = new Rsync(place);
  try {
    const make = (name: string): string => {
      const folder = place.folder(name);
      change.before(folder);
      return folder;
    };
    const [before, served] = [make('before'), make('served')];
    const after = make('after');
    change.change(after);
    const delta = xdelta(place, before, after);
    if (!has('rsync')) return { rsyncUp: undefined, rsyncDown: undefined, xdelta: delta };
    await rsync.open(served);
    const rsyncUp = await rsync.push(RSYNC, after);
    // The folder served now holds the change, `before` is still what it was.
    const rsyncDown = await rsync.pull(RSYNC, before);
    return { rsyncUp, rsyncDown, xdelta: delta };
  } finally {
    rsync.close();
    await place.close();
  }
}

export interface WireOptions {
  seed: number;
  /** One pair of packages and the renamed directory only. */
  isQuick: boolean;
  sampler: Sampler;
}

export async function wire({ seed, isQuick, sampler }: WireOptions): Promise<string> {
  const place = new Place('packages');
  try {
    const changes: Change[] = [];
    const skipped: string[] = [];
    for (const [from, to] of isQuick ? PAIRS.slice(0, 1) : PAIRS) {
      const change = await packageChange(place, 'typescript', from, to);
      if (change === undefined)
        skipped.push(`typescript ${from} to ${to}: skipped, npm's registry cannot be reached`);
      else changes.push(change);
    }
    if (!isQuick) changes.push(appendLog(seed), insertSource(seed), updateRows(seed));
    changes.push(renameDirectory(seed));
    const lines: Line[] = [];
    for (const change of changes) {
      lines.push({ name: change.name, ...(await ours(change, sampler)), ...(await peers(change)) });
    }
    return [report(lines), ...skipped].join('\n');
  } finally {
    await place.close();
  }
}

function report(lines: readonly Line[]): string {
  const rows: string[][] = [];
  for (const way of ['up', 'down'] as const) {
    const ratios: number[] = [];
    for (const line of lines) {
      const peer = way === 'up' ? line.rsyncUp : line.rsyncDown;
      const { wire: bytes, payload } = line[way];
      if (peer !== undefined) ratios.push(bytes / peer);
      rows.push([
        line.name,
        way,
        count(bytes),
        count(payload),
        count(peer),
        ratio(bytes, peer),
        count(line.xdelta),
      ]);
    }
    const mean = ratios.length === 0 ? NONE : geometricMean(ratios).toFixed(2);
    rows.push(['geometric mean', way, '', '', '', mean, '']);
  }
  return table(
    'wire: bytes both ways for one change, until both ends are durable and quiet (aim: 0.30 x rsync -z)',
    ['change', 'way', 'toastbox', 'payload', 'rsync -z', 'x rsync', 'xdelta3 -9'],
    rows,
  );
}
