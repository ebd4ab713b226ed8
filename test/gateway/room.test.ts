// A store that has little room left: what does not fit is not asked for, what does goes on.

import { beforeEach, describe, expect, it } from 'vitest';
import { Need, Verdict } from '../../protocol/messages.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { cut, type TestBoard, text, World } from './world.ts';

const MIB = 1024 * 1024;
/** Of it, 4 MiB are kept. */
const KEPT = 4 * MIB;

describe('room', () => {
  let room: number;
  let world: World;
  let oven: TestBoard;
  beforeEach(() => {
    room = KEPT + MIB;
    world = new World(openMemoryStore({ roomBytes: () => room }));
    oven = world.board('oven').hello();
  });
  const random = makeRandom(31);
  const large = cut(random.bytes(2 * MIB));
  const medium = cut(random.bytes(700_000));
  const askedBlocks = () => oven.needs().filter(({ what }) => what === Need.BLOCKS);

  it('room: a content that does not fit -> BUSY, no block of it asked, said; once there is room -> taken', () => {
    expect(oven.upload('large', large)).toEqual([Verdict.BUSY, 0]);
    expect(world.noted('dropped').map(({ path, why }) => [Buffer.from(path).toString(), why])).toEqual([
      ['large', `no room for its ${2 * MIB} bytes on the gateway's disk (ENOSPC)`],
    ]);
    // What went up is its recipe, 19 bytes a block.
    expect(oven.bytesUp).toBeLessThan(15_000);
    expect(oven.upload('medium', medium)).toEqual([Verdict.ACCEPTED, 1]);
    room = KEPT + 3 * MIB;
    expect(oven.upload('large', large)).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('room: it does not fit whole, but most of it is known -> taken', () => {
    room = KEPT + 3 * MIB;
    oven.upload('large', large);
    room = KEPT + MIB;
    const grown = cut(Uint8Array.from(Buffer.concat([large.bytes, random.bytes(100_000)])));
    expect(oven.upload('grown', grown)).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('room: zeros that repeat one block -> counted once', () => {
    expect(oven.upload('zeros', cut(new Uint8Array(2 * MIB)))).toEqual([Verdict.ACCEPTED, 1]);
  });

  it('room: each fits, but not both -> the one under way is promised its room, the other is BUSY until it ends', () => {
    const other = cut(random.bytes(700_000));
    const [first, second] = [oven.fileItem('first', medium), oven.fileItem('second', other)];
    const lost = oven.fileItem('lost', medium);
    oven.offer(lost);
    oven.say({ is: 'gone', session: oven.session, items: [{ req: lost.req, reason: 0 }] });
    oven.offer(first, second);
    oven.serve();
    const verdicts = oven.verdicts();
    expect(verdicts.get(first.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(verdicts.get(second.req)).toEqual([Verdict.BUSY, 0]);
    expect(oven.upload('second', other)).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('room: none left -> BUSY for small files and large at once, said once; a new share is refused; what brings no content goes on', () => {
    const [, seq] = oven.upload('medium', medium);
    room = KEPT - 1;
    world.pass(1_000);
    const small = cut(text('small'));
    expect(oven.whole('small', small)).toEqual([Verdict.BUSY, 0]);
    const item = oven.fileItem('large', large);
    oven.offer(item);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    expect(askedBlocks()).toEqual([]);
    expect(oven.directory('sub')[0]).toBe(Verdict.ACCEPTED);
    expect(oven.upload('sub/moved', medium)[0]).toBe(Verdict.ACCEPTED);
    expect(oven.remove('medium', seq)[0]).toBe(Verdict.ACCEPTED);
    expect(world.noted('trouble')).toEqual([
      { kind: 'trouble', code: 'ENOSPC', doing: 'finding room for new contents' },
    ]);
    const stove = world.board('stove', 'cellar').hello();
    expect(stove.took('refuse')[0]?.message.reason).toMatch(/no room for a new share .*ENOSPC/);
    room = KEPT + MIB;
    world.pass(1_000);
    stove.hello();
    expect(stove.took('welcome')).toHaveLength(1);
    expect(oven.whole('small', small)[0]).toBe(Verdict.ACCEPTED);
  });
});
