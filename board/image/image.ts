// A disk image for a card, from Debian's and npm's packages: nothing here needs root, a loop device or a mount, and the
// same pieces give the same bytes.
//
//   packages --unpack--> kernel/ debian/ --take--> root/ initramfs/ boot/ --> root.ext4 boot.fat data.ext4 --> image
//
// Whatever identifies an image (its time, the disk's number, the file systems' UUIDs) follows from what is in it: the
// time is the kernel package's, the rest a hash of the trees. All takes about a gigabyte under build/board, which the
// next build throws away.

import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../bundle/bundle.ts';
import { Debian, unpackDeb } from '../fetch/debian.ts';
import { fetchNpm, NODE } from '../fetch/npm.ts';
import { BUILD, ROOT } from '../places.ts';
import { bootFiles } from './bootfiles.ts';
import { packInitramfs } from './cpio.ts';
import { makeData } from './data.ts';
import { joinDisk, type Layout } from './disk.ts';
import { makeExt4, roomFor } from './ext4.ts';
import { makeFat } from './fat.ts';
import { kernelOf, takeDescriptions, takeModules } from './kernel.ts';
import { settleModes } from './modes.ts';
import { PACKAGES, type Parts, partsOf } from './parts.ts';
import { makeRoot } from './root.ts';

const MIB = 2 ** 20;
/** Room on the boot partition for a person's files, beside what is put there. FAT's own tables are in it too. */
const BOOT_SPARE_BYTES = 2 * MIB;
/** Of the root's scripts the one that the initramfs needs too. */
const DRIVERS = 'lib/board/drivers';

export interface Image {
  file: string;
  layout: Layout;
  bytes: number;
  sha256: string;
}

/** Where a board's image is made. */
export const imagePlace = (word: string, into = join(BUILD, 'image')): string =>
  join(into, `toastbox-${word}.img`);

export async function makeImage(word: string, into = join(BUILD, 'image')): Promise<Image> {
  const parts = partsOf(word);
  const place = join(into, parts.target);
  rmSync(place, { recursive: true, force: true });
  const at = (name: string) => {
    mkdirSync(join(place, name), { recursive: true });
    return join(place, name);
  };
  const pieces = fetchPieces(parts);
  for (const file of pieces.debian) unpackDeb(file, at('debian'));
  for (const file of pieces.kernel) unpackDeb(file, at('kernel'));
  const kernel = kernelOf(at('kernel'));
  const built = Math.floor(statSync(kernel).mtimeMs / 1000);
  const { directory: agent } = await bundle('agent');
  makeRoot(at('root'), parts, {
    debian: at('debian'),
    kernel: at('kernel'),
    agent,
    node: pieces.node,
    built,
  });
  makeBoot(at('boot'), parts, kernel, {
    debian: at('debian'),
    kernel: at('kernel'),
    initramfs: at('initramfs'),
  });

  const trees = [at('root'), at('boot')];
  for (const tree of trees) settleModes(tree);
  const digest = digestOf(trees);
  const uuid = (of: string) => uuidFrom(`${digest} ${of}`);
  const files = {
    boot: join(place, 'boot.fat'),
    root: join(place, 'root.ext4'),
    data: join(place, 'data.ext4'),
  };
  const bootBytes = roomFor(at('boot')).bytes + BOOT_SPARE_BYTES;
  makeFat({
    file: files.boot,
    label: 'TOASTBOX',
    serial: digest.slice(0, 8),
    time: built,
    tree: at('boot'),
    bytes: bootBytes,
  });
  makeExt4({
    ...{ file: files.root, label: 'toastbox-root', uuid: uuid('root'), time: built, tree: at('root') },
    ...roomFor(at('root')),
    words: ['-O', '^has_journal'],
  });
  makeData(files.data, uuid('data'), built);
  const file = imagePlace(word, into);
  const layout = joinDisk(file, digest.slice(8, 16), files);
  const bytes = readFileSync(file);
  return { file, layout, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** All that an image is made of and that has to be fetched; paths in the cache. */
export function fetchPieces(parts: Parts): { debian: string[]; kernel: string[]; node: string } {
  const debian = new Debian(parts.target);
  return {
    debian: debian.fetch(PACKAGES),
    kernel: debian.fetch([kernelPackage(debian, parts)]),
    node: fetchNpm(NODE[parts.target]),
  };
}

/** Debian's name for the newest kernel stands for the package that has it. */
function kernelPackage(debian: Debian, { kernel }: Parts): string {
  const depends = debian.show([kernel])[0]?.get('Depends') ?? '';
  const [name] = /linux-image-\d\S*/.exec(depends) ?? [];
  if (name === undefined) throw new Error(`${kernel} depends on no kernel: ${depends}`);
  return name;
}

/** Kernel, initramfs, description files, what boot programs read, and the settings to edit. */
function makeBoot(
  into: string,
  parts: Parts,
  kernel: string,
  places: { debian: string; kernel: string; initramfs: string },
): void {
  const { initramfs } = places;
  for (const folder of ['bin', 'dev', 'proc', 'root', 'sys', 'lib']) mkdirSync(join(initramfs, folder));
  copyFileSync(join(places.debian, 'bin', 'busybox'), join(initramfs, 'bin', 'busybox'));
  copyFileSync(join(ROOT, 'board', 'initramfs', 'init'), join(initramfs, 'init'));
  chmodSync(join(initramfs, 'init'), 0o755);
  cpSync(join(ROOT, 'board/root', DRIVERS), join(initramfs, DRIVERS));
  takeModules(places.kernel, initramfs, false);
  settleModes(initramfs);
  writeFileSync(join(into, 'initrd.gz'), packInitramfs(initramfs));
  copyFileSync(kernel, join(into, parts.kernelName));
  takeDescriptions(places.kernel, into, parts.boards);
  mkdirSync(join(into, 'extlinux'));
  for (const [name, text] of Object.entries(bootFiles(parts))) writeFileSync(join(into, name), text);
  cpSync(join(ROOT, 'board', 'card'), into, { recursive: true });
}

/** One hash over trees: names, modes, contents and where links lead. */
function digestOf(trees: readonly string[]): string {
  const hash = createHash('sha256');
  const walk = (path: string, shown: string) => {
    for (const name of readdirSync(path).sort()) {
      const place = join(path, name);
      const stat = lstatSync(place);
      hash.update(`${shown}/${name} ${stat.mode}\0`);
      if (stat.isDirectory()) walk(place, `${shown}/${name}`);
      else hash.update(stat.isSymbolicLink() ? readlinkSync(place) : readFileSync(place));
    }
  };
  for (const tree of trees) walk(tree, '');
  return hash.digest('hex');
}

/** A UUID that follows from text (RFC 9562, version 8). */
function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
