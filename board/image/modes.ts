// Modes in a tree that goes into an image: not those that a builder's umask and checkout left, which differ, but 755
// for directories and for what its owner may run, 644 for the rest. Nothing in an image needs another.

import { chmodSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

export function settleModes(tree: string): void {
  chmodSync(tree, 0o755);
  for (const entry of readdirSync(tree, { withFileTypes: true })) {
    const place = join(tree, entry.name);
    if (entry.isDirectory()) settleModes(place);
    else if (entry.isFile()) chmodSync(place, statSync(place).mode & 0o100 ? 0o755 : 0o644);
  }
}
