// Files on a card's FAT partition, blanked in place with as many bytes as they have: nothing but their own sectors is
// written. A sector is written whole or not at all, a file of several is not: power may go between them. So what stood
// there and what is to stand there are written down elsewhere first: a half blanked file, each sector of which is of
// one of the two, can be told from one that was edited, whether it makes sense or not.

import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

const SECTOR_BYTES = 512;
const NEWLINE = 0x0a;

/** Writes what differs, from the start of the file on, each sector durable before the next. */
export function overwrite(file: string, bytes: Uint8Array): void {
  const was = readFileSync(file);
  if (was.length !== bytes.length) throw new RangeError(`${file} would change its length`);
  const handle = openSync(file, 'r+');
  try {
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      const sector = bytes.subarray(at, at + SECTOR_BYTES);
      if (was.subarray(at, at + SECTOR_BYTES).equals(sector)) continue;
      writeSync(handle, sector, 0, sector.length, at);
      fsyncSync(handle);
    }
  } finally {
    closeSync(handle);
  }
}

/** Whether `bytes` may be what a power cut left while `aim` was written over `old`: each sector is of one of them. */
export function isOnTheWay(bytes: Buffer, old: Buffer, aim: Buffer): boolean {
  if (bytes.length !== aim.length || old.length !== aim.length) return false;
  for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
    const sector = bytes.subarray(at, at + SECTOR_BYTES);
    if (![old, aim].some(one => sector.equals(one.subarray(at, at + SECTOR_BYTES)))) return false;
  }
  return true;
}

/** A blanked file is empty lines. */
const blankOf = (bytes: Buffer): Buffer => Buffer.alloc(bytes.length, NEWLINE);

/** Whether a file that held `old`, if that is known, is blank, or was to be. */
export function isBlank(bytes: Buffer, old: Buffer | undefined): boolean {
  const blank = blankOf(bytes);
  return bytes.equals(blank) || (old !== undefined && isOnTheWay(bytes, old, blank));
}

export function blankFile(file: string): void {
  overwrite(file, blankOf(readFileSync(file)));
}

/** Makes a file, or the names in a directory, durable. */
export function makeDurable(place: string): void {
  const handle = openSync(place, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
