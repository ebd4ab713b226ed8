// Partitions put together to a disk image: a table as every boot ROM knows it (DOS), each partition at a whole MiB.
//
//   | table, gap | boot (FAT) | root (ext4, read-only) | data (ext4) |
//   0            1 MiB
//
// The data partition is the last, so that it can grow to the end of whatever card the image is written to. The disk's
// number follows from the image, so that the same parts give the same bytes.

import {
  closeSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { runTool } from '../fetch/tool.ts';

const MIB = 2 ** 20;
const SECTOR_BYTES = 512;
/** DOS partition types. */
const FAT = 'e';
const LINUX = '83';

export interface Place {
  offset: number;
  bytes: number;
}

export interface Layout {
  boot: Place;
  root: Place;
  data: Place;
}

/**
 * Writes the image, and where its parts lie into IMAGE.json. The files' sizes are whole MiB; holes in them stay holes.
 * It has its name only when it is whole, and an older one has gone before: whoever finds an image takes it as it is.
 */
export function joinDisk(
  image: string,
  disk: string,
  files: { boot: string; root: string; data: string },
): Layout {
  rmSync(image, { force: true });
  const part = `${image}.part`;
  const out = openSync(part, 'w+');
  let end = MIB;
  const put = (file: string): Place => {
    const place = { offset: end, bytes: statSync(file).size };
    if (place.bytes % MIB !== 0) throw new RangeError(`${file} is not of whole MiB`);
    copyInto(out, file, place.offset);
    end += place.bytes;
    return place;
  };
  try {
    const layout = { boot: put(files.boot), root: put(files.root), data: put(files.data) };
    ftruncateSync(out, end);
    const row = ({ offset, bytes }: Place, type: string, more = '') =>
      `start=${offset / SECTOR_BYTES}, size=${bytes / SECTOR_BYTES}, type=${type}${more}\n`;
    const { boot, root, data } = layout;
    const table = row(boot, FAT, ', bootable') + row(root, LINUX) + row(data, LINUX);
    runTool('sfdisk', ['--quiet', '--no-reread', '--no-tell-kernel', part], {
      input: `label: dos\nlabel-id: 0x${disk}\n${table}`,
      package: 'fdisk',
    });
    writeFileSync(`${image}.json`, `${JSON.stringify(layout)}\n`);
    renameSync(part, image);
    return layout;
  } finally {
    closeSync(out);
  }
}

function copyInto(out: number, file: string, offset: number): void {
  const piece = Buffer.alloc(MIB);
  const from = openSync(file, 'r');
  try {
    for (let at = 0; ; at += MIB) {
      const bytes = readSync(from, piece, 0, MIB, at);
      if (bytes === 0) return;
      const filled = piece.subarray(0, bytes);
      if (filled.some(byte => byte !== 0)) writeSync(out, filled, 0, bytes, offset + at);
    }
  } finally {
    closeSync(from);
  }
}
