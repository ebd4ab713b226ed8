// `npm run board -- image armv7|arm64`: makes the image and says where it is.

import { relative } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { Exit } from '../../cli/exits.ts';
import { bytesText } from '../../cli/screen/figures.ts';
import { ROOT } from '../places.ts';
import { makeImage } from './image.ts';

export async function imageWord(words: readonly string[]): Promise<Exit> {
  if (words.length === 0)
    throw new Failure('usage', 'an image for what board?', 'npm run board -- image armv7');
  for (const word of words) {
    const { file, bytes, sha256 } = await makeImage(word);
    console.log(`${relative(ROOT, file)}: ${bytesText(bytes)}, sha256 ${sha256}`);
  }
  return Exit.FINE;
}
