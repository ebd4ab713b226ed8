// A listing beside the catalog's entries, in the arena, against a plain comparison of two sorted maps; with a cache of
// 8 pages and with the catalog changed between differences, as the scan does.

import { expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { type Entry, EntryCodec, freshEntry, looksLike } from '../../agent/engine/entry.ts';
import { entryKey, localKey } from '../../agent/engine/keys.ts';
import { FOREIGN, HIDDEN, OTHER, type Stat } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import { MemoryPages } from './pages.ts';
import { Random } from './random.ts';

const only = process.env.SEED === undefined ? undefined : Number(process.env.SEED);
const count = Number(process.env.SEEDS ?? 30);
const NOW = 1_795_000_000_000_000;
const PARENT = 7;

const nameOf = (random: Random): string =>
  String.fromCharCode(...Array.from({ length: 1 + random.below(3) }, () => 0x61 + random.below(26))) +
  (random.below(4) === 0 ? 'é'.repeat(random.below(100)) : '');

function statOf(random: Random): Stat {
  const kind = [Kind.FILE, Kind.FILE, Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK, OTHER][
    random.below(6)
  ] as Stat['kind'];
  return {
    kind,
    mode: random.below(0o10000),
    size: kind === Kind.FILE ? random.below(2) * 2 ** 40 + random.below(1000) : 0,
    mtime: random.below(8) === 0 ? -random.below(1e9) : NOW + random.below(1e9),
    ctime: NOW + random.below(1e9),
    inode: random.below(1e9) * 2 ** 20,
  };
}

/** An entry whose local facts are these, agreed on, read or not. */
function entryOf(random: Random, stat: Stat): Entry {
  const entry = freshEntry();
  if (random.below(3) === 0) entry.id = 1 + random.below(1e6);
  const kind = stat.kind === OTHER || stat.kind === FOREIGN || stat.kind === HIDDEN ? Kind.FILE : stat.kind;
  const content = random.bytes(16);
  const { mode, size, mtime, ctime, inode } = stat;
  const facts = { kind, mode, size, mtime, content, seq: random.below(1e6), list: random.below(2) * 300 };
  const how = random.below(5);
  if (how !== 0)
    entry.local = {
      kind,
      mode,
      size,
      mtime,
      ctime,
      inode,
      content: how === 1 ? undefined : content,
      list: facts.list,
    };
  if (how >= 3) entry.synced = facts;
  if (how === 4) entry.synced = { ...facts, mtime: mtime + 1 };
  if (how === 0 || random.below(4) === 0) entry.remote = { ...facts, size: size + 1, list: 0 };
  return entry;
}

function vary(random: Random, stat: Stat): Stat {
  const field = (['mode', 'size', 'mtime', 'ctime', 'inode'] as const)[random.below(5)] as 'mode';
  return { ...stat, [field]: field === 'mode' ? stat.mode ^ 1 : stat[field] + 1 };
}

function play(seed: number): void {
  const random = new Random(seed);
  const arena = openArena({ bytes: 2 * 2 ** 20 });
  const tree = openTree(arena, new MemoryPages(), random.below(2) === 0 ? 8 : undefined);
  const codec = new EntryCodec();
  const entries = new Map<string, Entry>();
  const rows = new Map<string, Stat>();
  for (let index = random.below(600); index > 0; index--) {
    const name = nameOf(random);
    const stat = statOf(random);
    const where = random.below(4);
    if (where > 0) entries.set(name, entryOf(random, stat));
    if (where !== 1) rows.set(name, random.below(3) === 0 ? vary(random, stat) : stat);
    // Neighbours that are not of this directory.
    for (const key of [entryKey(PARENT - 1, Buffer.from(name)), entryKey(PARENT + 1, Buffer.from(name))])
      tree.put(key, codec.encode(entryOf(random, stat)));
    tree.put(localKey(PARENT, Buffer.from(name)), new Uint8Array(0));
  }
  for (const [name, entry] of entries) tree.put(entryKey(PARENT, Buffer.from(name)), codec.encode(entry));
  tree.commit();

  const isAll = random.below(5) === 0;
  const expected: string[] = [];
  for (const name of new Set([...entries.keys(), ...rows.keys()])) {
    const local = entries.get(name)?.local;
    const stat = rows.get(name);
    if (stat === undefined) {
      if (isAll || local !== undefined) expected.push(`gone ${name}`);
    } else if (isAll || local === undefined || !looksLike(local, stat)) expected.push(`row ${name}`);
  }

  const found: string[] = [];
  const names = [...rows.keys()].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  tree.startDirectory(PARENT);
  do {
    arena.rows.clear();
    const batch = names.splice(0, 1 + random.below(200)).filter(() => arena.rows.hasRoom);
    // In any order, as readdir gives them.
    for (const name of batch.reverse()) arena.rows.add(Buffer.from(name), rows.get(name) as Stat);
    arena.rows.sort();
    tree.giveRows(arena.rows, names.length === 0, isAll);
    for (;;) {
      const difference = tree.nextDifference();
      if (difference === undefined) break;
      const row = typeof difference === 'number' ? arena.rows.at(difference) : undefined;
      const name = Buffer.from(row?.name ?? (difference as Uint8Array));
      found.push(`${row === undefined ? 'gone' : 'row'} ${name.toString()}`);
      if (row !== undefined) expect(row.stat).toEqual(rows.get(name.toString()));
      // What the scan does with it.
      const key = entryKey(PARENT, name);
      if (row === undefined) tree.remove(key);
      else tree.put(key, codec.encode(entryOf(random, row.stat)));
      if (random.below(10) === 0) tree.commit();
    }
  } while (names.length > 0);
  const byName = (a: string, b: string) =>
    Buffer.compare(Buffer.from(a.split(' ')[1]!), Buffer.from(b.split(' ')[1]!));
  expect(found).toEqual(expected.sort(byName));
  expect(tree.audit()).toBeUndefined();
}

const seeds = only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [only];
test.each(seeds)('compare: rows beside entries, seed %i -> what two sorted maps say', play);
