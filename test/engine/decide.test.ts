import { expect, test } from 'vitest';
import { Action, decide, isAt } from '../../agent/engine/decide.ts';
import type { Entry, Local, Version } from '../../agent/engine/entry.ts';
import { Kind } from '../../protocol/messages.ts';

const id = (letter: string) => new Uint8Array(16).fill(letter.charCodeAt(0));

const version = (letter: string, seq: number, more: Partial<Version> = {}): Version => ({
  kind: Kind.FILE,
  mode: 0o644,
  size: 10,
  mtime: 1000,
  content: id(letter),
  seq,
  list: 0,
  ...more,
});
const gone = (seq: number): Version =>
  version('-', seq, { kind: Kind.ABSENT, mode: 0, size: 0, mtime: 0, content: new Uint8Array(0) });
const local = (letter: string | undefined, more: Partial<Local> = {}): Local => ({
  kind: Kind.FILE,
  mode: 0o644,
  size: 10,
  mtime: 1000,
  ctime: 2000,
  inode: 7,
  content: letter === undefined ? undefined : id(letter),
  list: 0,
  ...more,
});
const entry = (onDisk: Local | undefined, synced?: Version, remote?: Version): Entry => ({
  id: 0,
  local: onDisk,
  synced,
  remote,
});

// Every meeting of the three states, with the row of decide.ts's table that it stands in.
const TABLE: [string, Entry, Action][] = [
  ['nothing anywhere -> settled', entry(undefined), Action.SETTLED],
  ['the same on both ends -> settled', entry(local('a'), version('a', 1)), Action.SETTLED],
  ['new and not read -> read', entry(local(undefined)), Action.READ],
  ['touched and not read -> read', entry(local(undefined), version('a', 1)), Action.READ],
  ['new and read -> offer', entry(local('a')), Action.OFFER],
  ['edited -> offer', entry(local('b'), version('a', 1)), Action.OFFER],
  ['other permissions -> offer', entry(local('a', { mode: 0o600 }), version('a', 1)), Action.OFFER],
  ['other time -> offer', entry(local('a', { mtime: 1001 }), version('a', 1)), Action.OFFER],
  ['deleted here -> offer', entry(undefined, version('a', 1)), Action.OFFER],
  ['new elsewhere -> apply', entry(undefined, undefined, version('a', 1)), Action.APPLY],
  ['edited elsewhere -> apply', entry(local('a'), version('a', 1), version('b', 2)), Action.APPLY],
  ['deleted elsewhere -> apply', entry(local('a'), version('a', 1), gone(2)), Action.APPLY],
  [
    'edited there, unread here -> read',
    entry(local(undefined), version('a', 1), version('b', 2)),
    Action.READ,
  ],
  ['edited on both -> offer', entry(local('c'), version('a', 1), version('b', 2)), Action.OFFER],
  ['the same edit on both -> adopt', entry(local('b'), version('a', 1), version('b', 2)), Action.ADOPT],
  [
    'the same edit, other permissions -> adopt',
    entry(local('b', { mode: 0o600 }), version('a', 1), version('b', 2)),
    Action.ADOPT,
  ],
  ['deleted on both -> adopt', entry(undefined, version('a', 1), gone(2)), Action.ADOPT],
  ['edited here, deleted there -> offer', entry(local('b'), version('a', 1), gone(2)), Action.OFFER],
  ['deleted here, edited there -> offer', entry(undefined, version('a', 1), version('b', 2)), Action.OFFER],
  ['new on both, the same -> adopt', entry(local('a'), undefined, version('a', 1)), Action.ADOPT],
  ['new on both, different -> offer', entry(local('b'), undefined, version('a', 1)), Action.OFFER],
];

test.each(TABLE)('decide: %s', (_situation, states, action) => {
  expect(decide(states)).toBe(action);
});

test('decide: a directory whose times differ -> settled', () => {
  const facts = { kind: Kind.DIRECTORY, size: 0, content: new Uint8Array(0) };
  const states = entry(local('a', { ...facts, mtime: 5 }), version('a', 1, { ...facts, mtime: 9 }));
  expect(decide(states)).toBe(Action.SETTLED);
});

test('decide: a symlink whose mode differs -> settled', () => {
  const states = entry(
    local('a', { kind: Kind.SYMLINK, mode: 0o777, size: 0 }),
    version('a', 1, { kind: Kind.SYMLINK, mode: 0, size: 0 }),
  );
  expect(decide(states)).toBe(Action.SETTLED);
});

test('decide: unread content -> is at no version, not even one of its size and time', () => {
  expect(isAt(local(undefined), version('a', 1))).toBe(false);
});
