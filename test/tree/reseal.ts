// Puts a root's checksums right again after something in it was changed.

import { PAGE_BYTES } from './pages.ts';
import { xxh64 } from './xxh64.ts';

export function reseal(root: Uint8Array): void {
  const view = new DataView(root.buffer, root.byteOffset, PAGE_BYTES);
  for (const seed of [0, 1])
    view.setBigUint64(4080 + 8 * seed, xxh64(root.subarray(0, 4080), BigInt(seed)), true);
}
