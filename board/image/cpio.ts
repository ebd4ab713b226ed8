// The archive that a kernel unpacks as its first file system: cpio, format "newc" (Linux's
// Documentation/driver-api/early-userspace/buffer-format.rst), gzipped.
//
//   "070701", 13 numbers of 8 hex digits, the name, a NUL, padding to 4; the content, padding to 4. Last: TRAILER!!!
//
// Names in order, owner root, no times, inode numbers counted: the same tree gives the same bytes. It knows files,
// directories and symlinks; a device is refused, for the kernel makes those by itself (devtmpfs). All of it in memory.

import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';

export function packInitramfs(tree: string): Buffer {
  const parts: Buffer[] = [];
  let inode = 0;
  const put = (name: string, mode: number, content: Buffer) => {
    const bytes = Buffer.from(`${name}\0`);
    const links = name === TRAILER ? 1 : (mode & 0o170000) === 0o040000 ? 2 : 1;
    const numbers = [++inode, mode, 0, 0, links, 0, content.length, 0, 0, 0, 0, bytes.length, 0];
    const header = MAGIC + numbers.map(number => number.toString(16).padStart(8, '0')).join('');
    parts.push(padded(Buffer.concat([Buffer.from(header), bytes])), padded(content));
  };
  const walk = (path: string) => {
    for (const name of readdirSync(join(tree, path)).sort()) {
      const inside = path === '' ? name : `${path}/${name}`;
      const place = join(tree, inside);
      const stat = lstatSync(place);
      if (stat.isSymbolicLink()) put(inside, 0o120777, Buffer.from(readlinkSync(place)));
      else if (stat.isFile()) put(inside, stat.mode, readFileSync(place));
      else if (stat.isDirectory()) {
        put(inside, 0o040755, Buffer.alloc(0));
        walk(inside);
      } else throw new Error(`${place} is neither file, directory nor symlink`);
    }
  };
  walk('');
  put(TRAILER, 0, Buffer.alloc(0));
  return gzipSync(Buffer.concat(parts), { level: 9 });
}

const padded = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
