// The catalog's file on a simulated disk: made of the same calls as any other, so every fault meets it.

import type { OpenPages } from '../../agent/disk/pages.ts';
import type { System } from '../../agent/disk/system.ts';
import type { Volume } from './volume.ts';

const PAGE_BYTES = 4096;

export function openSimPages(volume: Volume, system: System, path: string): OpenPages {
  const { flags } = system;
  const slash = path.lastIndexOf('/');
  const file = system.openSync(path, flags.RDWR | flags.CREAT, 0o600);
  const inode = volume.files.descriptor(file);
  try {
    if (inode.size === 0) syncDirectory(system, path.slice(0, slash));
  } catch (error) {
    system.closeSync(file);
    throw error;
  }
  return {
    get pageCount() {
      return Math.ceil(inode.size / PAGE_BYTES);
    },
    read(page, into) {
      const count = system.readSync(file, into, 0, PAGE_BYTES, page * PAGE_BYTES);
      into.fill(0, count, PAGE_BYTES);
    },
    write: (page, from) => void system.writeSync(file, from, 0, PAGE_BYTES, page * PAGE_BYTES),
    sync: () => system.fsyncSync(file),
    cut(page) {
      if (page * PAGE_BYTES < inode.size) volume.files.resize(inode, page * PAGE_BYTES);
    },
    close: () => system.closeSync(file),
  };
}

function syncDirectory(system: System, path: string): void {
  const directory = system.openSync(path, system.flags.RDONLY | system.flags.DIRECTORY);
  try {
    system.fsyncSync(directory);
  } finally {
    system.closeSync(directory);
  }
}
