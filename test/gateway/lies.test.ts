// Boards that lie, or whose bytes were damaged: nothing that is not what its id says is ever kept.

import { beforeEach, describe, expect, it } from 'vitest';
import { type Message, type OfferItem, Verdict } from '../../protocol/messages.ts';
import { RecipeWriter } from '../../protocol/recipe.ts';
import { RECORD_BYTES } from '../../protocol/record.ts';
import { makeRandom } from './random.ts';
import { arena, cut, lengthOf, type TestBoard, text, World } from './world.ts';

function recipeOf(records: Uint8Array): Uint8Array {
  const writer = new RecipeWriter(new Uint8Array(2048));
  for (let at = 0; at < records.length; at += RECORD_BYTES) {
    if (!writer.fresh(lengthOf(records, at / RECORD_BYTES), records.subarray(at + 4, at + RECORD_BYTES)))
      break;
  }
  return writer.part.slice();
}

describe('lies', () => {
  let world: World;
  let oven: TestBoard;
  beforeEach(() => {
    world = new World();
    oven = world.board('oven').hello();
  });

  it('lies: blocks with a flipped bit -> never kept, asked again, busy after three', () => {
    const content = cut(makeRandom(16).bytes(3_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    let answers = 0;
    oven.serve(({ message, body }) => {
      answers++;
      const wrong = body.slice();
      wrong[1_000]! ^= 1;
      return { message, body: wrong };
    });
    expect(answers).toBe(3);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    expect(world.store.content(content.id)).toBeUndefined();
    expect(oven.status.counters.mismatches).toBe(3);
    expect(oven.upload('a', content)).toEqual([Verdict.ACCEPTED, 1]);
  });

  it('lies: one bad answer, then good ones -> accepted', () => {
    const content = cut(makeRandom(17).bytes(100_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    let isFirst = true;
    oven.serve(answer => {
      if (!isFirst) return answer;
      isFirst = false;
      return { message: answer.message, body: answer.body.map(byte => byte ^ 0xff) };
    });
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
    expect(world.noted('mismatch').length).toBe(1);
  });

  it('lies: runs that were not asked for -> nothing changes', () => {
    const content = cut(makeRandom(18).bytes(100_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    const [need] = oven.needs();
    const fair = oven.blocks(need!);
    const twist = (fields: object): void => {
      const message = fair.message as Extract<Message, { is: 'blocks' }>;
      const items = message.items.map(each => ({ ...each, ...fields }));
      oven.say({ ...message, items }, fair.body);
    };
    twist({ req: 99 });
    twist({ ordinal: need!.ordinal + 1 });
    twist({ count: need!.count - 1 });
    twist({ count: 0 });
    twist({ dictionary: need!.dictionary + 1 });
    expect(oven.status.counters.unasked).toBe(5);
    expect(oven.status.pending).toBe(1);
  });

  const lie = (fields: Partial<OfferItem>): void => {
    const content = cut(makeRandom(19).bytes(20_000));
    const item = oven.fileItem('a', content, fields);
    oven.offer(item);
    expect(oven.needs()).toEqual([]);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    expect(world.noted('dropped').length).toBe(1);
    expect(oven.status.pending).toBe(0);
    expect(world.store.folder('attic')?.head).toBe(0);
  };

  it('lies: a recipe whose id is not the content -> busy, nothing asked', () => {
    lie({ content: new Uint8Array(16).fill(3) });
  });

  it('lies: a recipe shorter or longer than the size -> busy, nothing asked', () => {
    lie({ size: 20_001 });
    world = new World();
    oven = world.board('oven').hello();
    lie({ size: 19_999 });
  });

  it('lies: a recipe that is no recipe -> busy', () => {
    lie({ recipe: makeRandom(20).bytes(300) });
  });

  it('lies: a recipe that copies from a base not there, or past its end -> busy', () => {
    const writer = new RecipeWriter(new Uint8Array(64));
    writer.copy(0, 3);
    lie({ recipe: writer.part.slice() });
    world = new World();
    oven = world.board('oven').hello();
    const base = cut(makeRandom(21).bytes(10_000));
    oven.upload('base', base);
    const far = new RecipeWriter(new Uint8Array(64));
    far.copy(base.records.length / RECORD_BYTES, 1);
    const item = oven.fileItem('a', cut(makeRandom(22).bytes(20_000)), {
      baseContent: base.id,
      recipe: far.part.slice(),
    });
    oven.offer(item);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
  });

  it('lies: a recipe with a short block in its middle, or more blocks than the size allows -> busy', () => {
    const block = (bytes: Uint8Array) => {
      const record = Buffer.alloc(RECORD_BYTES);
      record.writeUInt32LE(bytes.length, 0);
      record.set(arena.blockId(bytes), 4);
      return record;
    };
    const blocks = [text('short'), makeRandom(23).bytes(5_000)];
    const records = Buffer.concat(blocks.map(block));
    const content = arena.contentIdOf([records]);
    lie({ content, size: 5_005, recipe: recipeOf(records) });
    world = new World();
    oven = world.board('oven').hello();
    const tiny = Buffer.concat(Array.from({ length: 60 }, (_, n) => block(text(`${n % 10}`))));
    lie({ content: arena.contentIdOf([tiny]), size: 60, recipe: recipeOf(tiny) });
  });

  it('lies: a part of 10 bytes that copies without end -> bounded by the size, a bounded step an event', () => {
    const base = cut(makeRandom(24).bytes(2_000_000));
    oven.upload('base', base);
    // Without its last block, which may be too short to stand in the middle.
    const count = base.records.length / RECORD_BYTES - 1;
    const writer = new RecipeWriter(new Uint8Array(2048));
    let copies = 0;
    while (writer.copy(0, count)) copies++;
    const item = oven.fileItem('a', base, {
      size: (2_000_000 - lengthOf(base.records, count)) * copies,
      content: new Uint8Array(16).fill(1),
      baseContent: base.id,
      recipe: writer.part.slice(),
    });
    expect(copies).toBeGreaterThan(400);
    oven.offer(item);
    expect(oven.verdicts().size).toBe(0);
    expect(world.hub.wakeAt).toBe(world.now);
    let ticks = 0;
    while (world.hub.wakeAt <= world.now && ticks < 1000) {
      world.pump.step();
      ticks++;
    }
    expect(ticks).toBeGreaterThan(10);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
  });
});
