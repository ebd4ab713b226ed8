// What a folder's sync takes on disk: the catalog's file with the pages in it, and files on their way in. The limit
// of a file is what it has and what the file system has left.

import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TreeStats } from '../arena/tree.ts';
import { freeDiskBytes } from '../machine.ts';
import { limitOf, namesIn, type Reading } from './reading.ts';

export function diskReadings(catalog: string, stage: string, tree: TreeStats): Reading[] {
  const catalogBytes = bytesOf(catalog);
  const stageBytes = namesIn(stage).reduce((sum, name) => sum + bytesOf(join(stage, name)), 0);
  return [
    {
      name: 'catalog',
      unit: 'bytes',
      now: catalogBytes,
      ...limitOf(withRoom(catalogBytes, dirname(catalog))),
    },
    { name: 'catalog pages', unit: 'count', now: tree.pages - tree.freePages, limit: tree.pages },
    { name: 'stage', unit: 'bytes', now: stageBytes, ...limitOf(withRoom(stageBytes, stage)) },
  ];
}

function withRoom(now: number, place: string): number | undefined {
  const room = freeDiskBytes(place);
  return room === undefined ? undefined : now + room;
}

/** What it really takes: blocks of 512, whatever the file system's own. Nothing there takes nothing. */
function bytesOf(path: string): number {
  return (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512;
}
