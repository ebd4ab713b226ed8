// What any disk under the carrier must do: run on a real directory and on the simulated disk.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import type { Effect, Stat } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import {
  ask,
  type Bench,
  examine,
  type Ground,
  list,
  look,
  mustLook,
  openBench,
  patch,
  path,
  stage,
  utf8,
} from './bench.ts';

const SECOND = 1_000_000;
const some = (count: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(count);
  for (let i = 0, state = seed; i < count; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
};

/** `open` makes fresh ground, `close` takes it away. */
export function acceptDisk(name: string, open: () => Ground, close: (ground: Ground) => void): void {
  describe(name, () => {
    let bench: Bench;
    beforeEach(() => {
      bench = openBench(open());
      bench.events.length = 0;
    });
    afterEach(() => {
      bench.disk.close();
      close(bench);
    });

    const at = (text: string): string => `${bench.root}/${text}`;
    const write = (text: string, bytes: string | Buffer): void => {
      bench.hands.writeFileSync(at(text), bytes);
    };
    const content = (text: string): string => bench.hands.readFileSync(at(text)).toString();
    const doing = (effect: Effect) => ask(bench, effect, 'did');
    const place = (slot: number, text: string, expectation: Stat | undefined, mode = 0o644, mtime = SECOND) =>
      ask(
        bench,
        { do: 'place', items: [{ slot, path: path(text), mode, mtime, expect: expectation }] },
        'placed',
      ).items[0];

    test('disk: nothing at the path, or no directory above it -> looked without stat and trouble', () => {
      write('file', 'x');
      for (const text of ['none', 'none/below', 'file/below']) {
        const looked = ask(bench, { do: 'look', path: path(text) }, 'looked');
        expect(looked).toMatchObject({ stat: undefined, trouble: undefined });
      }
    });

    test('disk: file, directory, symlink -> told apart, permissions without the special bits', () => {
      write('file', 'four');
      bench.hands.chmodSync(at('file'), 0o4640);
      bench.hands.mkdirSync(at('dir'));
      bench.hands.symlinkSync('nowhere', at('link'));
      expect(mustLook(bench, path('file'))).toMatchObject({ kind: Kind.FILE, size: 4, mode: 0o640 });
      expect(mustLook(bench, path('dir')).kind).toBe(Kind.DIRECTORY);
      expect(mustLook(bench, path('link')).kind).toBe(Kind.SYMLINK);
      const { target } = ask(bench, { do: 'readTarget', path: path('link') }, 'target');
      expect(Buffer.from(target).toString()).toBe('nowhere');
    });

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

    test('list: a directory -> sorted by bytes, in batches, without the agent own state', () => {
      const names = Array.from({ length: 600 }, (_, i) => `f${(i * 7919) % 600}`);
      for (const text of names) write(text, '');
      const listing = list(bench, new Uint8Array(0));
      expect(listing.names).toEqual([...names].sort());
      expect(listing.batches).toBe(3);
      expect(listing.trouble).toBeUndefined();
    });

    test('list: nothing in it -> one empty last batch; nothing there, or a file -> ENOENT', () => {
      bench.hands.mkdirSync(at('empty'));
      write('file', '');
      expect(list(bench, path('empty'))).toMatchObject({ names: [], batches: 1, trouble: undefined });
      expect(list(bench, path('none')).trouble).toBe('ENOENT');
      expect(list(bench, path('file')).trouble).toBe('ENOENT');
    });

    test('list: entries that go between names and stats -> left out; the directory replaced -> CHANGED', () => {
      bench.hands.mkdirSync(at('dir'));
      for (let i = 0; i < 300; i++) write(`dir/${1000 + i}`, '');
      expect(ask(bench, { do: 'list', dir: path('dir') }, 'listed').entries.length).toBe(256);
      bench.hands.rmSync(at('dir/1299'));
      const rest = ask(bench, { do: 'more' }, 'listed');
      expect(rest.entries.length).toBe(43);
      expect(rest.isEnd).toBe(true);
      ask(bench, { do: 'list', dir: path('dir') }, 'listed');
      bench.hands.renameSync(at('dir'), at('other'));
      bench.hands.mkdirSync(at('dir'));
      expect(ask(bench, { do: 'more' }, 'listed').trouble?.code).toBe('CHANGED');
      expect(ask(bench, { do: 'more' }, 'listed').trouble?.code).toBe('CHANGED');
    });

    test('examine: a file -> its blocks and content id, the same from a staged copy', () => {
      for (const size of [0, 1, 1023, 5000, 70_000, 300_001]) {
        const bytes = some(size, size + 1);
        write('file', bytes);
        stage(bench, 3, bytes);
        const read = examine(bench, path('file'));
        const staged = examine(bench, path('file'), 3);
        expect(read.trouble).toBeUndefined();
        expect(read.bytes).toBe(size);
        expect(read.after).toEqual(read.before);
        expect(Buffer.compare(read.records, staged.records)).toBe(0);
        expect(Buffer.compare(read.content, staged.content)).toBe(0);
        const view = new DataView(read.records.buffer, read.records.byteOffset);
        let offset = 0;
        for (let i = 0; i < read.records.length; i += 20) {
          const length = view.getUint32(i, true);
          const id = bench.arena.blockId(bytes.subarray(offset, offset + length));
          expect(Buffer.compare(id, read.records.subarray(i + 4, i + 20))).toBe(0);
          offset += length;
        }
        expect(offset).toBe(size);
        expect(Buffer.compare(bench.arena.contentIdOf([read.records]), read.content)).toBe(0);
      }
    });

    test('examine: not there, a directory -> trouble; abandoned -> no answer', () => {
      bench.hands.mkdirSync(at('dir'));
      expect(examine(bench, path('none')).trouble?.code).toBe('ENOENT');
      expect(examine(bench, path('dir')).trouble?.code).toBe('CHANGED');
      write('file', some(10_000));
      bench.disk.carry({ do: 'examine', path: path('file'), staged: undefined });
      bench.disk.carry({ do: 'abandon' });
      while (bench.turns.step());
      expect(bench.events).toEqual([]);
    });

    test('examine: the file is replaced, grows or shrinks meanwhile -> after tells', () => {
      const bytes = some(9_000_000);
      const during = (change: () => void) => {
        write('file', bytes);
        bench.disk.carry({ do: 'examine', path: path('file'), staged: undefined });
        bench.turns.step();
        bench.turns.step();
        expect(bench.events.some(event => event.is === 'examined')).toBe(false);
        change();
        while (bench.turns.step());
        const examined = bench.events.find(event => event.is === 'examined');
        bench.events.length = 0;
        if (examined === undefined) throw new Error('not answered');
        return examined;
      };
      const grown = during(() => bench.hands.appendFileSync(at('file'), 'more'));
      expect(grown.bytes).toBe(bytes.length);
      expect(grown.after?.size).toBe(bytes.length + 4);
      const shrunk = during(() => bench.hands.truncateSync(at('file'), 10));
      expect(shrunk.bytes).toBeLessThan(bytes.length);
      expect(shrunk.after?.size).toBe(10);
      const replaced = during(() => {
        write('new', bytes);
        bench.hands.renameSync(at('new'), at('file'));
      });
      expect(replaced.after?.inode).not.toBe(replaced.before?.inode);
      expect(during(() => bench.hands.rmSync(at('file'))).after).toBeUndefined();
    });

    test('read: inside, across and past the end -> what there is, in the run buffer', () => {
      write('file', 'hello world');
      const read = (offset: number, length: number) => {
        const answer = ask(bench, { do: 'read', path: path('file'), offset, length }, 'read');
        return Buffer.from(bench.arena.run.subarray(0, answer.bytes)).toString();
      };
      expect([read(0, 5), read(6, 100), read(11, 5), read(500, 5)]).toEqual(['hello', 'world', '', '']);
    });

    test('stage: patches, deflated patches and copies -> the bytes they say', () => {
      const base = some(100_000, 7);
      write('base', base);
      const expectation = mustLook(bench, path('base'));
      ask(bench, { do: 'stage', slot: 1 }, 'wrote');
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
      ask(bench, { do: 'stage', slot: 1 }, 'wrote');
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
      ask(bench, { do: 'stage', slot: 1 }, 'wrote');
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
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual(['3']);
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

    test('folder: the marker or the root goes -> told, everything refused; back -> told, and it works', () => {
      write('file', 'x');
      stage(bench, 1, path('staged'));
      const gone = (remove: () => void, code: string): void => {
        remove();
        expect(bench.disk.checkRoot()?.code).toBe(code);
        expect(bench.disk.checkRoot()?.code).toBe(code);
        expect(bench.events).toEqual([{ is: 'folder', trouble: { code } }]);
        bench.events.length = 0;
        expect(list(bench, new Uint8Array(0)).trouble).toBe(code);
        expect(doing({ do: 'makeDirectory', path: path('dir'), mode: 0o755 }).trouble?.code).toBe(code);
        expect(place(1, 'new', undefined)?.trouble?.code).toBe(code);
      };
      const marker = content('.toastbox/folder');
      gone(() => write('.toastbox/folder', 'another'), 'CHANGED');
      write('.toastbox/folder', marker);
      expect(bench.disk.checkRoot()).toBeUndefined();
      expect(bench.events.splice(0)).toEqual([{ is: 'folder', trouble: undefined }]);
      expect(place(1, 'new', undefined)?.trouble).toBeUndefined();

      gone(() => bench.hands.renameSync(bench.root, `${bench.root}.away`), 'ENOENT');
      bench.hands.mkdirSync(bench.root);
      expect(bench.disk.checkRoot()?.code).toBe('CHANGED');
      bench.hands.rmSync(bench.root, { recursive: true });
      bench.hands.renameSync(`${bench.root}.away`, bench.root);
      expect(bench.disk.checkRoot()).toBeUndefined();
      bench.events.length = 0;
      expect(list(bench, new Uint8Array(0)).names).toEqual(['file', 'new']);
    });

    test('folder: opened again -> the marker is known, old staged files are gone', () => {
      stage(bench, 5, some(100));
      const again = openBench(bench, { marker: { expect: bench.disk.marker, fresh: 'unused' } });
      expect(again.events).toEqual([]);
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual([]);
      const foreign = openBench(bench, { marker: { expect: 'another folder', fresh: 'unused' } });
      expect(foreign.events).toEqual([{ is: 'folder', trouble: { code: 'CHANGED' } }]);
      const adopting = openBench(bench, { marker: { expect: undefined, fresh: 'unused' } });
      expect(adopting.disk.marker).toBe(bench.disk.marker);
      for (const { disk } of [again, foreign, adopting]) disk.close();
    });

    test('rules: what .toastboxignore says -> ignored; a new version -> rulesChanged', () => {
      const ignored = (text: string, isDirectory = false) =>
        bench.disk.rules.isIgnored(utf8(text), isDirectory);
      expect(ignored('a.log')).toBe(false);
      write('.toastboxignore', '*.log\n!keep.log\n/build/\nsub/*.tmp\nÜ*\n');
      list(bench, new Uint8Array(0));
      expect(bench.events.splice(0)).toEqual([{ is: 'rulesChanged' }]);
      expect(['a.log', 'x/a.log', 'build/x/y', 'sub/a.tmp', 'x/Übung'].map(text => ignored(text))).toEqual(
        Array(5).fill(true),
      );
      expect(
        ['keep.log', 'a.LOG', 'build', 'x/build', 'sub/x/a.tmp', '..a'].map(text => ignored(text)),
      ).toEqual(Array(6).fill(false));
      expect(ignored('build', true)).toBe(true);
      stage(bench, 1, path('*.txt\n'));
      place(1, '.toastboxignore', mustLook(bench, path('.toastboxignore')));
      expect(bench.events.splice(0)).toEqual([{ is: 'rulesChanged' }]);
      expect([ignored('a.log'), ignored('a.txt')]).toEqual([false, true]);
      doing({
        do: 'remove',
        path: path('.toastboxignore'),
        expect: mustLook(bench, path('.toastboxignore')),
      });
      expect(bench.events.splice(0)).toEqual([{ is: 'rulesChanged' }]);
      expect(ignored('a.txt')).toBe(false);
    });

    test('rules: a file too long -> trouble told once, the rules before it stay', () => {
      write('.toastboxignore', '*.log\n');
      bench.disk.checkRoot();
      write('.toastboxignore', Buffer.alloc(64 * 1024 + 1, '\n'));
      bench.disk.checkRoot();
      bench.disk.checkRoot();
      expect(bench.troubles).toEqual(['EFBIG reading the rules']);
      expect(bench.disk.rules.isIgnored(path('a.log'), false)).toBe(true);
    });

    test('disk: effects that are not the disk own -> a mistake of ours', () => {
      expect(() => bench.disk.carry({ do: 'startOver', why: '' })).toThrow(TypeError);
    });
  });
}
