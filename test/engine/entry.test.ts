import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Entry, EntryCodec, type Local, looksLike, type Version } from '../../agent/engine/entry.ts';
import { TIME_MAX, TIME_MIN } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';

const codec = new EntryCodec();
const kind = fc.constantFrom(Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK);
const time = fc.integer({ min: TIME_MIN, max: TIME_MAX });
const number = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const id = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const content = fc.oneof(
  fc.constant(new Uint8Array(0)),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map(bytes => new Uint8Array(bytes)),
);
const facts = { kind, mode: fc.integer({ min: 0, max: 0o777 }), size: number, mtime: time };

const version: fc.Arbitrary<Version> = fc.record({ ...facts, content, seq: number, list: id });
const local: fc.Arbitrary<Local> = fc.record({
  ...facts,
  content: fc.option(content, { nil: undefined }),
  ctime: fc.integer({ min: 0, max: TIME_MAX }),
  inode: number,
  list: id,
});
const entry: fc.Arbitrary<Entry> = fc.record({
  id,
  local: fc.option(local, { nil: undefined }),
  synced: fc.option(version, { nil: undefined }),
  remote: fc.option(version, { nil: undefined }),
});

test('entry: any entry -> comes back as it was', () => {
  fc.assert(
    fc.property(entry, value => {
      expect(codec.decode(codec.encode(value).slice())).toEqual(value);
    }),
  );
});

test('entry: a time some thousand years away, as a file system may have it -> comes back', () => {
  const there = { kind: Kind.FILE, mode: 0o644, size: 1, mtime: 2 ** 57, ctime: 2 ** 57, inode: 1, list: 0 };
  const value: Entry = {
    id: 0,
    local: { ...there, content: undefined },
    synced: undefined,
    remote: undefined,
  };
  expect(codec.decode(codec.encode(value).slice())).toEqual(value);
});

test('entry: local and synced alike -> stored once, and told apart from alike but unread', () => {
  fc.assert(
    fc.property(version, number, (synced, inode) => {
      const { seq: _seq, ...shared } = synced;
      const read: Entry = {
        id: 0,
        local: { ...shared, ctime: synced.mtime, inode },
        synced,
        remote: undefined,
      };
      expect(codec.decode(codec.encode(read).slice())).toEqual(read);
      const unread: Entry = { ...read, local: { ...(read.local as Local), content: undefined } };
      expect(codec.decode(codec.encode(unread).slice())).toEqual(unread);
      expect(codec.encode(read).length).toBeLessThan(codec.encode(unread).length + 1);
    }),
  );
});

test('entry: a settled small file -> at most 62 bytes', () => {
  const synced: Version = {
    kind: Kind.FILE,
    mode: 0o644,
    size: 12_345,
    mtime: 1_790_000_000_123_456,
    content: new Uint8Array(16).fill(200),
    seq: 1_000_000,
    list: 0,
  };
  const { seq: _seq, ...shared } = synced;
  const onDisk: Local = { ...shared, ctime: synced.mtime + 86_400_000_000, inode: 12_345_678 };
  expect(codec.encode({ id: 0, local: onDisk, synced, remote: undefined }).length).toBeLessThanOrEqual(62);
});

const seen: Local = {
  kind: Kind.FILE,
  mode: 0o644,
  size: 5,
  mtime: 10,
  ctime: 20,
  inode: 30,
  content: undefined,
  list: 0,
};

test.each(['mode', 'size', 'mtime', 'ctime', 'inode'] as const)(
  'entry: a file whose %s differs -> is looked into',
  key => {
    expect(looksLike(seen, { ...seen })).toBe(true);
    expect(looksLike(seen, { ...seen, [key]: seen[key] + 1 })).toBe(false);
  },
);

test('entry: a directory whose mtime differs -> is what it was; with another birth -> another directory', () => {
  const directory = { ...seen, kind: Kind.DIRECTORY };
  expect(looksLike(directory, { ...directory, mtime: 11 })).toBe(true);
  expect(looksLike(directory, { ...directory, ctime: 21 })).toBe(false);
});
