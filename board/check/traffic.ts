// What a board writes to its card and has on the wire, by its kernel's own count since power came.

import type { Stand } from './stand.ts';

const SECTOR_BYTES = 512;

/** To the data partition, the only one that is written; what waits in memory goes there first. */
export async function bytesWritten(stand: Stand): Promise<number> {
  const text = await stand.run(
    "sync; awk -v n=$(basename $(df /data | awk 'END { print $1 }')) '$3 == n { print $10 }' /proc/diskstats",
  );
  return Number(text) * SECTOR_BYTES;
}

/** In and out, with everything down to Ethernet's heads. */
export async function bytesOnTheWire(stand: Stand): Promise<number> {
  const text = await stand.run(
    'for d in /sys/class/net/*/device; do cat $(dirname $d)/statistics/[rt]x_bytes; done',
  );
  return text.split('\n').reduce((sum, line) => sum + Number(line), 0);
}
