// Each call of each effect fails once, with each errno that it may have: the effect is answered all the same, once,
// with trouble or as if nothing had been, nothing is thrown, no descriptor leaks, and afterwards it works. Where there
// was trouble nothing is done, where there was none all of it: what was done and said to have failed would be found as
// the user's.

import * as fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Home } from '../../agent/disk/home.ts';
import { realSystem, type System } from '../../agent/disk/system.ts';
import { type Effect, type Event, HIDDEN } from '../../agent/engine/ports.ts';
import { ask, type Bench, list, mustLook, openBench, path, stage } from './bench.ts';
import { closeGround, errno, openGround, openQuickGround, systemWith } from './ground.ts';

const ERRNOS = ['EIO', 'ENOSPC', 'EROFS', 'EACCES', 'EMFILE', 'EUCLEAN', 'EDQUOT'];

/** A system whose call number `failing` (from arming on) fails; the others work. */
class Faulty {
  failing = -1;
  code = 'EIO';
  calls = 0;
  readonly system: System;

  constructor() {
    const pass = systemWith({}) as unknown as Record<string, unknown>;
    for (const [name, call] of Object.entries(pass)) {
      if (!name.endsWith('Sync') || name === 'closeSync' || typeof call !== 'function') continue;
      pass[name] = (...args: unknown[]) => {
        if (this.calls++ === this.failing) throw errno(this.code);
        return call(...args);
      };
    }
    this.system = pass as unknown as System;
  }

  arm(failing: number, code: string): void {
    this.calls = 0;
    this.failing = failing;
    this.code = code;
  }
}

const openFiles = (): number => fs.readdirSync('/proc/self/fd').length;

interface Case {
  name: string;
  answer: Event['is'];
  /** Puts things in order, then says what to do. */
  effect(bench: Bench): Effect;
}

/** All that travels of what stands in the folder. */
function snapshot(bench: Bench): string[] {
  const names = fs.readdirSync(bench.root, { recursive: true, encoding: 'latin1' }).sort();
  return names
    .filter(name => !name.startsWith('.toastbox'))
    .map(name => {
      const place = join(bench.root, name);
      const stat = fs.lstatSync(place);
      if (stat.isDirectory()) return `${name} ${stat.mode}`;
      const content = stat.isSymbolicLink() ? fs.readlinkSync(place) : fs.readFileSync(place, 'latin1');
      return `${name} ${stat.mode} ${stat.mtimeMs} ${content}`;
    });
}

const stand = (bench: Bench, name: string) => mustLook(bench, path(name));
const write = (bench: Bench, name: string, text = name) => {
  fs.mkdirSync(join(bench.root, 'dir'), { recursive: true });
  fs.rmSync(join(bench.root, name), { recursive: true, force: true });
  fs.writeFileSync(join(bench.root, name), text);
  fs.utimesSync(join(bench.root, name), 1_000, 1_000);
};
const none = (bench: Bench, name: string) => {
  fs.mkdirSync(join(bench.root, 'dir'), { recursive: true });
  fs.rmSync(join(bench.root, name), { recursive: true, force: true });
};

