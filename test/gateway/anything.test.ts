// A board that says anything: messages in the right shape, about the right paths, contents and requests, in no order
// and with no truth in them, between the honest words of others. The hub never throws, its store is whole after it,
// and honest boards get what they came for. MESSAGES=n for another count.

import { expect, test } from 'vitest';
import { verify } from '../../gateway/verify/verify.ts';
import { FRAME_BYTES_MAX, RUN_BYTES_MAX, WHOLE_BYTES_MAX } from '../../protocol/limits.ts';
import { type Message, type MessageNamed, type OfferItem, Verdict } from '../../protocol/messages.ts';
import { EMPTY_CONTENT } from '../../protocol/path.ts';
import { randomFrom } from '../protocol/random.ts';
import { openMemoryShelves, openMemoryStore } from './memory.ts';
import { makeRandom } from './random.ts';
import { arena, cut, NOTHING, type TestBoard, text, World } from './world.ts';

const MESSAGES = Number(process.env.MESSAGES ?? 40_000);
const SEED = Number(process.env.SEED ?? 5);
const PATHS = ['a', 'b', 'd', 'd/a', 'd/d', 'd/d/a', 'a/x', '../a', '.toastbox/a', 'a\0', 'd/'];
const REQS = 40;

const CONTENTS = [
  ...[1, 300, 4096, 20_000, 90_000].map((size, index) => cut(makeRandom(index + 1).bytes(size))),
  cut(text('hello')),
];

type Random = (below: number) => number;

class Liar {
  readonly board: TestBoard;
  readonly random: Random;

  constructor(board: TestBoard, random: Random) {
    this.board = board;
    this.random = random;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.random(values.length)]!;
  }

  number(): number {
    const { random } = this;
    return this.pick([0, 1, random(20), random(300), random(70_000), 2 ** 32, Number.MAX_SAFE_INTEGER]);
  }

  bytes(most: number): Uint8Array {
    const bytes = new Uint8Array(this.random(most + 1));
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.random(256);
    return bytes;
  }

  content(): Uint8Array {
    const { random } = this;
    return this.pick([
      this.pick(CONTENTS).id,
      EMPTY_CONTENT,
      NOTHING,
      text('target'),
      new Uint8Array(16).fill(random(4)),
    ]);
  }

  req(): number {
    return this.random(10) === 0 ? this.number() % 2 ** 32 : this.board.lastReq - this.random(REQS) + 2;
  }

  /** The path's newest version, or any number. */
  base(path: string): number {
    const { store } = this.board.world;
    const known = this.random(3) > 0 ? store.current(store.folder('attic')!.number, text(path)) : undefined;
    return known?.seq ?? this.number();
  }

  offer(): OfferItem {
    const { board, random } = this;
    const content = this.pick(CONTENTS);
    const base = this.pick([undefined, ...CONTENTS]);
    const isHonest = random(3) > 0;
    const path = this.pick(PATHS);
    if (isHonest) return board.fileItem(path, content, { base: this.base(path) }, base);
    return board.item(path, {
      req: Math.max(0, this.req()),
      kind: random(4),
      mode: random(512),
      size: this.pick([0, content.bytes.length, this.number()]),
      content: this.content(),
      base: this.base(path),
      baseContent: this.pick([NOTHING, this.pick(CONTENTS).id]),
      recipe: this.bytes(60),
    });
  }

  /** A message, and its body. */
  say(): void {
    const { board, random } = this;
    const session = random(200) === 0 ? this.number() : board.session;
    const list = <T>(make: () => T): T[] => Array.from({ length: 1 + random(3) }, make);
    const what = random(12);
    const req = Math.max(0, this.req());
    if (what < 4) this.push({ is: 'offer', session, items: list(() => this.offer()) });
    else if (what === 4) this.whole(session);
    else if (what === 5)
      this.push(
        { is: 'recipe', session, req, ordinal: this.number(), isLast: random(2) },
        this.bytes(200),
        1,
      );
    else if (what === 6) this.blocks(session);
    else if (what === 7) this.push({ is: 'gone', session, items: list(() => ({ req, reason: random(4) })) });
    else if (what === 8) this.push({ is: 'next', session, after: this.number(), credit: random(8) });
    else if (what === 9) {
      const pull = () => ({
        req,
        content: this.pick(CONTENTS).id,
        base: this.pick([NOTHING, this.pick(CONTENTS).id]),
        offset: this.number(),
        credit: random(6),
      });
      this.push({ is: 'pull', session, items: list(pull) });
    } else if (what === 10) this.push({ is: 'settled', session, position: this.number() });
    else this.answer();
  }

  /** Mostly as it was asked; sometimes another answer, or bytes of another content. */
  private answer(): void {
    const { board, random } = this;
    for (const { message } of board.took('need'))
      for (const need of message.items) {
        if (!board.serving.has(need.req) || random(5) === 0) continue;
        const answers = need.what === 0 ? [...board.recipes(need)] : [board.blocks(need)];
        for (const answer of answers) {
          const body = answer.body.slice();
          if (random(6) === 0 && body.length > 0) body[random(body.length)]! ^= 1 << random(8);
          this.push(answer.message, body);
        }
      }
  }

  private whole(session: number): void {
    const small = CONTENTS.filter(({ bytes }) => bytes.length <= WHOLE_BYTES_MAX);
    const items: MessageNamed<'whole'>['items'] = [];
    const bodies: Uint8Array[] = [];
    for (let count = 1 + this.random(4); count > 0; count--) {
      const { id, bytes } = this.pick(small);
      const content = this.random(6) === 0 ? this.pick(CONTENTS).id : id;
      const { path, mtime } = this.board.item(this.pick(PATHS));
      const req = this.random(3) === 0 ? Math.max(0, this.req()) : this.board.lastReq;
      items.push({ req, path, mode: 0o644, size: bytes.length, mtime, content, base: this.random(60) });
      bodies.push(bytes);
    }
    const body = Buffer.concat(bodies);
    this.push({ is: 'whole', session, items }, this.random(5) === 0 ? body.subarray(1) : body);
  }

  private blocks(session: number): void {
    const body = this.bytes(300);
    const length = this.pick([body.length, body.length + this.random(2_000), RUN_BYTES_MAX]);
    const item = {
      req: Math.max(0, this.req()),
      ordinal: this.random(40),
      count: this.random(256),
      length: Math.max(length, body.length),
      stored: body.length,
      dictionary: this.random(9_000),
    };
    this.push({ is: 'blocks', session, items: [item] }, body);
  }

  private push(message: Message, body: Uint8Array = NOTHING, least = 0): void {
    this.board.push(message, body.length < least ? new Uint8Array(least) : body);
    if (this.random(4) === 0) this.board.world.pump.step();
    if (this.board.heard.length > 500)
      this.board.heard = this.board.heard.filter(({ message: { is } }) => is === 'need');
  }
}

