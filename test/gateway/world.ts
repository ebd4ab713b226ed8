// A hub on a store of the test's choice, with a hand-moved clock, and boards that speak to it through the real codec.
// Everything that a board says and hears is a frame; a test may look at the frames, lose them or change them.

import { openArena } from '../../agent/arena/arena.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { readContent } from '../../gateway/hub/content.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { BoardStatus, HubEffect, HubNote } from '../../gateway/hub/ports.ts';
import { Pump } from '../../gateway/pump.ts';
import type { Store } from '../../gateway/store/port.ts';
import { Aligner, type RecordList } from '../../protocol/align.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import {
  Kind,
  type Message,
  type MessageNamed,
  Need,
  type NeedItem,
  type OfferItem,
  Piece,
} from '../../protocol/messages.ts';
import { EMPTY_CONTENT } from '../../protocol/path.ts';
import { RecipeWriter } from '../../protocol/recipe.ts';
import { RECORD_BYTES, recordLength } from '../../protocol/record.ts';
import { openMemoryStore } from './memory.ts';

export const arena = openArena({ bytes: 2 * 1024 * 1024 });
export const NOTHING = new Uint8Array(0);
export const text = (line: string): Uint8Array => Uint8Array.from(Buffer.from(line));
export const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

export interface Heard {
  message: Message;
  body: Uint8Array;
  frameBytes: number;
}

export class World {
  now = 1_700_000_000_000;
  readonly store: Store;
  readonly hub: Hub;
  readonly pump: Pump;
  readonly notes: HubNote[] = [];
  readonly restored: Extract<HubEffect, { do: 'restored' }>[] = [];
  readonly boards = new Map<string, TestBoard>();
  readonly sharesMax = 8;
  mayJoin = (_board: string, _share: string): boolean => true;

  /** `isGranting`: the gateway has grants, so it keeps shares apart. */
  constructor(store: Store = openMemoryStore(), frameBytesMax = FRAME_BYTES_MAX, isGranting = false) {
    let folders = 0;
    this.store = store;
    this.hub = new Hub({
      store,
      hasher: arena,
      squeeze,
      newFolderId: () => new Uint8Array(16).fill(++folders),
      sharesMax: this.sharesMax,
      frameBytesMax,
      mayJoin: isGranting ? (board, share) => this.mayJoin(board, share) : undefined,
    });
    const carry = (effect: HubEffect) => {
      if (effect.do === 'note') this.notes.push(effect.note);
      else if (effect.do === 'restored') this.restored.push(effect);
      else this.boards.get(effect.board)?.hear(effect.message, effect.body ?? NOTHING);
    };
    const onFail = (error: Error) => {
      throw error;
    };
    this.pump = new Pump({ hub: this.hub, store, carry, now: () => this.now, onFail });
  }

  board(name: string, share = 'attic'): TestBoard {
    const board = new TestBoard(this, name, share);
    this.boards.set(name, board);
    return board;
  }

  /** Moves the clock and lets the hub tick as it asked for. */
  pass(ms: number): void {
    const until = this.now + ms;
    while (this.hub.wakeAt <= until) {
      this.now = Math.max(this.now, this.hub.wakeAt);
      this.pump.step();
    }
    this.now = until;
  }

  /** The content as the store gives it; undefined if it has none of that id, or lacks a block. */
  kept({ id, bytes }: Content): Uint8Array | undefined {
    const recipe = this.store.content(id);
    return recipe && readContent(this.store, recipe, 0, bytes.length);
  }

  noted<K extends HubNote['kind']>(kind: K): Extract<HubNote, { kind: K }>[] {
    return this.notes.filter((note): note is Extract<HubNote, { kind: K }> => note.kind === kind);
  }
}

export interface Content {
  bytes: Uint8Array;
  id: Uint8Array;
  records: Uint8Array;
}

