// Folders compared, and replaced as an installer would.

import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';

const STATE_NAME = '.toastbox';
const chunk = Buffer.allocUnsafe(2 ** 20);

function hashOf(file: string): string {
  const hash = createHash('sha1');
  const handle = openSync(file, 'r');
  for (let read = readSync(handle, chunk); read > 0; read = readSync(handle, chunk))
    hash.update(chunk.subarray(0, read));
  closeSync(handle);
  return hash.digest('hex');
}

/** The first path at which two folders differ; undefined when they are equal. Walks both in step: any size will do. */
export function firstDifference(one: string, other: string, under = ''): string | undefined {
  const [left, right] = [namesIn(join(one, under)), namesIn(join(other, under))];
  for (const [index, name] of left.entries()) {
    if (right[index] !== name) return `${join(under, name)}: there / ${right[index] ?? 'nothing'} instead`;
  }
  if (right.length > left.length) return `${join(under, right[left.length]!)}: nothing / there`;
  for (const name of left) {
    const path = join(under, name);
    const [mine, theirs] = [lineOf(one, path), lineOf(other, path)];
    if (mine !== theirs || !isSameTime(join(one, path), join(other, path)))
      return `${path}: ${mine} / ${theirs}`;
    if (!mine.startsWith('directory')) continue;
    const below = firstDifference(one, other, path);
    if (below !== undefined) return below;
  }
  return undefined;
}

const namesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter(name => name !== STATE_NAME)
    .sort();

function lineOf(folder: string, path: string): string {
  const stat = lstatSync(join(folder, path));
  const mode = (stat.mode & 0o777).toString(8);
  if (stat.isDirectory()) return `directory ${mode}`;
  if (stat.isSymbolicLink()) return `symlink ${readlinkSync(join(folder, path))}`;
  return `file ${mode} ${stat.size} ${hashOf(join(folder, path))}`;
}

/** Files carry microseconds; a kernel's nanoseconds may be rounded either way. */
function isSameTime(one: string, other: string): boolean {
  const [left, right] = [lstatSync(one), lstatSync(other)];
  return !left.isFile() || Math.abs(left.mtimeMs - right.mtimeMs) < 0.002;
}

/** Makes `folder` hold what `from` holds: every file by rename over its namesake, then what is gone removed. */
export function replaceTree(from: string, folder: string): void {
  const staged = `${folder}.staged`;
  cpSync(from, staged, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  const move = (under: string): void => {
    for (const entry of readdirSync(join(staged, under), { withFileTypes: true })) {
      const path = join(under, entry.name);
      if (entry.isDirectory()) {
        mkdirSync(join(folder, path), { recursive: true });
        move(path);
      } else renameSync(join(staged, path), join(folder, path));
    }
  };
  const drop = (under: string): void => {
    for (const entry of readdirSync(join(folder, under), { withFileTypes: true })) {
      const path = join(under, entry.name);
      if (path === STATE_NAME) continue;
      const there = lstatSync(join(from, path), { throwIfNoEntry: false });
      if (there === undefined) rmSync(join(folder, path), { recursive: true });
      else if (there.isDirectory()) drop(path);
    }
  };
  move('');
  drop('');
  rmSync(staged, { recursive: true });
}
