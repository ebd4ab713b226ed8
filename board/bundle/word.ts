// `npm run board -- bundle [agent|gateway]`: makes the bundles, for this machine, and says how large they are.

import { copyFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { Exit } from '../../cli/exits.ts';
import { bytesText } from '../../cli/screen/figures.ts';
import { ROOT } from '../places.ts';
import { bundle, LMDB_MEMBER, LMDB_NATIVE, PROGRAMS, type Program } from './bundle.ts';

export async function bundleWord(words: readonly string[]): Promise<Exit> {
  const wrong = words.find(word => !PROGRAMS.includes(word as Program));
  if (wrong !== undefined)
    throw new Failure('usage', `there is no bundle "${wrong}"`, `there are ${PROGRAMS.join(' and ')}`);
  for (const program of words.length === 0 ? PROGRAMS : (words as Program[])) {
    const { directory, bytes } = await bundle(program);
    if (program === 'gateway') copyFileSync(ownNative(), join(directory, LMDB_NATIVE));
    const sizes = Object.entries(bytes).map(([name, count]) => `${name} ${bytesText(count)}`);
    console.log(`${relative(ROOT, directory)}/: ${sizes.join(', ')}`);
  }
  return Exit.FINE;
}

/** As npm installed it. */
const ownNative = (): string =>
  join(ROOT, 'node_modules', '@lmdb', `lmdb-linux-${process.arch}`, LMDB_MEMBER);
