// The gateway's mind: serialises the changes of all boards and answers what they ask. Synchronous; events in,
// effects out; everything that must survive is in the store.
//
//   take(event, now)  any number of times, inside one store transaction (pump.ts)
//   early()           before it ends, if one likes: effects that are true whether it commits or not
//   drain()           after it committed: the effects, which may be carried out now
//   fail(code, now)   instead, when it did not: what the events did is forgotten, the boards are told to start over
//
//   board:  (unknown) --hello--> session --left, malformed, fail--> (unknown: all but hello is answered `again`)
//
// Refuses: names that are no label, versions that it does not speak, frames too small for a block. A peer's mistakes
// are counted and dropped.
//
// Memory: SESSIONS_MAX sessions and one a share, each bounded by session.ts; nothing grows with a folder.

import { Gauge, type GaugeReading } from '../../agent/gauge.ts';
import { FRAME_BYTES_MIN, LABEL, VERSION_MAX, VERSION_MIN } from '../../protocol/limits.ts';
import { type Message, type MessageNamed, Verdict } from '../../protocol/messages.ts';
import type { Folder, FolderNumber } from '../store/port.ts';
import { answerNext } from './changes.ts';
import { Offers } from './offers.ts';
import {
  type BoardCounters,
  COPY_SIGN,
  type HubEffect,
  type HubEvent,
  type HubNote,
  type HubOptions,
  type HubStatus,
} from './ports.ts';
import { restoreVersion } from './restore.ts';
import { Room } from './room.ts';
import { Session } from './session.ts';
import type { Budget } from './upload.ts';

/** Boards with a session at once. The plain copies come on top, one a share. */
const SESSIONS_MAX = 4096;

/** Boards that are told to say hello again, and counted: a broker's rights may let anyone make up names. */
const STRANGERS_MAX = 4096;

/** A board is told to say hello again at most this often. */
const AGAIN_MS = 1_000;

const ANSWER_WAIT_MS = 10_000;

/** The store is left alone this long after it failed: a full disk does not get better by trying. */
const REST_MS = 5_000;

/** A hello of an older session number is late, if the newer one was heard of this long ago at most. */
const LATE_HELLO_MS = 30_000;

/** Records that uploads may look at during one event: some 20 ms. */
const STEP_RECORDS = 8192;

export class Hub {
  /** When a tick is due, milliseconds since 1970. */
  wakeAt = Number.POSITIVE_INFINITY;

  readonly #with: HubOptions;
  readonly #waitMs: number;
  readonly #sessions = new Map<string, Session>();
  readonly #counters = new Map<string, BoardCounters>();
  readonly #toldAgain = new Map<string, number>();
  readonly #offers: Offers;
  readonly #room: Room;
  #effects: HubEffect[] = [];
  #touched = new Set<string>();
  /** Tickets of restores that are not durable yet. */
  #restoring: number[] = [];
  #restingUntil = 0;
  /** Damaged blocks that were told. */
  #lostFound = 0;
  readonly #sessionGauge = new Gauge('sessions', SESSIONS_MAX, 'refuses', () => this.#boards());
  readonly #shareGauge: Gauge;

