// The table at the top of gateway/hub/verdict.ts, row by row, through the hub and the real codec.

import { beforeEach, describe, expect, it } from 'vitest';
import { Kind, Verdict } from '../../protocol/messages.ts';
import { cut, NOTHING, show, type TestBoard, text, World } from './world.ts';

const one = cut(text('one'));
const two = cut(text('two'));
const three = cut(text('three'));

describe('verdict', () => {
  let world: World;
  let oven: TestBoard;
  let stove: TestBoard;
  beforeEach(() => {
    world = new World();
    oven = world.board('oven').hello();
    stove = world.board('stove').hello();
  });
  const current = (path: string) => world.store.current(world.store.folder('attic')!.number, text(path));

  it('put: nothing ever was there -> accepted, whatever the base', () => {
    expect(oven.upload('a', one)).toEqual([Verdict.ACCEPTED, 1]);
    expect(oven.upload('b', one, { base: 77 })).toEqual([Verdict.ACCEPTED, 2]);
    expect(oven.directory('d')).toEqual([Verdict.ACCEPTED, 3]);
    expect(oven.symlink('l', 'a')).toEqual([Verdict.ACCEPTED, 4]);
    expect(current('l')).toMatchObject({ kind: Kind.SYMLINK, content: text('a'), board: 'oven' });
  });

  it('put: over a deletion -> accepted, an edit beats a delete', () => {
    oven.upload('a', one);
    oven.remove('a', 1);
    expect(stove.upload('a', two, { base: 1 })).toEqual([Verdict.ACCEPTED, 3]);
  });

  it('put: over its base -> accepted, of every kind', () => {
    oven.upload('a', one);
    expect(stove.upload('a', two, { base: 1 })).toEqual([Verdict.ACCEPTED, 2]);
    expect(stove.symlink('a', 'x', 2)).toEqual([Verdict.ACCEPTED, 3]);
    expect(stove.directory('a', 3)).toEqual([Verdict.ACCEPTED, 4]);
    expect(stove.upload('a', one, { base: 4 })).toEqual([Verdict.ACCEPTED, 5]);
  });

  it('put: over its base, only the time or the mode is new -> accepted; nothing is new -> same', () => {
    oven.upload('a', one);
    expect(oven.upload('a', one, { base: 1, mtime: 5 })).toEqual([Verdict.ACCEPTED, 2]);
    expect(oven.upload('a', one, { base: 2, mtime: 5, mode: 0o600 })).toEqual([Verdict.ACCEPTED, 3]);
    expect(oven.upload('a', one, { base: 3, mtime: 5, mode: 0o600 })).toEqual([Verdict.SAME, 3]);
  });

  it('put: a directory that holds things becomes something else -> not empty; emptied -> accepted', () => {
    oven.directory('d');
    oven.upload('d/f', one);
    expect(oven.upload('d', two, { base: 1 })).toEqual([Verdict.NOT_EMPTY, 1]);
    expect(oven.symlink('d', 'x', 1)).toEqual([Verdict.NOT_EMPTY, 1]);
    expect(oven.directory('d', 1, 0o700)).toEqual([Verdict.ACCEPTED, 3]);
    oven.remove('d/f', 2);
    expect(oven.upload('d', two, { base: 3 })).toEqual([Verdict.ACCEPTED, 5]);
  });

  it('put: what is there already, against an older base -> same, also with another time', () => {
    oven.upload('a', one);
    expect(stove.upload('a', one, { mtime: 9 })).toEqual([Verdict.SAME, 1]);
    oven.symlink('l', 'x');
    expect(stove.symlink('l', 'x')).toEqual([Verdict.SAME, 2]);
    oven.directory('d');
    expect(stove.directory('d')).toEqual([Verdict.SAME, 3]);
    expect(world.store.folder('attic')?.head).toBe(3);
  });

  it('put: the same content with another mode, against an older base -> accepted, the last mode wins', () => {
    oven.upload('a', one);
    expect(stove.upload('a', one, { mode: 0o600 })).toEqual([Verdict.ACCEPTED, 2]);
    oven.directory('d');
    expect(stove.directory('d', 0, 0o700)).toEqual([Verdict.ACCEPTED, 4]);
    expect(current('d')).toMatchObject({ mode: 0o700 });
  });

  it('put: the same content with a mode that it had before, against no base -> same: a stale copy', () => {
    oven.upload('a', one);
    oven.upload('a', one, { base: 1, mode: 0o600 });
    expect(stove.upload('a', one)).toEqual([Verdict.SAME, 2]);
    expect(stove.upload('a', one, { mode: 0o640 })).toEqual([Verdict.ACCEPTED, 3]);
    expect(oven.upload('a', one, { base: 2, mode: 0o644 })).toEqual([Verdict.ACCEPTED, 4]);
  });

  it('put: a version that the history knows -> stale, with the current seq', () => {
    oven.upload('a', one);
    oven.upload('a', two, { base: 1 });
    expect(stove.upload('a', one)).toEqual([Verdict.STALE, 2]);
    oven.upload('a', three, { base: 2 });
    expect(stove.upload('a', two, { base: 1 })).toEqual([Verdict.STALE, 3]);
    oven.symlink('l', 'x');
    oven.symlink('l', 'y', 4);
    expect(stove.symlink('l', 'x')).toEqual([Verdict.STALE, 5]);
  });

  it('put: another change came first -> conflict, noted, and what was there stays', () => {
    oven.upload('a', one);
    oven.upload('a', two, { base: 1 });
    expect(stove.upload('a', three, { base: 1 })).toEqual([Verdict.CONFLICT, 2]);
    expect(stove.upload('b', three)).toEqual([Verdict.ACCEPTED, 3]);
    expect(oven.upload('b', one)).toEqual([Verdict.CONFLICT, 3]);
    expect(oven.directory('b')).toEqual([Verdict.CONFLICT, 3]);
    expect(current('a')?.content).toEqual(two.id);
    expect(world.noted('conflict').map(note => [note.board, show(note.path)])).toEqual([
      ['stove', 'a'],
      ['oven', 'b'],
      ['oven', 'b'],
    ]);
  });

  describe('a retouch: mode or time of the base', () => {
    const facts = (path: string) => {
      const { mode, content } = current(path)!;
      return [mode, Buffer.from(content).toString('hex')];
    };
    const hex = (content: { id: Uint8Array }) => Buffer.from(content.id).toString('hex');

    it('an edit over it -> accepted, and the new mode stays', () => {
      oven.upload('a', one);
      oven.upload('a', one, { base: 1, mode: 0o600 });
      expect(stove.upload('a', two, { base: 1 })).toEqual([Verdict.ACCEPTED, 3]);
      expect(facts('a')).toEqual([0o600, hex(two)]);
      expect(current('a')).toMatchObject({ seq: 4, board: 'stove' });
      expect(oven.took('head').at(-1)?.message.head).toBe(4);
    });

    it('an edit with a mode of its own over it -> accepted, the last mode wins', () => {
      oven.upload('a', one);
      oven.upload('a', one, { base: 1, mode: 0o600 });
      expect(stove.upload('a', two, { base: 1, mode: 0o640 })).toEqual([Verdict.ACCEPTED, 3]);
      expect(facts('a')).toEqual([0o640, hex(two)]);
      expect(current('a')?.seq).toBe(3);
    });

    it('offered over an edit -> stale, and its mode is merged', () => {
      oven.upload('a', one);
      oven.upload('a', two, { base: 1 });
      expect(stove.upload('a', one, { base: 1, mode: 0o600 })).toEqual([Verdict.STALE, 3]);
      expect(facts('a')).toEqual([0o600, hex(two)]);
      expect(stove.upload('a', one, { base: 1, mtime: 9 })).toEqual([Verdict.STALE, 3]);
    });

    it('offered over another kind -> stale, the mode stays', () => {
      oven.upload('a', one);
      oven.directory('a', 1);
      expect(stove.upload('a', one, { base: 1, mode: 0o600 })).toEqual([Verdict.STALE, 2]);
      oven.symlink('a', 'x', 2);
      expect(stove.directory('a', 2, 0o700)).toEqual([Verdict.STALE, 3]);
      expect(current('a')).toMatchObject({ kind: Kind.SYMLINK, seq: 3 });
    });

    it('over another one -> the mode that is new wins; of two times the first', () => {
      oven.upload('a', one);
      oven.upload('a', one, { base: 1, mode: 0o600 });
      expect(stove.upload('a', one, { base: 1, mtime: 9 })).toEqual([Verdict.SAME, 2]);
      expect(stove.upload('a', one, { base: 1, mode: 0o640 })).toEqual([Verdict.ACCEPTED, 3]);
      expect(facts('a')).toEqual([0o640, hex(one)]);
    });

    it('of what was deleted -> stale: it is no edit; of a base that nobody knows -> accepted', () => {
      oven.upload('a', one);
      oven.remove('a', 1);
      expect(stove.upload('a', one, { base: 1, mode: 0o600 })).toEqual([Verdict.STALE, 2]);
      expect(stove.upload('a', one, { base: 77, mode: 0o600 })).toEqual([Verdict.ACCEPTED, 3]);
    });

    it('against a seq that is not there yet, of any size -> as against an unknown base', () => {
      oven.upload('a', one);
      for (const base of [2, 2 ** 32, 2 ** 48, Number.MAX_SAFE_INTEGER])
        expect(stove.upload('a', one, { base, mode: 0o644 })).toEqual([Verdict.SAME, 1]);
      expect(stove.remove('a', Number.MAX_SAFE_INTEGER)).toEqual([Verdict.STALE, 1]);
    });

    it('deleted by who knew what was before -> accepted; not if it was gone between', () => {
      oven.upload('a', one);
      oven.upload('a', one, { base: 1, mode: 0o600 });
      expect(stove.remove('a', 1)).toEqual([Verdict.ACCEPTED, 3]);
      oven.upload('a', one);
      expect(stove.remove('a', 1)).toEqual([Verdict.STALE, 4]);
    });

    it('a directory retouched and emptied, replaced by who knew it before -> accepted; not empty -> not empty', () => {
      oven.directory('d');
      oven.upload('d/f', one);
      oven.directory('d', 1, 0o700);
      expect(stove.upload('d', two, { base: 1 })).toEqual([Verdict.NOT_EMPTY, 3]);
      oven.remove('d/f', 2);
      expect(stove.upload('d', two, { base: 1 })).toEqual([Verdict.ACCEPTED, 5]);
      expect(current('d')).toMatchObject({ kind: Kind.FILE, seq: 5 });
    });
  });

  it('put: the parent never was, is deleted, or is no directory -> no parent', () => {
    expect(oven.upload('d/f', one)).toEqual([Verdict.NO_PARENT, 0]);
    oven.directory('d');
    oven.remove('d', 1);
    expect(oven.upload('d/f', one)).toEqual([Verdict.NO_PARENT, 0]);
    oven.upload('a', one);
    expect(oven.upload('a/f', one)).toEqual([Verdict.NO_PARENT, 0]);
    oven.symlink('l', 'd');
    expect(oven.upload('l/f', one)).toEqual([Verdict.NO_PARENT, 0]);
  });

  it('put: parent and child in one offer, parent first -> both accepted', () => {
    const items = [
      oven.item('d', { kind: Kind.DIRECTORY, content: NOTHING, mode: 0o755 }),
      oven.item('d/e', { kind: Kind.DIRECTORY, content: NOTHING, mode: 0o755 }),
      oven.item('d/e/f'),
    ];
    oven.offer(...items);
    expect([...oven.verdicts().values()]).toEqual([
      [Verdict.ACCEPTED, 1],
      [Verdict.ACCEPTED, 2],
      [Verdict.ACCEPTED, 3],
    ]);
  });

  it('deletion: of what never was or is deleted -> same', () => {
    expect(oven.remove('a', 0)).toEqual([Verdict.SAME, 0]);
    expect(oven.remove('no/such/parent', 3)).toEqual([Verdict.SAME, 0]);
    oven.upload('a', one);
    oven.remove('a', 1);
    expect(stove.remove('a', 1)).toEqual([Verdict.SAME, 2]);
    expect(world.store.folder('attic')?.head).toBe(2);
  });

  it('deletion: of its base -> accepted; of a directory that holds things -> not empty', () => {
    oven.directory('d');
    oven.upload('d/f', one);
    expect(oven.remove('d', 1)).toEqual([Verdict.NOT_EMPTY, 1]);
    expect(oven.remove('d/f', 2)).toEqual([Verdict.ACCEPTED, 3]);
    expect(oven.remove('d', 1)).toEqual([Verdict.ACCEPTED, 4]);
    expect(current('d')?.kind).toBe(Kind.ABSENT);
  });

  it('deletion: an edit came first -> stale, an edit beats a delete', () => {
    oven.upload('a', one);
    oven.upload('a', two, { base: 1 });
    expect(stove.remove('a', 1)).toEqual([Verdict.STALE, 2]);
    expect(current('a')?.kind).toBe(Kind.FILE);
  });

  it('offer: a path or facts that may not be -> refused, noted, and the others of the offer go on', () => {
    const paths = ['/a', 'a//b', '../a', 'a/..', 'a\0b', '.toastbox/x', `${'n'.repeat(256)}`];
    const items = paths.map(path => oven.item(path));
    const good = oven.item('good');
    const odd = [
      oven.item('x', { kind: Kind.DIRECTORY, content: text('no') }),
      oven.item('x', { kind: Kind.SYMLINK, content: NOTHING }),
      oven.item('x', { content: text('short'), size: 3 }),
      oven.item('x', { size: 3 }),
      oven.item('x', { content: one.id, size: 0 }),
    ];
    oven.offer(...items, good, ...odd);
    const verdicts = oven.verdicts();
    for (const item of [...items, ...odd]) expect(verdicts.get(item.req)).toEqual([Verdict.REFUSED, 0]);
    expect(verdicts.get(good.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(world.noted('refused').length).toBe(items.length + odd.length);
    expect(world.store.folder('attic')?.entries).toBe(1);
  });

  it('offer: a known content with another size -> refused', () => {
    oven.upload('a', one);
    expect(oven.tell('b', { content: one.id, size: 4 })).toEqual([Verdict.REFUSED, 0]);
  });

  it('offer: the verdict changes while the content travels -> the one at the commit counts', () => {
    const late = oven.fileItem('a', cut(text('late'.repeat(1000))));
    oven.offer(late);
    expect(stove.upload('a', one)).toEqual([Verdict.ACCEPTED, 1]);
    oven.serve();
    expect(oven.verdicts().get(late.req)).toEqual([Verdict.CONFLICT, 1]);
    // The content came whole: the conflict copy needs no second transfer.
    oven.offer({ ...late, req: 99, path: text('a.conflict') });
    expect(oven.took('need')).toEqual([]);
    expect(oven.verdicts().get(99)).toEqual([Verdict.ACCEPTED, 2]);
  });
});
