// A medium that changes what it was given: a block that is not what its id says is never given out and never counted
// on, and whoever still has its content brings it again with the next offer.

import { describe, expect, test } from 'vitest';
import { restoreVersion } from '../../gateway/hub/restore.ts';
import { WAITING_BYTES_MAX } from '../../gateway/store/port.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { Need, Reason, Verdict } from '../../protocol/messages.ts';
import { recordId } from '../../protocol/record.ts';
import { type Image, type MemoryStore, openMemoryShelves, openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { arena, type Content, cut, NOTHING, type TestBoard, text, World } from './world.ts';

const content = cut(makeRandom(1).bytes(200_000));
const small = cut(text('a small one'));
const BASE = { base: 1 };

/** `f` and `small` at rest in a store, each with a byte of a block flipped. */
function damaged(isGranting = false): { world: World; board: TestBoard; store: MemoryStore } {
  const first = openMemoryStore();
  const before = new World(first, undefined, isGranting).board('oven').hello();
  before.upload('f', content);
  before.whole('small', small);
  const [facts, packs] = first.image();
  const flipped = new Map(packs);
  for (const piece of [content.bytes.subarray(100_000, 100_032), small.bytes]) {
    for (const [key, pack] of packs) {
      const at = Buffer.from(pack).indexOf(piece);
      if (at >= 0)
        flipped.set(
          key,
          flipped.get(key)!.map((byte, index) => (index === at ? byte ^ 0x10 : byte)),
        );
    }
  }
  const store = openMemoryStore({ image: [facts, flipped], hasher: arena });
  const world = new World(store, undefined, isGranting);
  return { world, store, board: world.board('oven').hello({ session: 8 }) };
}

const damagesOf = (image: Image): number => verify(openMemoryShelves({ image }), arena, () => {}).damages;
/** Why it is not given. */
function refusal(board: TestBoard, { id }: Content): number | undefined {
  const item = { req: ++board.lastReq, content: id, base: NOTHING, offset: 0, credit: 64 };
  board.say({ is: 'pull', session: board.session, items: [item] });
  board.took('piece');
  return board.took('lost')[0]?.message.items[0]?.reason;
}
const isGiven = (board: TestBoard, wanted: Content): boolean =>
  Buffer.compare(board.pull(wanted).bytes, wanted.bytes) === 0;

function open(isGranting = false) {
  const opened = damaged(isGranting);
  opened.board.session = 8;
  opened.board.lastReq = 100;
  return opened;
}

describe('damage', () => {
  test('damage: a block is not what its id says -> not given out, said once, and no content with it is known', () => {
    const { world, board, store } = open();
    expect(refusal(board, content)).toBe(Reason.UNREADABLE);
    expect(refusal(board, content)).toBe(Reason.UNREADABLE);
    expect(refusal(board, small)).toBe(Reason.UNREADABLE);
    expect(world.noted('damaged')).toEqual([
      { kind: 'damaged', blocks: 1 },
      { kind: 'damaged', blocks: 1 },
    ]);
    expect(world.hub.status().lostBlocks).toBe(2);
    const item = board.fileItem('copy', content);
    board.offer(item);
    expect(board.verdicts().get(item.req)).toBeUndefined();
    expect(
      restoreVersion(store, store.folder('attic')!, { path: text('f'), version: 1, base: 1 }, 0),
    ).toEqual({
      verdict: Verdict.REFUSED,
      seq: 0,
    });
  });

  const accepted = (seq: number) => [Verdict.ACCEPTED, seq];
  const longer = cut(Uint8Array.from([...content.bytes, ...makeRandom(2).bytes(50_000)]));
  const mends: Record<string, (board: TestBoard) => unknown> = {
    'a copy of it': board => board.upload('copy', content),
    'the same file, written anew': board => board.upload('f', content, { ...BASE, mtime: 1e15 }),
    'the file, longer': board => board.upload('f', longer, BASE, content),
    'the file, longer, its base given': board => board.upload('g', longer, {}, content),
  };
  for (const [what, mend] of Object.entries(mends)) {
    for (const isGranting of [false, true]) {
      const where = isGranting ? ', shares kept apart' : '';
      test(`damage: found, then ${what} is offered${where} -> just that block is asked for, all is whole`, () => {
        const { board, store, world } = open(isGranting);
        refusal(board, content);
        refusal(board, small);
        board.bytesUp = 0;
        expect(mend(board)).toEqual(accepted(3));
        expect(board.bytesUp).toBeLessThan(90_000);
        expect(board.whole('small too', small)).toEqual(accepted(4));
        expect(isGiven(board, content)).toBe(true);
        expect(isGiven(board, small)).toBe(true);
        expect(world.hub.status().lostBlocks).toBe(0);
        expect(damagesOf(store.image())).toBe(0);
      });
    }
  }

  test('damage: found, and the gateway starts anew -> it is still known', () => {
    const { board, store } = open();
    refusal(board, content);
    board.directory('d');
    const anew = openMemoryStore({ image: store.image(), hasher: arena });
    const again = new World(anew);
    expect(again.hub.status().lostBlocks).toBe(1);
    const other = again.board('hob').hello();
    const item = other.fileItem('copy', content);
    other.offer(item);
    expect(other.verdicts().get(item.req)).toBeUndefined();
    other.serve();
    expect(other.verdicts().get(item.req)).toEqual(accepted(4));
    refusal(other, small);
    expect(other.whole('small too', small)).toEqual(accepted(5));
    expect(damagesOf(anew.image())).toBe(0);
  });

  test('damage: the commit that would note it fails -> found anew with the next read', () => {
    let code: string | undefined;
    const { store } = open();
    const failing = openMemoryStore({ image: store.image(), hasher: arena, onCommit: () => code });
    const board = new World(failing).board('oven').hello();
    code = 'ENOSPC';
    const item = { req: ++board.lastReq, content: content.id, base: NOTHING, offset: 0, credit: 64 };
    board.push({ is: 'pull', session: board.session, items: [item] });
    board.directory('d');
    code = undefined;
    expect(failing.lostBlocks().now).toBe(0);
    expect(refusal(board.hello({ session: 9 }), content)).toBe(Reason.UNREADABLE);
  });

  test('damage: found while an upload counts on the block -> BUSY, and whole with the next offer', () => {
    const { board, store, world } = open();
    const item = board.fileItem('g', longer, {}, content);
    board.offer(item);
    refusal(world.board('hob').hello(), content);
    board.serve();
    expect(board.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    expect(board.upload('g', longer, {}, content)).toEqual(accepted(3));
    expect(isGiven(board, longer)).toBe(true);
    expect(store.lostBlocks()).toEqual({ now: 0, found: 1 });
  });

  test('damage: in what a run is inflated with, the base of a delta -> neither is in the way', () => {
    const { board, store } = open();
    const bytes = Uint8Array.from(content.bytes);
    // The run just behind the damaged block changes, so its dictionary is the damaged one.
    bytes.fill(7, 104_000, 125_000);
    const changed = cut(bytes);
    expect(board.upload('f', changed, BASE, content)).toEqual([Verdict.BUSY, 0]);
    expect(store.lostBlocks()).toEqual({ now: 1, found: 1 });
    expect(board.upload('f', changed, BASE, content)).toEqual(accepted(3));
    expect(Buffer.compare(board.pull(changed, content).bytes, changed.bytes)).toBe(0);
    expect(store.content(changed.id)).toBeDefined();
  });

  test('damage: verify names blocks, the gateway is told -> it looks for itself, and asks for those alone', () => {
    const { world, board, store } = open();
    const ids: Uint8Array[] = [];
    verify(openMemoryShelves({ image: store.image() }), arena, word => {
      if (word.is === 'block') ids.push(Buffer.from(word.id, 'hex'));
    });
    expect(ids.length).toBe(2);
    world.pump.push({ is: 'doubt', blocks: [...ids, recordId(content.records)] });
    world.pump.step();
    expect(world.noted('damaged')).toEqual([{ kind: 'damaged', blocks: 2 }]);
    board.offer(board.fileItem('copy', content));
    const blocks = board.needs().filter(({ what }) => what === Need.BLOCKS);
    expect(blocks.map(({ count }) => count)).toEqual([1]);
    expect(board.upload('copy', content)).toEqual(accepted(3));
    expect(store.lostBlocks().now).toBe(1);
  });

  test('damage: of a content that nothing needs any more -> forgotten with it', () => {
    const { board, store, world } = open();
    refusal(board, small);
    board.remove('small', 2);
    world.now += 10_000;
    store.startCollecting(world.now, []);
    for (let isMore = true; isMore; ) {
      const outcome = store.transaction(() => store.collect());
      isMore = outcome.isDurable && outcome.value;
    }
    expect(store.lostBlocks().now).toBe(0);
    expect(openMemoryStore({ image: store.image() }).lostBlocks().now).toBe(0);
  });

  test('damage: more than the waiting room takes -> noted as room comes, and its memory stays bounded', () => {
    const first = openMemoryStore();
    const bytesOf = (at: number) => text(`block ${at}`);
    const ids = Array.from({ length: 20_000 }, (_, at) => Buffer.from(arena.blockId(bytesOf(at))));
    first.transaction(() => {
      for (const [at, id] of ids.entries()) first.putBlock(id, bytesOf(at));
      first.makeFolder('attic', new Uint8Array(16));
    });
    const [facts] = first.image();
    const store = openMemoryStore({ image: [facts, new Map()], hasher: arena });
    const readAll = () => ids.filter(id => store.block(id) !== undefined).length;
    expect(readAll()).toBe(0);
    const { now } = store.lostBlocks();
    expect(now).toBeGreaterThan(10_000);
    expect(now).toBeLessThan(ids.length);
    expect(store.size().waitingBytes).toBeLessThan(WAITING_BYTES_MAX + 1_000);
    // At the end of each transaction a full room is emptied, whether it wrote or not.
    store.transaction(readAll);
    store.transaction(readAll);
    expect(store.lostBlocks()).toEqual({ now: ids.length, found: ids.length });
    store.transaction(() => store.makeFolder('cellar', new Uint8Array(16).fill(1)));
    expect(openMemoryStore({ image: store.image() }).lostBlocks().now).toBe(ids.length);
    store.startCollecting(0, []);
    for (let isMore = true; isMore; ) {
      const outcome = store.transaction(() => store.collect());
      isMore = outcome.isDurable && outcome.value;
      expect(store.size().waitingBytes).toBeLessThan(WAITING_BYTES_MAX);
    }
    expect(store.lostBlocks().now).toBe(0);
    expect(openMemoryStore({ image: store.image() }).lostBlocks().now).toBe(0);
  });
});
