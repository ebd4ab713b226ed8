// Puts what the history has beside the folder: anywhere on this machine where nothing stands yet.
//
// Every block is checked against its id before it is written. A file that cannot be written whole is removed again;
// nothing that stood before is ever touched.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { toSeconds } from '../../agent/disk/stat.ts';
import { Kind } from '../../protocol/messages.ts';
import { compareBytes, printable } from '../../protocol/path.ts';
import { blocksOf } from '../hub/content.ts';
import type { Hasher } from '../hub/ports.ts';
import type { Folder, Store, Version } from '../store/port.ts';
import { treeAt } from './tree.ts';

export interface Exported {
  entries: number;
  bytes: number;
}

/** Throws errors of the system, and one that names what the store cannot give. With `time` a directory's tree too.
 * Without a version it is the share itself, which has none. */
export function exportTo(
  store: Store,
  hasher: Hasher,
  folder: Folder,
  path: Uint8Array,
  version: Version | undefined,
  time: number | undefined,
  place: string,
): Exported {
  const exported = { entries: 0, bytes: 0 };
  const put = (each: Version, name: Uint8Array, to: Buffer) => {
    exported.bytes += write(store, hasher, each, name, to);
    exported.entries++;
  };
  if (version === undefined) fs.mkdirSync(place, 0o700);
  else put(version, path, Buffer.from(place));
  if (time === undefined || (version !== undefined && version.kind !== Kind.DIRECTORY)) return exported;
  const skip = path.length === 0 ? 0 : path.length + 1;
  for (const { path: below, version: each } of treeAt(store, folder, path, time)) {
    put(each, below, Buffer.concat([Buffer.from(join(place, '/')), below.subarray(skip)]));
  }
  return exported;
}

function write(store: Store, hasher: Hasher, version: Version, path: Uint8Array, to: Buffer): number {
  const seconds = toSeconds(version.mtime);
  switch (version.kind) {
    case Kind.DIRECTORY:
      // What cannot be written to could not be filled either.
      fs.mkdirSync(to, version.mode | 0o700);
      return 0;
    case Kind.SYMLINK:
      fs.symlinkSync(Buffer.from(version.content), to);
      fs.lutimesSync(to, seconds, seconds);
      return 0;
    default:
      return writeFile(store, hasher, version, path, to);
  }
}

function writeFile(store: Store, hasher: Hasher, version: Version, path: Uint8Array, to: Buffer): number {
  const recipe = store.content(version.content);
  if (recipe === undefined) throw new Error(`the content of ${printable(path)} is not in the store`);
  const fd = fs.openSync(to, 'wx', 0o600);
  let isWhole = false;
  try {
    for (const { id, bytes } of blocksOf(store, recipe)) {
      if (bytes === undefined || compareBytes(hasher.blockId(bytes), id) !== 0)
        throw new Error(
          `the content of ${printable(path)} is damaged in the store: toastbox verify tells more`,
        );
      for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at);
    }
    fs.fchmodSync(fd, version.mode);
    fs.futimesSync(fd, toSeconds(version.mtime), toSeconds(version.mtime));
    fs.fsyncSync(fd);
    isWhole = true;
  } catch (error) {
    // The system names no place where it is given a descriptor.
    throw Object.assign(error as Error, { path: to.toString() });
  } finally {
    fs.closeSync(fd);
    if (!isWhole) fs.unlinkSync(to);
  }
  return version.size;
}
