// What boot programs read on the boot partition: U-Boot extlinux/extlinux.conf, a Raspberry Pi's firmware config.txt
// and cmdline.txt.
//
// None of them names a console: the kernel takes the one that the board's description file names (stdout-path), which
// is another on each kind of board. Not even on a Raspberry Pi, whose firmware would make ttyS0 of serial0, while
// Debian's kernel calls that line ttyS1.

import type { Parts } from './parts.ts';

/** What the kernel is told: quiet but for errors, no memory set aside for screens, a reboot where it panics, and no
 * files for its tracing: they are some 10,000 inodes that stay, 6 MB. */
const KERNEL_WORDS = 'quiet cma=0 panic=10 initcall_blacklist=tracer_init_tracefs';

/** Path on the boot partition -> text. */
export function bootFiles({ target, kernelName }: Parts): Record<string, string> {
  const config = [
    ...(target === 'arm64' ? ['arm_64bit=1'] : []),
    `kernel=${kernelName}`,
    'initramfs initrd.gz followkernel',
    // Description files are called as Linux calls them, not as the firmware's own are.
    'upstream_kernel=1',
    'enable_uart=1',
  ];
  const extlinux = [
    'label toastbox',
    `  linux /${kernelName}`,
    '  initrd /initrd.gz',
    '  fdtdir /dtbs',
    `  append ${KERNEL_WORDS}`,
  ];
  const text = (lines: readonly string[]) => lines.map(line => `${line}\n`).join('');
  return {
    'cmdline.txt': `${KERNEL_WORDS}\n`,
    'config.txt': text(config),
    'extlinux/extlinux.conf': text(extlinux),
  };
}
