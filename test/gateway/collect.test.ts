// What collecting takes away and what it never may: versions by their time, contents, blocks and packs by whether
// anything needs them. After each round the store verifies.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { versionsOf } from '../../gateway/history/versions.ts';
import type { HubEffect } from '../../gateway/hub/ports.ts';
import { Retention } from '../../gateway/hub/retention.ts';
import { Pump } from '../../gateway/pump.ts';
import { openLmdbShelves, openLmdbStore } from '../../gateway/store/lmdb.ts';
import type { Store } from '../../gateway/store/port.ts';
import type { Word } from '../../gateway/verify/findings.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, Verdict } from '../../protocol/messages.ts';
import { RECORD_BYTES, recordId } from '../../protocol/record.ts';
import { type MemoryStore, openMemoryShelves, openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { arena, type Content, cut, NOTHING, type TestBoard, text, World } from './world.ts';

const BLOOM_BITS = 2 ** 16;
const open = (): { world: World; store: MemoryStore } => {
  const store = openMemoryStore({ bloomBits: BLOOM_BITS });
  return { world: new World(store), store };
};
const step = (store: Store): boolean => {
  const outcome = store.transaction(() => store.collect());
  if (!outcome.isDurable) throw new Error(outcome.code);
  return outcome.value;
};
/** A whole round; `between` any two steps. */
function collect(world: World, before: number, between = (_step: number) => {}): void {
  const store = world.store as MemoryStore;
  store.startCollecting(before, world.hub.pins());
  for (let steps = 0; step(store); steps++) {
    if (steps === 100_000) throw new Error('a round that never ends');
    between(steps);
  }
}
const damagesOf = (store: MemoryStore): string[] => {
  // As after a kill: what waits is gone, and so are lists of blocks that were still arriving.
  const image = openMemoryStore({ image: store.image() }).image();
  const words: Word[] = [];
  verify(openMemoryShelves({ image }), arena, word => words.push(word));
  return words.flatMap(word => (word.is === 'damage' ? [word.text] : []));
};
const seqsOf = (world: World, path: string) =>
  [...versionsOf(world.store, world.store.folder('attic')!, text(path))].map(({ version, isThere }) =>
    isThere || version.kind === Kind.ABSENT ? version.seq : -version.seq,
  );
/** Whether the gateway gives it byte for byte. */
const isWhole = (board: TestBoard, content: Content): boolean =>
  Buffer.compare(board.pull(content).bytes, content.bytes) === 0;
const NONE = cut(new Uint8Array(0));
const noise = (seed: number, bytes: number): Content => cut(makeRandom(seed).bytes(bytes));

const onFail = (error: Error) => {
  throw error;
};

describe('collect', () => {
  test('collect: an empty content goes, whose list had the number of another -> killed at any step, the other stays', () => {
    const first = open();
    first.world.board('oven').hello().upload('empty', NONE);
    const store = openMemoryStore({ image: first.store.image(), hasher: arena });
    const world = new World(store);
    const board = world.board('hob').hello();
    const content = noise(1, 200_000);
    expect(board.upload('f', content)).toEqual([Verdict.ACCEPTED, 2]);
    expect(store.content(content.id)!.number).toBe(store.content(NONE.id)!.number);
    expect(board.remove('empty', 1)).toEqual([Verdict.ACCEPTED, 3]);
    world.now += 10_000;
    collect(world, world.now, () => expect(damagesOf(store)).toEqual([]));
    expect(store.content(NONE.id)).toBeUndefined();
  });

  test('collect: versions by when they were replaced -> older ones go, with their content; the rest stays whole', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    const times: number[] = [];
    const contents = [1, 2, 3, 4].map(seed => noise(seed, 200_000));
    for (const [n, content] of contents.entries()) {
      board.upload('f', content, { base: n });
      times.push(world.now);
      world.now += 1_000;
    }
    const full = store.size().usedBytes;
    // The second came at times[1]: that is when the first was replaced.
    collect(world, times[1]! + 1);
    expect(seqsOf(world, 'f')).toEqual([4, 3, 2]);
    expect(store.content(contents[0]!.id)).toBeUndefined();
    expect(store.knows(world.store.folder('attic')!.number, text('f'), Kind.FILE, contents[0]!.id)).toBe(
      false,
    );
    expect(damagesOf(store)).toEqual([]);
    collect(world, world.now);
    expect(seqsOf(world, 'f')).toEqual([4]);
    expect(isWhole(board, contents[3]!)).toBe(true);
    expect(damagesOf(store)).toEqual([]);
    expect(store.size().usedBytes).toBeLessThan(full / 3);
  });

  test('collect: nothing is old -> nothing goes', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    board.upload('f', noise(1, 300_000));
    board.upload('f', noise(2, 300_000), { base: 1 });
    board.remove('f', 2);
    collect(world, world.now);
    expect(seqsOf(world, 'f')).toEqual([3, 2, 1]);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: a content that another path or version holds, blocks that another content holds -> stay', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    const content = noise(1, 300_000);
    const longer = cut(Uint8Array.from([...content.bytes, ...makeRandom(2).bytes(50_000)]));
    board.upload('f', content);
    board.upload('copy', content);
    board.upload('longer', longer, {}, content);
    world.now += 1_000;
    board.upload('f', noise(3, 10), { base: 1 });
    world.now += 1_000;
    collect(world, world.now);
    expect(seqsOf(world, 'f')).toEqual([4]);
    expect(isWhole(board, content)).toBe(true);
    board.remove('copy', 2);
    world.now += 1_000;
    collect(world, world.now);
    expect(store.content(content.id)).toBeUndefined();
    expect(isWhole(board, longer)).toBe(true);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: contents that came whole -> those that something needs stay, with their block; the others go', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    const [stays, goes] = [cut(text('stays')), cut(text('goes'))];
    board.whole('f', stays);
    board.whole('twin', stays);
    board.whole('g', goes);
    board.remove('f', 1);
    board.remove('g', 3);
    const { usedBytes } = store.size();
    world.now += 1_000;
    collect(world, world.now);
    expect(seqsOf(world, 'twin')).toEqual([2]);
    expect(isWhole(board, stays)).toBe(true);
    expect(store.content(goes.id)).toBeUndefined();
    expect(store.hasBlock(recordId(goes.records))).toBe(false);
    expect(store.size().usedBytes).toBeLessThan(usedBytes);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: a deletion, however old -> is still told', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    board.upload('f', noise(1, 10));
    board.remove('f', 1);
    world.now += 1_000;
    collect(world, world.now);
    expect(seqsOf(world, 'f')).toEqual([2]);
    const changes = store.changesAfter(store.folder('attic')!.number, 0, 9);
    expect(changes.map(({ version }) => [version.seq, version.kind])).toEqual([[2, Kind.ABSENT]]);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: an old version comes back after it went -> a conflict where it was stale, and nothing is lost', () => {
    const { world } = open();
    const [board, other] = [world.board('oven').hello(), world.board('hob').hello()];
    const [first, second] = [noise(1, 5_000), noise(2, 5_000)];
    board.upload('f', first);
    board.upload('f', second, { base: 1 });
    world.now += 1_000;
    expect(other.upload('f', first)).toEqual([Verdict.STALE, 2]);
    collect(world, world.now);
    expect(other.upload('f', first)).toEqual([Verdict.CONFLICT, 2]);
    expect(other.upload('f.conflict', first)).toEqual([Verdict.ACCEPTED, 3]);
    expect(isWhole(board, first)).toBe(true);
  });

  test('collect: uploads against a base that goes, at every step of a round -> all come whole', () => {
    // -1: before the round, which goes on between its needs. A round has 7 steps here.
    for (let when = -1; when < 7; when++) {
      const { world, store } = open();
      const board = world.board('oven').hello({ window: 1 });
      const base = noise(1, 400_000);
      board.upload('f', base);
      board.upload('f', noise(2, 100), { base: 1 });
      world.now += 1_000;
      const bytes = Uint8Array.from([...base.bytes.subarray(0, 200_000), ...makeRandom(3).bytes(150_000)]);
      const next = cut(bytes);
      const item = board.fileItem('g', next, {}, base);
      if (when < 0) board.offer(item);
      collect(world, world.now, steps => {
        if (steps === when) board.offer(item);
        for (const each of board.took('need').flatMap(({ message }) => message.items))
          board.push(board.blocks(each).message, board.blocks(each).body);
        world.pump.step();
      });
      board.serve();
      world.pass(20_000);
      board.serve();
      // Begun when the base was gone already: as a new file, whole.
      if (board.verdicts().get(item.req)?.[0] === Verdict.CONFLICT) board.upload('g', next);
      const current = store.current(store.folder('attic')!.number, text('g'));
      expect(current?.content, `begun ${when}`).toEqual(next.id);
      expect(isWhole(board, next), `begun ${when}`).toBe(true);
      expect(damagesOf(store), `begun ${when}`).toEqual([]);
    }
  });

  test('collect: killed after any step -> whole, and the next round goes through', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    for (let n = 0; n < 6; n++) {
      board.upload('f', noise(n, 100_000), { base: n * 2 });
      board.upload(`g${n}`, noise(10 + n, 3_000));
    }
    world.now += 1_000;
    const images = [store.image()];
    collect(world, world.now, () => images.push(store.image()));
    for (const image of images) {
      const again = openMemoryStore({ image, bloomBits: BLOOM_BITS });
      expect(damagesOf(again)).toEqual([]);
      again.startCollecting(world.now, []);
      while (step(again));
      expect(damagesOf(again)).toEqual([]);
      expect(again.size().usedBytes).toBeLessThan(200_000);
    }
  });

  test('collect: a step that cannot be kept -> undone, and the next round goes through', () => {
    let fails = 0;
    const store = openMemoryStore({
      bloomBits: BLOOM_BITS,
      onCommit: () => (fails-- > 0 ? 'ENOSPC' : undefined),
    });
    const world = new World(store);
    const board = world.board('oven').hello();
    board.upload('f', noise(1, 100_000));
    board.upload('f', noise(2, 100_000), { base: 1 });
    world.now += 1_000;
    store.startCollecting(world.now, []);
    fails = 1;
    let isDurable = true;
    while (isDurable) isDurable = store.transaction(() => store.collect()).isDurable;
    expect(store.transaction(() => store.collect())).toEqual({ isDurable: true, value: false });
    expect(seqsOf(world, 'f')).toEqual([2, 1]);
    expect(damagesOf(store)).toEqual([]);
    collect(world, world.now);
    expect(seqsOf(world, 'f')).toEqual([2]);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: a set so small that it holds nearly everything -> keeps too much, loses nothing', () => {
    const store = openMemoryStore({ bloomBits: 32 });
    const world = new World(store);
    const board = world.board('oven').hello();
    const content = noise(2, 300_000);
    board.upload('f', noise(1, 300_000));
    board.upload('f', content, { base: 1 });
    world.now += 1_000;
    collect(world, world.now);
    expect(isWhole(board, content)).toBe(true);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: 700 versions of many paths, over several steps each -> just those of the last second stay', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    const seqs = new Map<string, number>();
    const random = makeRandom(5);
    for (let n = 0; n < 700; n++) {
      const path = `l${random.below(5)}`;
      seqs.set(path, board.symlink(path, `to ${n}`, seqs.get(path) ?? 0)[1]);
      world.now += 10;
    }
    const before = world.now - 1_000;
    const kept = new Map(
      [...seqs.keys()].map(path => {
        const versions = [...versionsOf(store, store.folder('attic')!, text(path))].map(each => each.version);
        return [
          path,
          versions.filter((_, n) => n === 0 || versions[n - 1]!.arrived >= before).map(v => v.seq),
        ];
      }),
    );
    collect(world, before);
    for (const [path, versions] of kept) expect(seqsOf(world, path)).toEqual(versions);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: under grants, small packs written into one -> its blocks are still known as of their folder', () => {
    const store = openMemoryStore({ bloomBits: BLOOM_BITS });
    const world = new World(store, FRAME_BYTES_MAX, true);
    const board = world.board('oven').hello();
    const contents = [1, 2, 3].map(seed => noise(seed, 20_000));
    for (const [n, content] of contents.entries()) board.upload(`f${n}`, content);
    const packs = store.image()[1].size;
    collect(world, 0);
    expect(store.image()[1].size).toBeLessThan(packs);
    const { number: folder } = store.folder('attic')!;
    for (const { records } of contents)
      for (let at = 0; at < records.length; at += RECORD_BYTES)
        expect(store.hasBlock(recordId(records, at), folder)).toBe(true);
    expect(damagesOf(store)).toEqual([]);
  });

  test('collect: on LMDB -> what went is no longer in use, what stayed is read after a restart', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'toastbox-collect-'));
    const store = openLmdbStore(directory);
    const world = new World(store);
    const board = world.board('oven').hello();
    const last = noise(9, 500_000);
    for (let n = 0; n < 5; n++) board.upload('f', noise(n, 500_000), { base: n });
    board.upload('f', last, { base: 5 });
    world.now += 1_000;
    const full = store.size().usedBytes;
    store.startCollecting(world.now, world.hub.pins());
    expect(store.size().collectingBytes).toBeGreaterThan(0);
    while (step(store)) expect(store.size().collectingBytes).toBeLessThan(64 * 1024);
    expect(store.size().collectingBytes).toBe(0);
    expect(full).toBeGreaterThan(3_000_000);
    expect(store.size().usedBytes).toBeLessThan(full / 4);
    await store.close();
    const shelves = openLmdbShelves(directory, false);
    const sum = verify(shelves, arena, () => {});
    expect(sum).toMatchObject({ damages: 0, contents: 1, versions: 0, blockBytes: 500_000 });
    await shelves.close();
    rmSync(directory, { recursive: true });
  });
});

