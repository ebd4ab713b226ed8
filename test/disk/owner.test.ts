// An agent that is not root: permissions count for it too. Tried as root only, who lends itself to another user.

import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { System } from '../../agent/disk/system.ts';
import type { Effect, Event } from '../../agent/engine/ports.ts';
import { ask, type Bench, list, mustLook, openBench, path, SECOND, some, stage } from './bench.ts';
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

const did = (effect: Effect) => ask(bench, effect, 'did');
const modeOf = (name: string): number => fs.lstatSync(at(name)).mode & 0o7777;

/** Everything that changes names in `ro`, which has `f`, `g`, `h`, `in/` and `out/`. */
const CHANGES: Record<string, () => Event> = {
  'a new file': () => {
    stage(bench, 1, path('new'));
    const items = [{ slot: 1, path: path('ro/new'), mode: 0o444, mtime: SECOND, expect: undefined }];
    return ask(bench, { do: 'place', items }, 'placed');
  },
  'another content': () => {
    stage(bench, 1, path('other'));
    const expect = mustLook(bench, path('ro/f'));
    const items = [{ slot: 1, path: path('ro/f'), mode: 0o444, mtime: SECOND, expect }];
    return ask(bench, { do: 'place', items }, 'placed');
  },
  'a file for a directory': () => {
    stage(bench, 1, path('file'));
    const expect = mustLook(bench, path('ro/in'));
    const items = [{ slot: 1, path: path('ro/in'), mode: 0o444, mtime: SECOND, expect }];
    return ask(bench, { do: 'place', items }, 'placed');
  },
  'a directory': () => did({ do: 'makeDirectory', path: path('ro/d'), mode: 0o555 }),
  'a symlink': () => {
    const target = path('f');
    return did({ do: 'makeSymlink', path: path('ro/l'), target, mtime: SECOND, expect: undefined });
  },
  'a deletion': () => did({ do: 'remove', path: path('ro/f'), expect: mustLook(bench, path('ro/f')) }),
  'a directory deleted': () =>
    did({ do: 'remove', path: path('ro/in'), expect: mustLook(bench, path('ro/in')) }),
  'a conflict copy': () =>
    did({ do: 'setAside', path: path('ro/f'), to: path('ro/f2'), expect: mustLook(bench, path('ro/f')) }),
  'a directory set aside': () =>
    did({ do: 'setAside', path: path('ro/in'), to: path('ro/i'), expect: mustLook(bench, path('ro/in')) }),
};

function furnish(): void {
  fs.mkdirSync(at('ro/in'), { recursive: true });
  fs.writeFileSync(at('ro/f'), 'f');
  fs.chmodSync(at('ro'), 0o555);
}

test.runIf(isRoot).each(Object.entries(CHANGES))(
  'read-only directory: %s comes to it -> it is there, and the directory read-only as before',
  (_, change) => {
    furnish();
    const told = change();
    expect(told.is === 'placed' ? told.items[0]?.trouble : 'trouble' in told && told.trouble).toBeUndefined();
    expect(modeOf('ro')).toBe(0o555);
  },
);

test.runIf(isRoot).each(Object.entries(CHANGES))(
  'read-only directory: %s comes to it, killed at each call -> never seen with a mode that is not its own',
  (_, change) => {
    const { system } = bench;
    const lentModes = new Set<number>();
    for (let calls = 0, isKilled = true; isKilled; calls++) {
      isKilled = false;
      furnish();
      let left = Number.POSITIVE_INFINITY;
      const mortal = Object.entries(system).map(([name, call]) => {
        if (!name.endsWith('Sync') || typeof call !== 'function') return [name, call];
        const act = (...args: unknown[]): unknown => {
          if (left-- > 0) return (call as (...args: unknown[]) => unknown)(...args);
          isKilled = true;
          throw new Error('killed');
        };
        return [name, act];
      });
      bench = openBench({ ...bench, system: Object.fromEntries(mortal) as System });
      left = calls;
      try {
        change();
      } catch (error) {
        if (!isKilled) throw error;
      }
      lentModes.add(modeOf('ro'));
      // The next life looks at it from outside, then into it.
      bench = openBench({ ...bench, system });
      bench.events.length = 0;
      expect(mustLook(bench, path('ro')).mode).toBe(0o555);
      expect(list(bench, path('ro')).trouble).toBeUndefined();
      expect(modeOf('ro')).toBe(0o555);
      fs.chmodSync(at('ro'), 0o755);
      fs.rmSync(at('ro'), { recursive: true });
    }
    expect(lentModes.size).toBe(2);
  },
);

test.runIf(isRoot)(
  'read-only directory: left lent by who was not root, listed by root -> its own mode',
  () => {
    furnish();
    fs.chmodSync(at('ro'), 0o1355);
    process.seteuid?.(0);
    expect(mustLook(bench, path('ro')).mode).toBe(0o555);
    list(bench, path('ro'));
    expect(modeOf('ro')).toBe(0o555);
  },
);

test.runIf(isRoot)('read-only directory: a user opens it meanwhile -> the mode is what the user said', () => {
  furnish();
  const linkSync: System['linkSync'] = (from, to) => {
    fs.linkSync(from, to);
    fs.chmodSync(at('ro'), 0o755);
  };
  bench = openBench({ ...bench, system: { ...bench.system, linkSync } });
  bench.events.length = 0;
  CHANGES['a new file']?.();
  expect(modeOf('ro')).toBe(0o755);
});

test.runIf(isRoot)('read-only directory: another user has it -> EACCES, and its mode stays', () => {
  furnish();
  process.seteuid?.(0);
  fs.chownSync(at('ro'), 0, 0);
  process.seteuid?.(NOBODY);
  expect(did({ do: 'makeDirectory', path: path('ro/d'), mode: 0o755 }).trouble?.code).toBe('EACCES');
  expect(modeOf('ro')).toBe(0o555);
});
