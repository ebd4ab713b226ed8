// The user's hands on a simulated board: one random change of the folder at a time, as people and programs make
// them. Names come from a small set, so that boards meet on the same paths.

import { ROOT } from './machine.ts';
import type { Random } from './random.ts';
import type { Volume } from './volume.ts';

const NAMES = ['a', 'b', 'c', 'd.txt', 'e.txt', 'f', 'grün', 'h.tar.gz'];

interface Found {
  directories: string[];
  files: string[];
  all: string[];
}

function find(disk: Volume): Found {
  const found: Found = { directories: [ROOT], files: [], all: [] };
  const walk = (directory: string): void => {
    for (const name of disk.readdirSync(directory).sort()) {
      if (name === '.toastbox') continue;
      const path = `${directory}/${name}`;
      const stat = disk.lstatSync(path);
      found.all.push(path);
      if (stat.isFile()) found.files.push(path);
      if (!stat.isDirectory()) continue;
      found.directories.push(path);
      walk(path);
    }
  };
  walk(ROOT);
  return found;
}

/** Files that have another name as well. */
export const sharedFiles = (disk: Volume): { path: string; inode: number; bytes: Buffer }[] =>
  find(disk)
    .files.map(path => ({ path, stat: disk.lstatSync(path) }))
    .filter(({ stat }) => stat.nlink > 1)
    .map(({ path, stat }) => ({ path, inode: stat.ino, bytes: disk.readFileSync(path) }));

// Not existsSync, which follows symlinks.
export const exists = (disk: Volume, path: string): boolean => {
  try {
    disk.lstatSync(path);
    return true;
  } catch {
    return false;
  }
};

export const inodeAt = (disk: Volume, path: string): number | undefined =>
  exists(disk, path) ? disk.lstatSync(path).ino : undefined;

/** Sizes around the borders that matter: nothing, one block, several, more than a window. */
function content(random: Random): Uint8Array {
  const size = random.pick([0, 1, 100, 1023, 1024, 5_000, 20_000, 70_000]);
  return random.bytes(random.below(size + 1));
}

/** Makes one change; the paths it touched. */
export function touch(disk: Volume, random: Random): string[] {
  const { directories, files, all } = find(disk);
  const fresh = `${random.pick(directories)}/${random.pick(NAMES)}`;
  const file = files.length > 0 ? random.pick(files) : undefined;
  const any = all.length > 0 ? random.pick(all) : undefined;
  const isFree = !exists(disk, fresh);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      if (!isFree) return [];
      disk.writeFileSync(fresh, content(random));
      return [fresh];
    case 3:
      if (!isFree) return [];
      disk.mkdirSync(fresh);
      return [fresh];
    case 4:
      if (any === undefined) return [];
      disk.rmSync(any, { recursive: disk.lstatSync(any).isDirectory() });
      return [any];
    case 5:
      if (file === undefined) return [];
      disk.appendFileSync(file, content(random));
      return [file];
    case 6: {
      if (file === undefined) return [];
      const beside = `${file}.new`;
      disk.writeFileSync(beside, content(random));
      disk.renameSync(beside, file);
      return [beside, file];
    }
    case 7:
    case 8:
      if (any === undefined || !isFree || fresh.startsWith(`${any}/`)) return [];
      disk.renameSync(any, fresh);
      return [any, fresh];
    case 9:
      if (any === undefined || disk.lstatSync(any).isSymbolicLink()) return [];
      disk.chmodSync(any, random.pick([0o755, 0o700, 0o555]));
      return [any];
    case 10:
      if (!isFree) return [];
      disk.symlinkSync(`to ${random.below(3)}`, fresh);
      return [fresh];
    default: {
      if (file === undefined) return [];
      const bytes = disk.readFileSync(file);
      const at = random.below(bytes.length + 1);
      const patch = random.bytes(random.below(50));
      const parts = [
        bytes.subarray(0, at),
        patch,
        bytes.subarray(Math.min(bytes.length, at + random.below(50))),
      ];
      disk.writeFileSync(file, Buffer.concat(parts));
      return [file];
    }
  }
}

/** Places in the folder that changed at that time of the machine's or later. */
export const changedSince = (disk: Volume, time: number): string[] =>
  find(disk)
    .all.filter(path => disk.lstatSync(path).ctimeMs >= time)
    .map(path => path.slice(ROOT.length + 1));

/** The whole tree as text, for comparing: kinds, permissions, times of files, bytes. */
export function tree(disk: Volume): Map<string, string> {
  const lines = new Map<string, string>();
  for (const path of find(disk).all) {
    const stat = disk.lstatSync(path);
    const mode = (Number(stat.mode) & 0o777).toString(8);
    const name = path.slice(ROOT.length + 1);
    if (stat.isDirectory()) lines.set(name, `directory ${mode}`);
    else if (stat.isSymbolicLink()) lines.set(name, `link ${disk.readlinkSync(path)}`);
    else {
      const bytes = disk.readFileSync(path);
      lines.set(name, `file ${mode} ${stat.mtimeMs} ${bytes.length} ${bytes.toString('base64')}`);
    }
  }
  return lines;
}
