// Files on a card's FAT partition, blanked in place with as many bytes as they have: nothing but their own sectors is
// written. A sector is written whole or not at all, a file of several is not: power may go between them. So what is to
// stand there is written down elsewhere first, and a half blanked file can be told from one that was edited.

import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';

const SECTOR_BYTES = 512;
const NEWLINE = 0x0a;
/** What blanked() puts in a secret's place. */
const BLANKS = [0x20, 0x22];

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

/** A blanked file is empty lines. Its first sector went first, so one that begins with an empty line is blank. */
export const isBlank = (bytes: Uint8Array): boolean => bytes.length === 0 || bytes[0] === NEWLINE;

export function blankFile(file: string): void {
  overwrite(file, Buffer.alloc(readFileSync(file).length, NEWLINE));
}

/** Whether `bytes` may be what a power cut left while `aim` was written over them: they differ in blanks only. */
export const isOnTheWay = (bytes: Uint8Array, aim: Uint8Array): boolean =>
  bytes.length === aim.length && bytes.every((byte, at) => byte === aim[at] || BLANKS.includes(aim[at]!));

/** Makes a file, or the names in a directory, durable. */
export function makeDurable(place: string): void {
  const handle = openSync(place, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
