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

/** Every path below `folder`, with a line for what it holds. Times count where `withTimes`. */
export function contentsOf(
  folder: string,
  under = '',
  lines = new Map<string, string>(),
): Map<string, string> {
  for (const name of readdirSync(join(folder, under))) {
    const path = join(under, name);
    if (path === STATE_NAME) continue;
    const stat = lstatSync(join(folder, path));
    const mode = (stat.mode & 0o777).toString(8);
    if (stat.isDirectory()) {
      lines.set(path, `directory ${mode}`);
      contentsOf(folder, path, lines);
    } else if (stat.isSymbolicLink()) lines.set(path, `symlink ${readlinkSync(join(folder, path))}`);
    else
      lines.set(path, `file ${mode} ${Math.floor(stat.mtimeMs)} ${stat.size} ${hashOf(join(folder, path))}`);
  }
  return lines;
}

/** The first path at which two folders differ; undefined when they are equal. */
export function firstDifference(one: string, other: string): string | undefined {
  const [left, right] = [contentsOf(one), contentsOf(other)];
  for (const [path, line] of left) {
    if (right.get(path) !== line) return `${path}: ${line} / ${right.get(path) ?? 'nothing'}`;
  }
  for (const path of right.keys()) if (!left.has(path)) return `${path}: nothing / ${right.get(path)}`;
  return undefined;
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
