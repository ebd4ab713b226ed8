// What a scan concludes when directories come and go between its steps: each step is answered by hand.

import { beforeEach, expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import type { Core } from '../../agent/engine/core.ts';
import { ROOT } from '../../agent/engine/keys.ts';
import { HIDDEN, type Stat } from '../../agent/engine/ports.ts';
import { Scan } from '../../agent/engine/scan.ts';
import { Kind } from '../../protocol/messages.ts';
import { openCore } from './core.ts';

const BORN = 1_795_000_000_000_000;

let core: Core;
let scan: Scan;
let arena: ReturnType<typeof openArena>;
/** What was said, by asked(). */
let troubles: string[];

beforeEach(() => {
  arena = openArena({ bytes: 2 * 1024 * 1024 });
  core = openCore(arena);
  scan = new Scan(core);
  troubles = [];
});

const file = (inode: number): Stat => ({
  kind: Kind.FILE,
  mode: 0o644,
  size: 5,
  mtime: BORN,
  ctime: BORN,
  inode,
});
const directory = (inode: number, born = BORN): Stat => ({
  ...file(inode),
  kind: Kind.DIRECTORY,
  size: 0,
  ctime: born,
});

/** What the scan asks for next, in words. */
function asked(): string[] {
  scan.pump();
  const words = core.effects.splice(0).map(effect => {
    if (effect.do === 'note' && effect.note.kind === 'trouble')
      troubles.push(`${effect.note.code} ${Buffer.from(effect.note.path)}`);
    if (effect.do === 'list' || effect.do === 'watch') return `${effect.do} ${Buffer.from(effect.dir)}`;
    return effect.do === 'look' ? `look ${Buffer.from(effect.path)}` : effect.do;
  });
  return words.filter(word => !word.startsWith('watch') && word !== 'unwatch' && word !== 'note');
}

function listed(entries: Record<string, Stat>): void {
  const { rows } = arena;
  rows.clear();
  for (const [name, stat] of Object.entries(entries)) rows.add(name, stat);
  rows.sort();
  const hidden = Object.values(entries).some(({ kind }) => kind === HIDDEN)
    ? { hidden: { code: 'EIO' } }
    : {};
  scan.onListed({ is: 'listed', rows, isEnd: true, trouble: undefined, ...hidden });
}

const refused = (code: string): void =>
  scan.onListed({ is: 'listed', rows: undefined, isEnd: true, trouble: { code } });

const looked = (stat: Stat | undefined, code?: string): void =>
  scan.onLooked({
    is: 'looked',
    path: new Uint8Array(0),
    stat,
    trouble: code === undefined ? undefined : { code },
  });

const isHere = (path: string): boolean => {
  const place = core.catalog.find(Buffer.from(path));
  return place !== undefined && core.catalog.get(place)?.local !== undefined;
};

/** A folder with `dir`, which holds `file`: scanned, at rest. */
function scanned(): void {
  scan.wantFull();
  expect(asked()).toEqual(['list ']);
  listed({ dir: directory(7) });
  expect(asked()).toEqual(['list dir']);
  listed({ file: file(8) });
  expect(asked()).toEqual([]);
  expect(isHere('dir/file')).toBe(true);
}

const hint = (dir: string, name?: string): void =>
  scan.hint(Buffer.from(dir), name === undefined ? undefined : Buffer.from(name));

test('scan: a directory is away just when it is listed, and back when it is looked at -> listed again', () => {
  scanned();
  hint('dir');
  expect(asked()).toEqual(['list dir']);
  refused('ENOENT');
  expect(isHere('dir')).toBe(false);
  expect(asked()).toEqual(['look dir']);
  looked(directory(7));
  expect(asked()).toEqual(['list dir']);
  listed({ file: file(8), other: file(9) });
  expect(asked()).toEqual([]);
  expect([isHere('dir'), isHere('dir/file'), isHere('dir/other')]).toEqual([true, true, true]);
});

test('scan: there is always something to look at -> a full scan goes on all the same, by turns', () => {
  scanned();
  scan.wantFull();
  const steps: string[] = [];
  for (let step = 0; scan.isRunning && step < 20; step++) {
    hint('dir', 'file');
    const [what] = asked();
    steps.push(what ?? '');
    if (what?.startsWith('look') === true) looked(file(8));
    else if (what === 'list ') listed({ dir: directory(7) });
    else listed({ file: file(8) });
  }
  expect(scan.isRunning).toBe(false);
  expect(steps.filter(step => step.startsWith('list'))).toEqual(['list ', 'list dir']);
  expect(steps).toContain('look dir/file');
});

test('scan: a directory is away just when something in it is looked for -> it is looked at, and listed', () => {
  scanned();
  hint('dir', 'file');
  expect(asked()).toEqual(['look dir/file']);
  looked(undefined, 'ENOENT');
  expect(asked()).toEqual(['look dir']);
  looked(directory(7));
  expect(asked()).toEqual(['list dir']);
  listed({ file: file(8) });
  expect(isHere('dir/file')).toBe(true);
});

test('scan: a directory that is gone -> looked at once, and all in it is gone', () => {
  scanned();
  const id = core.catalog.findDirectory(Buffer.from('dir')) as number;
  hint('dir');
  expect(asked()).toEqual(['list dir']);
  refused('ENOENT');
  expect(core.effects).toContainEqual({ do: 'unwatch', dir: Buffer.from('dir') });
  expect(asked()).toEqual(['look dir']);
  looked(undefined);
  expect(asked()).toEqual([]);
  expect([isHere('dir'), isHere('dir/file')]).toEqual([false, false]);
  expect(core.catalog.childAfter(id, new Uint8Array(0))).toBeUndefined();
  expect(core.catalog.childAfter(ROOT, new Uint8Array(0))).toBeUndefined();
});

test('scan: another directory with the number of the old one -> is listed', () => {
  scanned();
  hint('', 'dir');
  expect(asked()).toEqual(['look dir']);
  looked(directory(7));
  expect(asked()).toEqual([]);
  hint('', 'dir');
  expect(asked()).toEqual(['look dir']);
  looked(directory(7, BORN + 1));
  expect(asked()).toEqual(['list dir']);
});

test('scan: another directory comes to the path while it is listed -> looked at, and listed', () => {
  scanned();
  hint('dir');
  expect(asked()).toEqual(['list dir']);
  refused('CHANGED');
  expect(isHere('dir/file')).toBe(true);
  expect(asked()).toEqual(['look dir']);
  looked(directory(11));
  expect(asked()).toEqual(['list dir']);
});

test('scan: a directory that is shown and cannot be opened -> not looked at again and again', () => {
  scanned();
  hint('dir');
  let asks = 0;
  for (let next = asked(); next.length > 0; next = asked(), asks++)
    if (next[0]?.startsWith('look')) looked(directory(7));
    else refused('ENOENT');
  expect(asks).toBeLessThan(10);
});

test('scan: names of which nothing can be said -> nothing is concluded from them, all beside them counts', () => {
  const damaged: Stat = { ...file(0), kind: HIDDEN };
  scanned();
  // The next life: what an earlier one saw waits for a scan to confirm it.
  scan = new Scan(core);
  scan.start();
  const isSure = (path: string) => core.isConfirmed(core.catalog.find(Buffer.from(path), true)!);
  expect([asked(), isSure('dir/file')]).toEqual([['list '], false]);
  listed({ dir: directory(7), lost: damaged, more: damaged });
  expect(asked()).toEqual(['list dir']);
  listed({ file: damaged, other: file(9) });
  expect([isHere('dir/file'), isHere('dir/other'), isHere('lost')]).toEqual([true, true, false]);
  // Looked at once more at the end; then seen by a listing.
  expect([asked(), asked()]).toEqual([[], ['look dir/file']]);
  expect(troubles).toEqual(['EIO lost', 'EIO dir/file']);
  expect([isSure('dir/file'), isSure('dir/other')]).toEqual([false, true]);
  looked(undefined, 'EIO');
  expect([isHere('dir/file'), isSure('dir/file')]).toEqual([true, false]);
  hint('dir');
  expect(asked()).toEqual(['list dir']);
  listed({ file: file(8), other: file(9) });
  expect([isHere('dir/file'), isSure('dir/file'), asked()]).toEqual([true, true, []]);
});
