// `npm run board -- deb [armhf|arm64|amd64] [--as VERSION]`: builds the packages into build/board/debs.

import { statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { Exit } from '../../cli/exits.ts';
import { bytesText } from '../../cli/screen/figures.ts';
import { BUILD, ROOT } from '../places.ts';
import { type Target, targetsOf } from '../targets.ts';
import { buildDeb } from './deb.ts';
import { agentPackage, gatewayPackage, nodePackage } from './packages.ts';

/** What Debian takes for an upstream version, without a revision. */
const VERSION_WORD = /^\d[A-Za-z0-9.+~]*$/;

/** The packages of some targets, agent's first; where they stand. */
async function buildDebs(
  targets: readonly Target[],
  as?: string,
  directory = join(BUILD, 'debs'),
): Promise<string[]> {
  const debs = [buildDeb(await agentPackage(as), directory)];
  for (const target of targets) {
    debs.push(
      buildDeb(await gatewayPackage(target, as), directory),
      buildDeb(nodePackage(target), directory),
    );
  }
  return debs;
}

export async function debWord(words: readonly string[]): Promise<Exit> {
  const at = words.indexOf('--as');
  const as = at < 0 ? undefined : words[at + 1];
  if (at >= 0 && !VERSION_WORD.test(as ?? ''))
    throw new Failure('usage', '--as takes a version, such as 0.2.0~test1');
  const targets = targetsOf(words.filter((_, index) => at < 0 || (index !== at && index !== at + 1)));
  for (const deb of await buildDebs(targets, as))
    console.log(`${relative(ROOT, deb).padEnd(60)} ${bytesText(statSync(deb).size).padStart(9)}`);
  return Exit.FINE;
}
