// Fetches whose help on this disk is not what it was: each step is answered by hand.

import { beforeEach, expect, test } from 'vitest';
import type { Core } from '../../agent/engine/core.ts';
import { type Entry, freshEntry, type Local, type Version } from '../../agent/engine/entry.ts';
import { Examine } from '../../agent/engine/examine.ts';
import { Fetches } from '../../agent/engine/fetch.ts';
import { type Place, ROOT } from '../../agent/engine/keys.ts';
import type { Effect } from '../../agent/engine/ports.ts';
import { Kind, type Message, Piece, type PieceItem } from '../../protocol/messages.ts';
import { openCore } from './core.ts';

const TIME = 1_795_000_000_000_000;
const PATH = Buffer.from('file');
const PLACE: Place = { parent: ROOT, name: PATH };

let core: Core;
let fetches: Fetches;
let doubted: Place[];

beforeEach(() => {
  core = openCore();
  core.isLive = true;
  core.now = TIME / 1000;
  fetches = new Fetches(core, new Examine(core));
  doubted = [];
  fetches.onGone = place => doubted.push(place);
});

const content = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
const facts = (byte: number) => ({
  kind: Kind.FILE as Kind,
  mode: 0o644,
  size: 8000,
  mtime: TIME,
  content: content(byte),
});
const version = (byte: number, seq: number): Version => ({ ...facts(byte), seq, list: 0 });

/** What was asked of the outside since the last call, by kind. */
function asked<K extends Effect['do']>(kind: K): Extract<Effect, { do: K }>[] {
  fetches.pump();
  const effects = core.effects.splice(0);
  return effects.filter((effect): effect is Extract<Effect, { do: K }> => effect.do === kind);
}

function startOverBase(): void {
  const local: Local = { ...facts(1), ctime: TIME, inode: 5, list: 0 };
  const entry: Entry = { ...freshEntry(), local, synced: version(1, 3), remote: version(2, 9) };
  core.put(PLACE, entry, undefined);
  expect(fetches.start(PLACE, PATH, entry, undefined)).toBe(true);
}

const copyOf = (req: number, offset: number): PieceItem => ({
  ...{ req, op: Piece.COPY, offset, length: 4000, stored: 0 },
  ...{ baseOffset: offset, dictionary: 0, dictionaryLength: 0 },
});

test.each([
  ['is gone', 'ENOENT'],
  ['may not be read', 'EACCES'],
])(
  'fetch: the base %s while parts of it are being copied -> looked at once, all is pulled anew',
  (_, code) => {
    startOverBase();
    const [stage] = asked('stage');
    fetches.onWrote({ is: 'wrote', slot: stage!.slot, trouble: undefined });
    fetches.pump();
    const [pull] = core.effects.splice(0).flatMap(effect => (effect.do === 'send' ? [effect.message] : []));
    expect(pull).toMatchObject({ is: 'pull', items: [{ base: content(1), offset: 0 }] });
    const { req } = (pull as Extract<typeof pull, { is: 'pull' }>).items[0]!;
    expect(fetches.onPiece([copyOf(req, 0), copyOf(req, 4000)], new Uint8Array(0))).toBe(true);
    const copies = asked('copy');
    expect(copies.map(({ slot }) => slot)).toEqual([stage!.slot, stage!.slot]);

    for (const { slot } of copies) fetches.onWrote({ is: 'wrote', slot, trouble: { code } });
    expect(doubted).toEqual([PLACE]);
    expect(fetches.isResting(PLACE, 9)).toBe(false);
    const [again, ...more] = asked('stage');
    expect(more).toEqual([]);
    expect(again!.slot).not.toBe(stage!.slot);
    fetches.onWrote({ is: 'wrote', slot: again!.slot, trouble: undefined });
    const [send] = asked('send');
    expect(send?.message).toMatchObject({ is: 'pull', items: [{ base: new Uint8Array(0), offset: 0 }] });
  },
);

test('fetch: a patch that does not fit the base -> all is pulled without it, at once', () => {
  startOverBase();
  const [stage] = asked('stage');
  fetches.onWrote({ is: 'wrote', slot: stage!.slot, trouble: undefined });
  const [pull] = asked('send').map(({ message }) => message as Extract<Message, { is: 'pull' }>);
  const { req } = pull!.items[0]!;
  const patch: PieceItem = {
    ...{ req, op: Piece.LITERAL, offset: 0, length: 8000, stored: 3 },
    ...{ baseOffset: 0, dictionary: 0, dictionaryLength: 100 },
  };
  expect(fetches.onPiece([patch], new Uint8Array(3))).toBe(true);
  fetches.onWrote({ is: 'wrote', slot: asked('patch')[0]!.slot, trouble: { code: 'EBADMSG' } });
  expect(fetches.isResting(PLACE, 9)).toBe(false);
  fetches.onWrote({ is: 'wrote', slot: asked('stage')[0]!.slot, trouble: undefined });
  expect(asked('send')[0]?.message).toMatchObject({
    is: 'pull',
    items: [{ base: new Uint8Array(0), offset: 0 }],
  });
});

test.each([
  ['does not inflate', 'EBADMSG', undefined],
  ['is something else', 'CONTENT', content(7)],
])('fetch: what comes three times %s -> told as %s, and left for a while', (_, code, found) => {
  const remote = { ...version(2, 9), size: 100 };
  const entry: Entry = { ...freshEntry(), remote };
  core.put(PLACE, entry, undefined);
  fetches.start(PLACE, PATH, entry, undefined);
  for (let time = 1; time <= 3; time++) {
    expect(fetches.isResting(PLACE, 9)).toBe(false);
    const [pull] = asked('send').map(({ message }) => message as Extract<Message, { is: 'pull' }>);
    const { req } = pull!.items[0]!;
    const whole: PieceItem = {
      ...{ req, op: Piece.LITERAL, offset: 0, length: 100, stored: 3 },
      ...{ baseOffset: 0, dictionary: 0, dictionaryLength: 0 },
    };
    expect(fetches.onPiece([whole], new Uint8Array(3))).toBe(true);
    const { slot } = asked('stageWhole')[0]!.items[0]!;
    const trouble = found === undefined ? { code } : undefined;
    fetches.onStagedWhole({ is: 'stagedWhole', items: [{ slot, content: found ?? content(0), trouble }] });
  }
  expect(fetches.isResting(PLACE, 9)).toBe(true);
  expect(asked('note')).toMatchObject([{ note: { kind: 'trouble', path: PATH, code } }]);
});

test.each([
  ['not looked at in this life', [], ROOT],
  ['looked at', ['CHANGED'], Number.POSITIVE_INFINITY],
])('fetch: its place was %s, and is not as recorded, four times -> said: %s', (_, said, unconfirmed) => {
  core.unconfirmed = unconfirmed;
  const troubles: string[] = [];
  for (let time = 0; time < 4; time++) {
    if (time === 0) startOverBase();
    else expect(fetches.start(PLACE, PATH, core.catalog.get(PLACE)!, undefined)).toBe(true);
    fetches.pump();
    for (const effect of core.effects.splice(0)) {
      if (effect.do === 'note' && effect.note.kind === 'trouble') troubles.push(effect.note.code);
      if (effect.do === 'stage')
        fetches.onWrote({ is: 'wrote', slot: effect.slot, trouble: { code: 'CHANGED' } });
    }
    core.now += 600_000;
  }
  for (const effect of core.effects.splice(0))
    if (effect.do === 'note' && effect.note.kind === 'trouble') troubles.push(effect.note.code);
  expect([...new Set(troubles)]).toEqual(said);
});
