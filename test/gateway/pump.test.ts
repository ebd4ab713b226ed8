// The store's transaction around the hub: nothing is told before it is durable, and a store that fails has one way out.

import { describe, expect, it } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import { Pump } from '../../gateway/pump.ts';
import { BROKEN } from '../../gateway/store/port.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { type MessageNamed, Verdict } from '../../protocol/messages.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { arena, cut, type TestBoard, text, World } from './world.ts';

describe('pump', () => {
  it('pump: many events wait -> one commit for all of them, effects after it', () => {
    let commits = 0;
    let heardAtCommit = -1;
    let oven: TestBoard | undefined;
    const store = openMemoryStore({
      onCommit: () => {
        commits++;
        heardAtCommit = oven?.heard.length ?? 0;
        return undefined;
      },
    });
    const world = new World(store);
    oven = world.board('oven').hello();
    oven.heard = [];
    commits = 0;
    for (let n = 0; n < 20; n++) oven.push({ is: 'offer', session: 7, items: [oven.item(`f${n}`)] });
    world.pump.step();
    expect(commits).toBe(1);
    expect(heardAtCommit).toBe(0);
    expect(oven.took('done').map(({ message }) => message.items.length)).toEqual([20]);
    expect(oven.took('head').map(({ message }) => message.head)).toEqual([20]);
  });

  it('pump: a need beside a change in one batch -> asked before the commit, done and head after it', () => {
    const atCommit: string[][] = [];
    let oven: TestBoard | undefined;
    const kinds = () => (oven?.heard ?? []).map(({ message }) => message.is);
    const store = openMemoryStore({
      onCommit: () => {
        atCommit.push(kinds());
        return undefined;
      },
    });
    const world = new World(store);
    oven = world.board('oven').hello();
    oven.heard = [];
    atCommit.length = 0;
    const items = [oven.item('small'), oven.fileItem('big', cut(makeRandom(5).bytes(100_000)))];
    oven.push({ is: 'offer', session: 7, items });
    world.pump.step();
    expect(atCommit).toEqual([['need']]);
    expect(kinds()).toEqual(['need', 'done', 'head']);
  });

  it('pump: the commit of an upload -> its blocks are in the image that a crash leaves', () => {
    const store = openMemoryStore();
    const world = new World(store);
    const oven = world.board('oven').hello();
    const content = cut(makeRandom(1).bytes(300_000));
    oven.upload('a', content);
    const after = new World(openMemoryStore({ image: store.image() }));
    const stove = after.board('stove').hello();
    expect(Buffer.compare(stove.pull(content).bytes, content.bytes)).toBe(0);
  });

  it('pump: a crash in the middle of an upload -> blocks are asked for anew, it ends well', () => {
    const store = openMemoryStore();
    const world = new World(store);
    const oven = world.board('oven').hello();
    const content = cut(makeRandom(2).bytes(300_000));
    oven.offer(oven.fileItem('a', content));
    let left = 5;
    oven.serve(answer => (left-- > 0 ? answer : undefined));
    const after = new World(openMemoryStore({ image: store.image() }));
    const back = after.board('oven').hello();
    expect(back.upload('a', content)).toEqual([Verdict.ACCEPTED, 1]);
  });

  it('pump: the disk is full -> no done, again for who was in the batch, busy for others uploads, then it heals', () => {
    let code: string | undefined;
    const world = new World(openMemoryStore({ onCommit: () => code }));
    const oven = world.board('oven').hello();
    const stove = world.board('stove').hello();
    const upload = stove.fileItem('big', cut(makeRandom(3).bytes(100_000)));
    stove.offer(upload);
    stove.took('need');
    code = 'ENOSPC';
    const item = oven.item('a');
    oven.offer(item);
    expect(oven.took('done')).toEqual([]);
    expect(oven.took('head')).toEqual([]);
    expect(oven.took('again').map(({ message }) => message.session)).toEqual([7]);
    expect(stove.verdicts().get(upload.req)).toEqual([Verdict.BUSY, 0]);
    expect(stove.took('again')).toEqual([]);
    expect(world.noted('trouble')).toEqual([{ kind: 'trouble', code: 'ENOSPC', doing: 'keeping changes' }]);

    oven.hello();
    oven.offer(item);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    code = undefined;
    world.pass(5_001);
    const later = oven.item('a');
    oven.offer(later);
    expect(oven.verdicts().get(later.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(stove.upload('big', cut(makeRandom(3).bytes(100_000)))).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('pump: the disk is full when a new share comes -> no session, and none is left half made', () => {
    let code: string | undefined = 'ENOSPC';
    const world = new World(openMemoryStore({ onCommit: () => code }));
    const oven = world.board('oven').hello();
    expect(oven.took('welcome')).toEqual([]);
    expect(world.store.folders()).toEqual([]);
    oven.hello();
    expect(oven.took('welcome')).toEqual([]);
    code = undefined;
    world.pass(5_001);
    oven.hello();
    expect(oven.took('welcome').length).toBe(1);
    expect(world.store.folders().length).toBe(1);
  });

  it('pump: trouble while blocks come, every commit in turn -> each try ends in busy or again, the last one well', () => {
    const content = cut(makeRandom(4).bytes(150_000));
    for (let bad = 1; bad < 6; bad++) {
      let commits = 0;
      const world = new World(openMemoryStore({ onCommit: () => (++commits === bad ? 'EIO' : undefined) }));
      const oven = world.board('oven').hello();
      let verdict: number | undefined;
      for (let tries = 0; tries < 5 && verdict !== Verdict.ACCEPTED; tries++) {
        oven.hello();
        verdict = oven.upload('a', content)?.[0];
        if (verdict === Verdict.ACCEPTED) oven.tell('b');
        world.pass(5_001);
      }
      expect(verdict).toBe(Verdict.ACCEPTED);
      oven.hello();
      expect(Buffer.compare(oven.pull(content).bytes, content.bytes)).toBe(0);
    }
  });

  it('pump: pushed and left alone -> the loop carries it, wakes for lost answers, and close ends it', async () => {
    const store = openMemoryStore();
    let frames = 0;
    let wait: (() => void) | undefined;
    const hub = new Hub({
      store,
      hasher: arena,
      squeeze,
      newFolderId: () => new Uint8Array(16),
      sharesMax: 64,
      frameBytesMax: FRAME_BYTES_MAX,
      answerWaitMs: 20,
    });
    const pump = new Pump({
      hub,
      store,
      now: () => performance.now(),
      onFail: error => {
        throw error;
      },
      carry: effect => {
        if (effect.do !== 'send' || effect.message.is !== 'need') return;
        if (++frames === 3) wait?.();
      },
    });
    const board = new World().board('oven');
    const content = cut(text('some bytes'));
    const item = board.fileItem('a', content);
    const third = new Promise<void>(resolve => {
      wait = resolve;
    });
    const hello = {
      is: 'hello',
      session: 1,
      versionMin: 1,
      versionMax: 1,
      share: 'attic',
      folder: new Uint8Array(0),
      position: 0,
      frameBytesMax: FRAME_BYTES_MAX,
      window: 1,
      software: '',
      term: new Uint8Array(0),
      ahead: 0,
      aheadTerm: new Uint8Array(0),
      trail: [],
    } satisfies MessageNamed<'hello'>;
    pump.push({ is: 'message', board: 'oven', message: hello, body: text('') });
    pump.push({
      is: 'message',
      board: 'oven',
      message: { is: 'offer', session: 1, items: [item] },
      body: text(''),
    });
    await third;
    pump.close();
    expect(hub.status().boards[0]?.pending).toBe(1);
  });

  it('pump: more events than may wait -> dropped and counted', () => {
    const world = new World();
    for (let n = 0; n < 1030; n++) world.pump.push({ is: 'malformed', board: 'x', why: 'y' });
    expect(world.pump.gauge.reading()).toMatchObject({
      limit: 1024,
      highWater: 1024,
      whenFull: 'drops',
      times: 6,
    });
    world.pump.close();
    expect(world.noted('malformed').length).toBe(1024);
  });

  it('pump: the store says it is broken -> told to onFail, no done', async () => {
    let code: string | undefined;
    const world = new World(openMemoryStore({ onCommit: () => code }));
    const oven = world.board('oven').hello();
    code = BROKEN;
    expect(() => oven.offer(oven.item('a'))).toThrow('the store is broken');
    expect(oven.took('done')).toEqual([]);
  });

  const mistake = () => {
    throw new Error('ours');
  };

  it.each([
    ['our own mistake', mistake, () => undefined, 'ours'],
    ['our own mistake in what is done beside', () => {}, mistake, 'ours'],
    [
      'the store broken by what is done beside',
      () => {},
      () => BROKEN,
      'the store is broken: start it again',
    ],
  ])('pump: %s -> told to onFail, nothing more is handled', async (_what, take, step, said) => {
    const nothing = () => [];
    const hub = { wakeAt: Number.POSITIVE_INFINITY, take, early: nothing, drain: nothing, fail: nothing };
    const error = await new Promise<Error>(resolve => {
      const pump = new Pump({
        ...{ hub: hub as unknown as Hub, store: openMemoryStore(), carry: () => {}, now: () => 0 },
        ...{ beside: { wakeAt: 0, step }, onFail: resolve },
      });
      pump.push({ is: 'tick' });
    });
    expect(error.message).toBe(said);
  });
});
