// All messages, declared once: encoder, decoder, tests and SPEC.md follow these tables.
//
//   frame   +---------------------------------------+----------------------+
//           | header: CBOR [type, session, ...]     | body: raw bytes      |
//           +---------------------------------------+----------------------+
//
// Content is asked for, but for that of small new files: `whole` brings many of them in one frame. The end that needs
// bytes asks for exactly those, with credit, and asks again when no answer comes; the end that has them answers and
// remembers nothing. So a lost, doubled or late frame costs time.
//
//   up, a change of the board's            down, a change of another's
//     board                gateway           board                gateway
//       | offer -------------> |               | <-------------- head |
//       | <------- need recipe |               | next --------------> |
//       | recipe ------------> |               | <----------- changes |
//       | <------- need blocks |               | pull --------------> |
//       | blocks ------------> |               | <------------- piece |
//       | <-------------- done |               | settled -----------> |
//       |                      |
//       | whole -------------> |
//       | <-------------- done |
//
// `done` means committed and synced at the gateway, `settled` the same at the board.

import { NO_BYTES } from './bytes.ts';
import {
  FRAME_BYTES_MAX,
  ID_BYTES,
  LABEL,
  MODE_MAX,
  PATH_BYTES_MAX,
  RECIPE_INLINE_BYTES_MAX,
  REQ_MAX,
  TARGET_BYTES_MAX,
  TERM_BYTES,
  UINT_MAX,
  WHOLE_BYTES_MAX,
} from './limits.ts';
import {
  appended,
  bytes,
  idOrNone,
  int,
  list,
  type MessageKind,
  message,
  termOrNone,
  text,
  uint,
  type Values,
} from './schema.ts';