describe('retention', () => {
  const onTrouble = (text: string) => {
    throw new Error(text);
  };

  test('retention: a record that must be there is not -> told, undone, and tried again with the next round', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    board.symlink('l', 'a');
    board.symlink('l', 'b', 1);
    const [facts, packs] = store.image();
    const rows = new Map([...facts].filter(([key]) => !key.startsWith('E')));
    const damaged = openMemoryStore({ image: [rows, packs], bloomBits: BLOOM_BITS });
    const troubles: string[] = [];
    const retention = new Retention({
      store: damaged,
      pins: () => [],
      keepMs: 0,
      startedAt: world.now,
      onTrouble: text => troubles.push(text),
    });
    for (let round = 1; round <= 2; round++) {
      const due = retention.wakeAt;
      while (retention.wakeAt === due) retention.step(due);
      expect(retention.wakeAt).toBeGreaterThan(due);
      expect(troubles).toHaveLength(round);
    }
    expect(troubles[0]).toContain('toastbox verify');
    expect([...damaged.image()[0].keys()]).toEqual([...rows.keys()]);
  });

  test('retention: rounds between other work -> one step at a time, none while events wait', async () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    for (let n = 0; n < 5; n++) board.symlink('l', `to ${n}`, n);
    const startedAt = world.now;
    const retention = new Retention({
      store,
      pins: () => world.hub.pins(),
      keepMs: 1_000,
      startedAt,
      onTrouble,
    });
    retention.step(world.now);
    expect(seqsOf(world, 'l')).toHaveLength(5);
    world.now += 3_600_000;
    let steps = 0;
    let isBusy = true;
    const beside = {
      get wakeAt() {
        return retention.wakeAt;
      },
      step(now: number) {
        expect(isBusy).toBe(false);
        steps++;
        return retention.step(now);
      },
    };
    const pump = new Pump({ hub: world.hub, store, carry: () => {}, now: () => world.now, onFail, beside });
    // More than one batch: not a step before the last of them was handled.
    for (let n = 0; n < 200; n++) pump.push({ is: 'left', board: 'nobody' });
    pump.push({ is: 'restore', ticket: 1, share: 'attic', wanted: [] });
    const { take } = world.hub;
    world.hub.take = (event, now) => {
      if (event.is === 'restore') isBusy = false;
      take.call(world.hub, event, now);
    };
    while (retention.wakeAt <= world.now) await new Promise(setImmediate);
    pump.close();
    expect(steps).toBeGreaterThan(5);
    expect(seqsOf(world, 'l')).toEqual([5]);
    expect(damagesOf(store)).toEqual([]);
  });

  test('retention: a step that fails beside an upload -> the board is turned away, and its file is whole in the end', async () => {
    let code: string | undefined;
    const store = openMemoryStore({ bloomBits: BLOOM_BITS, onCommit: () => code });
    const world = new World(store);
    const board = world.board('oven').hello();
    for (let n = 0; n < 3; n++) board.symlink('l', `to ${n}`, n);
    const content = noise(6, 300_000);
    const item = board.fileItem('a', content);
    board.offer(item);
    let left = 5;
    board.serve(answer => (left-- > 0 ? answer : undefined));
    // What came of its recipe waits in the store for the next commit.
    code = 'EIO';
    const troubles: string[] = [];
    const beside = new Retention({
      store,
      pins: () => world.hub.pins(),
      keepMs: 0,
      startedAt: world.now - 3_600_000,
      onTrouble: text => troubles.push(text),
    });
    const carry = (effect: HubEffect) => {
      if (effect.do === 'send') board.hear(effect.message, effect.body ?? NOTHING);
    };
    const pump = new Pump({ hub: world.hub, store, carry, now: () => world.now, onFail, beside });
    pump.push({ is: 'left', board: 'nobody' });
    while (beside.wakeAt <= world.now) await new Promise(setImmediate);
    pump.close();
    expect(troubles).toEqual(['dropping old versions failed: EIO']);
    expect(board.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    code = undefined;
    world.pass(5_001);
    expect(board.upload('a', content)?.[0]).toBe(Verdict.ACCEPTED);
    expect(isWhole(board, content)).toBe(true);
    expect(damagesOf(store)).toEqual([]);
  });

  test('retention: more than it may hold -> less history with each round, and never what is current', () => {
    const { world, store } = open();
    const board = world.board('oven').hello();
    const day = 86_400_000;
    for (let n = 0; n < 20; n++) {
      board.upload('f', noise(n, 20_000), { base: n });
      world.now += day;
    }
    const keepBytes = 150_000;
    const options = { store, pins: () => world.hub.pins(), keepMs: 1_000 * day, keepBytes, onTrouble };
    const retention = new Retention({ ...options, startedAt: world.now });
    const round = () => {
      world.now = retention.wakeAt;
      while (retention.wakeAt <= world.now) retention.step(world.now);
    };
    let rounds = 0;
    for (; store.size().usedBytes > keepBytes; rounds++) round();
    expect(rounds).toBeGreaterThan(3);
    expect(seqsOf(world, 'f').length).toBeGreaterThan(1);
    expect(damagesOf(store)).toEqual([]);
    const tight = new Retention({ ...options, keepBytes: 1, startedAt: world.now });
    for (let n = 0; n < 40; n++) {
      world.now = tight.wakeAt;
      while (tight.wakeAt <= world.now) tight.step(world.now);
    }
    expect(seqsOf(world, 'f')).toEqual([20]);
    expect(board.pull(noise(19, 20_000)).bytes).toEqual(noise(19, 20_000).bytes);
    expect(damagesOf(store)).toEqual([]);
  });
});
