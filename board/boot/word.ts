// `npm run board -- boot armv7`: starts an image in QEMU on this terminal. Without --broker, a gateway with a broker of
// its own runs on this machine as long, under build/board/boot.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Failure } from '../../agent/failure.ts';
import { Exit } from '../../cli/exits.ts';
import { ramOf } from '../check/budget.ts';
import { imagePlace, makeImage } from '../image/image.ts';
import { boardOf } from '../image/parts.ts';
import { BUILD, ROOT } from '../places.ts';
import { HOST_ADDRESS, makeCard, putOnCard, startQemu } from './machine.ts';

const CARD_BYTES = 2 ** 30;
const PORT = 1893;

export async function bootWord(words: readonly string[]): Promise<Exit> {
  const { values, positionals } = parsed(words);
  const word = boardOf(positionals);
  const ramMib = ramOf(values.ram, word);
  const image = imagePlace(word);
  if (!existsSync(image)) await makeImage(word);
  const place = join(BUILD, 'boot');
  mkdirSync(place, { recursive: true });
  const card = join(place, `${word}.card`);
  makeCard(image, card, CARD_BYTES);
  const broker = values.broker ?? `mqtt://${HOST_ADDRESS}:${PORT}`;
  putOnCard(card, 'toastbox.toml', `broker = "${broker}"\nname = "${word}"\n`);
  const data = join(place, 'gateway');
  const gateway =
    values.broker === undefined
      ? spawn(
          process.execPath,
          [join(ROOT, 'cli', 'toastbox.mjs'), 'gateway', '--data', data, '--listen', String(PORT), '--quiet'],
          { stdio: 'inherit' },
        )
      : undefined;
  console.log(`its plain copy: ${relative(ROOT, join(data, 'folders', word))}; Ctrl-A X ends it`);
  try {
    const qemu = startQemu({ word, ramMib, card }, 'inherit');
    const [code] = await Promise.race([
      once(qemu, 'exit'),
      once(qemu, 'refused').then(([failure]) => Promise.reject(failure)),
    ]);
    return code === 0 ? Exit.FINE : Exit.FAILED;
  } finally {
    gateway?.kill();
  }
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { ram: { type: 'string' }, broker: { type: 'string' } },
    });
  } catch (error) {
    throw new Failure('usage', (error as Error).message);
  }
}
