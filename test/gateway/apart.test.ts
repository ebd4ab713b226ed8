// Shares under grants: what only others hold is unknown, to pulls and to guesses; one's own is as ever.

import { beforeEach, describe, expect, it } from 'vitest';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { Piece, Reason, Verdict } from '../../protocol/messages.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { type Content, cut, NOTHING, type TestBoard, text, World } from './world.ts';

const random = makeRandom(71);
const secret = cut(random.bytes(200_000));
const small = cut(text('the code is 4711'));
const isSame = (bytes: Uint8Array, content: Content) => Buffer.compare(bytes, content.bytes) === 0;
const grown = (content: Content, bytes = 20_000) =>
  cut(Uint8Array.from(Buffer.concat([content.bytes, random.bytes(bytes)])));

describe('apart', () => {
  let world: World;
  let oven: TestBoard;
  let rogue: TestBoard;
  beforeEach(() => {
    world = new World(openMemoryStore(), FRAME_BYTES_MAX, true);
    oven = world.board('oven').hello();
    rogue = world.board('rogue', 'rogue').hello();
    oven.upload('secret', secret);
    oven.whole('small', small);
  });
  const lost = (board: TestBoard, content: Content) => {
    const item = { req: ++board.lastReq, content: content.id, base: NOTHING, offset: 0, credit: 4 };
    board.say({ is: 'pull', session: board.session, items: [item] });
    expect(board.took('piece')).toEqual([]);
    return board.took('lost').flatMap(({ message }) => message.items.map(({ reason }) => reason));
  };
  const sent = (board: TestBoard, work: () => unknown) => {
    board.bytesUp = 0;
    work();
    return board.bytesUp;
  };

  it('apart: a content of another share, current or replaced -> pulls of it are lost, as of one that never was', () => {
    expect([secret, small].flatMap(content => lost(rogue, content))).toEqual([
      Reason.UNKNOWN,
      Reason.UNKNOWN,
    ]);
    oven.upload('secret', cut(text('another')), { base: 1 });
    expect(lost(rogue, secret)).toEqual([Reason.UNKNOWN]);
    expect(isSame(oven.pull(secret).bytes, secret)).toBe(true);
    expect(isSame(oven.pull(small).bytes, small)).toBe(true);
  });

  it('apart: a content of another share is offered -> every block asked for; sent, it is taken and kept once', () => {
    for (const guess of [secret, small]) {
      const item = rogue.fileItem(`guess ${guess.bytes.length}`, guess);
      rogue.offer(item);
      expect(rogue.verdicts().size).toBe(0);
      const before = world.store.size().bytes;
      expect(sent(rogue, () => rogue.serve())).toBeGreaterThanOrEqual(guess.bytes.length);
      expect(rogue.verdicts().get(item.req)?.[0]).toBe(Verdict.ACCEPTED);
      expect(world.store.size().bytes - before).toBeLessThan(1_500);
      expect(isSame(rogue.pull(guess).bytes, guess)).toBe(true);
    }
  });

  it('apart: a wrong size for a content of another share -> asked for, not refused', () => {
    const item = rogue.fileItem('guess', secret, { size: secret.bytes.length - 1 });
    rogue.offer(item);
    expect(rogue.verdicts().get(item.req)?.[0]).not.toBe(Verdict.REFUSED);
  });

  it('apart: a new content with blocks of another share -> those are asked for, too', () => {
    const item = rogue.fileItem('guess', grown(secret));
    rogue.offer(item);
    expect(sent(rogue, () => rogue.serve())).toBeGreaterThan(secret.bytes.length);
    expect(rogue.verdicts().get(item.req)?.[0]).toBe(Verdict.ACCEPTED);
  });

  it('apart: a content of another share as base -> nothing is copied from it, down or up', () => {
    const own = grown(secret);
    rogue.upload('own', own);
    const item = { req: ++rogue.lastReq, content: own.id, base: secret.id, offset: 0, credit: 200 };
    rogue.say({ is: 'pull', session: rogue.session, items: [item] });
    const pieces = rogue.took('piece').flatMap(({ message }) => message.items);
    expect(pieces.some(({ op, dictionaryLength }) => op === Piece.COPY || dictionaryLength > 0)).toBe(false);
    const offer = rogue.fileItem('guess', grown(secret), {}, secret);
    rogue.offer(offer);
    expect(rogue.verdicts().get(offer.req)?.[0]).toBe(Verdict.CONFLICT);
  });

  it('apart: within a share -> a rename asks nothing, an edit the new blocks, also of what others hold too', () => {
    rogue.upload('same', secret);
    for (const board of [oven, rogue]) {
      const renamed = board.fileItem('renamed', secret);
      board.offer(renamed);
      expect(board.needs()).toEqual([]);
      const edited = grown(secret);
      const [, base] = board.verdicts().get(renamed.req)!;
      expect(sent(board, () => board.upload('renamed', edited, { base }, secret))).toBeLessThan(60_000);
      const { frames, bytesDown } = board.pull(edited, secret);
      expect({ frames, isSmall: bytesDown < 60_000 }).toEqual({ frames: 1, isSmall: true });
    }
  });

  it('apart: the newest version goes on from one that the folder held before -> down as a delta', () => {
    const edited = grown(secret);
    oven.upload('secret', edited, { base: 1 }, secret);
    expect(oven.pull(edited, secret).bytesDown).toBeLessThan(60_000);
    const file = oven.remove('secret', 3);
    expect(file[0]).toBe(Verdict.ACCEPTED);
    const again = grown(edited);
    expect(sent(oven, () => oven.upload('secret', again, { base: 3 }, edited))).toBeLessThan(60_000);
  });

  it('apart: an upload is broken off and begun again -> what came is not asked for again', () => {
    const content = cut(random.bytes(400_000));
    const item = rogue.fileItem('large', content);
    rogue.offer(item);
    let left = 3;
    const came = sent(rogue, () => rogue.serve(answer => (left-- > 0 ? answer : undefined)));
    expect(came).toBeGreaterThan(50_000);
    rogue.session++;
    rogue.hello();
    rogue.took('need');
    const again = sent(rogue, () => expect(rogue.upload('large', content)[0]).toBe(Verdict.ACCEPTED));
    expect(again).toBeLessThan(content.bytes.length - came + 20_000);
  });
});
