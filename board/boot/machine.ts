// A board in QEMU, started from its image: the kernel and what goes with it are read off the image's own boot
// partition, so what runs is what would be flashed.
//
//   card      a copy of the image, as large as a card; written past the host's cache (cache=none), so that a machine
//             that is killed has lost what a card without power has: everything that was not synced
//   network   QEMU's own; the host's loopback is 10.0.2.2 in there
//   watchdog  i6300esb on arm64; Debian's kernel for armv7 has no driver for one that QEMU knows, there it is softdog
//   console   the serial line, which is this machine's stdin and stdout
//
// Software emulation: a second of a board takes what it takes here. Memory is the board's own.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import type { Layout } from '../image/disk.ts';
import { type Parts, partsOf } from '../image/parts.ts';

const MACHINES: Readonly<Partial<Record<Parts['target'], { program: string; words: readonly string[] }>>> = {
  armhf: {
    program: 'qemu-system-arm',
    words: ['-M', 'virt,highmem=off,gic-version=2', '-cpu', 'cortex-a7'],
  },
  arm64: {
    program: 'qemu-system-aarch64',
    words: [
      '-M',
      'virt,gic-version=2',
      '-cpu',
      'cortex-a53',
      '-device',
      'i6300esb',
      '-action',
      'watchdog=reset',
    ],
  },
};
/** As QEMU tells a guest where the host is. */
export const HOST_ADDRESS = '10.0.2.2';
const OWN_NETWORK = ['-netdev', 'user,id=net'];

export interface Board {
  /** armv7 or arm64. */
  word: string;
  ramMib: number;
  /** The card's file. */
  card: string;
  /** More for the kernel's command line. */
  kernelWords?: readonly string[];
  /** More for QEMU. */
  words?: readonly string[];
  /** QEMU's words for a network called `net`, if it is another than QEMU's own. */
  network?: readonly string[];
  /** Ends instead of starting again when the board reboots. */
  isEndedByReboot?: boolean;
}

/** A card with the image on it. Takes room only for what is written. */
export function makeCard(image: string, card: string, bytes: number): void {
  for (const place of [card, `${card}.boot`]) rmSync(place, { force: true, recursive: true });
  execFileSync('cp', ['--sparse=always', image, card]);
  truncateSync(card, bytes);
  copyFileSync(`${image}.json`, `${card}.json`);
}

export const layoutOf = (card: string): Layout => JSON.parse(readFileSync(`${card}.json`, 'utf8')) as Layout;

/** The boot partition in a card's file, as mtools names it. */
const bootOf = (card: string): string => `${card}@@${layoutOf(card).boot.offset}`;

/** Puts a file onto the card's boot partition, as a PC would. */
export function putOnCard(card: string, name: string, content: string | Uint8Array): void {
  execFileSync('mcopy', ['-i', bootOf(card), '-o', '-', `::${name}`], { input: content });
}

export const readFromCard = (card: string, name: string): Buffer =>
  execFileSync('mcopy', ['-i', bootOf(card), `::${name}`, '-'], { maxBuffer: 2 ** 28 });

/** Starts QEMU. `stdio` is the console. What stands in the way of a start comes as the event `refused`. */
export function startQemu(board: Board, stdio: 'pipe' | 'inherit'): ChildProcess {
  const { word, ramMib, card, kernelWords = [], words = [], network = OWN_NETWORK } = board;
  const parts = partsOf(word);
  const machine = MACHINES[parts.target]!;
  const place = `${card}.boot`;
  mkdirSync(place, { recursive: true });
  for (const name of [parts.kernelName, 'initrd.gz'])
    writeFileSync(join(place, name), readFromCard(card, name));
  const own = String(readFromCard(card, 'cmdline.txt')).trim();
  const child = spawn(
    machine.program,
    [
      ...machine.words,
      ...['-m', String(ramMib), '-nographic', '-kernel', join(place, parts.kernelName)],
      ...['-initrd', join(place, 'initrd.gz'), '-append', [own, ...kernelWords].join(' ')],
      ...[
        '-drive',
        `if=none,id=card,file=${card},format=raw,cache=none`,
        '-device',
        'virtio-blk-device,drive=card',
      ],
      ...[...network, '-device', 'virtio-net-device,netdev=net'],
      ...(board.isEndedByReboot === true ? ['-no-reboot'] : []),
      ...words,
    ],
    { stdio },
  );
  child.on('error', error => {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? `${machine.program} is not on this machine` : error.message;
    child.emit('refused', new Failure('environment', why, 'install it: apt-get install qemu-system-arm'));
  });
  return child;
}
