// Hello, again, refuse, head, next: how boards come, stay and learn what is new.

import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_BYTES_MAX, FRAME_BYTES_MIN } from '../../protocol/limits.ts';
import { Kind, type MessageNamed, Verdict } from '../../protocol/messages.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { cut, show, type TestBoard, text, World } from './world.ts';

const one = cut(text('one'));
const two = cut(text('two'));

describe('session', () => {
  let world: World;
  let oven: TestBoard;
  beforeEach(() => {
    world = new World();
    oven = world.board('oven');
  });
  const next = (board: TestBoard, after: number, credit = 4): MessageNamed<'changes'>[] => {
    board.say({ is: 'next', session: board.session, after, credit });
    return board.took('changes').map(({ message }) => message);
  };

  it('session: the first hello of a share -> welcome with a new folder; the second board gets the same', () => {
    oven.hello();
    const [welcome] = oven.took('welcome');
    expect(welcome?.message).toMatchObject({ session: 7, version: 1, head: 0, time: world.now });
    const stove = world.board('stove').hello();
    expect(stove.took('welcome')[0]?.message.folder).toEqual(welcome?.message.folder);
    const lamp = world.board('lamp', 'cellar').hello();
    expect(lamp.took('welcome')[0]?.message.folder).not.toEqual(welcome?.message.folder);
  });

  it('session: a version range that ours is not in -> refused with a sentence, no session', () => {
    oven.hello({ versionMin: 2, versionMax: 9 });
    expect(oven.took('refuse')[0]?.message.reason).toMatch(/speaks protocol 1 to 1, the board 2 to 9/);
    oven.hello({ versionMin: 0, versionMax: 0 });
    expect(oven.took('refuse').length).toBe(1);
    oven.hello({ versionMin: 1, versionMax: 200 });
    expect(oven.took('welcome')[0]?.message.version).toBe(1);
  });

  it('session: frames too small for a block -> refused; the least there may be -> welcome', () => {
    oven.hello({ frameBytesMax: FRAME_BYTES_MIN - 1 });
    expect(oven.took('refuse')[0]?.message.reason).toMatch(/too small/);
    oven.hello({ frameBytesMax: FRAME_BYTES_MIN });
    expect(oven.took('welcome').length).toBe(1);
  });

  it('session: a share that the board may not join -> refused with a sentence, no folder; once it may -> welcome', () => {
    world = new World(openMemoryStore(), FRAME_BYTES_MAX, true);
    oven = world.board('oven');
    world.mayJoin = (board, share) => board === 'oven' && share !== 'attic';
    oven.hello();
    expect(oven.took('refuse')[0]?.message.reason).toMatch(/^oven may not join attic: /);
    expect(world.store.folder('attic')).toBeUndefined();
    world.mayJoin = () => true;
    oven.hello();
    expect(oven.took('welcome').length).toBe(1);
  });

  it('session: a share more than there may be -> refused by name, counted, no folder; those that are there -> welcome', () => {
    const { sharesMax } = world;
    for (let n = 0; n < sharesMax; n++) world.board(`b${n}`, `s${n}`).hello();
    oven.hello();
    expect(oven.took('refuse')[0]?.message.reason).toMatch(
      /^attic would be a share more than the 8 that .*--max-shares/,
    );
    expect(world.store.folder('attic')).toBeUndefined();
    const late = world.board('late', 's3').hello();
    expect(late.took('welcome').length).toBe(1);
    const gauge = world.hub.gauges().find(({ name }) => name === 'shares');
    expect(gauge).toMatchObject({ taken: 8, highWater: 8, limit: 8, whenFull: 'refuses', times: 1 });
  });

  it('session: a name that is no label -> refused', () => {
    const odd = world.board('a b').hello();
    expect(odd.took('refuse').length).toBe(1);
    expect(odd.took('welcome').length).toBe(0);
  });

  it('session: messages without one -> again, once a second, and nothing happens', () => {
    for (let n = 0; n < 5; n++) oven.offer(oven.item('a'));
    expect(oven.took('again').map(({ message }) => message)).toEqual([{ is: 'again', session: 7 }]);
    world.pass(1_000);
    oven.offer(oven.item('a'));
    expect(oven.took('again').length).toBe(1);
    expect(oven.took('done').length).toBe(0);
  });

  it('session: a newer hello -> the older session is unknown, its uploads forgotten', () => {
    oven.hello();
    oven.offer(oven.fileItem('a', cut(makeRandom(1).bytes(50_000))));
    expect(world.hub.status().boards[0]?.pending).toBe(1);
    oven.session = 8;
    oven.hello();
    expect(world.hub.status().boards[0]?.pending).toBe(0);
    oven.say({ is: 'settled', session: 7, position: 3 });
    expect(oven.took('again').map(({ message }) => message.session)).toEqual([7]);
  });

  it('session: an offer that was lost while 1,100 later ones were answered -> BUSY, not silence; another number is taken', () => {
    oven.hello();
    const lost = oven.item('lost');
    for (let n = 0; n < 1_100; n++) oven.offer(oven.item(`f${n}`));
    oven.took('done');
    oven.offer(lost);
    expect(oven.took('done').map(({ message }) => message.items)).toEqual([
      [{ req: lost.req, verdict: Verdict.BUSY, seq: 0 }],
    ]);
    const again = oven.item('lost');
    oven.offer(again);
    expect(oven.verdicts().get(again.req)).toEqual([Verdict.ACCEPTED, 1_101]);
  });

  it('session: a late hello of an older session -> passed over; after a silence -> taken', () => {
    oven.session = 8;
    oven.hello();
    oven.took('welcome');
    oven.hello({ session: 7 });
    expect(oven.took('welcome').length).toBe(0);
    oven.offer(oven.item('a'));
    expect(oven.verdicts().size).toBe(1);
    world.pass(31_000);
    oven.hello({ session: 7 });
    expect(oven.took('welcome').length).toBe(1);
  });

  it('session: the same hello again -> welcome again, uploads go on and what was asked is asked again', () => {
    oven.hello();
    const item = oven.fileItem('a', cut(makeRandom(1).bytes(5_000)));
    oven.offer(item);
    const asked = oven.took('need').flatMap(({ message }) => message.items);
    oven.hello();
    expect(oven.took('welcome').length).toBe(2);
    expect(oven.heard.flatMap(({ message }) => (message.is === 'need' ? message.items : []))).toEqual(asked);
    oven.serve();
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
  });

  it('session: a stale goodbye -> passed over; its own, which may be a late will -> offline, position kept, again', () => {
    oven.hello();
    oven.say({ is: 'settled', session: 7, position: 5 });
    world.pump.push({ is: 'left', board: 'oven', session: 6 });
    world.pump.step();
    expect(world.hub.status().boards).toMatchObject([{ name: 'oven', isOnline: true, position: 5 }]);
    world.pump.push({ is: 'left', board: 'oven', session: 7 });
    world.pump.step();
    expect(world.hub.status().boards).toMatchObject([{ name: 'oven', isOnline: false, position: 5 }]);
    // One that is there says hello, and hears of what comes.
    expect(oven.took('again').map(({ message }) => message)).toEqual([{ is: 'again', session: 7 }]);
    oven.offer(oven.item('a'));
    expect(oven.took('again').length).toBe(1);
  });

  it('session: a malformed frame -> counted, noted, the session starts over', () => {
    oven.hello();
    world.pump.push({ is: 'malformed', board: 'oven', why: 'truncated' });
    world.pump.step();
    expect(oven.took('again').length).toBe(1);
    expect(world.noted('malformed')).toEqual([{ kind: 'malformed', board: 'oven', why: 'truncated' }]);
    oven.hello();
    expect(oven.took('welcome').length).toBe(2);
    expect(world.hub.status().boards[0]?.counters.malformed).toBe(1);
  });

  it('session: a message that only a gateway says -> malformed', () => {
    oven.hello();
    const message = { is: 'head', session: 7, head: 3 } as const;
    world.pump.push({ is: 'message', board: 'oven', message, body: new Uint8Array(0) });
    world.pump.step();
    expect(world.noted('malformed').length).toBe(1);
  });

  it('session: a change is committed -> every board of the share hears the head, others do not', () => {
    oven.hello();
    const stove = world.board('stove').hello();
    const lamp = world.board('lamp', 'cellar').hello();
    oven.offer(oven.item('a'), oven.item('b'));
    expect(stove.took('head').map(({ message }) => message.head)).toEqual([2]);
    expect(oven.took('head').map(({ message }) => message.head)).toEqual([2]);
    expect(lamp.took('head')).toEqual([]);
  });

  it('session: the gateway starts anew on its store -> folder, head, boards and positions are there', async () => {
    const store = openMemoryStore();
    world = new World(store);
    oven = world.board('oven').hello();
    const before = oven.took('welcome')[0]?.message.folder;
    oven.say({ is: 'settled', session: 7, position: 1 });
    oven.upload('a', one);
    const again = new World(openMemoryStore({ image: store.image() }));
    expect(again.hub.status().boards).toMatchObject([{ name: 'oven', isOnline: false, position: 1 }]);
    const back = again.board('oven');
    back.offer(back.item('b'));
    expect(back.took('again').length).toBe(1);
    back.hello();
    expect(back.took('welcome')[0]?.message).toMatchObject({ folder: before, head: 1 });
  });

  it('next: nothing new -> one empty answer up to the head; a position past it -> up to that', () => {
    oven.hello();
    const { term } = oven.world.store;
    const empty = { is: 'changes', session: 7, items: [], term, uptoTerm: term };
    expect(next(oven, 0)).toEqual([{ ...empty, after: 0, upto: 0, uptoTerm: new Uint8Array(0) }]);
    oven.upload('a', one);
    expect(next(oven, 1)).toEqual([{ ...empty, after: 1, upto: 1 }]);
    expect(next(oven, 9)).toEqual([{ ...empty, after: 9, upto: 9 }]);
    expect(next(oven, 0, 0)).toEqual([]);
  });

  it('next: paths changed several times -> each once with its newest facts, in order, deletions too', () => {
    oven.hello();
    oven.upload('a', one);
    oven.directory('d');
    oven.upload('a', two, { base: 1, mode: 0o600 });
    oven.symlink('l', 'a');
    oven.remove('d', 2);
    const [changes] = next(oven, 0);
    expect(changes).toMatchObject({ after: 0, upto: 5 });
    expect(
      changes?.items.map(({ seq, path, kind, mode, size }) => [seq, show(path), kind, mode, size]),
    ).toEqual([
      [3, 'a', Kind.FILE, 0o600, 3],
      [4, 'l', Kind.SYMLINK, 0, 0],
      [5, 'd', Kind.ABSENT, 0, 0],
    ]);
    expect(changes?.items[0]?.content).toEqual(two.id);
    expect(show(changes!.items[1]!.content)).toBe('a');
  });

  it('next: more than a frame holds -> frames within the bound, chained, no more than the credit', () => {
    oven.hello();
    const count = 700;
    const name = (n: number) => `${'x'.repeat(200)}${n}`;
    for (let n = 0; n < count; n += 50) {
      oven.offer(...Array.from({ length: 50 }, (_, k) => oven.item(name(n + k))));
    }
    const stove = world.board('stove').hello({ frameBytesMax: FRAME_BYTES_MIN });
    const seen: number[] = [];
    let after = 0;
    for (let rounds = 0; after < count; rounds++) {
      expect(rounds).toBeLessThan(count);
      stove.say({ is: 'next', session: 7, after, credit: 3 });
      const frames = stove.took('changes');
      expect(frames.length).toBeLessThanOrEqual(3);
      for (const { message, frameBytes } of frames) {
        expect(frameBytes).toBeLessThanOrEqual(FRAME_BYTES_MIN);
        expect(message.after).toBe(after);
        seen.push(...message.items.map(item => item.seq));
        after = message.upto;
      }
    }
    expect(seen).toEqual(Array.from({ length: count }, (_, n) => n + 1));
  });

  it('next: a renamed file, put before delete -> like names the old path though it is gone', () => {
    oven.hello();
    oven.upload('old', one);
    oven.upload('new', one);
    oven.remove('old', 1);
    const [changes] = next(oven, 1);
    expect(changes?.items.map(({ path, like }) => [show(path), show(like)])).toEqual([
      ['new', 'old'],
      ['old', ''],
    ]);
    oven.upload('third', one);
    expect(next(oven, 3)[0]?.items.map(({ like }) => show(like))).toEqual(['new']);
  });

  it('next: empty files -> like nothing', () => {
    oven.hello();
    oven.tell('a');
    oven.tell('b');
    expect(next(oven, 0)[0]?.items.map(({ like }) => show(like))).toEqual(['', '']);
  });
});
