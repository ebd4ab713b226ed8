// What stands in a folder, so that folders can be compared: every name as bytes, with its kind, permissions, a
// symlink's target, a file's length, mtime in microseconds and SHA-1. The folder's own `.toastbox` is no part of it.
//
// Contents are hashed once and remembered by inode, length, mtime and ctime: waiting for equal trees costs lstat.

import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

const STATE_NAME = '.toastbox';
const CHUNK_BYTES = 1 << 20;
const DIFFERENCES_SHOWN = 12;

/** By path (bytes as latin1), one line that says what is there. */
export type Tree = Map<string, string>;

const hashes = new Map<string, string>();

/** Throws ENOENT if something vanishes while it reads: read again. */
export function readTree(root: string): Tree {
  const tree: Tree = new Map();
  const walk = (directory: Buffer, prefix: string) => {
    for (const name of readdirSync(directory, 'buffer').sort(Buffer.compare)) {
      const path = `${prefix}${name.toString('latin1')}`;
      if (path === STATE_NAME) continue;
      const place = Buffer.concat([directory, Buffer.from('/'), name]);
      const stat = lstatSync(place, { bigint: true });
      const mode = (Number(stat.mode) & 0o777).toString(8);
      if (stat.isDirectory()) {
        tree.set(path, `directory ${mode}`);
        walk(place, `${path}/`);
      } else if (stat.isSymbolicLink()) {
        tree.set(path, `symlink to ${readlinkSync(place, 'latin1')}`);
      } else if (stat.isFile()) {
        const key = `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;
        const hash = hashes.get(key) ?? hashOf(place);
        hashes.set(key, hash);
        const mtime = microseconds(stat.mtimeNs);
        tree.set(path, `file ${mode}, ${stat.size} bytes, ${mtime} us, ${hash}`);
      } else {
        tree.set(path, 'neither file, directory nor symlink');
      }
    }
  };
  walk(Buffer.from(root), '');
  return tree;
}

// As lstat's doubles tell it: around 2026 they are a quarter of a microsecond apart.
const microseconds = (ns: bigint): number =>
  Math.round((Number(ns / 1_000_000_000n) * 1000 + Number(ns % 1_000_000_000n) / 1e6) * 1000);

function hashOf(place: Buffer): string {
  const hash = createHash('sha1');
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const fd = openSync(place, 'r');
  try {
    for (let bytes = readSync(fd, chunk); bytes > 0; bytes = readSync(fd, chunk))
      hash.update(chunk.subarray(0, bytes));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

/** What differs between the first tree and each other, a line each, the first few; empty when all are equal. */
export function differences(trees: readonly Tree[]): string[] {
  const lines: string[] = [];
  const [first, ...others] = trees as [Tree, ...Tree[]];
  let count = 0;
  const say = (line: string) => {
    if (++count <= DIFFERENCES_SHOWN) lines.push(line);
  };
  for (const [index, other] of others.entries()) {
    const name = `tree ${index + 2}`;
    for (const [path, what] of first) {
      const there = other.get(path);
      if (there !== what) say(`${JSON.stringify(path)}: ${what}; in ${name} ${there ?? 'nothing'}`);
    }
    for (const [path, what] of other)
      if (!first.has(path)) say(`${JSON.stringify(path)}: only in ${name}: ${what}`);
  }
  if (count > DIFFERENCES_SHOWN) lines.push(`... ${count} in all`);
  return lines;
}