test(`anything: ${MESSAGES} messages of two liars (seed ${SEED}) -> no throw, a whole store, honest boards served`, () => {
  const store = openMemoryStore({ bloomBits: 2 ** 14 });
  const world = new World(store, FRAME_BYTES_MAX);
  const random = randomFrom(SEED);
  const honest = world.board('honest').hello();
  const liars = ['liar', 'second'].map(name => new Liar(world.board(name).hello(), random));
  honest.directory('mine');
  let seq = 0;
  for (let count = 0; count < MESSAGES; count++) {
    const liar = liars[random(liars.length)]!;
    liar.say();
    if (random(300) === 0) liar.board.hello();
    if (random(50) === 0) world.pass(random(20_000));
    if (random(400) === 0) store.startCollecting(world.now - random(60_000), world.hub.pins());
    if (random(4) === 0) store.transaction(() => store.collect());
    if (count % 1_000 !== 0) continue;
    world.pump.step();
    const content = cut(makeRandom(count + 100).bytes(10_000));
    const [verdict, at] = honest.upload('mine/file', content, { base: seq });
    expect(verdict).toBe(Verdict.ACCEPTED);
    seq = at;
    expect(Buffer.compare(honest.pull(content).bytes, content.bytes)).toBe(0);
    honest.heard = [];
  }
  world.pump.step();
  const damages: string[] = [];
  const sum = verify(openMemoryShelves({ image: store.image() }), arena, word => {
    if (word.is === 'damage') damages.push(word.text);
  });
  expect(damages).toEqual([]);
  // They got through to everything: contents were made, replaced, deleted.
  expect(sum.paths).toBeGreaterThan(4);
  expect(world.store.folder('attic')!.head).toBeGreaterThan(200);
  for (const liar of liars) {
    const { accepted, conflicts, mismatches, unasked, refused } = liar.board.status.counters;
    expect(Math.min(accepted, conflicts, mismatches, unasked, refused)).toBeGreaterThan(0);
  }
});
