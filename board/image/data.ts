// The data partition, as an image has it: empty, and small until a board's first start grows it to the end of the card.

import { makeExt4 } from './ext4.ts';

/**
 * Enough to start with. Every later group of 128 MiB gets as many inodes as this first one: 16,384 of 256 bytes are one
 * for 8 KiB, for cards full of small files. The journal of 4 MiB does not grow. What may come is reserved for 512 GiB.
 */
const BYTES = 2 ** 24;
const INODES = 16_384;
const WORDS = ['-J', 'size=4', '-O', '^64bit'];
const GROWS_TO_BLOCKS = 2 ** 27;

export function makeData(file: string, uuid: string, time: number): void {
  makeExt4({
    ...{ file, label: 'toastbox-data', uuid, time, bytes: BYTES, inodes: INODES, words: WORDS },
    extended: `,resize=${GROWS_TO_BLOCKS}`,
  });
}
