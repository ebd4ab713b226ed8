// The catalog's file on a real disk: the PageFile port over one descriptor.
//
// No caching and no order of its own: what is written may reach the disk in any order until sync() returns, which is
// all that the tree counts on. It is fdatasync, which writes a new length but no times: nobody reads those, and that
// spares the journal of a flash disk. Throws errno errors as they come. A file that ends inside a page is read as if
// zeros followed, so the page's checksum speaks of it.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { PageFile } from '../engine/ports.ts';

/** As assembly/page.ts has it; the port hands over whole pages. */
const PAGE_BYTES = 4096;

export interface OpenPages extends PageFile {
  close(): void;
}

/** Opens the file, making it if need be (its directory entry durable then), for its owner's eyes only. */
export function openPages(path: string): OpenPages {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;
  const file = openSync(path, flags, 0o600);
  try {
    if (fstatSync(file).size === 0) syncDirectory(dirname(path));
    return new DiskPages(file);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

class DiskPages implements OpenPages {
  readonly #file: number;
  #count: number;

  constructor(file: number) {
    this.#file = file;
    this.#count = Math.ceil(fstatSync(file).size / PAGE_BYTES);
  }

  get pageCount(): number {
    return this.#count;
  }

  read(page: number, into: Uint8Array): void {
    let done = 0;
    while (done < PAGE_BYTES) {
      const bytes = readSync(this.#file, into, done, PAGE_BYTES - done, page * PAGE_BYTES + done);
      if (bytes === 0) break;
      done += bytes;
    }
    into.fill(0, done, PAGE_BYTES);
  }

  write(page: number, from: Uint8Array): void {
    let done = 0;
    while (done < PAGE_BYTES)
      done += writeSync(this.#file, from, done, PAGE_BYTES - done, page * PAGE_BYTES + done);
    if (page >= this.#count) this.#count = page + 1;
  }

  sync(): void {
    fdatasyncSync(this.#file);
  }

  cut(page: number): void {
    if (page >= this.#count) return;
    ftruncateSync(this.#file, page * PAGE_BYTES);
    this.#count = page;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function syncDirectory(path: string): void {
  const directory = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
