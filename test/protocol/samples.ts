// One message of each kind, as a session would have them: test/golden/frames.txt holds their bytes.

import { Kind, type Message, Need, Piece, Reason, Verdict } from '../../protocol/messages.ts';

const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'latin1'));
const id = (fill: number) => new Uint8Array(16).fill(fill);
const term = (fill: number) => new Uint8Array(8).fill(fill);
const NONE = new Uint8Array(0);
const SESSION = 1_722_855_600_123;
const MTIME = 1_722_855_599_000_001;

const file = { kind: Kind.FILE, mode: 0o644, size: 70_000, mtime: MTIME, content: id(0xc1) };

export const SAMPLES: readonly { message: Message; body: Uint8Array }[] = [
  {
    message: {
      is: 'hello',
      session: SESSION,
      versionMin: 1,
      versionMax: 1,
      share: 'kitchen',
      folder: id(0xf0),
      position: 39,
      frameBytesMax: 32_768,
      window: 4,
      software: 'toastbox 0.1.0',
      term: term(0x7a),
      ahead: 41,
      aheadTerm: term(0x7b),
      trail: [{ seq: 20, term: term(0x79) }],
    },
    body: NONE,
  },
  {
    message: {
      is: 'offer',
      session: SESSION,
      items: [
        {
          req: 1,
          path: bytes('logs'),
          kind: Kind.DIRECTORY,
          mode: 0o755,
          size: 0,
          mtime: MTIME,
          content: NONE,
          base: 0,
          baseContent: NONE,
          recipe: NONE,
        },
        {
          req: 2,
          path: bytes('logs/\xff.log'),
          ...file,
          base: 41,
          baseContent: id(0xb1),
          recipe: bytes(`\x20\x00\x03\xac\x02${'\x07'.repeat(16)}`),
        },
        {
          req: 3,
          path: bytes('latest'),
          kind: Kind.SYMLINK,
          mode: 0o777,
          size: 0,
          mtime: -1,
          content: bytes('logs/a'),
          base: 0,
          baseContent: NONE,
          recipe: NONE,
        },
        {
          req: 4,
          path: bytes('old'),
          kind: Kind.ABSENT,
          mode: 0,
          size: 0,
          mtime: 0,
          content: NONE,
          base: 12,
          baseContent: NONE,
          recipe: NONE,
        },
      ],
    },
    body: NONE,
  },
  {
    message: { is: 'recipe', session: SESSION, req: 2, ordinal: 17, isLast: 1 },
    body: bytes(`\x02\x20\x03\xac\x02${'\x07'.repeat(16)}`),
  },
  {
    message: {
      is: 'blocks',
      session: SESSION,
      items: [
        { req: 2, ordinal: 17, count: 2, length: 5000, stored: 3, dictionary: 8192 },
        { req: 3, ordinal: 0, count: 1, length: 2, stored: 2, dictionary: 0 },
      ],
    },
    body: bytes('\x01\x02\x03hi'),
  },
  { message: { is: 'gone', session: SESSION, items: [{ req: 2, reason: Reason.CHANGED }] }, body: NONE },
  { message: { is: 'next', session: SESSION, after: 41, credit: 4 }, body: NONE },
  {
    message: {
      is: 'pull',
      session: SESSION,
      items: [{ req: 7, content: id(0xc1), base: id(0xb1), offset: 5_000_000_000, credit: 2 }],
    },
    body: NONE,
  },
  { message: { is: 'settled', session: SESSION, position: 42 }, body: NONE },
  {
    message: {
      is: 'whole',
      session: SESSION,
      items: [
        { req: 5, path: bytes('logs/a'), mode: 0o644, size: 2, mtime: MTIME, content: id(0xd1), base: 0 },
        { req: 6, path: bytes('logs/b'), mode: 0o600, size: 3, mtime: -1, content: id(0xd2), base: 41 },
      ],
    },
    body: bytes('hi yo'),
  },
  {
    message: {
      is: 'welcome',
      session: SESSION,
      version: 1,
      folder: id(0xf0),
      head: 42,
      frameBytesMax: 32_768,
      time: SESSION + 20,
      term: term(0x7b),
      common: 41,
      trail: [{ seq: 40, term: term(0x7a) }],
    },
    body: NONE,
  },
  { message: { is: 'again', session: SESSION }, body: NONE },
  {
    message: {
      is: 'need',
      session: SESSION,
      items: [
        { req: 2, what: Need.RECIPE, ordinal: 0, count: 3, dictionary: 0 },
        { req: 2, what: Need.BLOCKS, ordinal: 17, count: 2, dictionary: 8192 },
      ],
    },
    body: NONE,
  },
  {
    message: {
      is: 'done',
      session: SESSION,
      items: [
        { req: 1, verdict: Verdict.ACCEPTED, seq: 42 },
        { req: 2, verdict: Verdict.CONFLICT, seq: 40 },
      ],
      term: term(0x7b),
    },
    body: NONE,
  },
  { message: { is: 'head', session: SESSION, head: 43 }, body: NONE },
  {
    message: {
      is: 'changes',
      session: SESSION,
      after: 41,
      upto: 43,
      items: [{ seq: 43, path: bytes('logs/a'), ...file, like: bytes('logs/b') }],
      term: term(0x7b),
      uptoTerm: term(0x7b),
    },
    body: NONE,
  },
  {
    message: {
      is: 'piece',
      session: SESSION,
      items: [
        {
          req: 7,
          op: Piece.COPY,
          offset: 0,
          length: 65_000,
          baseOffset: 12,
          stored: 0,
          dictionaryLength: 0,
          dictionary: 0,
        },
        {
          req: 7,
          op: Piece.LITERAL,
          offset: 65_000,
          length: 5000,
          baseOffset: 65_012,
          stored: 4,
          dictionaryLength: 4096,
          dictionary: 8192,
        },
      ],
    },
    body: bytes('\x01\x02\x03\x04'),
  },
  { message: { is: 'lost', session: SESSION, items: [{ req: 7, reason: Reason.UNKNOWN }] }, body: NONE },
  { message: { is: 'refuse', session: SESSION, reason: 'no common version' }, body: NONE },
];