const CASES: Case[] = [
  {
    name: 'list',
    answer: 'listed',
    effect: bench => {
      write(bench, 'dir/a');
      return { do: 'list', dir: path('dir') };
    },
  },
  {
    name: 'look',
    answer: 'looked',
    effect: bench => {
      write(bench, 'dir/a');
      return { do: 'look', path: path('dir/a') };
    },
  },
  {
    name: 'examine',
    answer: 'examined',
    effect: bench => {
      write(bench, 'dir/a', 'x'.repeat(200_000));
      return { do: 'examine', path: path('dir/a'), staged: undefined };
    },
  },
  {
    name: 'read',
    answer: 'read',
    effect: bench => {
      write(bench, 'dir/a');
      return { do: 'read', path: path('dir/a'), offset: 0, length: 3 };
    },
  },
  {
    name: 'stage',
    answer: 'wrote',
    effect: bench => {
      none(bench, 'dir/a');
      return { do: 'stage', slot: 1, bytes: 3, into: { path: path('dir/a'), expect: undefined } };
    },
  },
  {
    name: 'copy',
    answer: 'wrote',
    effect: bench => {
      write(bench, 'dir/a');
      ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
      const expectation = stand(bench, 'dir/a');
      return {
        do: 'copy',
        slot: 1,
        offset: 0,
        from: path('dir/a'),
        expect: expectation,
        fromOffset: 0,
        length: 3,
      };
    },
  },
  {
    name: 'place over a file',
    answer: 'placed',
    effect: bench => {
      write(bench, 'dir/a');
      stage(bench, 1, path('new'));
      const expectation = stand(bench, 'dir/a');
      return {
        do: 'place',
        items: [{ slot: 1, path: path('dir/a'), mode: 0o644, mtime: 5, expect: expectation }],
      };
    },
  },
  {
    name: 'place where nothing is',
    answer: 'placed',
    effect: bench => {
      none(bench, 'dir/a');
      stage(bench, 1, path('new'));
      return {
        do: 'place',
        items: [{ slot: 1, path: path('dir/a'), mode: 0o644, mtime: 5, expect: undefined }],
      };
    },
  },
  {
    name: 'place over a directory',
    answer: 'placed',
    effect: bench => {
      none(bench, 'dir/a');
      fs.mkdirSync(join(bench.root, 'dir/a'));
      stage(bench, 1, path('new'));
      const expectation = stand(bench, 'dir/a');
      return {
        do: 'place',
        items: [{ slot: 1, path: path('dir/a'), mode: 0o644, mtime: 5, expect: expectation }],
      };
    },
  },
  {
    name: 'makeDirectory',
    answer: 'did',
    effect: bench => {
      none(bench, 'dir/d');
      return { do: 'makeDirectory', path: path('dir/d'), mode: 0o755 };
    },
  },
  {
    name: 'makeSymlink',
    answer: 'did',
    effect: bench => {
      none(bench, 'dir/l');
      return {
        do: 'makeSymlink',
        path: path('dir/l'),
        target: path('x'),
        mtime: 5,
        expect: undefined,
      };
    },
  },
  {
    name: 'makeSymlink over a file',
    answer: 'did',
    effect: bench => {
      write(bench, 'dir/a');
      return {
        do: 'makeSymlink',
        path: path('dir/a'),
        target: path('x'),
        mtime: 5,
        expect: stand(bench, 'dir/a'),
      };
    },
  },
  {
    name: 'remove',
    answer: 'did',
    effect: bench => {
      write(bench, 'dir/a');
      return { do: 'remove', path: path('dir/a'), expect: stand(bench, 'dir/a') };
    },
  },
  {
    name: 'retouch',
    answer: 'did',
    effect: bench => {
      write(bench, 'dir/a');
      return {
        do: 'retouch',
        path: path('dir/a'),
        mode: 0o600,
        mtime: 7,
        expect: stand(bench, 'dir/a'),
      };
    },
  },
  {
    name: 'setAside',
    answer: 'did',
    effect: bench => {
      write(bench, 'dir/a');
      none(bench, 'dir/b');
      return {
        do: 'setAside',
        path: path('dir/a'),
        to: path('dir/b'),
        expect: stand(bench, 'dir/a'),
      };
    },
  },
  {
    name: 'setAside of a directory',
    answer: 'did',
    effect: bench => {
      none(bench, 'dir/a');
      none(bench, 'dir/b');
      fs.mkdirSync(join(bench.root, 'dir/a'));
      return {
        do: 'setAside',
        path: path('dir/a'),
        to: path('dir/b'),
        expect: stand(bench, 'dir/a'),
      };
    },
  },
  {
    name: 'sync',
    answer: 'synced',
    effect: bench => {
      none(bench, 'dir/d');
      ask(bench, { do: 'makeDirectory', path: path('dir/d'), mode: 0o755 }, 'did');
      return { do: 'sync' };
    },
  },
];

test.each(CASES)(
  'faults: $name, each call fails with each errno -> answered once, no leak, works after',
  ({ answer, effect }) => {
    const faulty = new Faulty();
    const bench = openBench({ ...openGround(), system: faulty.system });
    const failed: string[] = [];
    try {
      const settle = (): void => {
        ask(bench, { do: 'sync' }, 'synced');
        bench.disk.carry({ do: 'unstage', slot: 1 });
      };
      // What is opened once and kept is open by then.
      ask(bench, effect(bench), answer);
      const done = snapshot(bench).join('\n');
      settle();
      bench.events.length = 0;
      const before = openFiles();
      for (const code of ERRNOS) {
        for (let failing = 0; ; failing++) {
          faulty.arm(-1, code);
          const todo = effect(bench);
          const stood = snapshot(bench);
          faulty.arm(failing, code);
          const told = ask(bench, todo, answer);
          const isReached = faulty.calls > failing;
          faulty.arm(-1, code);
          bench.events.splice(0, bench.events.length, ...bench.events.filter(event => event.is !== 'cut'));
          expect(bench.events).toEqual([]);
          const trouble = told.is === 'placed' ? told.items[0]?.trouble : 'trouble' in told && told.trouble;
          if (trouble) failed.push(trouble.code);
          const stands = snapshot(bench).join('\n');
          if (trouble) expect(stands).toBe(stood.join('\n'));
          else expect(stands).toBe(done);
          if (!isReached) {
            expect(trouble).toBeFalsy();
            break;
          }
        }
        settle();
        expect(openFiles()).toBe(before);
      }
      expect(new Set(failed)).toEqual(new Set(ERRNOS));
    } finally {
      bench.disk.close();
      closeGround(bench);
    }
  },
);

