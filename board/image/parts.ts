// What an image for each board is made of: packages, and where things stand in them.

import { Failure } from '../../agent/failure.ts';
import type { Target } from '../targets.ts';

export interface Parts {
  target: Target;
  /** Debian's name for the newest kernel of its kind; the package behind it has the version in its name. */
  kernel: string;
  /** Where Debian keeps libraries of this processor. */
  libraries: string;
  /** What the kernel is called on the boot partition: U-Boot starts a zImage and an Image. */
  kernelName: string;
  /** Boards whose description files come along: small ones, with memory from 64 MB on. */
  boards: RegExp;
}

/** By what a board is called, which is not what Debian calls its target. */
const PARTS: Readonly<Record<string, Parts>> = {
  armv7: {
    target: 'armhf',
    kernel: 'linux-image-armmp',
    libraries: 'arm-linux-gnueabihf',
    kernelName: 'zImage',
    boards:
      /^(bcm2836-rpi-2-b|bcm2837-rpi-|am335x-bone|sun7i-a20-|sun8i-(h2|h3|v3s|a33|r40)|imx6ull-|imx6ul-|imx7[ds]-|stm32mp15)/,
  },
  arm64: {
    target: 'arm64',
    kernel: 'linux-image-arm64',
    libraries: 'aarch64-linux-gnu',
    kernelName: 'Image',
    boards: /^(broadcom\/bcm(2711|2837)-rpi-|allwinner\/sun50i-(a64|h5|h6|h616)-|rockchip\/rk33(08|28)-)/,
  },
};

export function partsOf(word: string): Parts {
  const parts = PARTS[word];
  if (parts === undefined)
    throw new Failure(
      'usage',
      `there is no board ${word}`,
      `the boards are ${Object.keys(PARTS).join(', ')}`,
    );
  return parts;
}

/** The one board that the words name. */
export function boardOf(words: readonly string[]): string {
  const [word] = words;
  if (word === undefined || words.length > 1)
    throw new Failure('usage', 'which board?', `one of ${Object.keys(PARTS).join(', ')}`);
  partsOf(word);
  return word;
}

/** Debian's packages in the root, without what they depend on. */
export const PACKAGES: readonly string[] = [
  'busybox-static',
  'libc6',
  'libgcc-s1',
  'libstdc++6',
  'libatomic1',
  // Checking and growing the data partition.
  ...['e2fsprogs', 'libext2fs2', 'libcom-err2', 'libblkid1', 'libuuid1'],
  // The time by SNTP: Debian's busybox has no ntpd.
  ...['rdate', 'libbsd0', 'libmd0'],
];

/** Programs that are taken of them. */
export const PROGRAMS: readonly string[] = ['bin/busybox', 'sbin/e2fsck', 'sbin/resize2fs', 'usr/sbin/rdate'];
