// Random edits of a folder, from one seed: what a busy user does, twenty times as fast. What fails because somebody
// else changed the folder meanwhile (a sync, say) is passed over.

import {
  appendFileSync,
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../sim/random.ts';

const NAMES = 60;
/** Removing a tree waits until there are so many directories. */
const DIRECTORIES_KEPT = 8;
/** Others were there first. */
const PASSED_OVER = new Set([
  ...['ENOENT', 'EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EINVAL', 'ELOOP'],
  'ENAMETOOLONG',
]);

/** One edit somewhere below `root`, but for what `isLeft` leaves alone there. */
export function edit(root: string, random: Random, isLeft = (_name: string): boolean => false): void {
  try {
    change(root, random, isLeft);
  } catch (error) {
    if (!PASSED_OVER.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}

function change(root: string, random: Random, isLeft: (name: string) => boolean): void {
  const directories = [root];
  const files: string[] = [];
  for (const directory of directories)
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (directory === root && (entry.name === '.toastbox' || isLeft(entry.name))) continue;
      if (entry.isDirectory()) directories.push(path);
      else if (entry.isFile()) files.push(path);
    }
  const place = join(random.pick(directories), `n${random.below(NAMES)}`);
  const file = files.length === 0 ? place : random.pick(files);
  const directory = random.pick(directories);
  const what = random.below(13);
  if (what < 3) writeFileSync(place, random.bytes(random.below(random.chance(0.3) ? 200_000 : 3_000)));
  else if (what === 3) mkdirSync(place);
  else if (what === 4) symlinkSync(`target ${random.below(5)}`, place);
  else if (what === 5) unlinkSync(file);
  else if (what === 6) appendFileSync(file, random.bytes(random.below(5_000)));
  else if (what === 7) chmodSync(file, random.pick([0o644, 0o600, 0o755, 0o444]));
  else if (what === 8) {
    writeFileSync(`${file}.new`, random.bytes(random.below(50_000)));
    renameSync(`${file}.new`, file);
  } else if (what === 9) overwrite(file, random);
  else if (what === 10) renameUnlessTaken(file, place);
  else if (directory === root) return;
  else if (what === 11) renameUnlessTaken(directory, place);
  else if (directories.length > DIRECTORIES_KEPT) rmSync(directory, { recursive: true });
}

function renameUnlessTaken(from: string, to: string): void {
  if (!existsSync(to)) renameSync(from, to);
}

function overwrite(file: string, random: Random): void {
  const fd = openSync(file, 'r+');
  try {
    writeSync(fd, random.bytes(100), 0, 100, random.below(fstatSync(fd).size + 1));
  } finally {
    closeSync(fd);
  }
}