test.each(ERRNOS)(
  'faults: opening the folder, each call fails with %s -> no leak, staging works after',
  code => {
    const faulty = new Faulty();
    const ground = openGround();
    const marker = { expect: undefined, fresh: 'this one' };
    try {
      const before = openFiles();
      // At first with nothing there, then as after a kill: with something staged.
      for (const isFirst of [true, false]) {
        for (let failing = 0; ; failing++) {
          if (isFirst) fs.rmSync(join(ground.root, '.toastbox'), { recursive: true, force: true });
          else fs.writeFileSync(join(ground.root, '.toastbox/stage/3'), 'left');
          const home = new Home(faulty.system, ground.root, marker);
          faulty.arm(failing, code);
          home.check();
          const isReached = faulty.calls > failing;
          faulty.arm(-1, code);
          home.check();
          expect(home.trouble).toBeUndefined();
          expect(home.stageFd).toBeGreaterThanOrEqual(0);
          home.close();
          expect(openFiles()).toBe(before);
          if (!isReached) break;
        }
      }
    } finally {
      closeGround(ground);
    }
  },
);

test('faults: short reads and writes at every call -> the same bytes in the end', () => {
  const system: System = {
    ...realSystem,
    readSync: (fd, into, offset, length, position) =>
      fs.readSync(fd, into, offset, Math.min(length, 100 + (position % 3000)), position),
    writeSync: (fd, from, offset, length, position) =>
      fs.writeSync(fd, from, offset, Math.min(length, 100 + (position % 3000)), position),
  };
  const bench = openBench({ ...openQuickGround(), system });
  try {
    const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i) >>> 3));
    stage(bench, 1, bytes);
    const items = [{ slot: 1, path: path('file'), mode: 0o644, mtime: 0, expect: undefined }];
    ask(bench, { do: 'place', items }, 'placed');
    expect(fs.readFileSync(join(bench.root, 'file')).equals(bytes)).toBe(true);
    const read = ask(bench, { do: 'read', path: path('file'), offset: 7, length: 30_000 }, 'read');
    expect(Buffer.from(bench.arena.run.subarray(0, read.bytes)).equals(bytes.subarray(7, 30_007))).toBe(true);
    const names = Array.from({ length: 12_000 }, (_, i) => `${i}`);
    fs.mkdirSync(join(bench.root, 'many'));
    for (const name of names) fs.symlinkSync('x', join(bench.root, 'many', name));
    expect(list(bench, path('many')).names).toEqual(names.sort());
  } finally {
    bench.disk.close();
    closeGround(bench);
  }
});

test.each([3, 9_000])(
  'faults: one name of %i cannot be looked at -> hidden, and all others are listed',
  count => {
    const system = systemWith({
      lstatSync(place) {
        if (String(place).endsWith('7.bad')) throw errno('EUCLEAN');
        return fs.lstatSync(place);
      },
    });
    const bench = openBench({ ...openQuickGround(), system });
    try {
      const names = ['7.bad', ...Array.from({ length: count }, (_, i) => `${i}`)].sort();
      for (const name of names) fs.symlinkSync('x', join(bench.root, name));
      const first = ask(bench, { do: 'list', dir: path('') }, 'listed');
      if (first.isEnd) expect(first.hidden).toEqual({ code: 'EUCLEAN' });
      const listing = list(bench, path(''));
      expect(listing.names).toEqual(names);
      const hidden = listing.stats.flatMap(({ kind }, i) => (kind === HIDDEN ? [listing.names[i]] : []));
      expect(hidden).toEqual(['7.bad']);
      expect(ask(bench, { do: 'look', path: path('7.bad') }, 'looked').trouble?.code).toBe('EUCLEAN');
    } finally {
      bench.disk.close();
      closeGround(bench);
    }
  },
);