/** What stands at a path. ABSENT is a deletion, which has a seq like any change. */
export const Kind = { ABSENT: 0, FILE: 1, DIRECTORY: 2, SYMLINK: 3 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** What the gateway answers to an offer. */
export const Verdict = {
  /** Committed as the folder's change `seq`. */
  ACCEPTED: 0,
  /** The gateway already has just this as its current version, which is `seq`. */
  SAME: 1,
  /** An older version that the history knows (or a deletion that an edit beat): take the current one, `seq`. */
  STALE: 2,
  /** Another change came first: keep yours under a conflict name, then take the current one, `seq`. */
  CONFLICT: 3,
  /** A directory that is not empty at the gateway was deleted or replaced. */
  NOT_EMPTY: 4,
  /** The parent is not a live directory at the gateway. */
  NO_PARENT: 5,
  /** The gateway cannot keep it now (its disk is full, say). Offer it again later. */
  BUSY: 6,
  /** The path or facts are not allowed. */
  REFUSED: 7,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** What a `need` asks for. */
export const Need = { RECIPE: 0, BLOCKS: 1 } as const;
/** How a part of a `piece` says its bytes. */
export const Piece = {
  /** `length` bytes of the base, from `baseOffset`. */
  COPY: 0,
  /** `stored` bytes of the body, inflated to `length` unless they are equal. */
  LITERAL: 1,
} as const;
/** Why a `gone` or `lost` answers instead of content. */
export const Reason = {
  /** Not known here (any more). */
  UNKNOWN: 0,
  /** The file changed since it was offered; a new offer follows. */
  CHANGED: 1,
  /** Reading failed. */
  UNREADABLE: 2,
} as const;

const session = uint();
const req = uint(REQ_MAX);
const seq = uint();
/** The start of the gateway in which a seq was given. Two histories that have a seq in one term are the same up to it:
 * so an end sees whether the other's is its own, though a store was put back from a copy and counts on from there. */
const term = appended(termOrNone(), NO_BYTES);
/** The last seqs of terms before the newest: a copy that is put back may be older than that one. */
const trail = appended(list({ seq, term: bytes(TERM_BYTES, TERM_BYTES) }), []);

/** What a path holds. `content` is the content id of a FILE, the target of a SYMLINK, empty otherwise; `mtime` in
 * microseconds since 1970; `size` in bytes, 0 unless FILE. */
export interface Facts {
  kind: Kind;
  mode: number;
  size: number;
  mtime: number;
  content: Uint8Array;
}

const facts = {
  path: bytes(PATH_BYTES_MAX, 1),
  kind: uint(3),
  mode: uint(MODE_MAX),
  size: uint(),
  mtime: int(),
  content: bytes(TARGET_BYTES_MAX),
};

export const hello = message('hello', 1, 'up', {
  session,
  versionMin: uint(255),
  versionMax: uint(255),
  share: text(LABEL),
  /** The folder the board knows, none at first. Another answer in `welcome` starts the board over. */
  folder: idOrNone(),
  /** The newest seq that the board has recorded. */
  position: seq,
  frameBytesMax: uint(FRAME_BYTES_MAX),
  /** Frames that the board may be asked for at once. */
  window: uint(255),
  software: text(),
  /** That of `position`. */
  term,
  /** The newest seq beyond `position` that the board was told of a change of its own, and its term; 0 for none. */
  ahead: appended(seq, 0),
  aheadTerm: term,
  /** What the last welcome said. */
  trail,
});

export const offer = message('offer', 2, 'up', {
  session,
  items: list({
    req,
    ...facts,
    /** The seq this change was made against; 0 when the board knows of none. */
    base: seq,
    /** Content id of the base's file, over which the recipe copies; none for a recipe of its own. */
    baseContent: idOrNone(),
    /** The whole recipe, or none: the gateway asks for it if it lacks the content. */
    recipe: bytes(RECIPE_INLINE_BYTES_MAX),
  }),
});

/** Body: recipe operations (recipe.ts) that describe blocks from `ordinal` on. */
export const recipe = message('recipe', 3, 'up', { session, req, ordinal: uint(), isLast: uint(1) });

/** Body: the items' stored bytes, one after the other. */
export const blocks = message('blocks', 4, 'up', {
  session,
  items: list({ req, ordinal: uint(), count: uint(255), length: uint(), stored: uint(), dictionary: uint() }),
});

export const gone = message('gone', 5, 'up', { session, items: list({ req, reason: uint(255) }) });

/** Asks for changes after seq `after`, in at most `credit` frames. */
export const next = message('next', 6, 'up', { session, after: seq, credit: uint(255) });

/** Asks for content from byte `offset` on, in at most `credit` frames; `base` is a content the board has. */
export const pull = message('pull', 7, 'up', {
  session,
  items: list({
    req,
    content: bytes(ID_BYTES, ID_BYTES),
    base: idOrNone(),
    offset: uint(),
    credit: uint(255),
  }),
});

/** Everything up to `position` is durable on the board's disk. */
export const settled = message('settled', 8, 'up', { session, position: seq });

/** Offers of files of one block, with their contents: the body, one after the other, deflated unless it is as long as
 * their sizes together. */
export const whole = message('whole', 9, 'up', {
  session,
  items: list({
    req,
    path: facts.path,
    mode: facts.mode,
    size: uint(WHOLE_BYTES_MAX),
    mtime: facts.mtime,
    content: bytes(ID_BYTES, ID_BYTES),
    /** As in an offer. */
    base: seq,
  }),
});

export const welcome = message('welcome', 16, 'down', {
  session,
  version: uint(255),
  folder: bytes(ID_BYTES, ID_BYTES),
  head: seq,
  frameBytesMax: uint(FRAME_BYTES_MAX),
  /** The gateway's clock, milliseconds since 1970. */
  time: uint(),
  /** The one that this gateway gives seqs in. */
  term,
  /** The seq up to which its history is that of the board, as far as what hello said tells. */
  common: appended(seq, UINT_MAX),
  /** At most TRAIL_MAX. */
  trail,
});

/** The gateway does not know this session (it restarted): say hello again. */
export const again = message('again', 17, 'down', { session });

/** Asks for a recipe from `ordinal` on in `count` frames, or for `count` blocks from `ordinal` on in one run,
 * deflated with the `dictionary` bytes of the content before them. */
export const need = message('need', 18, 'down', {
  session,
  items: list({ req, what: uint(255), ordinal: uint(), count: uint(0xffff), dictionary: uint() }),
});

export const done = message('done', 19, 'down', {
  session,
  items: list({ req, verdict: uint(255), seq }),
  /** That of the newest seq of the items. */
  term,
});

export const head = message('head', 20, 'down', { session, head: seq });

/** Every path whose newest change is after `after` and not after `upto`, by seq. `like` names a path that holds
 * the same content at the gateway, or is empty. */
export const changes = message('changes', 21, 'down', {
  session,
  after: seq,
  upto: seq,
  items: list({ seq, ...facts, like: bytes(PATH_BYTES_MAX) }),
  /** As in the gateway's welcome: who tells. */
  term,
  /** That of `upto`. */
  uptoTerm: term,
});

/** Body: the LITERAL parts' stored bytes, one after the other. The dictionary of a deflated literal is
 * `dictionaryLength` bytes of the base from `baseOffset`, then the `dictionary` bytes of the content before it. */
export const piece = message('piece', 22, 'down', {
  session,
  items: list({
    req,
    op: uint(255),
    offset: uint(),
    length: uint(),
    baseOffset: uint(),
    stored: uint(),
    dictionaryLength: uint(),
    dictionary: uint(),
  }),
});

export const lost = message('lost', 23, 'down', { session, items: list({ req, reason: uint(255) }) });

/** The gateway will not serve this board; `reason` is for a person. */
export const refuse = message('refuse', 24, 'down', { session, reason: text() });

export const MESSAGES = [
  hello,
  offer,
  recipe,
  blocks,
  gone,
  next,
  pull,
  settled,
  whole,
  welcome,
  again,
  need,
  done,
  head,
  changes,
  piece,
  lost,
  refuse,
] as const;

type MessageOf<K> = K extends MessageKind<infer N, infer F> ? { is: N } & Values<F> : never;
/** Any message, told apart by `is`. */
export type Message = MessageOf<(typeof MESSAGES)[number]>;
export type MessageNamed<N extends Message['is']> = Extract<Message, { is: N }>;

export type Mark = MessageNamed<'welcome'>['trail'][number];
export type OfferItem = MessageNamed<'offer'>['items'][number];
export type WholeItem = MessageNamed<'whole'>['items'][number];
export type ChangeItem = MessageNamed<'changes'>['items'][number];
export type NeedItem = MessageNamed<'need'>['items'][number];
export type PieceItem = MessageNamed<'piece'>['items'][number];
export type PullItem = MessageNamed<'pull'>['items'][number];
export type DoneItem = MessageNamed<'done'>['items'][number];
export type BlocksItem = MessageNamed<'blocks'>['items'][number];