  constructor(options: HubOptions) {
    this.#with = options;
    this.#shareGauge = new Gauge(
      'shares',
      options.sharesMax,
      'refuses',
      () => options.store.folders().length,
    );
    this.#waitMs = options.answerWaitMs ?? ANSWER_WAIT_MS;
    this.#room = new Room(options.store);
    this.#offers = new Offers(options, this.#room, this.#waitMs, {
      note: note => this.#note(note),
      moved: (session, now) => this.#announce(session.folder, session.share, now),
    });
  }

  /** One event on its own: take and drain. */
  handle(event: HubEvent, now: number): HubEffect[] {
    this.take(event, now);
    return this.drain();
  }

  take(event: HubEvent, now: number): void {
    switch (event.is) {
      case 'message':
        this.#touched.add(event.board);
        this.#onMessage(event.board, event.message, event.body, now);
        break;
      case 'malformed':
        this.#touched.add(event.board);
        this.#onMalformed(event.board, event.why, now);
        break;
      case 'left':
        this.#onLeft(event.board, event.session);
        break;
      case 'restore':
        this.#onRestore(event, now);
        break;
      case 'doubt':
        for (const id of event.blocks) this.#with.store.block(id);
        break;
      case 'tick':
        this.#onTick(now);
        break;
    }
    this.#tellDamage();
  }

  early(): HubEffect[] {
    const effects: HubEffect[] = [];
    for (const session of this.#sessions.values()) effects.push(...session.early());
    return effects;
  }

  drain(): HubEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    this.#touched.clear();
    this.#restoring = [];
    for (const session of this.#sessions.values()) effects.push(...session.drain());
    return effects;
  }

  fail(code: string, now: number): HubEffect[] {
    const touched = this.#touched;
    this.#touched = new Set();
    this.#effects = this.#restoring.map(ticket => ({ do: 'restored', ticket, answers: undefined }));
    this.#restingUntil = now + REST_MS;
    this.#note({ kind: 'trouble', code, doing: 'keeping changes' });
    for (const session of [...this.#sessions.values()]) {
      session.discard(this.#with);
      const lost = [...session.uploads.values()];
      this.#offers.dropAll(session);
      if (touched.has(session.board)) {
        this.#sessions.delete(session.board);
        this.#effects.push({
          do: 'send',
          board: session.board,
          message: { is: 'again', session: session.number },
          body: undefined,
        });
      } else {
        this.#offers.turnAway(session, lost);
      }
    }
    return this.drain();
  }

  /** How full everything is that has a bound. */
  gauges(): GaugeReading[] {
    let most = 0;
    for (const { uploads } of this.#sessions.values()) most = Math.max(most, uploads.size);
    return [
      this.#sessionGauge.reading(),
      this.#shareGauge.reading(),
      { ...this.#offers.gauge.reading(), taken: most },
    ];
  }

  /** Bytes of content that boards were asked for, and that they may be. */
  window(): { taken: number; limit: number } {
    const sum = { taken: 0, limit: 0 };
    for (const { credit, windowBytes } of this.#sessions.values()) {
      sum.taken += windowBytes - credit;
      sum.limit += windowBytes;
    }
    return sum;
  }

  /** Contents whose recipes are held for uploads and pulls under way. */
  *pins(): Generator<Uint8Array> {
    for (const session of this.#sessions.values()) {
      for (const { offer } of session.uploads.values()) {
        yield offer.content;
        if (offer.baseContent.length > 0) yield offer.baseContent;
      }
      yield* session.pulls.pins();
    }
  }

  status(): HubStatus {
    const { store } = this.#with;
    return {
      folders: store.folders().map(({ share, id, head, entries, bytes }) => ({
        share,
        id: Buffer.from(id).toString('hex'),
        head,
        entries,
        bytes,
      })),
      boards: store.boards().map(({ name, share, position, lastSeen }) => {
        const session = this.#sessions.get(name);
        return {
          name,
          share,
          isOnline: session !== undefined,
          position: session?.position ?? position,
          pending: session?.uploads.size ?? 0,
          lastSeen: session?.seenAt ?? lastSeen,
          counters: { ...this.#countersOf(name) },
        };
      }),
      lostBlocks: store.lostBlocks().now,
    };
  }

  #onMessage(board: string, message: Message, body: Uint8Array, now: number): void {
    if (message.is === 'hello') {
      this.#onHello(board, message, now);
      return;
    }
    const session = this.#sessions.get(board);
    if (session === undefined || session.number !== message.session) {
      this.#sayAgain(board, message.session, now);
      return;
    }
    session.seenAt = now;
    switch (message.is) {
      case 'offer':
        this.#offers.onOffer(session, message.items, now < this.#restingUntil, now);
        break;
      case 'whole':
        if (!this.#offers.onWhole(session, message.items, body, now < this.#restingUntil, now)) {
          this.#onMalformed(board, 'whole: body', now);
          return;
        }
        break;
      case 'recipe':
        this.#offers.onRecipe(session, message, body, now);
        break;
      case 'blocks':
        this.#offers.onBlocks(session, message, body, now);
        break;
      case 'gone':
        this.#offers.onGone(session, message);
        break;
      case 'next':
        this.#onNext(session, message);
        return;
      case 'pull':
        for (const frame of session.pulls.answer(session.number, message.items, session.frameBytesMax)) {
          session.serve(frame.message, frame.body);
        }
        return;
      case 'settled':
        session.position = message.position;
        this.#remember(session, now);
        return;
      default:
        this.#onMalformed(board, `${message.is} is not for a gateway`, now);
        return;
    }
    this.#advance(session, { records: STEP_RECORDS }, now);
  }

  #onHello(board: string, hello: MessageNamed<'hello'>, now: number): void {
    const known = this.#sessions.get(board);
    if (known !== undefined && hello.session < known.number && now - known.seenAt < LATE_HELLO_MS) return;
    const version = Math.min(VERSION_MAX, hello.versionMax);
    const why = this.#whyRefused(board, hello, version, now);
    if (why !== undefined) {
      const message: Message = { is: 'refuse', session: hello.session, reason: why };
      this.#effects.push({ do: 'send', board, message, body: undefined });
      this.#note({ kind: 'session', board, text: `refused: ${why}` });
      return;
    }
    const folder = this.#folderOf(hello.share, now);
    // The disk is full and the folder is new: the board will ask again.
    if (folder === undefined) return;
    const isRepeated = known?.isThatOf(hello) === true;
    const session = isRepeated
      ? known
      : new Session(this.#with, board, hello, folder, this.#countersOf(board), now);
    if (isRepeated) {
      // The board connected again: what it was asked for may be lost.
      for (const upload of session.uploads.values()) upload.askAgain();
      this.#advance(session, { records: STEP_RECORDS }, now);
    } else {
      if (known !== undefined) this.#offers.dropAll(known);
      this.#sessions.set(board, session);
      this.#sessionGauge.grew();
      this.#note({ kind: 'session', board, text: `joined ${hello.share} with ${hello.software}` });
    }
    session.seenAt = now;
    session.position = hello.position;
    this.#remember(session, now);
    const { id, head } = folder;
    const { frameBytesMax, store } = this.#with;
    // All are of the board's one history.
    const common = Math.max(
      store.commonWith(folder, hello.position, hello.term),
      store.commonWith(folder, hello.ahead, hello.aheadTerm),
      ...hello.trail.map(({ seq, term }) => store.commonWith(folder, seq, term)),
    );
    session.send({
      is: 'welcome',
      session: session.number,
      version,
      folder: id,
      head,
      frameBytesMax,
      time: now,
      term: store.term,
      common,
      trail: store.trail(folder),
    });
  }

  #whyRefused(board: string, hello: MessageNamed<'hello'>, version: number, now: number): string | undefined {
    if (version < Math.max(VERSION_MIN, hello.versionMin)) {
      return `this gateway speaks protocol ${VERSION_MIN} to ${VERSION_MAX}, the board ${hello.versionMin} to ${hello.versionMax}: update the older one`;
    }
    if (!LABEL.test(board.startsWith(COPY_SIGN) ? board.slice(1) : board))
      return 'a board is named by letters, digits, dots, dashes and underscores';
    if (this.#with.mayJoin?.(board, hello.share) === false)
      return `${board} may not join ${hello.share}: the gateway's --grants do not say so`;
    if (hello.frameBytesMax < FRAME_BYTES_MIN) {
      return `frames of ${hello.frameBytesMax} bytes are too small, ${FRAME_BYTES_MIN} are needed: raise the broker's packet limit`;
    }
    const isCopy = board.startsWith(COPY_SIGN);
    if (!isCopy && !this.#sessions.has(board) && this.#boards() >= SESSIONS_MAX) {
      this.#sessionGauge.met();
      return `${SESSIONS_MAX} boards are connected, which is the most this gateway serves`;
    }
    const { store, sharesMax } = this.#with;
    if (store.folder(hello.share) !== undefined) return undefined;
    if (store.folders().length >= sharesMax) {
      this.#shareGauge.met();
      return `${hello.share} would be a share more than the ${sharesMax} that the gateway's --max-shares allow`;
    }
    // Its plain copy could not be made either, and a gateway that cannot keep one ends.
    if (!this.#room.has(0, now)) return `no room for a new share on the gateway's disk (ENOSPC)`;
    return undefined;
  }

  #boards(): number {
    let boards = 0;
    for (const name of this.#sessions.keys()) if (!name.startsWith(COPY_SIGN)) boards++;
    return boards;
  }

  #folderOf(share: string, now: number): Folder | undefined {
    const { store, newFolderId } = this.#with;
    const known = store.folder(share);
    if (known !== undefined || now < this.#restingUntil) return known;
    const made = store.makeFolder(share, newFolderId());
    this.#shareGauge.grew();
    return made;
  }

  #onNext(session: Session, message: MessageNamed<'next'>): void {
    const { store } = this.#with;
    const { head } = store.folder(session.share)!;
    for (const answer of answerNext(store, session.folder, head, message, session.frameBytesMax)) {
      session.send(answer);
    }
  }

  #onMalformed(board: string, why: string, now: number): void {
    this.#countersOf(board).malformed++;
    this.#note({ kind: 'malformed', board, why });
    const session = this.#sessions.get(board);
    if (session === undefined) return;
    this.#forget(session);
    this.#sayAgain(board, session.number, now);
  }

  #onLeft(board: string, number: number | undefined): void {
    const session = this.#sessions.get(board);
    if (session === undefined || (number !== undefined && number !== session.number)) return;
    this.#forget(session);
    this.#remember(session, session.seenAt);
    this.#note({ kind: 'session', board, text: `left ${session.share}` });
    // A will may come long after its client is back. A board that only receives says nothing by itself, and would be
    // told nothing any more; where it has really left, nobody hears this.
    const message: Message = { is: 'again', session: session.number };
    this.#effects.push({ do: 'send', board, message, body: undefined });
  }

  #onRestore({ ticket, share, wanted }: Extract<HubEvent, { is: 'restore' }>, now: number): void {
    const { store } = this.#with;
    this.#restoring.push(ticket);
    const folder = store.folder(share);
    const answers = wanted.map(each =>
      folder === undefined ? { verdict: Verdict.REFUSED, seq: 0 } : restoreVersion(store, folder, each, now),
    );
    this.#effects.push({ do: 'restored', ticket, answers });
    if (folder !== undefined) this.#announce(folder.number, share, now);
  }

  #tellDamage(): void {
    const { found } = this.#with.store.lostBlocks();
    if (found === this.#lostFound) return;
    this.#note({ kind: 'damaged', blocks: found - this.#lostFound });
    this.#lostFound = found;
  }

  #onTick(now: number): void {
    this.wakeAt = Number.POSITIVE_INFINITY;
    const budget = { records: STEP_RECORDS };
    for (const session of this.#sessions.values()) {
      session.repeatHead(this.#with.store.folder(session.share)?.head ?? 0, now);
      this.wakeAt = Math.min(this.wakeAt, session.repeatAt);
      if (session.uploads.size === 0) continue;
      this.#offers.expire(session, now);
      this.#advance(session, budget, now);
    }
  }

  #advance(session: Session, budget: Budget, now: number): void {
    this.#offers.advance(session, budget, now);
    this.wakeAt = Math.min(this.wakeAt, this.#offers.nextWake(session, now));
  }

  #forget(session: Session): void {
    this.#offers.dropAll(session);
    this.#sessions.delete(session.board);
  }

  #remember(session: Session, now: number): void {
    const { board: name, share, position, number } = session;
    this.#with.store.noteBoard({ name, share, position, session: number, lastSeen: now });
  }

  /** Everyone on the share learns its head, also who moved it: its position goes on with it. */
  #announce(folder: FolderNumber, share: string, now: number): void {
    const { head } = this.#with.store.folder(share)!;
    for (const session of this.#sessions.values()) {
      if (session.folder !== folder) continue;
      session.head(head, now);
      this.wakeAt = Math.min(this.wakeAt, session.repeatAt);
    }
  }

  #sayAgain(board: string, session: number, now: number): void {
    const told = this.#toldAgain.get(board);
    if (told !== undefined && now - told < AGAIN_MS) return;
    this.#toldAgain.delete(board);
    this.#toldAgain.set(board, now);
    if (this.#toldAgain.size > STRANGERS_MAX) this.#toldAgain.delete(this.#toldAgain.keys().next().value!);
    this.#effects.push({ do: 'send', board, message: { is: 'again', session }, body: undefined });
  }

  #countersOf(board: string): BoardCounters {
    let counters = this.#counters.get(board);
    if (counters === undefined) {
      counters = {
        accepted: 0,
        conflicts: 0,
        refused: 0,
        malformed: 0,
        mismatches: 0,
        unasked: 0,
      };
      this.#counters.set(board, counters);
      if (this.#counters.size > STRANGERS_MAX) this.#counters.delete(this.#counters.keys().next().value!);
    }
    return counters;
  }

  #note(note: HubNote): void {
    this.#effects.push({ do: 'note', note });
  }
}
