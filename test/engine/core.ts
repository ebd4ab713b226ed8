// A core that nobody pumps, for tests of the engine's parts: its catalog is empty, its arena small, and nothing is
// ignored.

import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { Catalog } from '../../agent/engine/catalog.ts';
import { Core } from '../../agent/engine/core.ts';
import { MemoryPages } from '../tree/pages.ts';
import { OPTIONS } from './options.ts';

export function openCore(arena = openArena({ bytes: 2 * 1024 * 1024 }), options = OPTIONS): Core {
  const rules = { isIgnored: () => false, digest: '', isHeld: false };
  return new Core(options, new Catalog(openTree(arena, new MemoryPages())), arena, rules, squeeze);
}
