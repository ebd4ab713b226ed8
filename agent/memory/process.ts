// What this process takes, as the kernel and V8 count it. Linux's /proc only, the same on 32 and 64 bits; what a
// kernel does not tell (RssAnon came with 4.5) is left out, never guessed.
//
// RssAnon is what counts on a board: the kernel can drop RssFile's pages and read them again. The arena is part of
// V8's external memory (all of it) and of RssAnon (the pages of it that were ever touched).

import { getHeapStatistics } from 'node:v8';
import { readCgroupLimit } from '../machine.ts';
import { limitOf, namesIn, type Reading, textOf } from './reading.ts';

const KIB = 1024;

/** Some 0.1 ms: what rises and falls too fast to be seen by asking now and then. */
export function quickReadings(): Reading[] {
  const status = textOf('/proc/self/status');
  const kib = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    return found === null ? undefined : Number(found[1]) * KIB;
  };
  const heap = getHeapStatistics();
  const { external, arrayBuffers } = process.memoryUsage();
  const threads = /^Threads:\s+(\d+)$/m.exec(status)?.[1];
  return [
    ...bytesRow('RssAnon', kib('RssAnon'), readCgroupLimit()),
    ...bytesRow('RssFile', kib('RssFile')),
    ...bytesRow('swap', kib('VmSwap')),
    ...bytesRow('heap used', heap.used_heap_size, heap.heap_size_limit),
    ...bytesRow('heap total', heap.total_heap_size, heap.heap_size_limit),
    ...bytesRow('external', external),
    ...bytesRow('array buffers', arrayBuffers),
    ...(threads === undefined ? [] : [{ name: 'threads', unit: 'count', now: Number(threads) } as const]),
  ];
}

/** All of them: reads a directory of /proc with an entry a descriptor. */
export function processReadings(): Reading[] {
  const descriptors = namesIn('/proc/self/fd');
  const files = numberIn('/proc/self/limits', /^Max open files\s+(\d+)/m);
  const watches = numberIn('/proc/sys/fs/inotify/max_user_watches', /^(\d+)/);
  return [
    ...quickReadings(),
    // Less the one that reads the directory.
    { name: 'descriptors', unit: 'count', now: Math.max(0, descriptors.length - 1), ...limitOf(files) },
    { name: 'inotify watches', unit: 'count', now: watchesOf(descriptors), ...limitOf(watches) },
  ];
}

const bytesRow = (name: string, now: number | undefined, limit?: number): Reading[] =>
  now === undefined ? [] : [{ name, unit: 'bytes', now, ...limitOf(limit) }];

/** As the kernel counts them: a line of fdinfo each, of all that this process has. */
function watchesOf(descriptors: readonly string[]): number {
  let count = 0;
  for (const descriptor of descriptors)
    count += textOf(`/proc/self/fdinfo/${descriptor}`).match(/^inotify wd:/gm)?.length ?? 0;
  return count;
}

function numberIn(path: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(textOf(path))?.[1];
  return found === undefined ? undefined : Number(found);
}
