// A gateway that remembers nothing: it takes whatever is offered, and tells of any number of files that it makes up as
// they are asked for. Beside it, all that a process holds is the agent's.

import { openArena } from '../../agent/arena/arena.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES, TERM_BYTES } from '../../protocol/limits.ts';
import {
  type ChangeItem,
  Kind,
  type Message,
  Piece,
  type PullItem,
  Verdict,
} from '../../protocol/messages.ts';
import { type BoardLink, type BoardLinkHandlers, noCounts } from '../../transport/link.ts';
import { some } from '../disk/bench.ts';

const CONTENT_BYTES = 120;
/** Contents in all: the files share them. */
const CONTENTS = 64;
const FILES_A_DIRECTORY = 100;
const ITEMS_A_FRAME = 100;
/** In microseconds. */
const SECOND = 1_000_000;
const FOLDER = new Uint8Array(ID_BYTES).fill(9);
const TERM = new Uint8Array(TERM_BYTES).fill(5);
const NOTHING = new Uint8Array(0);

export const contentOf = (file: number): Buffer => some(CONTENT_BYTES, (file % CONTENTS) + 1);
export const directoryOf = (file: number): string => `directory ${Math.floor(file / FILES_A_DIRECTORY)}`;
export const pathOf = (file: number): string => `${directoryOf(file)}/a file of some name ${file}`;
/** So many changes tell of so many files: each directory is one, before its files. */
export const changesOf = (files: number): number => files + Math.ceil(files / FILES_A_DIRECTORY);

export class Endless {
  /** Called with the changes taken so far, or the contents asked for, and when changes are settled. */
  onProgress: (changes: number) => void = () => {};
  private head: number;
  private handlers: BoardLinkHandlers | undefined;
  private session = 0;
  private pulled = 0;
  private readonly contents: Buffer[] = [];
  private readonly ids: Uint8Array[] = [];
  private readonly byId = new Map<string, Buffer>();

  /** `changes` that it has from the beginning. */
  constructor(changes: number) {
    this.head = changes;
    const arena = openArena({ bytes: 2 * 1024 * 1024 });
    for (let n = 0; n < CONTENTS; n++) {
      const content = contentOf(n);
      const id = arena.wholeContentId(content);
      this.contents.push(content);
      this.ids.push(id);
      this.byId.set(Buffer.from(id).toString('hex'), content);
    }
  }

  openLink(handlers: BoardLinkHandlers): BoardLink {
    this.handlers = handlers;
    setImmediate(() => handlers.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'endless' }));
    return {
      counts: noCounts(),
      send: (frame, sent) => {
        const decoded = decodeFrame(frame, 'up', FRAME_BYTES_MAX);
        if ('malformed' in decoded) throw new Error(decoded.malformed);
        const { message } = decoded;
        setImmediate(() => {
          this.take(message);
          sent();
        });
      },
      setStatus: () => {},
      close: async () => {
        this.handlers = undefined;
      },
    };
  }

  private take(message: Message): void {
    this.session = message.session;
    switch (message.is) {
      case 'hello':
        this.tell({
          is: 'welcome',
          session: this.session,
          version: 1,
          folder: FOLDER,
          head: this.head,
          frameBytesMax: FRAME_BYTES_MAX,
          time: 1_000,
          term: TERM,
          common: this.head,
          trail: [],
        });
        break;
      case 'offer':
      case 'whole': {
        const items = message.items.map(({ req }) => ({ req, verdict: Verdict.ACCEPTED, seq: ++this.head }));
        this.tell({ is: 'done', session: this.session, items, term: TERM });
        this.tell({ is: 'head', session: this.session, head: this.head });
        this.onProgress(this.head);
        break;
      }
      case 'next':
        this.tellChanges(message.after, message.credit);
        break;
      case 'pull':
        this.pulled += message.items.length;
        this.onProgress(this.pulled);
        for (let from = 0; from < message.items.length; from += ITEMS_A_FRAME)
          this.tellContents(message.items.slice(from, from + ITEMS_A_FRAME));
        break;
      case 'settled':
        this.onProgress(this.pulled);
        break;
      default:
        throw new Error(`nobody should say '${message.is}' to it`);
    }
  }

  private tellChanges(after: number, credit: number): void {
    for (let frame = 0; frame < credit && after < this.head; frame++) {
      const upto = Math.min(after + ITEMS_A_FRAME, this.head);
      const items = Array.from({ length: upto - after }, (_, n) => this.change(after + n + 1));
      this.tell({ is: 'changes', session: this.session, after, upto, items, term: TERM, uptoTerm: TERM });
      after = upto;
    }
  }

  private change(seq: number): ChangeItem {
    const group = Math.floor((seq - 1) / (FILES_A_DIRECTORY + 1));
    const place = (seq - 1) % (FILES_A_DIRECTORY + 1);
    const file = group * FILES_A_DIRECTORY + Math.max(0, place - 1);
    if (place === 0) {
      const path = Buffer.from(directoryOf(file));
      return {
        seq,
        path,
        kind: Kind.DIRECTORY,
        mode: 0o755,
        size: 0,
        mtime: 0,
        content: NOTHING,
        like: NOTHING,
      };
    }
    const content = this.ids[file % CONTENTS] as Uint8Array;
    const facts = { mode: 0o644, size: CONTENT_BYTES, mtime: SECOND, content, like: NOTHING };
    return { seq, path: Buffer.from(pathOf(file)), kind: Kind.FILE, ...facts };
  }

  private tellContents(items: readonly PullItem[]): void {
    const bodies = items.map(({ content }) => this.byId.get(Buffer.from(content).toString('hex')) as Buffer);
    this.tell(
      {
        is: 'piece',
        session: this.session,
        items: items.map(({ req, offset }) => ({
          req,
          op: Piece.LITERAL,
          offset,
          length: CONTENT_BYTES,
          baseOffset: 0,
          stored: CONTENT_BYTES,
          dictionaryLength: 0,
          dictionary: 0,
        })),
      },
      Buffer.concat(bodies),
    );
  }

  private tell(message: Message, body: Uint8Array = NOTHING): void {
    const frame = Buffer.concat([encodeFrameHeader(message), body]);
    this.handlers?.frame(frame);
  }
}