export function cut(bytes: Uint8Array): Content {
  arena.beginContent();
  const parts: Uint8Array[] = [];
  let at = 0;
  let filled = 0;
  do {
    const some = bytes.subarray(at, at + arena.window.length - filled);
    arena.window.set(some, filled);
    at += some.length;
    filled += some.length;
    const { consumed, records } = arena.cut(filled, at === bytes.length);
    parts.push(records.slice());
    arena.window.copyWithin(0, consumed, filled);
    filled -= consumed;
  } while (at < bytes.length || filled > 0);
  return { bytes, id: arena.endContent(), records: Uint8Array.from(Buffer.concat(parts)) };
}

const listOf = (records: Uint8Array): RecordList => ({
  count: records.length / RECORD_BYTES,
  at: ordinal => records.subarray(ordinal * RECORD_BYTES, (ordinal + 1) * RECORD_BYTES),
});

export const lengthOf = (records: Uint8Array, ordinal: number): number =>
  recordLength(records, ordinal * RECORD_BYTES);

/** One part of the recipe of `target`; `next` is the ordinal that the part after it begins at. */
function recipePart(target: Uint8Array, base: Uint8Array, ordinal: number, bytesMax: number) {
  const writer = new RecipeWriter(new Uint8Array(bytesMax));
  const steps = new Aligner(listOf(base), listOf(target), ordinal);
  let isLast = false;
  for (;;) {
    const step = steps.peek();
    isLast = step === undefined;
    if (step === undefined) break;
    const record = target.subarray(step.ordinal * RECORD_BYTES);
    const isTaken =
      step.is === 'copy'
        ? writer.copy(step.base, step.count)
        : writer.fresh(lengthOf(target, step.ordinal), record.slice(4, RECORD_BYTES));
    if (!isTaken) break;
    steps.next();
  }
  return { part: writer.part.slice(), isLast, next: ordinal + writer.blocks };
}

export class TestBoard {
  readonly name: string;
  readonly world: World;
  readonly share: string;
  session = 7;
  lastReq = 0;
  heard: Heard[] = [];
  /** What it can serve, by request. */
  readonly serving = new Map<number, { content: Content; base: Content | undefined }>();
  /** Content bytes that went up, as stored. */
  bytesUp = 0;

  constructor(world: World, name: string, share: string) {
    this.world = world;
    this.name = name;
    this.share = share;
  }

  /** Says it through the codec and lets the hub work. */
  say(message: Message, body: Uint8Array = NOTHING): this {
    this.push(message, body);
    this.world.pump.step();
    return this;
  }

  push(message: Message, body: Uint8Array = NOTHING): void {
    const frame = Buffer.concat([encodeFrameHeader(message), body]);
    const decoded = decodeFrame(frame, 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded)
      this.world.pump.push({ is: 'malformed', board: this.name, why: decoded.malformed });
    else this.world.pump.push({ is: 'message', board: this.name, ...decoded });
  }

  hear(message: Message, body: Uint8Array): void {
    const frame = Buffer.concat([encodeFrameHeader(message), body]);
    const decoded = decodeFrame(frame, 'down', FRAME_BYTES_MAX);
    if ('malformed' in decoded) throw new Error(`the hub sent a malformed frame: ${decoded.malformed}`);
    this.heard.push({ ...decoded, frameBytes: frame.length });
  }

  /** What was heard since the last look, of one kind. Others stay. */
  took<N extends Message['is']>(name: N): (Heard & { message: MessageNamed<N> })[] {
    const matching = this.heard.filter(each => each.message.is === name);
    this.heard = this.heard.filter(each => each.message.is !== name);
    return matching as (Heard & { message: MessageNamed<N> })[];
  }

  needs(): NeedItem[] {
    return this.took('need').flatMap(({ message }) => message.items);
  }

  /** What the hub's status says of this board. */
  get status(): BoardStatus {
    return this.world.hub.status().boards.find(({ name }) => name === this.name)!;
  }

