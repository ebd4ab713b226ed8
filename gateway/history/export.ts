// Puts what the history has beside the folder: anywhere on this machine.
//
// The store gives no block that is not what its id says. A file that cannot be written whole is removed again and
// told, and the rest goes on: of a damaged store this gets out all that is whole. What stands there as it should is
// left as it is, so a second run goes on where one ended; anything else that stands there is told and never touched.

import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { toSeconds } from '../../agent/disk/stat.ts';
import { Failure, systemFailure } from '../../agent/failure.ts';
import { sameBytes } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { blocksOf } from '../hub/content.ts';
import type { Folder, Recipe, Store, Version } from '../store/port.ts';
import { type OnLost, type Stood, treeAt } from './tree.ts';

/** What is put elsewhere: a version, with a `time` all that stood under it then. The share itself has no version. */
export interface Wish {
  folder: Folder;
  path: Uint8Array;
  version: Version | undefined;
  time: number | undefined;
}

export interface Exported {
  /** Made now, with their bytes. */
  entries: number;
  bytes: number;
  /** Stood there already. */
  stood: number;
  /** Could not be made; what is below such a directory is counted too. */
  failed: number;
}

export interface Telling {
  /** What fails once it has begun; not all below a directory that does. */
  onFail: (path: Uint8Array, error: unknown) => void;
  onLost: OnLost;
}

/** Throws where it cannot even begin. */
export function exportTo(
  store: Store,
  { folder, path, version, time }: Wish,
  place: string,
  { onFail, onLost }: Telling,
): Exported {
  const exported = { entries: 0, bytes: 0, stood: 0, failed: 0 };
  const put = (each: Version, to: Buffer) => {
    if (!write(store, each, to)) {
      exported.stood++;
      return;
    }
    exported.entries++;
    exported.bytes += each.size;
  };
  try {
    if (version === undefined) makeDirectory(Buffer.from(place), 0o700);
    else put(version, Buffer.from(place));
  } catch (error) {
    throw withAdvice(error, place);
  }
  if (time === undefined || (version !== undefined && version.kind !== Kind.DIRECTORY)) return exported;
  const skip = path.length === 0 ? 0 : path.length + 1;
  /** A directory that could not be made, with the slash behind it. */
  let lost: Buffer | undefined;
  const tree = treeAt(store, folder, path, time, onLost);
  for (;;) {
    let next: IteratorResult<Stood>;
    try {
      next = tree.next();
    } catch (error) {
      // A record of the store is damaged. What would come after it is not known.
      exported.failed++;
      onFail(path, error);
      return exported;
    }
    if (next.done) return exported;
    const { path: below, version: each } = next.value;
    if (lost !== undefined && sameBytes(below.subarray(0, lost.length), lost)) {
      exported.failed++;
      continue;
    }
    try {
      put(each, Buffer.concat([Buffer.from(join(place, '/')), below.subarray(skip)]));
    } catch (error) {
      exported.failed++;
      onFail(below, error);
      if (each.kind === Kind.DIRECTORY) lost = Buffer.concat([below, Buffer.from('/')]);
    }
  }
}

/** What can be done about a place where it cannot begin. */
function withAdvice(error: unknown, place: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const above = dirname(place);
  if (code === 'ENOENT' && !fs.existsSync(above))
    return systemFailure(above, error, `make it first (mkdir -p ${above}), or give another place`);
  if (code === 'EEXIST')
    return systemFailure(place, error, 'name what is not there yet; nothing is replaced');
  return error;
}

/** False: it stands there already. */
function write(store: Store, version: Version, to: Buffer): boolean {
  const seconds = toSeconds(version.mtime);
  switch (version.kind) {
    case Kind.DIRECTORY:
      // What cannot be written to could not be filled either.
      return makeDirectory(to, version.mode | 0o700);
    case Kind.SYMLINK:
      return make(
        to,
        () => {
          fs.symlinkSync(Buffer.from(version.content), to);
          fs.lutimesSync(to, seconds, seconds);
        },
        () => fs.lstatSync(to).isSymbolicLink() && sameBytes(fs.readlinkSync(to, 'buffer'), version.content),
      );
    default:
      return writeFile(store, version, to);
  }
}

const makeDirectory = (to: Buffer, mode: number): boolean =>
  make(
    to,
    () => fs.mkdirSync(to, mode),
    () => fs.lstatSync(to).isDirectory(),
  );

/** False: `isIt` that stands there. */
function make(to: Buffer, create: () => void, isIt: () => boolean): boolean {
  try {
    create();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST' && isIt()) return false;
    throw at(to, error);
  }
}

function writeFile(store: Store, version: Version, to: Buffer): boolean {
  const recipe = store.content(version.content);
  if (recipe === undefined) throw new Failure('runtime', 'its content is not in the store');
  const open = { fd: -1 };
  const isNew = make(
    to,
    () => {
      open.fd = fs.openSync(to, 'wx', 0o600);
    },
    () => holds(to, version.size, bytesOf(store, recipe)),
  );
  if (!isNew) return false;
  const { fd } = open;
  let isWhole = false;
  try {
    for (const bytes of bytesOf(store, recipe))
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(fd, bytes, done);
    fs.fchmodSync(fd, version.mode);
    fs.futimesSync(fd, toSeconds(version.mtime), toSeconds(version.mtime));
    fs.fsyncSync(fd);
    isWhole = true;
  } catch (error) {
    throw at(to, error);
  } finally {
    fs.closeSync(fd);
    if (!isWhole) fs.unlinkSync(to);
  }
  return true;
}

/** The system names no place where it is given a descriptor, and a symlink's target instead of it. */
const at = (to: Buffer, error: unknown) => Object.assign(error as Error, { path: to.toString() });

function* bytesOf(store: Store, recipe: Recipe): Generator<Uint8Array> {
  for (const bytes of blocksOf(store, recipe)) {
    if (bytes === undefined)
      throw new Failure(
        'runtime',
        'its content is damaged in the store',
        'toastbox verify tells what else is',
      );
    yield bytes;
  }
}

/** Whether a file stands there that holds just this. */
function holds(to: Buffer, size: number, blocks: Iterable<Uint8Array>): boolean {
  const stands = fs.lstatSync(to);
  if (!stands.isFile() || stands.size !== size) return false;
  const fd = fs.openSync(to, 'r');
  try {
    for (const bytes of blocks) {
      const own = Buffer.alloc(bytes.length);
      if (fs.readSync(fd, own) < own.length || !sameBytes(own, bytes)) return false;
    }
    return true;
  } finally {
    fs.closeSync(fd);
  }
}
