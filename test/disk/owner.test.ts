// An agent that is not root: permissions count for it too. Tried as root only, who lends itself to another user.

import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ask, type Bench, openBench, path, SECOND, some, stage } from './bench.ts';
import { closeGround, openGround, systemWith } from './ground.ts';

const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

let bench: Bench;
/** What `sync -f` says. */
let hasSync: boolean;

beforeEach(() => {
  const ground = openGround();
  hasSync = true;
  fs.chmodSync(dirname(ground.root), 0o755);
  fs.chownSync(ground.root, NOBODY, NOBODY);
  if (isRoot) process.seteuid?.(NOBODY);
  const system = systemWith({ syncFileSystem: (_directory, done) => done(hasSync) });
  bench = openBench({ ...ground, system });
  bench.events.length = 0;
});
afterEach(() => {
  if (isRoot) process.seteuid?.(0);
  bench.disk.close();
  closeGround(bench);
});

const at = (name: string): string => join(bench.root, name);

test.runIf(isRoot).each(['444', '400', '200', '000'])(
  'place: files of mode %s, whole or in pieces, few or many -> all stand there, with mode and time',
  digits => {
    const mode = Number.parseInt(digits, 8);
    let slot = 0;
    const place = (count: number, isWhole: boolean): void => {
      const slots = Array.from({ length: count }, () => ++slot);
      const bytes = (of: number) => some(100, of);
      const items = slots.map(of => ({ slot: of, stored: bytes(of), length: 100 }));
      if (isWhole) ask(bench, { do: 'stageWhole', items }, 'stagedWhole');
      else for (const of of slots) stage(bench, of, bytes(of));
      const mtime = 5 * SECOND;
      const placing = slots.map(of => ({ slot: of, path: path(`f${of}`), mode, mtime, expect: undefined }));
      const placed = ask(bench, { do: 'place', items: placing }, 'placed');
      for (const { trouble, stat } of placed.items) {
        expect(trouble).toBeUndefined();
        expect(stat).toMatchObject({ mode, mtime, size: 100 });
      }
    };
    for (const isWhole of [true, false]) {
      for (const count of [1, 8, 80]) place(count, isWhole);
      hasSync = false;
      place(80, isWhole);
      hasSync = true;
    }
    expect(fs.readdirSync(at('.toastbox/stage'))).toEqual([]);
  },
);