  /** Verdicts by request number. */
  verdicts(): Map<number, [number, number]> {
    const items = this.took('done').flatMap(({ message }) => message.items);
    return new Map(items.map(({ req, verdict, seq }) => [req, [verdict, seq]]));
  }

  hello(fields: Partial<MessageNamed<'hello'>> = {}): this {
    return this.say({
      is: 'hello',
      session: this.session,
      versionMin: 1,
      versionMax: 1,
      share: this.share,
      folder: NOTHING,
      position: 0,
      frameBytesMax: FRAME_BYTES_MAX,
      window: 4,
      software: 'test',
      term: NOTHING,
      ahead: 0,
      aheadTerm: NOTHING,
      trail: [],
      ...fields,
    });
  }

  item(path: string, fields: Partial<OfferItem> = {}): OfferItem {
    return {
      req: ++this.lastReq,
      path: text(path),
      kind: Kind.FILE,
      mode: 0o644,
      size: 0,
      mtime: 1_700_000_000_000_000,
      content: EMPTY_CONTENT,
      base: 0,
      baseContent: NOTHING,
      recipe: NOTHING,
      ...fields,
    };
  }

  offer(...items: OfferItem[]): this {
    return this.say({ is: 'offer', session: this.session, items });
  }

  /** Offers one and answers its verdict and seq. */
  tell(path: string, fields: Partial<OfferItem> = {}): [number, number] {
    const item = this.item(path, fields);
    this.offer(item);
    return this.verdicts().get(item.req)!;
  }

  directory(path: string, base = 0, mode = 0o755): [number, number] {
    return this.tell(path, { kind: Kind.DIRECTORY, content: NOTHING, mode, mtime: 0, base });
  }

  symlink(path: string, target: string, base = 0): [number, number] {
    return this.tell(path, { kind: Kind.SYMLINK, content: text(target), mode: 0, base });
  }

  remove(path: string, base: number): [number, number] {
    return this.tell(path, { kind: Kind.ABSENT, content: NOTHING, mode: 0, mtime: 0, base });
  }

  /** The offer of a file's content, which this board then serves. */
  fileItem(path: string, content: Content, fields: Partial<OfferItem> = {}, base?: Content): OfferItem {
    const { part, isLast } = recipePart(content.records, base?.records ?? NOTHING, 0, 2048);
    const item = this.item(path, {
      size: content.bytes.length,
      content: content.id,
      baseContent: base?.id ?? NOTHING,
      recipe: isLast && content.bytes.length > 0 ? part : NOTHING,
      ...fields,
    });
    this.serving.set(item.req, { content, base });
    return item;
  }

  /** Uploads a file to its verdict. */
  upload(path: string, content: Content, fields: Partial<OfferItem> = {}, base?: Content): [number, number] {
    const item = this.fileItem(path, content, fields, base);
    this.offer(item);
    this.serve();
    return this.verdicts().get(item.req)!;
  }

  /** Sends a small file with its content, and answers its verdict and seq. */
  whole(path: string, content: Content, base = 0): [number, number] {
    const { req, path: name, mode, size, mtime, content: id } = this.fileItem(path, content);
    const items = [{ req, path: name, mode, size, mtime, content: id, base }];
    this.say({ is: 'whole', session: this.session, items }, content.bytes);
    return this.verdicts().get(req)!;
  }

  /** Answers needs until there are none. `how` may lose (undefined) or change an answer. */
  serve(
    how: (answer: { message: Message; body: Uint8Array }) => typeof answer | undefined = answer => answer,
  ): void {
    for (let rounds = 0; ; rounds++) {
      const needs = this.took('need').flatMap(({ message }) => message.items);
      if (needs.length === 0) return;
      if (rounds === 20_000) throw new Error('the needs never end');
      for (const need of needs) {
        for (const answer of need.what === Need.RECIPE ? this.recipes(need) : [this.blocks(need)]) {
          const changed = how(answer);
          if (changed === undefined) continue;
          this.bytesUp += changed.body.length;
          this.say(changed.message, changed.body);
        }
      }
    }
  }

