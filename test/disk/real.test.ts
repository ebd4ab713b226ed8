import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realSystem } from '../../agent/disk/system.ts';
import { acceptDisk } from './acceptance.ts';
import type { Hands } from './bench.ts';

acceptDisk(
  'real',
  () => {
    const home = fs.mkdtempSync(join(tmpdir(), 'toastbox-disk-'));
    const ground = { system: realSystem, root: join(home, 'folder'), outside: join(home, 'outside') };
    fs.mkdirSync(ground.root);
    fs.mkdirSync(ground.outside);
    return { ...ground, hands: fs as unknown as Hands };
  },
  ({ root }) => fs.rmSync(join(root, '..'), { recursive: true }),
);
