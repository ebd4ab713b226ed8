// What a user does to one and the same small tree, each a change that another user may make at the same time.
//
//   d/        f  a file        g  another        nothing at d/n, d/m, e, c
//
// Every side writes bytes of its own, so that it can be told whose are where.

import { some } from '../disk/bench.ts';
import { memorySystem } from '../sim/disk.ts';
import { ROOT } from '../sim/machine.ts';
import type { Volume } from '../sim/volume.ts';

export type Side = 'A' | 'B';

export interface UserChange {
  name: string;
  make(disk: Volume, side: Side): void;
}

const at = (path: string) => `${ROOT}/${path}`;
/** f is asked for block by block; what is small travels with its offer. */
const bytesAt = (path: string): number => (path === 'd/f' ? 20_000 : 300);

/** What this side writes at this path. */
export const bytesOf = (side: Side | 'base', path: string): Buffer =>
  some(
    bytesAt(path),
    [...`${side} ${path}`].reduce((sum, character) => sum * 31 + character.charCodeAt(0), 7),
  );

const rename = (disk: Volume, from: string, to: string) => memorySystem(disk).renameSync(at(from), at(to));
const removeTree = (disk: Volume) => {
  disk.unlinkSync(at('d/f'));
  disk.unlinkSync(at('d/g'));
  memorySystem(disk).rmdirSync(at('d'));
};

export function makeBase(disk: Volume): void {
  disk.mkdirSync(at('d'));
  disk.writeFileSync(at('d/f'), bytesOf('base', 'd/f'));
  disk.writeFileSync(at('d/g'), bytesOf('base', 'd/g'));
}

export const CHANGES: readonly UserChange[] = [
  { name: 'create n', make: (disk, side) => disk.writeFileSync(at('d/n'), bytesOf(side, 'd/n')) },
  {
    name: 'create n/',
    make: (disk, side) => {
      disk.mkdirSync(at('d/n'));
      disk.writeFileSync(at('d/n/x'), bytesOf(side, 'd/n/x'));
    },
  },
  { name: 'edit f', make: (disk, side) => disk.writeFileSync(at('d/f'), bytesOf(side, 'd/f')) },
  { name: 'delete f', make: disk => disk.unlinkSync(at('d/f')) },
  { name: 'delete d/', make: removeTree },
  { name: 'rename f n', make: disk => rename(disk, 'd/f', 'd/n') },
  { name: 'rename f m', make: disk => rename(disk, 'd/f', 'd/m') },
  { name: 'rename f g', make: disk => rename(disk, 'd/f', 'd/g') },
  { name: 'move d/ e/', make: disk => rename(disk, 'd', 'e') },
  { name: 'move d/ c/', make: disk => rename(disk, 'd', 'c') },
  {
    name: 'f becomes f/',
    make: (disk, side) => {
      disk.unlinkSync(at('d/f'));
      disk.mkdirSync(at('d/f'));
      disk.writeFileSync(at('d/f/x'), bytesOf(side, 'd/f/x'));
    },
  },
  {
    name: 'd/ becomes d',
    make: (disk, side) => {
      removeTree(disk);
      disk.writeFileSync(at('d'), bytesOf(side, 'd'));
    },
  },
  { name: 'chmod f', make: (disk, side) => disk.chmodSync(at('d/f'), side === 'A' ? 0o600 : 0o640) },
  { name: 'chmod d/', make: (disk, side) => disk.chmodSync(at('d'), side === 'A' ? 0o700 : 0o750) },
  {
    name: 'f becomes link',
    make: (disk, side) => {
      disk.unlinkSync(at('d/f'));
      disk.symlinkSync(`to ${side}`, at('d/f'));
    },
  },
  { name: 'link n', make: (disk, side) => disk.symlinkSync(`to ${side}`, at('d/n')) },
];
