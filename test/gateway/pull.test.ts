// Content on its way down: whole, over a base, from any byte, within credit and frames.

import { beforeEach, describe, expect, it } from 'vitest';
import { COPY_BYTES_MAX, FRAME_BYTES_MIN, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { Piece, type PieceItem, Reason, Verdict } from '../../protocol/messages.ts';
import { makeRandom } from './random.ts';
import { applyPiece, type Content, cut, NOTHING, type TestBoard, text, World } from './world.ts';

const joined = (...parts: Uint8Array[]): Content => cut(Uint8Array.from(Buffer.concat(parts)));

/** Lines as a program logs them: they deflate well, and no two are the same. */
function log(seed: number, lines: number): Uint8Array {
  const random = makeRandom(seed);
  const kinds = ['GET /index.html 200', 'POST /measure 201', 'temperature outside', 'retrying connection'];
  const made: string[] = [];
  for (let n = 0; n < lines; n++)
    made.push(`${1_700_000_000 + n} ${kinds[random.below(4)]} ${random.below(1e6)}\n`);
  return text(made.join(''));
}

describe('pull', () => {
  let world: World;
  let oven: TestBoard;
  let stove: TestBoard;
  beforeEach(() => {
    world = new World();
    oven = world.board('oven').hello();
    stove = world.board('stove').hello();
  });
  const keep = (...contents: Content[]) => {
    for (const content of contents)
      expect(oven.upload(`f${oven.lastReq}`, content)[0]).toBe(Verdict.ACCEPTED);
  };
  const parts = (): PieceItem[] => stove.took('piece').flatMap(({ message }) => message.items);
  const ask = (content: Content, base: Content | undefined, offset: number, credit: number, req = 500) => {
    const item = { req, content: content.id, base: base?.id ?? NOTHING, offset, credit };
    stove.say({ is: 'pull', session: 7, items: [item] });
  };

  it('pull: contents of 1 byte to 2 MB without a base -> byte for byte, in about their deflated size', () => {
    for (const bytes of [text('x'), makeRandom(1).bytes(5_000), makeRandom(2).bytes(2_000_000)]) {
      const content = cut(bytes);
      keep(content);
      const got = stove.pull(content);
      expect(Buffer.compare(got.bytes, bytes)).toBe(0);
      expect(got.bytesDown).toBeLessThan(bytes.length * 1.02 + 200);
    }
    const lines = cut(log(3, 20_000));
    keep(lines);
    expect(stove.pull(lines).bytesDown).toBeLessThan(lines.bytes.length * 0.4);
  });

  it('pull: lines appended to a log -> about what the new lines deflate to', () => {
    const base = cut(log(4, 20_000));
    const more = log(5, 20).map(byte => byte);
    const content = joined(base.bytes, more);
    keep(base, content);
    const got = stove.pull(content, base);
    expect(Buffer.compare(got.bytes, content.bytes)).toBe(0);
    expect(got.bytesDown).toBeLessThan(1_200);
  });

  it('pull: two insertions in the middle -> the rest is copied', () => {
    const base = cut(log(6, 40_000));
    const at = 500_000;
    const content = joined(
      base.bytes.subarray(0, at),
      text('inserted once'),
      base.bytes.subarray(at, 2 * at),
      text('and once more'),
      base.bytes.subarray(2 * at),
    );
    keep(base, content);
    const got = stove.pull(content, base);
    expect(Buffer.compare(got.bytes, content.bytes)).toBe(0);
    expect(got.bytesDown).toBeLessThan(900);
  });

  it('pull: random bytes with 50 single bytes changed -> no block travels whole', () => {
    const random = makeRandom(7);
    const base = cut(random.bytes(2_000_000));
    const bytes = base.bytes.slice();
    for (let n = 0; n < 50; n++) bytes[random.below(bytes.length)]! ^= 0x55;
    const content = cut(bytes);
    keep(base, content);
    const got = stove.pull(content, base);
    expect(Buffer.compare(got.bytes, bytes)).toBe(0);
    expect(got.bytesDown).toBeLessThan(50 * 200);
  });

  it('pull: blocks removed, moved and repeated -> byte for byte', () => {
    const random = makeRandom(8);
    const base = cut(random.bytes(1_000_000));
    const piece = (from: number, to: number) => base.bytes.subarray(from, to);
    const content = joined(
      piece(600_000, 900_000),
      piece(0, 300_000),
      piece(0, 300_000),
      random.bytes(50_000),
      piece(900_000, 1_000_000),
    );
    keep(base, content);
    const got = stove.pull(content, base);
    expect(Buffer.compare(got.bytes, content.bytes)).toBe(0);
    expect(got.bytesDown).toBeLessThan(120_000);
  });

  it('pull: the base is unknown, empty or the content itself -> byte for byte', () => {
    const content = cut(log(9, 5_000));
    keep(content, cut(NOTHING));
    for (const base of [{ ...cut(text('never kept')) }, cut(NOTHING), content]) {
      expect(Buffer.compare(stove.pull(content, base).bytes, content.bytes)).toBe(0);
    }
    expect(stove.pull(content, content).bytesDown).toBeLessThan(100);
  });

  it('pull: a board whose frames are small -> no frame is larger', () => {
    const lamp = world.board('lamp').hello({ frameBytesMax: FRAME_BYTES_MIN });
    const content = cut(makeRandom(10).bytes(200_000));
    keep(content);
    let offset = 0;
    const made = new Uint8Array(content.bytes.length);
    while (offset < made.length) {
      lamp.say({
        is: 'pull',
        session: 7,
        items: [{ req: 1, content: content.id, base: NOTHING, offset, credit: 3 }],
      });
      for (const { message, body, frameBytes } of lamp.took('piece')) {
        expect(frameBytes).toBeLessThanOrEqual(FRAME_BYTES_MIN);
        offset = applyPiece(made, NOTHING, message, body, 1, offset);
      }
    }
    expect(Buffer.compare(made, content.bytes)).toBe(0);
  });

  it('pull: credit for n frames -> n frames, fewer only at the end; for none -> nothing', () => {
    const content = cut(makeRandom(11).bytes(300_000));
    keep(content);
    for (const credit of [1, 2, 5]) {
      ask(content, undefined, 0, credit);
      expect(stove.took('piece').length).toBe(credit);
    }
    ask(content, undefined, 0, 0);
    expect(stove.took('piece').length).toBe(0);
    ask(content, undefined, 290_000, 5);
    expect(stove.took('piece').length).toBe(1);
    ask(content, undefined, 300_000, 5);
    ask(content, undefined, 2 ** 50, 5);
    expect(parts()).toEqual([]);
  });

  it('pull: from any byte, over a base or not -> the rest, byte for byte', () => {
    const random = makeRandom(12);
    const base = cut(random.bytes(400_000));
    const content = joined(
      base.bytes.subarray(0, 200_000),
      random.bytes(1_000),
      base.bytes.subarray(200_000),
    );
    keep(base, content);
    for (let n = 0; n < 60; n++) {
      const offset = random.below(content.bytes.length);
      const over = n % 3 === 0 ? undefined : base;
      const made = content.bytes.slice(0, offset);
      const whole = new Uint8Array(content.bytes.length);
      whole.set(made);
      ask(content, over, offset, 20);
      let end = offset;
      for (const { message, body } of stove.took('piece')) {
        end = applyPiece(whole, over?.bytes ?? NOTHING, message, body, 500, end);
      }
      expect(end).toBe(content.bytes.length);
      expect(Buffer.compare(whole, content.bytes)).toBe(0);
    }
  });

  it('pull: a frame is lost and its offset asked for again -> the same bytes', () => {
    const random = makeRandom(13);
    const base = cut(log(14, 90_000));
    const bytes = base.bytes.slice();
    for (let n = 0; n < 4_000; n++) bytes[random.below(bytes.length)] = 0x2a;
    const content = cut(bytes);
    keep(base, content);
    const made = new Uint8Array(bytes.length);
    let offset = 0;
    let frames = 0;
    for (let rounds = 0; offset < bytes.length; rounds++) {
      expect(rounds).toBeLessThan(2_000);
      ask(content, base, offset, 4);
      for (const { message, body } of stove.took('piece')) {
        frames++;
        if (random.below(3) === 0) break;
        offset = applyPiece(made, base.bytes, message, body, 500, offset);
      }
    }
    expect(frames).toBeGreaterThan(10);
    expect(Buffer.compare(made, bytes)).toBe(0);
  });

  it('pull: a long copy -> parts of 4 MiB at most, sixteen parts a frame at most', () => {
    const unit = makeRandom(15).bytes(3_000_000);
    const base = cut(new Uint8Array(unit.length * 8).map((_, n) => unit[n % unit.length]!));
    const content = joined(base.bytes, text('!'));
    keep(base, content);
    ask(content, base, 0, 9);
    const frames = stove.took('piece');
    const items = frames.flatMap(({ message }) => message.items);
    const copied = items.filter(item => item.op === Piece.COPY);
    expect(copied.length).toBeGreaterThan(4);
    for (const item of copied) expect(item.length).toBeLessThanOrEqual(COPY_BYTES_MAX);
    for (const { message } of frames) expect(message.items.length).toBeLessThanOrEqual(16);
    expect(items.reduce((sum, item) => sum + item.length, 0)).toBe(content.bytes.length);
  });

  it('pull: many small files in one message -> they share frames', () => {
    const contents = Array.from({ length: 40 }, (_, n) => cut(makeRandom(n + 50).bytes(1_500)));
    keep(...contents);
    const items = contents.map((content, n) => ({
      req: n,
      content: content.id,
      base: NOTHING,
      offset: 0,
      credit: 1,
    }));
    stove.say({ is: 'pull', session: 7, items });
    const frames = stove.took('piece');
    expect(frames.length).toBeLessThanOrEqual(4);
    contents.forEach((content, n) => {
      const made = new Uint8Array(1_500);
      let end = 0;
      for (const { message, body } of frames) end = applyPiece(made, NOTHING, message, body, n, end);
      expect(end).toBe(1_500);
      expect(Buffer.compare(made, content.bytes)).toBe(0);
    });
  });

  it('pull: an unknown content beside a known one -> lost for it, pieces for the other', () => {
    const content = cut(makeRandom(16).bytes(100));
    keep(content);
    const known = { req: 1, content: content.id, base: NOTHING, offset: 0, credit: 1 };
    stove.say({ is: 'pull', session: 7, items: [{ ...known, req: 2, content: new Uint8Array(16) }, known] });
    expect(stove.took('lost')[0]?.message.items).toEqual([{ req: 2, reason: Reason.UNKNOWN }]);
    expect(parts().map(({ req, length }) => [req, length])).toEqual([[1, 100]]);
  });

  it('pull: a content still on its way up -> lost', () => {
    const content = cut(makeRandom(17).bytes(50_000));
    oven.offer(oven.fileItem('a', content));
    ask(content, undefined, 0, 4);
    expect(stove.took('lost').length).toBe(1);
  });

  it('pull: several large files in turn, a few frames each -> all exact', () => {
    const contents = Array.from({ length: 12 }, (_, n) => cut(makeRandom(n + 100).bytes(200_000)));
    keep(...contents);
    const made = contents.map(() => new Uint8Array(200_000));
    const offsets = contents.map(() => 0);
    while (offsets.some(offset => offset < 200_000)) {
      contents.forEach((content, n) => {
        if (offsets[n]! >= 200_000) return;
        ask(content, undefined, offsets[n]!, 1, n);
        for (const { message, body } of stove.took('piece')) {
          offsets[n] = applyPiece(made[n]!, NOTHING, message, body, n, offsets[n]!);
        }
      });
    }
    contents.forEach((content, n) => {
      expect(Buffer.compare(made[n]!, content.bytes)).toBe(0);
    });
    expect(RUN_BYTES_MAX).toBeLessThan(200_000);
  });
});
