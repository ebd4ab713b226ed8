// From a change to its being durable at the gateway, on loopback.
//
// A program writes 2 KB over one of twenty files with one write(). The clock runs from just before it until a
// listener at the broker gets the gateway's `done` for it on the board's topic, which says that it is committed and
// synced; the listener's own way through the broker is in it. One change at a time, with a seeded rest of 20 to
// 120 ms between.
//
// The peer watches nothing: its time is one run of rsync -a over the folder after such a write, process and all,
// which a watching script would need at least.

import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { decodeFrame } from '../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../protocol/limits.ts';
import { Verdict } from '../protocol/messages.ts';
import { boardTopic } from '../protocol/topics.ts';
import type { Sampler } from './memory.ts';
import { has, hasFsync, Rsync } from './peers.ts';
import { Place } from './place.ts';
import { prose, random } from './seeded.ts';
import { pause, Stand } from './stand.ts';
import { milliseconds, NONE, percentile, table } from './table.ts';

const FILES = 20;
const CHANGE_BYTES = 2048;
/** A run of rsync takes far longer than a change of ours. */
const PEER_RUNS_MAX = 50;
const WAIT_MS = 10_000;
const SETTLE_MS = 60_000;

function makeFiles(folder: string, next: () => number): void {
  for (let index = 0; index < FILES; index++)
    writeFileSync(join(folder, `f${index}`), prose(next, CHANGE_BYTES));
}

/** All of the file anew in one write(), so that no half of it is ever there to be seen. */
function change(folder: string, next: () => number): void {
  const handle = openSync(join(folder, `f${next() % FILES}`), 'r+');
  writeSync(handle, prose(next, CHANGE_BYTES), 0);
  closeSync(handle);
}

async function ours(changes: number, seed: number, sampler: Sampler): Promise<number[]> {
  const place = new Place('latency');
  const stand = new Stand(place);
  let accepted = 0;
  let heard: (() => void) | undefined;
  try {
    await stand.open();
    const next = random(seed);
    mkdirSync(place.path('one'));
    makeFiles(place.path('one'), next);
    const one = await stand.board('one');
    await stand.settle(SETTLE_MS);
    sampler.watch('single changes', 'agent', one.process.pid, true);
    sampler.watch('single changes', 'gateway', stand.gateway!.pid, true);
    const listener = await mqtt.connectAsync(`mqtt://127.0.0.1:${stand.brokerPort}`, { protocolVersion: 5 });
    listener.on('message', (_topic, bytes) => {
      const frame = decodeFrame(bytes, 'down', FRAME_BYTES_MAX);
      if ('malformed' in frame || frame.message.is !== 'done') return;
      for (const { verdict } of frame.message.items) {
        if (verdict !== Verdict.ACCEPTED) continue;
        accepted++;
        heard?.();
      }
    });
    await listener.subscribeAsync(boardTopic('one', 'down'));
    const times: number[] = [];
    try {
      for (let index = 0; index < changes; index++) {
        await pause(20 + (next() % 100));
        const done = new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`change ${index} was never done`)), WAIT_MS);
          heard = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        const begin = performance.now();
        change(one.folder, next);
        await done;
        times.push(performance.now() - begin);
      }
    } finally {
      await listener.endAsync(true);
    }
    await sampler.end();
    await stand.settle(SETTLE_MS);
    if (accepted !== changes) throw new Error(`${accepted} changes were done of ${changes}`);
    return times;
  } finally {
    await stand.close();
    await place.close();
  }
}

async function rsyncTimes(changes: number, seed: number, options: readonly string[]): Promise<number[]> {
  const place = new Place('latency-peers');
  const rsync = new Rsync(place);
  try {
    const next = random(seed);
    const folder = place.folder('from');
    makeFiles(folder, next);
    await rsync.open(place.folder('served'));
    await rsync.time('push', options, folder);
    const times: number[] = [];
    for (let index = 0; index < changes; index++) {
      await pause(20 + (next() % 100));
      const begin = performance.now();
      change(folder, next);
      await rsync.time('push', options, folder);
      times.push(performance.now() - begin);
    }
    return times;
  } finally {
    rsync.close();
    await place.close();
  }
}

export async function latency(options: { seed: number; changes: number; sampler: Sampler }): Promise<string> {
  const { seed, changes, sampler } = options;
  const times = await ours(changes, seed, sampler);
  const peer = has('rsync')
    ? await rsyncTimes(Math.min(changes, PEER_RUNS_MAX), seed, ['-a', ...(hasFsync() ? ['--fsync'] : [])])
    : undefined;
  const row = (name: string, percent: number, aim: string): string[] => {
    const [mine, theirs] = [
      percentile(times, percent),
      peer === undefined ? undefined : percentile(peer, percent),
    ];
    return [
      name,
      milliseconds(mine),
      aim,
      milliseconds(theirs),
      theirs === undefined ? NONE : (mine / theirs).toFixed(2),
    ];
  };
  return table(
    `latency: write() to durable at the gateway, ms, ${changes} single changes of 2 KB`,
    ['', 'toastbox', 'aim', 'one rsync -a --fsync', 'x rsync'],
    [row('p50', 50, '30'), row('p99', 99, '150'), row('most', 100, NONE)],
  );
}
