// What a folder's sync takes on disk: the catalog's file with the pages in it, and files on their way in. The limit
// of a file is what it has and what the file system has left.

import { readdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TreeStats } from '../arena/tree.ts';
import type { DiskReading } from './ledger.ts';

export function diskReadings(catalog: string, stage: string, tree: TreeStats): DiskReading[] {
  const catalogBytes = bytesOf(catalog);
  const stageBytes = namesIn(stage).reduce((sum, name) => sum + bytesOf(join(stage, name)), 0);
  return [
    { name: 'catalog', unit: 'bytes', now: catalogBytes, ...limitOf(catalogBytes, roomIn(dirname(catalog))) },
    { name: 'catalog pages', unit: 'count', now: tree.pages - tree.freePages, limit: tree.pages },
    { name: 'stage', unit: 'bytes', now: stageBytes, ...limitOf(stageBytes, roomIn(stage)) },
  ];
}

const limitOf = (now: number, room: number | undefined) => (room === undefined ? {} : { limit: now + room });

/** What it really takes: blocks of 512, whatever the file system's own. Nothing there takes nothing. */
function bytesOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}

function roomIn(path: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
