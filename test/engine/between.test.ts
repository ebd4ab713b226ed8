// What the gateway tells of a place while the disk is being changed there. Once a directory that was deleted and made
// again elsewhere was taken for the one that had just gone: it never came, and all below it waited for ever.

import { beforeEach, expect, test } from 'vitest';
import { Apply } from '../../agent/engine/apply.ts';
import { Aside } from '../../agent/engine/aside.ts';
import { Change } from '../../agent/engine/change.ts';
import type { Core } from '../../agent/engine/core.ts';
import { freshEntry, type Local, NO_CONTENT } from '../../agent/engine/entry.ts';
import { Examine } from '../../agent/engine/examine.ts';
import { Fetches } from '../../agent/engine/fetch.ts';
import { ROOT } from '../../agent/engine/keys.ts';
import type { Offers } from '../../agent/engine/offers.ts';
import type { Effect, Stat } from '../../agent/engine/ports.ts';
import { ID_BYTES, TERM_BYTES } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { openCore } from './core.ts';

const TIME = 1_795_000_000_000_000;
const PATH = Buffer.from('place');
const PLACE = { parent: ROOT, name: PATH };

let core: Core;
let change: Change;
let apply: Apply;

beforeEach(() => {
  core = openCore();
  core.isLive = true;
  core.now = TIME / 1000;
  change = new Change(core);
  const offers = { isOffered: () => false } as unknown as Offers;
  apply = new Apply(core, change, new Fetches(core, new Examine(core)), offers);
});

const ofKind = (kind: Kind) =>
  kind === Kind.FILE
    ? { kind, size: 10, content: new Uint8Array(ID_BYTES).fill(1) }
    : { kind, size: 0, content: NO_CONTENT };
const stat = (kind: Kind, mode: number): Stat => {
  const { size } = ofKind(kind);
  return { kind, mode, size, mtime: TIME, ctime: TIME, inode: 5 };
};

/** The disk shows the gateway's version 1. */
function begin(kind: Kind, mode: number): void {
  const local = { ...stat(kind, mode), ...ofKind(kind), list: 0 } as Local;
  const synced = { ...ofKind(kind), mode, mtime: TIME, seq: 1, list: 0 };
  const entry = { ...freshEntry(), local, synced };
  if (kind === Kind.DIRECTORY) core.catalog.giveId(entry);
  core.put(PLACE, entry, undefined);
}

function tell(seq: number, kind: Kind, mode = 0): void {
  const item = { path: PATH, ...ofKind(kind), mode, mtime: TIME, like: NO_CONTENT, seq };
  expect(apply.record(item)).toBeUndefined();
}

/** What is asked of the disk next. */
function asked(): Effect['do'] | undefined {
  core.isRemoteMarked = true;
  apply.pump();
  const effects = core.effects.splice(0).map(effect => effect.do);
  return effects.find(effect => ['remove', 'retouch', 'makeDirectory', 'setAside'].includes(effect));
}

const answer = (stat: Stat | undefined, code?: string): void =>
  change.onDid({ is: 'did', stat, trouble: code === undefined ? undefined : { code } });

test('between: a directory goes, and is made again elsewhere before the disk has answered -> it comes', () => {
  begin(Kind.DIRECTORY, 0o755);
  tell(2, Kind.ABSENT);
  expect(asked()).toBe('remove');
  tell(3, Kind.DIRECTORY, 0o755);
  answer(undefined);
  expect(asked()).toBe('makeDirectory');
});

test('between: permissions change, and back before the disk has answered -> back they go', () => {
  begin(Kind.DIRECTORY, 0o755);
  tell(2, Kind.DIRECTORY, 0o700);
  expect(asked()).toBe('retouch');
  tell(3, Kind.DIRECTORY, 0o755);
  answer(stat(Kind.DIRECTORY, 0o700));
  expect(asked()).toBe('retouch');
  expect(core.catalog.get(PLACE)?.remote?.seq).toBe(3);
});

test('between: a directory should go, holds more, and was changed elsewhere meanwhile -> the change stands', () => {
  begin(Kind.DIRECTORY, 0o755);
  tell(2, Kind.ABSENT);
  expect(asked()).toBe('remove');
  tell(3, Kind.DIRECTORY, 0o700);
  answer(undefined, 'ENOTEMPTY');
  expect(core.catalog.get(PLACE)?.remote?.seq).toBe(3);
});

test('between: a file is being put in place, and the one before it comes back elsewhere -> back it goes', () => {
  let isPlacing = false;
  const fetches = { supersede: () => {}, isFetching: () => isPlacing } as unknown as Fetches;
  apply = new Apply(core, change, fetches, { isOffered: () => false } as unknown as Offers);
  begin(Kind.FILE, 0o644);
  tell(2, Kind.FILE, 0o600);
  isPlacing = true;
  tell(3, Kind.FILE, 0o644);
  expect(core.catalog.get(PLACE)?.remote?.seq).toBe(3);
  isPlacing = false;
  tell(4, Kind.FILE, 0o644);
  expect(core.catalog.get(PLACE)?.remote).toBeUndefined();
  expect(core.catalog.get(PLACE)?.synced?.seq).toBe(4);
});

test('between: a loser is set aside, and what came first comes meanwhile -> it is on its way, nothing is asked again', () => {
  begin(Kind.DIRECTORY, 0o755);
  const { local } = core.catalog.get(PLACE)!;
  core.catalog.advance(9, new Uint8Array(TERM_BYTES));
  new Aside(core, change).move({ place: PLACE, path: PATH, local, facts: { seq: 2 } }, () => {});
  tell(2, Kind.ABSENT);
  answer(undefined);
  expect(core.catalog.get(PLACE)?.remote?.seq).toBe(2);
  expect(core.catalog.get(PLACE)?.local).toBeUndefined();
  expect(core.catalog.position).toBe(9);
});
