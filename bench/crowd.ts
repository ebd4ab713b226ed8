// A folder of very many small files, as sensors leave them: the same for us and for the peers, whatever its size.
//
// `count` files of some 120 bytes, no two alike, 250 to a directory. Names have 24 bytes of which 20 are noise: names
// that count upwards would flatter every index that shares prefixes.

import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { random } from './seeded.ts';

export const CROWD_NAME_BYTES = 24;
const PER_DIRECTORY = 250;

/** 32 bits that depend on all of seed, index and lane: the finaliser of MurmurHash3. */
function mixed(seed: number, index: number, lane: number): number {
  let word = Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b) ^ Math.imul(lane + 1, 0xc2b2ae35);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

export function crowdName(seed: number, index: number): string {
  let name = '';
  for (let lane = 0; lane < 4; lane++)
    name += mixed(seed, index, lane).toString(36).padStart(7, '0').slice(-5);
  return `${name}.dat`;
}

const directoryOf = (index: number): string =>
  `s${String(Math.floor(index / PER_DIRECTORY)).padStart(5, '0')}`;

export const crowdPath = (seed: number, index: number): string =>
  `${directoryOf(index)}/${crowdName(seed, index)}`;

const content = (seed: number, index: number): string => {
  const serial = mixed(seed, index, 5).toString(16).padStart(8, '0');
  const value = (mixed(seed, index, 6) / 2 ** 28).toFixed(6);
  const note = mixed(seed, index, 7)
    .toString(36)
    .slice(0, 2 + (index % 5));
  return `{"sensor":"${crowdName(seed, index)}","serial":"${serial}","value":${value},"unit":"degC","state":"ok","note":"${note}"}\n`;
};

export interface Crowd {
  files: number;
  /** Directories included. */
  entries: number;
  bytes: number;
}

export function makeCrowd(folder: string, files: number, seed: number): Crowd {
  let bytes = 0;
  for (let index = 0; index < files; index++) {
    if (index % PER_DIRECTORY === 0) mkdirSync(join(folder, directoryOf(index)), { recursive: true });
    const text = content(seed, index);
    writeFileSync(`${folder}/${crowdPath(seed, index)}`, text);
    bytes += text.length;
  }
  return { files, entries: files + Math.ceil(files / PER_DIRECTORY), bytes };
}

/**
 * One round of changes all over the folder: of ten, six files are written anew in place, one grows, one is replaced by
 * rename, one is new, one is deleted. `round` chooses which; what was deleted may come back.
 */
export function churnCrowd(
  folder: string,
  files: number,
  seed: number,
  round: number,
  changes: number,
): void {
  const next = random(mixed(seed, round, 8));
  for (let change = 0; change < changes; change++) {
    const index = next() % files;
    const path = `${folder}/${crowdPath(seed, index)}`;
    const text = content(seed + round + 1, index);
    switch (change % 10) {
      case 6:
        appendFileSync(path, text);
        break;
      case 7:
        writeFileSync(`${folder}.replacement`, text);
        renameSync(`${folder}.replacement`, path);
        break;
      case 8:
        writeFileSync(`${folder}/${directoryOf(index)}/${crowdName(seed + round + 1, change)}`, text);
        break;
      case 9:
        rmSync(path, { force: true });
        break;
      default: {
        const handle = openSync(path, 'w');
        writeSync(handle, text);
        closeSync(handle);
      }
    }
  }
}
