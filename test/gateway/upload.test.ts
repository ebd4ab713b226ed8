// Content on its way up: what is asked, what is taken, what is not believed.

import { beforeEach, describe, expect, it } from 'vitest';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { readContent } from '../../gateway/hub/content.ts';
import { BLOCK_BYTES_MAX, FRAME_BYTES_MIN, HEADER_BYTES_KEPT, RUN_BYTES_MAX } from '../../protocol/limits.ts';
import { Kind, Need, type NeedItem, Reason, Verdict } from '../../protocol/messages.ts';
import { RECORD_BYTES } from '../../protocol/record.ts';
import { openMemoryStore } from './memory.ts';
import { makeRandom, type Random } from './random.ts';
import { arena, type Content, cut, lengthOf, NOTHING, type TestBoard, text, World } from './world.ts';

/** Text-like bytes: they deflate to about a third. */
function prose(random: Random, bytes: number): Uint8Array {
  const words = Array.from({ length: 500 }, () => Buffer.from(random.bytes(3)).toString('hex'));
  const parts: string[] = [];
  for (let length = 0; length < bytes; length += 7) parts.push(words[random.below(words.length)]!);
  return text(parts.join(' ')).slice(0, bytes);
}

describe('upload', () => {
  let world: World;
  let oven: TestBoard;
  beforeEach(() => {
    world = new World();
    oven = world.board('oven').hello();
  });

  it('upload: files of 0, 1 and 5,000 bytes and 3 MB -> each is kept byte for byte', () => {
    const random = makeRandom(1);
    [0, 1, 5_000, 3_000_000].forEach((bytes, index) => {
      const content = cut(random.bytes(bytes));
      expect(oven.upload(`f${bytes}`, content)).toEqual([Verdict.ACCEPTED, index + 1]);
      expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
    });
    expect(oven.status.pending).toBe(0);
  });

  const whole = (...files: { path: string; content: Content; base?: number }[]) => {
    const items = files.map(({ path, content, base = 0 }) => {
      const { req, mode, size, mtime, content: id } = oven.fileItem(path, content);
      return { req, path: text(path), mode, size, mtime, content: id, base };
    });
    return { is: 'whole' as const, session: oven.session, items };
  };
  const small = (line: string) => cut(text(line));

  it('whole: three files in one frame, deflated or as they are -> each is kept, nothing asked', () => {
    const files = ['one', 'two', 'three'].map(path => ({
      path,
      content: small(`${path} is here. `.repeat(9)),
    }));
    const plain = Buffer.concat(files.map(({ content }) => content.bytes));
    oven.say(whole(...files), squeeze.deflate(plain, NOTHING));
    expect([...oven.verdicts().values()]).toEqual([1, 2, 3].map(seq => [Verdict.ACCEPTED, seq]));
    for (const { content } of files) expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
    const four = { path: 'four', content: small('four') };
    oven.say(whole(four), four.content.bytes);
    expect(Buffer.compare(world.kept(four.content)!, four.content.bytes)).toBe(0);
    expect(oven.needs()).toEqual([]);
    // Under another path it is known, and pulled from where it stands.
    oven.offer(oven.fileItem('five', four.content));
    expect(oven.needs()).toEqual([]);
  });

  it('whole: a doubled frame -> the same verdicts again, no second change', () => {
    const message = whole({ path: 'one', content: small('one') });
    oven.say(message, text('one'));
    const first = [...oven.verdicts().values()];
    oven.say(message, text('one'));
    expect([...oven.verdicts().values()]).toEqual(first);
    expect(world.store.folder('attic')?.head).toBe(1);
  });

  it('whole: other bytes than the content id says -> BUSY, counted, nothing kept; the others are taken', () => {
    const good = { path: 'good', content: small('good') };
    const bad = { path: 'bad', content: small('bad') };
    oven.say(whole(bad, good), text('BADgood'));
    expect([...oven.verdicts().values()]).toEqual([
      [Verdict.BUSY, 0],
      [Verdict.ACCEPTED, 1],
    ]);
    expect(oven.status.counters.mismatches).toBe(1);
    expect(world.kept(bad.content)).toBeUndefined();
  });

  it('whole: a body that does not inflate -> malformed, the session starts over', () => {
    oven.say(whole({ path: 'one', content: small('a longer line than its body') }), text('junk'));
    expect(oven.status.counters.malformed).toBe(1);
    expect(oven.took('again')).toHaveLength(1);
  });

  it('whole: loses against a newer change -> CONFLICT, its content is kept for the copy', () => {
    const first = { path: 'one', content: small('first') };
    oven.say(whole(first), first.content.bytes);
    const second = { path: 'one', content: small('second') };
    oven.say(whole(second), second.content.bytes);
    expect([...oven.verdicts().values()].at(-1)).toEqual([Verdict.CONFLICT, 1]);
    expect(world.kept(second.content)).toBeDefined();
  });

  it('upload: a content that is known -> committed at once, nothing asked', () => {
    const content = cut(makeRandom(2).bytes(100_000));
    oven.upload('a', content);
    const item = oven.fileItem('b', content);
    oven.offer(item);
    expect(oven.needs()).toEqual([]);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('upload: a new file that repeats known blocks -> only the others travel', () => {
    const random = makeRandom(3);
    const first = cut(random.bytes(500_000));
    oven.upload('a', first);
    oven.bytesUp = 0;
    const grown = cut(Uint8Array.from(Buffer.concat([first.bytes, random.bytes(20_000)])));
    expect(oven.upload('b', grown)).toEqual([Verdict.ACCEPTED, 2]);
    expect(oven.bytesUp).toBeLessThan(60_000);
    expect(Buffer.compare(world.kept(grown)!, grown.bytes)).toBe(0);
  });

  it('upload: one word changed in 2 MB over a base -> one block travels, deflated with what is before it', () => {
    const random = makeRandom(4);
    const base = cut(prose(random, 2_000_000));
    oven.upload('a', base);
    const bytes = base.bytes.slice();
    bytes.set(text('changed'), 1_000_000);
    const edited = cut(bytes);
    oven.bytesUp = 0;
    const item = oven.fileItem('a', edited, { base: 1 }, base);
    expect(item.recipe.length).toBeGreaterThan(0);
    oven.offer(item);
    const asked = oven.needs();
    expect(asked.length).toBe(1);
    expect(asked[0]).toMatchObject({ what: Need.BLOCKS, count: 1 });
    expect(asked[0]!.dictionary).toBeGreaterThan(20_000);
    oven.say(oven.blocks(asked[0]!).message, oven.blocks(asked[0]!).body);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 2]);
    expect(Buffer.compare(world.kept(edited)!, bytes)).toBe(0);
    expect(item.recipe.length + oven.blocks(asked[0]!).body.length).toBeLessThan(5_000);
  });

  it('upload: a recipe too long for the offer -> asked for in parts, over a base too', () => {
    const random = makeRandom(5);
    const base = cut(random.bytes(12_000_000));
    const item = oven.fileItem('a', base);
    expect(item.recipe.length).toBe(0);
    oven.offer(item);
    expect(oven.heard.flatMap(({ message }) => (message.is === 'need' ? message.items : []))).toMatchObject([
      { what: Need.RECIPE, ordinal: 0 },
    ]);
    oven.serve();
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(Buffer.compare(world.kept(base)!, base.bytes)).toBe(0);
  });

  it('upload: needs -> never more bytes outstanding than the window, runs that fit the frames of both', () => {
    const tight = world.board('tight').hello({ window: 2, frameBytesMax: FRAME_BYTES_MIN });
    const contents = Array.from({ length: 5 }, (_, n) => cut(makeRandom(n + 20).bytes(100_000)));
    const items = contents.map((content, n) => tight.fileItem(`f${n}`, content));
    const lengths = (need: NeedItem) => {
      const { records } = tight.serving.get(need.req)!.content;
      let bytes = 0;
      for (let n = 0; n < need.count; n++) bytes += lengthOf(records, need.ordinal + n);
      return bytes;
    };
    tight.offer(...items);
    const waiting: NeedItem[] = [];
    for (let rounds = 0; rounds < 1000; rounds++) {
      for (const { message } of tight.took('need')) waiting.push(...message.items);
      const blocks = waiting.filter(need => need.what === Need.BLOCKS);
      expect(blocks.reduce((sum, need) => sum + lengths(need), 0)).toBeLessThanOrEqual(2 * RUN_BYTES_MAX);
      for (const need of blocks)
        expect(lengths(need)).toBeLessThanOrEqual(FRAME_BYTES_MIN - HEADER_BYTES_KEPT);
      const need = waiting.shift();
      if (need === undefined) break;
      const answers = need.what === Need.RECIPE ? [...tight.recipes(need)] : [tight.blocks(need)];
      for (const { message, body } of answers) tight.say(message, body);
    }
    expect([...tight.verdicts().values()].map(([verdict]) => verdict)).toEqual([0, 0, 0, 0, 0]);
  });

  it('upload: every answer comes twice -> the same outcome, doubles counted', () => {
    const content = cut(makeRandom(6).bytes(400_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    oven.serve(answer => {
      oven.say(answer.message, answer.body);
      return answer;
    });
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
    expect(oven.status.counters.unasked).toBeGreaterThan(10);
  });

  it('upload: answers in any order -> the same outcome', () => {
    const random = makeRandom(7);
    const content = cut(random.bytes(600_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    for (let rounds = 0; rounds < 100; rounds++) {
      const asked = oven.needs();
      for (let n = asked.length - 1; n > 0; n--) {
        const other = random.below(n + 1);
        [asked[n], asked[other]] = [asked[other]!, asked[n]!];
      }
      for (const need of asked) {
        const answers = need.what === Need.RECIPE ? [...oven.recipes(need)] : [oven.blocks(need)];
        for (const { message, body } of answers) oven.say(message, body);
      }
    }
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
  });

  it('upload: one of three answers is lost -> asked again after the wait, and it ends well', () => {
    const random = makeRandom(8);
    const content = cut(random.bytes(500_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    for (let rounds = 0; rounds < 200 && oven.status.pending > 0; rounds++) {
      oven.serve(answer => (random.below(3) > 0 ? answer : undefined));
      world.pass(10_001);
    }
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(Buffer.compare(world.kept(content)!, content.bytes)).toBe(0);
  });

  it('upload: no answer at all -> asked six times, ten seconds apart, then busy', () => {
    const item = oven.fileItem('a', cut(makeRandom(9).bytes(3_000)));
    oven.offer(item);
    const times: number[] = [];
    const start = world.now;
    for (let second = 0; second < 120; second++) {
      if (oven.needs().length > 0) times.push(Math.round((world.now - start) / 1000));
      world.pass(1_000);
    }
    expect(times.length).toBe(6);
    for (let n = 1; n < 6; n++) expect(times[n]! - times[n - 1]!).toBe(10);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.BUSY, 0]);
    expect(oven.status.pending).toBe(0);
    expect(world.noted('dropped').map(note => note.why)).toEqual(['no answer']);
    expect(world.hub.wakeAt).toBe(Number.POSITIVE_INFINITY);
  });

  it('upload: answers trickle in on a slow link -> nothing is asked twice within a minute', () => {
    const content = cut(makeRandom(10).bytes(150_000));
    const item = oven.fileItem('a', content);
    oven.offer(item);
    const waiting = oven.needs();
    let asked = 0;
    while (waiting.length > 0) {
      world.pass(9_000);
      const need = waiting.shift()!;
      asked++;
      const { message, body } = need.what === Need.RECIPE ? [...oven.recipes(need)][0]! : oven.blocks(need);
      oven.say(message, body);
      waiting.push(...oven.needs());
    }
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(asked).toBeLessThanOrEqual(Math.ceil(150_000 / (RUN_BYTES_MAX - BLOCK_BYTES_MAX)));
  });

  it('upload: the same offer again -> restarts nothing, one verdict', () => {
    const item = oven.fileItem('a', cut(makeRandom(11).bytes(20_000)));
    oven.offer(item);
    const asked = oven.needs();
    oven.offer(item);
    expect(oven.needs()).toEqual([]);
    for (const need of asked) oven.say(oven.blocks(need).message, oven.blocks(need).body);
    expect(oven.took('done').flatMap(({ message }) => message.items)).toEqual([
      { req: item.req, verdict: Verdict.ACCEPTED, seq: 1 },
    ]);
    oven.offer(item);
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
  });

  it('upload: a doubled offer that comes after the deletion -> its old verdict, the file stays deleted', () => {
    const put = oven.item('a', { kind: Kind.DIRECTORY, content: NOTHING, mtime: 0 });
    oven.offer(put);
    const [, seq] = oven.verdicts().get(put.req) as [number, number];
    oven.offer(oven.item('a', { kind: Kind.ABSENT, content: NOTHING, mode: 0, mtime: 0, base: seq }));
    oven.offer(put);
    expect(oven.verdicts().get(put.req)).toEqual([Verdict.ACCEPTED, seq]);
    const { number } = world.store.folders()[0]!;
    expect(world.store.current(number, put.path)?.kind).toBe(Kind.ABSENT);
  });

  it('upload: another offer for the path, or under its number -> the earlier one is dropped', () => {
    const first = oven.fileItem('a', cut(makeRandom(12).bytes(20_000)));
    const second = oven.fileItem('a', cut(makeRandom(13).bytes(20_000)));
    oven.offer(first);
    const stale = oven.needs();
    oven.offer(second);
    expect(oven.status.pending).toBe(1);
    for (const need of stale) oven.say(oven.blocks(need).message, oven.blocks(need).body);
    oven.serve();
    expect([...oven.verdicts()]).toEqual([[second.req, [Verdict.ACCEPTED, 1]]]);
    const third = oven.fileItem('b', cut(makeRandom(14).bytes(20_000)));
    oven.offer(third);
    const fourth = oven.fileItem('c', cut(makeRandom(15).bytes(20_000)), { req: third.req });
    oven.offer(fourth);
    expect(oven.status.pending).toBe(1);
    oven.took('need');
    world.pass(10_001);
    oven.serve();
    expect([...oven.verdicts()]).toEqual([[third.req, [Verdict.ACCEPTED, 2]]]);
    expect(world.store.current(world.store.folder('attic')!.number, text('b'))).toBeUndefined();
  });

  it('upload: gone -> dropped without a verdict, its credit is free again', () => {
    const items = Array.from({ length: 8 }, (_, n) =>
      oven.fileItem(`f${n}`, cut(makeRandom(n).bytes(60_000))),
    );
    oven.offer(...items);
    const asked = new Set(oven.needs().map(need => need.req));
    expect(asked.size).toBeLessThan(8);
    oven.say({
      is: 'gone',
      session: 7,
      items: [...asked, 999].map(req => ({ req, reason: Reason.CHANGED })),
    });
    expect(oven.verdicts().size).toBe(0);
    expect(oven.status.pending).toBe(8 - asked.size);
    expect(oven.needs().length).toBeGreaterThan(0);
  });

  it('upload: more than the gateway keeps at once -> the rest is busy', () => {
    const many = Array.from({ length: 300 }, (_, n) => {
      const bytes = makeRandom(n).bytes(10);
      return oven.fileItem(
        `f${n}`,
        { bytes, id: arena.blockId(bytes), records: NOTHING },
        { recipe: NOTHING },
      );
    });
    for (let n = 0; n < 300; n += 50) oven.offer(...many.slice(n, n + 50));
    const verdicts = [...oven.verdicts().values()].map(([verdict]) => verdict);
    expect(verdicts).toEqual(new Array(44).fill(Verdict.BUSY));
    expect(oven.status.pending).toBe(256);
  });

  it('upload: a file of 128 MB that repeats 2 MB -> few bytes up, exact, no recipe on the heap', () => {
    // The same 2 MB again and again: the recipe is long, the blocks are few.
    const unit = makeRandom(25).bytes(2_000_000);
    const times = 64;
    const bytes = new Uint8Array(unit.length * times);
    for (let n = 0; n < times; n++) bytes.set(unit, n * unit.length);
    const content = cut(bytes);
    const image = openMemoryStore();
    world = new World(image);
    oven = world.board('oven').hello();
    const item = oven.fileItem('big', content);
    oven.offer(item);
    const heapBefore = process.memoryUsage().heapUsed;
    for (let rounds = 0; rounds < 10_000 && oven.status.pending > 0; rounds++) {
      oven.serve();
      if (world.hub.wakeAt <= world.now) world.pump.step();
    }
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(oven.bytesUp).toBeLessThan(unit.length * 2.5);
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(64 * 1024 * 1024);
    const recipe = world.store.content(content.id)!;
    expect(recipe.size).toBe(bytes.length);
    const random = makeRandom(26);
    for (let n = 0; n < 50; n++) {
      const offset = random.below(bytes.length - 40_000);
      const got = readContent(world.store, recipe, offset, 40_000)!;
      expect(Buffer.compare(got, bytes.subarray(offset, offset + 40_000))).toBe(0);
    }
  });

  it('upload: a file of 4.6 GiB of one block -> a few blocks travel, every byte is at its place beyond 2^32', () => {
    const unit = makeRandom(29).bytes(BLOCK_BYTES_MAX);
    const times = 300_000;
    const record = Buffer.alloc(RECORD_BYTES);
    record.writeUInt32LE(unit.length, 0);
    record.set(arena.blockId(unit), 4);
    const tail = text('the end');
    const last = Buffer.alloc(RECORD_BYTES);
    last.writeUInt32LE(tail.length, 0);
    last.set(arena.blockId(tail), 4);
    const records = Uint8Array.from(Buffer.concat([...new Array<Buffer>(times).fill(record), last]));
    const size = times * unit.length + tail.length;
    expect(size).toBeGreaterThan(2 ** 32);
    const content: Content = { bytes: NOTHING, id: arena.contentIdOf([records]), records };
    const item = oven.fileItem('huge', content, { size, recipe: NOTHING });
    oven.blocks = need => {
      const isTail = need.ordinal + need.count === times + 1;
      const whole = Buffer.concat([...new Array<Uint8Array>(need.count - Number(isTail)).fill(unit)]);
      const body = Uint8Array.from(isTail ? Buffer.concat([whole, tail]) : whole);
      const { req, ordinal, count, dictionary } = need;
      const length = body.length;
      const items = [{ req, ordinal, count, length, stored: length, dictionary }];
      return { message: { is: 'blocks', session: 7, items }, body };
    };
    oven.offer(item);
    for (let rounds = 0; rounds < 1_000 && oven.status.pending > 0; rounds++) {
      oven.serve();
      if (world.hub.wakeAt <= world.now) world.pump.step();
    }
    expect(oven.verdicts().get(item.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(oven.bytesUp - records.length).toBeLessThan(200_000);
    expect(world.store.folder('attic')?.bytes).toBe(size);
    const from = size - 20_000;
    oven.say({
      is: 'pull',
      session: 7,
      items: [{ req: 1, content: content.id, base: NOTHING, offset: from, credit: 4 }],
    });
    const made = new Uint8Array(20_000);
    for (const { message, body } of oven.took('piece')) {
      let at = 0;
      for (const part of message.items) {
        // Without the dictionary these random bytes do not deflate: they come as they are, or over what was before.
        const before = Uint8Array.from({ length: part.dictionary }, (_, n) => {
          return unit[(part.offset - part.dictionary + n) % unit.length]!;
        });
        const stored = body.subarray(at, at + part.stored);
        at += part.stored;
        const isPlain = part.stored === part.length;
        made.set(isPlain ? stored : squeeze.inflate(stored, before, part.length)!, part.offset - from);
      }
    }
    const expected = Uint8Array.from(
      { length: 20_000 - tail.length },
      (_, n) => unit[(from + n) % unit.length]!,
    );
    expect(Buffer.compare(made, Buffer.concat([expected, tail]))).toBe(0);
  });

  it('upload: two boards bring the same content at once -> both committed, one content', () => {
    const stove = world.board('stove').hello();
    const content = cut(makeRandom(27).bytes(200_000));
    const mine = oven.fileItem('a', content);
    const theirs = stove.fileItem('b', content);
    oven.offer(mine);
    stove.offer(theirs);
    oven.serve();
    stove.serve();
    expect(oven.verdicts().get(mine.req)).toEqual([Verdict.ACCEPTED, 1]);
    expect(stove.verdicts().get(theirs.req)).toEqual([Verdict.ACCEPTED, 2]);
  });

  it('upload: accepted -> noted with what it took', () => {
    const content = cut(prose(makeRandom(28), 30_000));
    oven.upload('a', content);
    const [note] = world.noted('accepted');
    expect(note).toMatchObject({ board: 'oven', share: 'attic', seq: 1, bytes: 30_000 });
    expect(note!.received).toBeLessThan(30_000);
    expect(note!.received).toBeGreaterThan(1_000);
  });
});