  *recipes(need: MessageNamed<'need'>['items'][number]): Generator<{ message: Message; body: Uint8Array }> {
    const { content, base } = this.serving.get(need.req)!;
    let ordinal = need.ordinal;
    for (let count = 0; count < need.count; count++) {
      const { part, isLast, next } = recipePart(
        content.records,
        base?.records ?? NOTHING,
        ordinal,
        31 * 1024,
      );
      const { req } = need;
      yield {
        message: { is: 'recipe', session: this.session, req, ordinal, isLast: isLast ? 1 : 0 },
        body: part,
      };
      if (isLast) return;
      ordinal = next;
    }
  }

  blocks(need: MessageNamed<'need'>['items'][number]): { message: Message; body: Uint8Array } {
    const { content } = this.serving.get(need.req)!;
    let offset = 0;
    for (let ordinal = 0; ordinal < need.ordinal; ordinal++) offset += lengthOf(content.records, ordinal);
    let length = 0;
    for (let n = 0; n < need.count; n++) length += lengthOf(content.records, need.ordinal + n);
    const plain = content.bytes.subarray(offset, offset + length);
    const deflated = squeeze.deflate(plain, content.bytes.subarray(offset - need.dictionary, offset));
    const body = deflated.length < plain.length ? deflated : plain;
    const { req, ordinal, count, dictionary } = need;
    const item = { req, ordinal, count, length, stored: body.length, dictionary };
    return { message: { is: 'blocks', session: this.session, items: [item] }, body };
  }

  /** Pulls a whole content as a board does and answers its bytes. */
  pull(
    content: Content,
    base?: Content,
    credit = 4,
  ): { bytes: Uint8Array; frames: number; bytesDown: number } {
    const made = new Uint8Array(content.bytes.length);
    let offset = 0;
    let frames = 0;
    let bytesDown = 0;
    const req = ++this.lastReq;
    while (offset < made.length) {
      const item = { req, content: content.id, base: base?.id ?? NOTHING, offset, credit };
      this.say({ is: 'pull', session: this.session, items: [item] });
      const pieces = this.took('piece');
      if (pieces.length > credit) throw new Error('more frames than credit');
      const before = offset;
      for (const { message, body, frameBytes } of pieces) {
        offset = applyPiece(made, base?.bytes ?? NOTHING, message, body, req, offset);
        frames++;
        bytesDown += frameBytes;
      }
      if (offset < made.length && pieces.length !== credit) throw new Error('fewer frames than credit');
      if (offset === before) throw new Error('a pull without progress');
    }
    return { bytes: made, frames, bytesDown };
  }
}

/** Applies the parts of one request in order; where they end. */
export function applyPiece(
  made: Uint8Array,
  base: Uint8Array,
  { items }: MessageNamed<'piece'>,
  body: Uint8Array,
  req: number,
  from: number,
): number {
  let offset = from;
  let at = 0;
  for (const item of items) {
    const stored = body.subarray(at, at + item.stored);
    at += item.stored;
    if (item.req !== req) continue;
    if (item.offset !== offset || item.length === 0) throw new Error('a part out of order');
    if (item.op === Piece.COPY) {
      if (item.baseOffset + item.length > base.length) throw new Error('a copy past the base');
      made.set(base.subarray(item.baseOffset, item.baseOffset + item.length), offset);
    } else {
      const dictionary = Buffer.concat([
        base.subarray(item.baseOffset, item.baseOffset + item.dictionaryLength),
        made.subarray(offset - item.dictionary, offset),
      ]);
      const plain = stored.length === item.length ? stored : squeeze.inflate(stored, dictionary, item.length);
      if (plain === undefined) throw new Error('a literal that does not inflate');
      made.set(plain, offset);
    }
    offset += item.length;
  }
  return offset;
}
