// The store's file from its making to its first commit, and its head whenever it is opened. LMDB believes a file that
// has a length: one whose head is not whole ends the process (SIGSEGV), at every start.
//
//   no file -> UNFINISHED stands, synced -> LMDB makes the file, commits -> the names synced, UNFINISHED goes, synced
//
// A power cut on the way leaves UNFINISHED: what stands beside it is thrown away, since nobody was told of anything in
// it. A file without it was whole once, so a bad head is damage, and is said; no head at all too, or a new store would
// take the place of the old one, unseen. So is a file that ends before its last page in use, as a copy does that was
// broken off: what lies behind its end cannot be read without a signal either.

import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { isWithin } from './reach.ts';

const UNFINISHED = 'unfinished';
const FILE = 'data.mdb';

// LMDB (mdb.c, MDB_page and MDB_meta, data version 2): the first two pages are of this kind and begin with the magic.
const FLAGS_AT = 18;
const META_FLAG = 0x08;
const MAGIC_AT = 24;
const MAGIC = 0xbeefc0de;
const PAGE_BYTES_AT = 48;
/** Of what is free, and of the databases. */
const ROOTS_AT = [88, 136];
const LAST_PAGE_AT = 144;
const COMMIT_AT = 152;
const HEAD_BYTES = 160;

/** Before LMDB opens the directory to write. */
export function beginBirth(directory: string): void {
  if (existsSync(join(directory, UNFINISHED)))
    for (const name of [FILE, 'lock.mdb']) rmSync(join(directory, name), { force: true });
  if (existsSync(join(directory, FILE))) return;
  writeFileSync(join(directory, UNFINISHED), '');
  syncNames(directory);
}

/** After LMDB's first commit, and before anybody is told of anything. */
export function endBirth(directory: string): void {
  if (!existsSync(join(directory, UNFINISHED))) return;
  syncNames(directory);
  rmSync(join(directory, UNFINISHED));
  syncNames(directory);
}

/** Throws when LMDB would not survive the file. */
export function checkHead(directory: string): void {
  const path = join(directory, FILE);
  if (!existsSync(path)) return;
  const fd = openSync(path, 'r');
  try {
    const first = headAt(fd, 0);
    const pageBytes = first?.readUInt32LE(PAGE_BYTES_AT) ?? 0;
    const second = pageBytes > 0 ? headAt(fd, pageBytes) : undefined;
    if (first === undefined || second === undefined)
      throw damaged(`${path}: this is no store, or its first pages are damaged`);
    const isSecond = second.readBigUInt64LE(COMMIT_AT) > first.readBigUInt64LE(COMMIT_AT);
    const newer = isSecond ? second : first;
    const pages = Number(newer.readBigUInt64LE(LAST_PAGE_AT)) + 1;
    const { size: bytes } = fstatSync(fd);
    if (bytes >= pages * pageBytes) return;
    const roots = ROOTS_AT.map(at => newer.readBigUInt64LE(at));
    if (!isWithin(fd, pageBytes, Math.floor(bytes / pageBytes), roots))
      throw damaged(`${path}: this is cut off after ${bytes} of ${pages * pageBytes} bytes`);
  } finally {
    closeSync(fd);
  }
}

const damaged = (text: string): Failure =>
  new Failure(
    'environment',
    text,
    "put a backup in its place, or move the gateway's --data away: the boards bring what they have",
  );

function headAt(fd: number, offset: number): Buffer | undefined {
  const head = Buffer.alloc(HEAD_BYTES);
  if (readSync(fd, head, 0, HEAD_BYTES, offset) < HEAD_BYTES) return undefined;
  const isMeta = (head.readUInt16LE(FLAGS_AT) & META_FLAG) !== 0 && head.readUInt32LE(MAGIC_AT) === MAGIC;
  return isMeta ? head : undefined;
}

function syncNames(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
