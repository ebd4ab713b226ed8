// Memory over the number of files: what the agent's anonymous memory comes to at most over first scan, first sync, a
// restart and an hour's worth of changes, beside what others take for the same crowd.
//
// docs/memory.json has the points that docs/memory.svg shows: --save puts this run's among them, --draw draws anew.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHURN_CHANGES, lifetime } from './lifetime.ts';
import { machineOfMemory } from './machine.ts';
import type { Sampler } from './memory.ts';
import { draw, type Picture, type Point } from './picture.ts';
import { type Rival, rivals } from './rivals.ts';
import { mebibytes, NONE, seconds, table } from './table.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
const POINTS = join(DOCS, 'memory.json');
const PICTURE = join(DOCS, 'memory.svg');

/** From the points that are kept. */
export function drawAgain(): string {
  const picture = JSON.parse(readFileSync(POINTS, 'utf8')) as Picture;
  writeFileSync(PICTURE, draw(picture));
  return `drawn: ${PICTURE}, from ${picture.points.length} points of ${POINTS}`;
}

/** This run's points replace older ones of the same tool and number of files. */
function save(fresh: readonly Point[]): void {
  let points: Point[] = [];
  try {
    points = (JSON.parse(readFileSync(POINTS, 'utf8')) as Picture).points;
  } catch {
    // The first run: nothing is kept.
  }
  const isReplaced = (old: Point): boolean =>
    fresh.some(({ tool, files }) => tool === old.tool && files === old.files);
  points = [...points.filter(point => !isReplaced(point)), ...fresh];
  points.sort((a, b) => a.tool.localeCompare(b.tool) || a.files - b.files);
  const picture: Picture = { machine: machineOfMemory(), points };
  writeFileSync(POINTS, `${JSON.stringify(picture, undefined, 2)}\n`);
  drawAgain();
}

export interface FilesOptions {
  seed: number;
  counts: readonly number[];
  sampler: Sampler;
  isSaved: boolean;
  /** Only toastbox, or only the others, which take most of the time. */
  only: 'ours' | 'peers' | undefined;
}

export async function files({ seed, counts, sampler, isSaved, only }: FilesOptions): Promise<string> {
  const rows: string[][] = [];
  const absent: string[] = [];
  const agents: number[] = [];
  for (const count of counts) {
    const name = `${count.toLocaleString('en-US')} files`;
    const points: Point[] = [];
    if (only !== 'peers') {
      const ours = await lifetime(count, seed, sampler);
      const parts = [ours.first.agentPeak, ours.restart.peak, ours.churn.agentPeak] as const;
      const [first, restart, churn] = parts.map(mebibytes);
      const peak = Math.max(...parts);
      points.push({ tool: 'toastbox', files: count, peak });
      agents.push(peak);
      const did = `first sync ${first}, restart ${restart}, changes ${churn}`;
      rows.push([name, 'toastbox', mebibytes(peak), '1.0', seconds(ours.first.plainMs), did]);
    }
    const peak = points[0]?.peak;
    const others = only === 'ours' ? [] : await rivals(count, seed, CHURN_CHANGES, sampler);
    for (const rival of others) {
      if (rival.peak === undefined) {
        if (!absent.includes(rival.did)) absent.push(rival.did);
        continue;
      }
      const less = rival.isLowerBound ? { isLowerBound: true } : {};
      points.push({ tool: rival.tool, files: count, peak: rival.peak, ...less });
      rows.push([name, rival.tool, mebibytes(rival.peak), over(rival, peak), seconds(rival.ms), rival.did]);
    }
    // Each number of files at once: a million of them take hours.
    if (isSaved) save(points);
  }
  const spread = Math.max(...agents) / Math.min(...agents) - 1;
  return [
    table(
      'files: RssAnon at its peak in MiB, first scan and sync and 3,600 changes (aim: 32, within 10 % at any number)',
      ['', 'tool', 'peak', 'x toastbox', 'first sync, s', 'what it did'],
      rows,
    ),
    ...(agents.length > 1 ? [`toastbox, all of these: ${(spread * 100).toFixed(0)} % apart`] : []),
    ...absent,
    ...(isSaved ? [drawAgain()] : []),
    '',
  ].join('\n');
}

const over = ({ peak }: Rival, ours: number | undefined): string =>
  peak === undefined || ours === undefined ? NONE : (peak / ours).toFixed(1);
