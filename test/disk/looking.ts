// What any disk under the carrier must see: what stands where, directories, contents, the folder itself and its rules.
// Runs on a real directory and on the simulated disk.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Kind } from '../../protocol/messages.ts';
import {
  ask,
  type Bench,
  examine,
  type Ground,
  list,
  mustLook,
  openBench,
  path,
  shorthands,
  some,
  stage,
  utf8,
} from './bench.ts';

/** `open` makes fresh ground, `close` takes it away. */
export function acceptLooking(name: string, open: () => Ground, close: (ground: Ground) => void): void {
  describe(`${name}: looking`, () => {
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

    test('list: a directory -> sorted by bytes, in batches, without the agent own state', () => {
      const names = Array.from({ length: 2500 }, (_, i) => `f${(i * 7919) % 2500}`);
      for (const text of names) write(text, '');
      const listing = list(bench, new Uint8Array(0));
      expect(listing.names).toEqual([...names].sort());
      expect(listing.batches).toBeGreaterThan(2);
      expect(listing.trouble).toBeUndefined();
    });

    test('list: nothing in it -> one empty last batch; nothing there, or a file -> ENOENT', () => {
      bench.hands.mkdirSync(at('empty'));
      write('file', '');
      expect(list(bench, path('empty'))).toMatchObject({ names: [], batches: 1, trouble: undefined });
      expect(list(bench, path('none')).trouble).toBe('ENOENT');
      expect(list(bench, path('file')).trouble).toBe('ENOENT');
    });

    test('list: something appears before the names are read -> it is among them', () => {
      bench.hands.mkdirSync(at('dir'));
      bench.disk.carry({ do: 'list', dir: path('dir') });
      write('dir/late', '');
      while (bench.turns.step());
      expect(bench.events.at(-1)).toMatchObject({ is: 'listed', rows: { count: 1 } });
    });

    test('list: entries that go between names and stats -> left out; the directory replaced -> CHANGED', () => {
      bench.hands.mkdirSync(at('dir'));
      for (let i = 0; i < 900; i++) write(`dir/${1000 + i}`, '');
      const first = ask(bench, { do: 'list', dir: path('dir') }, 'listed').rows?.count ?? 0;
      expect(first).toBeGreaterThan(256);
      bench.hands.rmSync(at('dir/1899'));
      const rest = ask(bench, { do: 'more' }, 'listed');
      expect(first + (rest.rows?.count ?? 0)).toBe(899);
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

    test('gather: small files of two directories -> one behind the other in the window, each with its ids', () => {
      bench.hands.mkdirSync(at('sub'));
      const names = ['a', 'sub/b', 'sub/c', 'd'];
      names.forEach((name, index) => {
        write(name, some(1 + index * 300, index + 1));
      });
      bench.turns.now = () => Date.now() + 60_000;
      const items = names.map(name => ({ path: path(name), expect: mustLook(bench, path(name)) }));
      const { files } = ask(bench, { do: 'gather', items }, 'gathered');
      let offset = 0;
      files.forEach((file, index) => {
        if (file.is !== 'read') throw new Error(`${names[index]} was not read`);
        const bytes = some(1 + index * 300, index + 1);
        expect(file.offset).toBe(offset);
        expect(Buffer.compare(bench.arena.window.subarray(offset, offset + bytes.length), bytes)).toBe(0);
        offset += bytes.length;
        const { content, record } = file;
        const alone = examine(bench, path(names[index] as string));
        expect(Buffer.from(content)).toEqual(Buffer.from(alone.content));
        expect(Buffer.from(record)).toEqual(Buffer.from(alone.records));
      });
    });

    test('gather: changed, gone, a symlink, under a symlink, young -> other, and the rest is read', () => {
      bench.hands.mkdirSync(at('sub'));
      for (const name of ['changed', 'fine', 'gone', 'link', 'sub/x', 'too']) write(name, name);
      bench.turns.now = () => Date.now() + 60_000;
      const items = ['changed', 'fine', 'gone', 'link', 'sub/x', 'too'].map(name => ({
        path: path(name),
        expect: mustLook(bench, path(name)),
      }));
      write('changed', 'changed and longer');
      bench.hands.unlinkSync(at('gone'));
      bench.hands.unlinkSync(at('link'));
      bench.hands.symlinkSync('fine', at('link'));
      bench.hands.renameSync(at('sub'), at('there'));
      bench.hands.symlinkSync('there', at('sub'));
      const { files } = ask(bench, { do: 'gather', items }, 'gathered');
      expect(files.map(({ is }) => is)).toEqual(['other', 'read', 'other', 'other', 'other', 'read']);
      write('new', 'new');
      const young = [{ path: path('new'), expect: mustLook(bench, path('new')) }];
      bench.turns.now = () => young[0]!.expect.ctime / 1000;
      expect(ask(bench, { do: 'gather', items: young }, 'gathered').files).toEqual([{ is: 'other' }]);
    });

    test('folder: the marker or the root goes -> told, everything refused; back -> told, and it works', () => {
      write('file', 'x');
      stage(bench, 1, path('staged'));
      const gone = (remove: () => void, code: string): void => {
        remove();
        expect(bench.disk.checkRoot()?.code).toBe(code);
        expect(bench.disk.checkRoot()?.code).toBe(code);
        expect(bench.events).toMatchObject([{ is: 'folder', trouble: { code }, isBack: false }]);
        bench.events.length = 0;
        expect(list(bench, new Uint8Array(0)).trouble).toBe(code);
        expect(doing({ do: 'makeDirectory', path: path('dir'), mode: 0o755 }).trouble?.code).toBe(code);
        expect(place(1, 'new', undefined)?.trouble?.code).toBe(code);
      };
      const marker = content('.toastbox/folder');
      gone(() => write('.toastbox/folder', 'another'), 'CHANGED');
      write('.toastbox/folder', marker);
      expect(bench.disk.checkRoot()).toBeUndefined();
      expect(bench.events.splice(0)).toMatchObject([{ is: 'folder', trouble: undefined, isBack: true }]);
      // Given up while it was gone, and not removable then.
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual([]);
      stage(bench, 1, path('staged'));
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

    test('folder: swapped for another with the marker between two looks -> told, as what is watched is not it', () => {
      bench.hands.renameSync(bench.root, `${bench.root}.away`);
      bench.hands.mkdirSync(at('.toastbox'), { recursive: true });
      write('.toastbox/folder', String(bench.disk.marker));
      write('other', 'x');
      expect(bench.disk.checkRoot()).toBeUndefined();
      expect(bench.events.splice(0)).toMatchObject([{ is: 'folder', trouble: undefined, isBack: true }]);
      expect(bench.disk.checkRoot()).toBeUndefined();
      expect(bench.events).toEqual([]);
      expect(list(bench, new Uint8Array(0)).names).toEqual(['other']);
    });

    test('folder: opened again -> the marker is known, old staged files are gone', () => {
      stage(bench, 5, some(100));
      const again = openBench(bench, { marker: { expect: bench.disk.marker, fresh: 'unused' } });
      expect(again.events).toEqual([]);
      expect(bench.hands.readdirSync(at('.toastbox/stage'))).toEqual([]);
      const foreign = openBench(bench, { marker: { expect: 'another folder', fresh: 'unused' } });
      expect(foreign.events).toEqual([{ is: 'folder', trouble: { code: 'CHANGED' }, isBack: false }]);
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
      expect(bench.disk.rules.isIgnored(path('a.txt'), false)).toBe(false);
      expect(bench.disk.rules.isHeld).toBe(false);
    });

    test('rules: a file too long from the start -> all but it is left out, until it can be read or is gone', () => {
      write('.toastboxignore', Buffer.alloc(64 * 1024 + 1, '\n'));
      const [again, later] = [0, 1].map(() =>
        openBench(bench, { marker: { expect: bench.disk.marker, fresh: 'unused' } }),
      ) as [Bench, Bench];
      const told = ({ disk, events }: Bench) => {
        disk.checkRoot();
        const texts = ['a.log', 'a.txt', '.toastboxignore'];
        const ignored = texts.filter(text => disk.rules.isIgnored(path(text), false));
        return { ignored, isHeld: disk.rules.isHeld, events: events.splice(0).map(({ is }) => is) };
      };
      const held = { ignored: ['a.log', 'a.txt'], isHeld: true, events: [] };
      expect([told(again), told(again), told(later)]).toEqual([held, held, held]);
      expect(again.troubles).toEqual(['EFBIG reading the rules']);
      write('.toastboxignore', '*.log\n');
      expect(told(again)).toEqual({ ignored: ['a.log'], isHeld: false, events: ['rulesChanged'] });
      bench.hands.unlinkSync(at('.toastboxignore'));
      expect(told(later)).toEqual({ ignored: [], isHeld: false, events: ['rulesChanged'] });
      for (const { disk } of [again, later]) disk.close();
    });
  });
}
