// Contents of one block, and the files that hold a content: the store against a plain model, and after a crash.

import { expect, it } from 'vitest';
import { openMemoryStore } from '../../gateway/store/memory.ts';
import type { Change, FolderNumber } from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { recordOf } from '../../protocol/record.ts';
import { makeRandom } from './random.ts';

const store = openMemoryStore();
const crashed = () => openMemoryStore({ image: store.image() });
const id = (n: number) => new Uint8Array(16).fill(n);
const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const RECORD = recordOf(10, id(9));
const file = (content: Uint8Array): Change => ({
  kind: Kind.FILE,
  mode: 0o644,
  size: 10,
  mtime: 1_700_000_000_123_456,
  content,
  board: 'oven',
  arrived: 1_700_000_000_000,
});
const absent: Change = { ...file(bytes('')), kind: Kind.ABSENT, size: 0 };

const write = <T>(work: () => T): T => {
  const outcome = store.transaction(work);
  if (!outcome.isDurable) throw new Error(outcome.code);
  return outcome.value;
};
const putWhole = (n: number) => write(() => store.putWhole(id(n), RECORD, new Uint8Array(10).fill(n)));
const makeFolder = (n: number): FolderNumber => write(() => store.makeFolder(`share${n}`, id(n))).number;

it('contents: contents that came whole, held by files here and there -> like agrees with a plain model', () => {
  const random = makeRandom(13);
  const [folder, other] = [makeFolder(7), makeFolder(8)];
  for (const n of [1, 2, 3]) putWhole(n);
  const held = new Map<string, number>();
  for (let round = 0; round < 60; round++) {
    write(() => {
      for (let n = random.below(4); n >= 0; n--) {
        const where = [folder, other][random.below(2)]!;
        const name = 'abcd'[random.below(4)]!;
        const content = random.below(4);
        store.commit(where, bytes(name), content === 0 ? absent : file(id(content)));
        held.set(`${where} ${name}`, content);
      }
    });
    const found = round === 59 ? [store, crashed()] : [store];
    for (const each of found) {
      for (const content of [1, 2, 3]) {
        for (const where of [folder, other]) {
          const others = [...held].flatMap(([key, held]) =>
            held === content && key.startsWith(`${where} `) && !key.endsWith(' a') ? [key.slice(-1)] : [],
          );
          const like = each.like(where, bytes('a'), id(content));
          if (others.length === 0) expect(like).toBeUndefined();
          else expect(others).toContain(Buffer.from(like!).toString());
        }
      }
    }
  }
});

it('contents: a content came whole -> its one record without a page, after a crash too', () => {
  putWhole(4);
  const kept = crashed().content(id(4))!;
  expect(kept).toMatchObject({ size: 10, blockCount: 1 });
  for (const each of [kept, store.content(id(4))!]) {
    expect(Buffer.compare(store.records(each, 0, 9), RECORD)).toBe(0);
    expect(store.records(each, 1, 1).length).toBe(0);
    expect([0, 9, 10].map(at => store.placeOf(each, at)?.offset)).toEqual([0, 0, undefined]);
    expect([store.offsetOf(each, 0), store.offsetOf(each, 1)]).toEqual([0, 10]);
  }
});
