// Everything a folder holds, and everything that happens to it: written by fill(), changed by turn(). Names are bytes.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Random } from '../sim/random.ts';

const MIB = 1 << 20;

/** A place below `root` whose name is these bytes. */
export const at = (root: string, name: Buffer): Buffer => Buffer.concat([Buffer.from(`${root}/`), name]);

const NOT_UTF8 = Buffer.from([0x66, 0xff, 0xfe, 0xc3, 0x28]);
const DEEP_PART = 'd'.repeat(200);
const DEEP_PARTS = 16;
/** 16 parts of 200 bytes and what divides them: a path of 3,215 bytes. */
const DEEP = Array.from({ length: DEEP_PARTS }, () => DEEP_PART).join('/');

/** `mark` makes the contents differ from those of another fill. */
export function fill(root: string, mark: number): void {
  const random = new Random(mark);
  const file = (name: string, bytes: Uint8Array | string, mode = 0o644) => {
    writeFileSync(join(root, name), bytes);
    chmodSync(join(root, name), mode);
  };
  mkdirSync(join(root, 'files'));
  file('files/empty', '');
  file('files/one byte', 'x');
  file('files/block', random.bytes(4096));
  file('files/MiB', random.bytes(MIB));
  file('files/zeros', new Uint8Array(MIB + 1));
  file('files/twin', 'the same content twice');
  file('files/other twin', 'the same content twice');

  mkdirSync(join(root, 'modes'));
  for (const mode of [0o000, 0o400, 0o444, 0o600, 0o755, 0o777])
    file(`modes/${mode.toString(8)}`, `mode ${mode}`, mode);
  mkdirSync(join(root, 'modes', 'private'));
  chmodSync(join(root, 'modes', 'private'), 0o700);

  mkdirSync(join(root, 'times'));
  for (const [name, time] of [
    ['epoch', 0],
    ['microseconds', 1_700_000_000.123457],
    ['future', 4_000_000_000.5],
  ] as const) {
    file(`times/${name}`, name);
    utimesSync(join(root, 'times', name), time, time + 4e-7);
  }
  file('times/before 1970', '');
  execFileSync('touch', ['-d', '@-86400.25', join(root, 'times', 'before 1970')]);

  mkdirSync(join(root, 'empty', 'emptier'), { recursive: true });

  mkdirSync(join(root, 'links'));
  symlinkSync('../files/MiB', join(root, 'links', 'inside'));
  symlinkSync('nowhere at all', join(root, 'links', 'dangling'));
  symlinkSync('../../..', join(root, 'links', 'out'));
  symlinkSync('/etc', join(root, 'links', 'absolute'));
  symlinkSync('.', join(root, 'links', 'itself'));
  symlinkSync(Buffer.from([0xfe, 0x0a, 0xff]), join(root, 'links', 'bytes'));

  mkdirSync(join(root, 'names'));
  const names = join(root, 'names');
  writeFileSync(at(names, NOT_UTF8), 'not UTF-8');
  writeFileSync(at(names, Buffer.from('two\nlines\r\t\u001b[31m')), 'control characters');
  writeFileSync(at(names, Buffer.alloc(255, 0xe9)), '255 bytes, not UTF-8');
  writeFileSync(join(names, 'n'.repeat(255)), '255 bytes');
  writeFileSync(join(names, ' -rf * "$HOME" \\'), 'a shell would stumble');
  writeFileSync(join(names, 'grüße 🍞'), 'bread');
  mkdirSync(at(names, Buffer.concat([NOT_UTF8, Buffer.from('.d')])));
  writeFileSync(at(names, Buffer.concat([NOT_UTF8, Buffer.from('.d/x')])), 'inside');

  mkdirSync(join(root, DEEP), { recursive: true });
  file(`${DEEP}/bottom`, 'deep');

  mkdirSync(join(root, 'moving', 'inner'), { recursive: true });
  for (let n = 0; n < 20; n++) file(`moving/inner/${n}`, random.bytes(500 * n));
  file('becomes a directory', 'file');
  mkdirSync(join(root, 'becomes a file', 'with', 'children'), { recursive: true });
  file('becomes a file/with/children/x', 'x');
  file('becomes a link', 'file');
  file('log', random.bytes(100_000));
  file('replaced', random.bytes(50_000));
  file('old name', random.bytes(30_000));
  file('deleted', 'gone soon');
  mkdirSync(join(root, 'deleted tree', 'a', 'b'), { recursive: true });
  file('deleted tree/a/b/c', 'gone too');
}

/** One of each change, on a folder that was filled. */
export function turn(root: string, mark: number): void {
  const random = new Random(mark);
  appendFileSync(join(root, 'log'), random.bytes(1200));
  writeFileSync(join(root, 'replaced.new'), random.bytes(51_000));
  renameSync(join(root, 'replaced.new'), join(root, 'replaced'));
  renameSync(join(root, 'old name'), join(root, 'files', 'new name'));
  renameSync(join(root, 'moving'), join(root, 'empty', 'moved'));
  unlinkSync(join(root, 'deleted'));
  rmSync(join(root, 'deleted tree'), { recursive: true });
  unlinkSync(join(root, 'becomes a directory'));
  mkdirSync(join(root, 'becomes a directory'));
  writeFileSync(join(root, 'becomes a directory', 'x'), 'now inside');
  rmSync(join(root, 'becomes a file'), { recursive: true });
  writeFileSync(join(root, 'becomes a file'), 'file now');
  unlinkSync(join(root, 'becomes a link'));
  symlinkSync('log', join(root, 'becomes a link'));
  unlinkSync(join(root, 'links', 'dangling'));
  symlinkSync('elsewhere', join(root, 'links', 'dangling'));
  chmodSync(join(root, 'modes', '600'), 0o640);
  chmodSync(join(root, 'modes', 'private'), 0o750);
  utimesSync(join(root, 'times', 'epoch'), 1, 1);
  writeFileSync(join(root, 'files', 'empty'), 'no longer');
  writeFileSync(join(root, 'files', 'one byte'), '');
  renameSync(at(join(root, 'names'), NOT_UTF8), at(join(root, 'names'), Buffer.from([0xff])));
  renameSync(join(root, DEEP, 'bottom'), join(root, 'surfaced'));
}

/** Back to the kinds that stood before turn(). */
export function turnBack(root: string): void {
  rmSync(join(root, 'becomes a directory'), { recursive: true });
  writeFileSync(join(root, 'becomes a directory'), 'file again');
  unlinkSync(join(root, 'becomes a file'));
  mkdirSync(join(root, 'becomes a file'));
  writeFileSync(join(root, 'becomes a file', 'x'), 'directory again');
  unlinkSync(join(root, 'becomes a link'));
  writeFileSync(join(root, 'becomes a link'), 'file again');
  renameSync(join(root, 'empty', 'moved'), join(root, 'moving'));
  rmSync(join(root, DEEP.split('/')[0]!), { recursive: true });
}
