// An ext4 file system in a plain file, filled from a directory: without root, without mounting, the same bytes each
// time.
//
// mke2fs copies a tree (-d), but takes times and owners from the inodes that it finds, and there is no way to set an
// inode's ctime in the tree. So debugfs writes them afterwards, for every inode that is in use: root's, and the time of
// the image. Names, sizes, modes and order come from the tree.

import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../fetch/tool.ts';

const BLOCK_BYTES = 4096;
const MIB = 2 ** 20;
/** The first inode that is no file system's own; lost+found has it (ext4's EXT4_GOOD_OLD_FIRST_INO). */
const FIRST_INODE = 11;
const ROOT_INODE = 2;
/** Inodes that a tree of a known number needs beside: those of the file system itself. */
const SPARE_INODES = 64;

export interface Ext4 {
  file: string;
  label: string;
  uuid: string;
  /** Seconds since 1970: the time of everything in it. */
  time: number;
  /** What stands in it; nothing if missing. */
  tree?: string;
  bytes: number;
  inodes: number;
  /** Further words for mke2fs. */
  words: readonly string[];
  /** Further extended options, each after a comma. */
  extended?: string;
}

export function makeExt4(wish: Ext4): void {
  const { file, time, tree } = wish;
  rmSync(file, { force: true });
  const env = { E2FSPROGS_FAKE_TIME: String(time) };
  const run = (program: string, words: string[], input = '') =>
    runTool(program, words, { env, input, package: 'e2fsprogs' });
  run('mke2fs', [
    ...['-q', '-F', '-t', 'ext4', '-b', String(BLOCK_BYTES), '-L', wish.label, '-U', wish.uuid],
    ...['-N', String(wish.inodes), '-m', '0', ...wish.words],
    ...['-E', `hash_seed=${wish.uuid},root_owner=0:0${wish.extended ?? ''}`],
    ...(tree === undefined ? [] : ['-d', tree]),
    file,
    String(wish.bytes / BLOCK_BYTES),
  ]);
  const facts = run('dumpe2fs', ['-h', file]);
  const number = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)$`, 'm').exec(facts)?.[1]);
  const last = number('Inode count') - number('Free inodes');
  const inodes = [ROOT_INODE, ...Array.from({ length: last - FIRST_INODE + 1 }, (_, at) => FIRST_INODE + at)];
  const fields = ['atime', 'mtime', 'ctime', 'crtime'].flatMap(name => [
    `${name} @${time}`,
    `${name}_extra 0`,
  ]);
  const lines = inodes.flatMap(inode =>
    ['uid 0', 'gid 0', ...fields].map(field => `set_inode_field <${inode}> ${field}`),
  );
  run('debugfs', ['-w', '-f', '-', file], `${lines.join('\n')}\n`);
}

/** What a tree needs, generously: its files in whole blocks, an inode each, and the file system's own. */
export function roomFor(tree: string): { bytes: number; inodes: number } {
  let blocks = 0;
  let inodes = SPARE_INODES;
  const walk = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      inodes++;
      const place = join(path, entry.name);
      if (entry.isDirectory()) {
        blocks++;
        walk(place);
      } else if (entry.isFile()) blocks += Math.ceil(statSync(place).size / BLOCK_BYTES);
    }
  };
  walk(tree);
  const bytes = blocks * BLOCK_BYTES * 1.01 + inodes * 256 + 2 * MIB;
  return { bytes: Math.ceil(bytes / MIB) * MIB, inodes };
}
