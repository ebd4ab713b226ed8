// What any disk under the carrier must do and refuse to do: stage, place, make, remove, set aside, and never what a
// bent path or a symlink asks for. Runs on a real directory and on the simulated disk.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import type { Effect, Stat } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import {
  ask,
  type Bench,
  examine,
  type Ground,
  LIFE,
  list,
  look,
  mustLook,
  openBench,
  patch,
  path,
  SECOND,
  shorthands,
  some,
  stage,
  utf8,
} from './bench.ts';

/** `open` makes fresh ground, `close` takes it away. */
export function acceptChanging(name: string, open: () => Ground, close: (ground: Ground) => void): void {
  describe(`${name}: changing`, () => {
    let bench: Bench;
    beforeEach(() => {
      bench = openBench(open());
      bench.events.length = 0;
    });
    afterEach(() => {
      bench.disk.close();
      close(bench);
    });
    const { at, write, content, doing, place } = shorthands(() => bench);

    test('disk: unclean paths -> refused by every effect', () => {
      const stat: Stat = { kind: Kind.FILE, mode: 0, size: 0, mtime: 0, ctime: 0, inode: 0 };
      const bad = ['..', 'a/../b', '/a', 'a/', 'a//b', '.', 'a/./b', 'a\0b', '.toastbox', '.toastbox/folder'];
      for (const text of [...bad, '.TOASTBOX/stage/1', 'n'.repeat(256), `${'n/'.repeat(2048)}n`]) {
        const bent = path(text);
        expect(ask(bench, { do: 'look', path: bent }, 'looked').trouble?.code).toBe('REFUSED');
        expect(ask(bench, { do: 'list', dir: bent }, 'listed').trouble?.code).toBe('REFUSED');
        expect(ask(bench, { do: 'read', path: bent, offset: 0, length: 1 }, 'read').trouble?.code).toBe(
          'REFUSED',
        );
        expect(ask(bench, { do: 'readTarget', path: bent }, 'target').trouble?.code).toBe('REFUSED');
        expect(ask(bench, { do: 'examine', path: bent, staged: undefined }, 'examined').trouble?.code).toBe(
          'REFUSED',
        );
        const effects: Effect[] = [
          { do: 'makeDirectory', path: bent, mode: 0o755 },
          { do: 'makeSymlink', path: bent, target: path('x'), mtime: 0, expect: undefined },
          { do: 'remove', path: bent, expect: stat },
          { do: 'retouch', path: bent, mode: 0, mtime: 0, expect: stat },
          { do: 'setAside', path: bent, to: path('x'), expect: stat },
        ];
        for (const effect of effects) expect(doing(effect).trouble?.code).toBe('REFUSED');
        stage(bench, 1, path('x'));
        expect(place(1, text, undefined)?.trouble?.code).toBe('REFUSED');
      }
    });

    test('disk: a symlink on the way -> refused, and nothing happens behind it', () => {
      bench.hands.writeFileSync(`${bench.outside}/canary`, 'alive');
      bench.hands.symlinkSync(bench.outside, at('link'));
      expect(ask(bench, { do: 'look', path: path('link/canary') }, 'looked').trouble?.code).toBe('REFUSED');
      expect(list(bench, path('link')).trouble).toBe('REFUSED');
      stage(bench, 1, path('evil'));
      expect(place(1, 'link/canary', undefined)?.trouble?.code).toBe('REFUSED');
      const made = doing({ do: 'makeDirectory', path: path('link/dir'), mode: 0o755 });
      expect(made.trouble?.code).toBe('REFUSED');
      expect(bench.hands.readdirSync(bench.outside)).toEqual(['canary']);
      expect(bench.hands.readFileSync(`${bench.outside}/canary`).toString()).toBe('alive');
    });

    test('disk: a symlink at the end -> never followed', () => {
      bench.hands.writeFileSync(`${bench.outside}/canary`, 'alive');
      bench.hands.symlinkSync(`${bench.outside}/canary`, at('link'));
      const stat = mustLook(bench, path('link'));
      const before = bench.hands.lstatSync(`${bench.outside}/canary`);
      expect(
        ask(bench, { do: 'read', path: path('link'), offset: 0, length: 9 }, 'read').trouble,
      ).toBeDefined();
      expect(examine(bench, path('link')).trouble).toBeDefined();
      const touched = doing({ do: 'retouch', path: path('link'), mode: 0o777, mtime: SECOND, expect: stat });
      expect(touched.stat?.mtime).toBe(SECOND);
      expect(bench.hands.lstatSync(`${bench.outside}/canary`)).toMatchObject({
        mode: before.mode,
        mtimeMs: before.mtimeMs,
      });
      stage(bench, 1, path('mine'));
      expect(place(1, 'link', touched.stat)?.trouble).toBeUndefined();
      expect(mustLook(bench, path('link')).kind).toBe(Kind.FILE);
      expect(bench.hands.readFileSync(`${bench.outside}/canary`).toString()).toBe('alive');
    });

    test('stage: patches, deflated patches and copies -> the bytes they say', () => {
      const base = some(100_000, 7);
      write('base', base);
      const expectation = mustLook(bench, path('base'));
      ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
      const copy: Effect = {
        do: 'copy',
        slot: 1,
        offset: 0,
        from: path('base'),
        expect: expectation,
        fromOffset: 1000,
        length: 90_000,
      };
      expect(ask(bench, copy, 'wrote').trouble).toBeUndefined();
      const next = Buffer.concat([base.subarray(200, 700), some(300, 9), base.subarray(89_000, 90_000)]);
      const known = Buffer.concat([base.subarray(0, 5000), base.subarray(1000 + 88_000, 1000 + 90_000)]);
      const stored = squeeze.deflate(next, known);
      const deflated: Effect = {
        do: 'patch',
        slot: 1,
        offset: 90_000,
        length: next.length,
        stored,
        dictionary: {
          from: { path: path('base'), expect: expectation, offset: 0, length: 5000 },
          tail: 2000,
        },
      };
      expect(stored.length).toBeLessThan(500);
      expect(ask(bench, deflated, 'wrote').trouble).toBeUndefined();
      expect(place(1, 'new', undefined)?.trouble).toBeUndefined();
      expect(
        Buffer.concat([base.subarray(1000, 91_000), next]).equals(
          bench.hands.readFileSync(at('new')) as Buffer,
        ),
      ).toBe(true);
    });

    test('stage: the source of a copy or dictionary is another by now -> CHANGED', () => {
      write('base', 'one');
      const before = mustLook(bench, path('base'));
      write('other', 'two');
      bench.hands.renameSync(at('other'), at('base'));
      ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
      const from = { path: path('base'), expect: before, offset: 0, length: 3 };
      const copy = ask(
        bench,
        { do: 'copy', slot: 1, offset: 0, from: from.path, expect: before, fromOffset: 0, length: 3 },
        'wrote',
      );
      expect(copy.trouble?.code).toBe('CHANGED');
      const bytes = Buffer.from('three three three three');
      const stored = squeeze.deflate(bytes, Buffer.from('one'));
      const patched = ask(
        bench,
        {
          do: 'patch',
          slot: 1,
          offset: 0,
          length: bytes.length,
          stored,
          dictionary: { from, tail: 0 },
        },
        'wrote',
      );
      expect(patched.trouble?.code).toBe('CHANGED');
    });

    test('stage: a patch that does not inflate to its length, or asks for bytes before the start -> EBADMSG', () => {
      ask(bench, { do: 'stage', slot: 1, bytes: 3, into: undefined }, 'wrote');
      const effect = (stored: Uint8Array, tail: number): Effect => ({
        do: 'patch',
        slot: 1,
        offset: 0,
        length: 1000,
        stored,
        dictionary: { from: undefined, tail },
      });
      expect(ask(bench, effect(some(20), 0), 'wrote').trouble?.code).toBe('EBADMSG');
      expect(ask(bench, effect(squeeze.deflate(Buffer.alloc(999), some(0)), 0), 'wrote').trouble?.code).toBe(
        'EBADMSG',
      );
      expect(ask(bench, effect(squeeze.deflate(Buffer.alloc(1000), some(0)), 1), 'wrote').trouble?.code).toBe(
        'EBADMSG',
      );
    });

    test('stage: a slot that was never staged, dropped or placed -> ENOENT', () => {
      expect(patch(bench, 9, 0, some(3))).toBe('ENOENT');
      stage(bench, 9, some(3));
      bench.disk.carry({ do: 'unstage', slot: 9 });
      expect(patch(bench, 9, 0, some(3))).toBe('ENOENT');
      stage(bench, 9, some(3));
      place(9, 'file', undefined);
      expect(patch(bench, 9, 0, Buffer.from('no'))).toBe('ENOENT');
      expect(mustLook(bench, path('file')).size).toBe(3);
    });

    test('place: a group over what is expected -> all there with their facts, staging empty', () => {
      bench.hands.mkdirSync(at('dir'));
      write('dir/old', 'old');
      bench.hands.mkdirSync(at('full'));
      bench.hands.mkdirSync(at('empty'));
      write('full/child', 'kept');
      const names = ['dir/new', 'dir/old', 'empty', 'full'];
      const items = names.map((text, slot) => {
        stage(bench, slot, Buffer.from(text));
        return {
          slot,
          path: path(text),
          mode: 0o600 + slot,
          mtime: slot * SECOND,
          expect: look(bench, path(text)),
        };
      });
      const placed = ask(bench, { do: 'place', items }, 'placed');
      expect(placed.items.map(item => item.trouble?.code)).toEqual([
        undefined,
        undefined,
        undefined,
        'ENOTEMPTY',
      ]);
      for (const slot of [0, 1, 2]) {
        const text = names[slot] as string;
        expect(content(text)).toBe(text);
        const stat = mustLook(bench, path(text));
        expect(stat).toMatchObject({ kind: Kind.FILE, mode: 0o600 + slot, mtime: slot * SECOND });
        expect(placed.items[slot]?.stat).toEqual(stat);
      }
      expect(content('full/child')).toBe('kept');
      expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual([`3.${LIFE}`]);
    });

    test('place: another stands there than expected -> CHANGED, and it stays', () => {
      write('file', 'seen');
      const seen = mustLook(bench, path('file'));
      stage(bench, 1, path('theirs'));
      write('other', 'user wrote this');
      bench.hands.renameSync(at('other'), at('file'));
      for (const expectation of [seen, undefined]) {
        expect(place(1, 'file', expectation)?.trouble?.code).toBe('CHANGED');
        expect(content('file')).toBe('user wrote this');
      }
      bench.hands.rmSync(at('file'));
      expect(place(1, 'file', seen)?.trouble?.code).toBe('CHANGED');
      expect(place(1, 'none/file', undefined)?.trouble?.code).toBe('ENOENT');
      expect(place(1, 'file', undefined)?.trouble).toBeUndefined();
      expect(content('file')).toBe('theirs');
    });

    test('makeDirectory: where nothing stands -> its mode; where something does -> EEXIST and what it is', () => {
      const made = doing({ do: 'makeDirectory', path: path('dir'), mode: 0o773 });
      expect(made).toMatchObject({ stat: { kind: Kind.DIRECTORY, mode: 0o773 }, trouble: undefined });
      write('file', 'x');
      expect(doing({ do: 'makeDirectory', path: path('file'), mode: 0o755 })).toMatchObject({
        stat: { kind: Kind.FILE },
        trouble: { code: 'EEXIST' },
      });
      const below = doing({ do: 'makeDirectory', path: path('none/dir'), mode: 0o755 });
      expect(below.trouble?.code).toBe('ENOENT');
    });

    test('makeSymlink: new, over a symlink, over a file not expected', () => {
      const effect = (target: string, expectation: Stat | undefined): Effect => ({
        do: 'makeSymlink',
        path: path('link'),
        target: utf8(target),
        mtime: 5 * SECOND,
        expect: expectation,
      });
      const first = doing(effect('../somewhere/ü', undefined));
      expect(first).toMatchObject({ stat: { kind: Kind.SYMLINK, mtime: 5 * SECOND }, trouble: undefined });
      const second = doing(effect('/etc/passwd', first.stat));
      expect(second.trouble).toBeUndefined();
      const { target } = ask(bench, { do: 'readTarget', path: path('link') }, 'target');
      expect(Buffer.from(target).toString()).toBe('/etc/passwd');
      bench.hands.unlinkSync(at('link'));
      write('link', 'a file now');
      expect(doing(effect('x', second.stat)).trouble?.code).toBe('CHANGED');
      expect(doing(effect('x', undefined)).trouble?.code).toBe('CHANGED');
      expect(content('link')).toBe('a file now');
      expect(doing(effect('', mustLook(bench, path('link')))).trouble?.code).toBe('EINVAL');
      expect(doing(effect('a\0b', mustLook(bench, path('link')))).trouble?.code).toBe('EINVAL');
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual([]);
    });

    test('remove: what is expected -> gone; another or a full directory -> stays', () => {
      write('file', 'x');
      bench.hands.mkdirSync(at('dir'));
      const file = mustLook(bench, path('file'));
      const dir = mustLook(bench, path('dir'));
      write('dir/child', '');
      expect(doing({ do: 'remove', path: path('dir'), expect: dir }).trouble?.code).toBe('ENOTEMPTY');
      bench.hands.rmSync(at('dir/child'));
      expect(doing({ do: 'remove', path: path('dir'), expect: dir }).trouble).toBeUndefined();
      bench.hands.appendFileSync(at('file'), 'y');
      expect(doing({ do: 'remove', path: path('file'), expect: file }).trouble?.code).toBe('CHANGED');
      const now = mustLook(bench, path('file'));
      expect(doing({ do: 'remove', path: path('file'), expect: now })).toMatchObject({
        stat: undefined,
        trouble: undefined,
      });
      expect(doing({ do: 'remove', path: path('file'), expect: now }).trouble?.code).toBe('CHANGED');
      expect(look(bench, path('file'))).toBeUndefined();
    });

    test('retouch: file and directory -> permissions and time, content untouched; changed -> left alone', () => {
      write('file', 'x');
      bench.hands.mkdirSync(at('dir'));
      const file = mustLook(bench, path('file'));
      const touched = doing({
        do: 'retouch',
        path: path('file'),
        mode: 0o604,
        mtime: 77 * SECOND,
        expect: file,
      });
      expect(touched.stat).toMatchObject({ mode: 0o604, mtime: 77 * SECOND, inode: file.inode, size: 1 });
      expect(touched.stat).toEqual(mustLook(bench, path('file')));
      const stale = doing({ do: 'retouch', path: path('file'), mode: 0o777, mtime: 0, expect: file });
      expect(stale.trouble?.code).toBe('CHANGED');
      expect(mustLook(bench, path('file'))).toEqual(touched.stat);
      const dir = mustLook(bench, path('dir'));
      const opened = doing({ do: 'retouch', path: path('dir'), mode: 0o711, mtime: 0, expect: dir });
      expect(opened.stat?.mode).toBe(0o711);
    });

    test('setAside: file, symlink, full directory -> under the new name; over something -> EEXIST, both stay', () => {
      write('file', 'mine');
      bench.hands.symlinkSync('target', at('link'));
      bench.hands.mkdirSync(at('dir'));
      write('dir/child', 'x');
      for (const text of ['file', 'link', 'dir']) {
        const before = mustLook(bench, path(text));
        write('taken', 'taken');
        const effect = (to: string): Effect => ({
          do: 'setAside',
          path: path(text),
          to: path(to),
          expect: before,
        });
        expect(doing(effect('taken')).trouble?.code).toBe('EEXIST');
        expect(content('taken')).toBe('taken');
        const aside = doing(effect(`${text}.conflict`));
        expect(aside.trouble).toBeUndefined();
        expect(aside.stat).toMatchObject({ kind: before.kind, mtime: before.mtime, mode: before.mode });
        expect(look(bench, path(text))).toBeUndefined();
        expect(doing(effect('elsewhere')).trouble?.code).toBe('CHANGED');
      }
      expect(content('file.conflict')).toBe('mine');
      expect(content('dir.conflict/child')).toBe('x');
    });

    test('sync: more changed directories than are kept open -> all durable, no trouble', () => {
      for (let i = 0; i < 150; i++)
        expect(doing({ do: 'makeDirectory', path: path(`d${i}`), mode: 0o755 }).trouble).toBeUndefined();
      expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBeUndefined();
    });

    test('disk: effects that are not the disk own -> a mistake of ours', () => {
      expect(() => bench.disk.carry({ do: 'startOver', why: '', common: 0 })).toThrow(TypeError);
    });
  });
}
