// One simulated board and a hub, on a link that can be stopped up: frames' cells are given back only while it flows,
// and the hub is heard only while it speaks. For tests that fill a pool and see what happens.

import { openArena } from '../../agent/arena/arena.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import type { MemoryLook } from '../../agent/memory/look.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { HubEvent } from '../../gateway/hub/ports.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES, TERM_BYTES } from '../../protocol/limits.ts';
import type { Message, Verdict } from '../../protocol/messages.ts';
import { type BoardLink, type BoardLinkHandlers, noCounts } from '../../transport/link.ts';
import { type Image, type MemoryStore, openMemoryStore } from '../gateway/memory.ts';
import { Machine } from '../sim/machine.ts';
import { Time } from '../sim/time.ts';

const NO_TERM = new Uint8Array(TERM_BYTES);

export class Pair {
  readonly time = new Time();
  readonly machine: Machine;
  store: MemoryStore;
  /** Frames' cells that were sent while the link did not flow. */
  readonly held: (() => void)[] = [];
  /** The last frame of changes that the hub sent. */
  lastChanges: Uint8Array | undefined;
  isFlowing = true;
  isSpeaking = true;
  /** After how many milliseconds each copy of the next frame comes, either way: none where it is lost. */
  fate: () => readonly number[] = () => [1];
  /** What the gateway says to an offer instead of looking at it. */
  verdict: (offer: { size: number }) => Verdict | undefined = () => undefined;
  /** What went wrong on the board, in words. */
  readonly troubles: string[] = [];
  /** What was left out by name, and why. */
  readonly skipped = new Map<string, string>();
  private hub: Hub;
  counts = noCounts();
  private wakesAt: number | undefined;
  private handlers: BoardLinkHandlers | undefined;

  constructor(store = openMemoryStore()) {
    this.store = store;
    this.hub = openHub(store);
    this.machine = new Machine('board', {
      time: this.time,
      openLink: (_machine, handlers) => this.openLink(handlers),
      onLoss: () => {},
      tell: () => {},
      onNote: (_machine, note) => {
        if (note.kind === 'trouble') this.troubles.push(`${note.doing}: ${note.code}`);
        if (note.kind === 'skipped') this.skipped.set(Buffer.from(note.path).toString(), note.why);
      },
    });
  }

  get memory(): MemoryLook {
    return this.machine.sync!.lookAtMemory()!;
  }

  gauge(name: string) {
    return this.memory.gauges.find(gauge => gauge.name === name)!;
  }

  /** The link takes what it held, and everything after. */
  flow(): void {
    this.isFlowing = true;
    for (const sent of this.held.splice(0)) this.time.after(0, sent);
  }

  /** The gateway ends, and another starts on this copy of the store. The board is not told. */
  putBack(image: Image): void {
    this.store = openMemoryStore({ image });
    this.hub = openHub(this.store);
  }

  /** Entries at the hub. */
  get entries(): number {
    return this.store.folders()[0]?.entries ?? 0;
  }

  /** A frame comes to the board, from whoever. */
  deliver(frame: Uint8Array): void {
    this.counts.bytesIn += frame.length;
    for (const ms of this.fate()) this.time.after(ms, () => this.handlers?.frame(frame.slice()));
  }

  private openLink(handlers: BoardLinkHandlers): BoardLink {
    this.handlers = handlers;
    this.time.after(1, () => handlers.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'pair' }));
    const counts = noCounts();
    this.counts = counts;
    return {
      counts,
      send: (frame, sent) => {
        counts.bytesOut += frame.length;
        const decoded = decodeFrame(frame.slice(), 'up', FRAME_BYTES_MAX);
        if ('malformed' in decoded) throw new Error(decoded.malformed);
        const { message, body } = decoded;
        const event = { is: 'message', board: 'board', message, body } as const;
        for (const ms of this.fate()) this.time.after(ms, () => this.give(event));
        if (this.isFlowing) this.time.after(1, sent);
        else this.held.push(sent);
      },
      queue: { bytes: 0, bytesMax: FRAME_BYTES_MAX, highWater: 0, drops: 0 },
      setStatus: () => {},
      close: async () => {},
    };
  }

  /** Answers a frame in which `verdict` has an answer for any; all else is for the hub. */
  private isTurnedAway(message: Message): boolean {
    if (message.is !== 'offer' && message.is !== 'whole') return false;
    const verdicts = message.items.map(item => this.verdict(item));
    const verdict = verdicts.find(one => one !== undefined);
    if (verdict === undefined) return false;
    const items = message.items.map(({ req }) => ({ req, verdict, seq: 0 }));
    this.deliver(encodeFrameHeader({ is: 'done', session: message.session, items, term: NO_TERM }));
    return true;
  }

  private give(event: HubEvent): void {
    if (event.is === 'message' && this.isTurnedAway(event.message)) return;
    const outcome = this.store.transaction(() => this.hub.take(event, this.time.now));
    if (!outcome.isDurable) throw new Error(outcome.code);
    for (const effect of this.hub.drain()) {
      if (effect.do !== 'send' || (!this.isSpeaking && effect.message.is === 'done')) continue;
      const header = encodeFrameHeader(effect.message);
      const frame = effect.body === undefined ? header : Buffer.concat([header, effect.body]);
      if (effect.message.is === 'changes') this.lastChanges = frame;
      this.deliver(frame);
    }
    this.wake();
  }

  /** What the hub asked for and did not get, it asks for again. */
  private wake(): void {
    const { hub, time } = this;
    if (hub.wakeAt === Number.POSITIVE_INFINITY || hub.wakeAt === this.wakesAt) return;
    this.wakesAt = hub.wakeAt;
    time.after(Math.max(1, hub.wakeAt - time.now), () => {
      this.wakesAt = undefined;
      if (hub === this.hub) this.give({ is: 'tick' });
    });
  }
}

const openHub = (store: MemoryStore): Hub =>
  new Hub({
    store,
    hasher: openArena({ bytes: 2 * 1024 * 1024 }),
    squeeze,
    newFolderId: () => new Uint8Array(ID_BYTES).fill(7),
    sharesMax: 64,
    frameBytesMax: FRAME_BYTES_MAX,
  });
