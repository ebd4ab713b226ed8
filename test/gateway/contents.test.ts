// Contents of one block, and the files that hold a content: the store against a plain model, and after a crash.

import { expect, it } from 'vitest';
import type { Change, FolderNumber } from '../../gateway/store/port.ts';
import { Kind } from '../../protocol/messages.ts';
import { recordOf } from '../../protocol/record.ts';
import { openMemoryStore } from './memory.ts';
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
  const everHeld = new Set<string>();
  for (let round = 0; round < 60; round++) {
    write(() => {
      for (let n = random.below(4); n >= 0; n--) {
        const where = [folder, other][random.below(2)]!;
        const name = 'abcd'[random.below(4)]!;
        const content = random.below(4);
        store.commit(where, bytes(name), content === 0 ? absent : file(id(content)));
        held.set(`${where} ${name}`, content);
        everHeld.add(`${where} ${content}`);
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
          const holders = [...held].filter(([key, held]) => held === content && key.startsWith(`${where} `));
          if (holders.length > 0) expect(each.holds(where, id(content))).toBe(true);
          else if (!everHeld.has(`${where} ${content}`)) expect(each.holds(where, id(content))).toBe(false);
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

it('contents: its file changed or went -> the folder that held it first is known for it, no other, after a crash too', () => {
  const [folder, other] = [makeFolder(17), makeFolder(18)];
  putWhole(6);
  for (const change of [file(id(6)), absent, file(id(6)), file(id(7))]) {
    write(() => store.commit(folder, bytes('a'), change));
    for (const each of [store, crashed()])
      expect([folder, other].map(where => each.holds(where, id(6)))).toEqual([true, false]);
  }
  write(() => store.commit(other, bytes('b'), file(id(6))));
  for (const each of [store, crashed()])
    expect([folder, other].map(where => each.holds(where, id(6)))).toEqual([true, true]);
});

it('contents: a block came for a folder -> known as of it, whoever brings it again, after a crash too', () => {
  const [folder, other] = [makeFolder(27), makeFolder(28)];
  write(() => store.putBlock(id(40), bytes('block'), folder));
  write(() => store.putBlock(id(41), bytes('of nobody')));
  write(() => store.putBlock(id(40), bytes('block'), other));
  const known = (each: typeof store) =>
    [folder, other, undefined].map(only => [id(40), id(41)].map(block => each.hasBlock(block, only)));
  const wanted = [
    [true, false],
    [false, false],
    [true, true],
  ];
  expect(known(store)).toEqual(wanted);
  write(() => store.commit(folder, bytes('c'), file(id(6))));
  expect(known(crashed())).toEqual(wanted);
});
