// What is taken of Debian's kernel: the modules that a small board without screen, sound and radio can use, and the
// description files of the boards that the image starts on.
//
// A list of what to take, not of what to leave out: what a later kernel adds does not grow the image by itself. What a
// module needs comes with it, wherever it stands; depmod says what that is.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runTool } from '../fetch/tool.ts';

/** To find the root and mount it: all that stands between a processor and its card. */
const STORAGE = [
  ...[
    'drivers/block/virtio_blk.ko',
    'drivers/virtio',
    'drivers/mmc',
    'drivers/clk',
    'drivers/dma',
    'drivers/gpio',
  ],
  ...[
    'drivers/i2c/busses',
    'drivers/mfd',
    'drivers/regulator',
    'drivers/pinctrl',
    'drivers/soc',
    'drivers/bus',
  ],
  ...['drivers/mailbox', 'drivers/firmware', 'drivers/reset', 'fs/ext4', 'crypto/crc32c_generic.ko'],
];
/** Network by wire or USB, watchdogs, clocks, the boot partition. */
const REST = [
  'drivers/block/zram',
  ...['drivers/net/ethernet', 'drivers/net/phy', 'drivers/net/mdio', 'drivers/net/usb', 'drivers/net/pcs'],
  ...[
    'drivers/net/virtio_net.ko',
    'drivers/usb/host',
    'drivers/usb/dwc2',
    'drivers/usb/dwc3',
    'drivers/usb/musb',
  ],
  ...['drivers/usb/chipidea', 'drivers/usb/phy', 'drivers/usb/common', 'drivers/phy', 'drivers/watchdog'],
  ...[
    'drivers/rtc',
    'drivers/ptp',
    'drivers/thermal',
    'drivers/cpufreq',
    'drivers/pwm',
    'drivers/char/hw_random',
  ],
  ...['fs/fat', 'fs/nls/nls_ascii.ko', 'fs/nls/nls_cp437.ko', 'fs/nls/nls_utf8.ko'],
];
/** Network cards that are on small boards; two thirds of all drivers for Ethernet are for servers. */
const CARDS = [
  'allwinner',
  'broadcom/genet',
  'cadence',
  'davicom',
  'freescale',
  'micrel',
  'smsc',
  'stmicro',
  'ti',
  'wiznet',
];
const OTHER_CARDS = new RegExp(`^kernel/drivers/net/ethernet/(?!(${CARDS.join('|')})/)`);

/** `package`: the kernel's package, unpacked. `into`: a tree that gets lib/modules. */
export function takeModules(unpacked: string, into: string, isAll: boolean): void {
  const [version] = readdirSync(join(unpacked, 'lib/modules')) as [string];
  const from = join(unpacked, 'lib/modules', version);
  runTool('depmod', ['-b', unpacked, version], { package: 'kmod' });
  const needs = new Map<string, string[]>();
  for (const line of readFileSync(join(from, 'modules.dep'), 'utf8').split('\n')) {
    const [module, others = ''] = line.split(':');
    if (module) needs.set(module, others.trim().split(' ').filter(Boolean));
  }
  const wanted = [...STORAGE, ...(isAll ? REST : [])].map(place => `kernel/${place}`);
  const taken = new Set<string>();
  for (const [module, others] of needs) {
    if (OTHER_CARDS.test(module) || !wanted.some(place => module === place || module.startsWith(`${place}/`)))
      continue;
    for (const name of [module, ...others]) taken.add(name);
  }
  const to = join(into, 'lib/modules', version);
  const lists = ['modules.builtin', 'modules.builtin.modinfo', 'modules.order'];
  for (const name of [...taken, ...lists]) {
    mkdirSync(dirname(join(to, name)), { recursive: true });
    copyFileSync(join(from, name), join(to, name));
  }
  runTool('depmod', ['-b', into, version], { package: 'kmod' });
  // Binary indexes of kmod's, which busybox does not read.
  for (const name of readdirSync(to)) if (name.endsWith('.bin')) rmSync(join(to, name));
}

/** Where the package has its kernel. */
export function kernelOf(unpacked: string): string {
  const name = readdirSync(join(unpacked, 'boot')).find(file => file.startsWith('vmlinuz-'));
  if (name === undefined) throw new Error(`${unpacked} has no kernel`);
  return join(unpacked, 'boot', name);
}

/**
 * Copies the description files whose names fit: all of them to dtbs/, where U-Boot is told to look, those of Raspberry
 * Pis to the top, where their firmware looks.
 */
export function takeDescriptions(unpacked: string, into: string, fits: RegExp): void {
  const [version] = readdirSync(join(unpacked, 'lib/modules')) as [string];
  const top = join(unpacked, 'usr/lib', `linux-image-${version}`);
  for (const name of readdirSync(top, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.dtb') || !fits.test(name)) continue;
    const to = /\bbcm2[\w-]*-rpi-/.test(name) ? join(into, basename(name)) : join(into, 'dtbs', name);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(top, name), to);
  }
}
