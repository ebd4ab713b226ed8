// The agent's mind: events in, effects out, nothing else. Owns the machines and their order; each keeps to its
// own story (scan, examine, offers, serve, apply, fetch, session, durable) over one catalog.
//
//             scan ----> catalog <---- apply, session        what is seen, what is told
//                          |
//             offers <-----+-----> apply -> fetch            what follows (decide.ts)
//               |                            |
//             serve                        place
//
// handle() never waits and never throws for a peer's or the disk's mistakes. Errors of ours throw: the process
// ends, the supervisor starts it again, and the catalog is that of the last commit.

import type { Message } from '../../protocol/messages.ts';
import type { Arena } from '../arena/arena.ts';
import type { GaugeReading } from '../gauge.ts';
import { Apply } from './apply.ts';
import { Aside } from './aside.ts';
import type { Catalog } from './catalog.ts';
import { Change } from './change.ts';
import { Core, type Counters, type EngineOptions } from './core.ts';
import { Durable } from './durable.ts';
import { Examine } from './examine.ts';
import { Fetches } from './fetch.ts';
import { Offers } from './offers.ts';
import type { Effect, Event, Path, Rules, Squeeze } from './ports.ts';
import { Scan } from './scan.ts';
import { Serve } from './serve.ts';
import { Session } from './session.ts';

/** Under load, lists that nothing names are freed so often, and so many pages of them at most: some 20 ms. Often, for
 * a page that no commit saw is free at once, and one that it did only after the next. */
const SWEEP_MS = 500;
const SWEPT_MAX = 4096;

/** Rounds of the machines in one event; what is still marked then waits for the tick that follows at once. */
const ROUNDS_MAX = 8;

export interface Snapshot {
  link: 'down' | 'greeting' | 'live';
  refusal: string | undefined;
  head: number;
  position: number;
  settled: number;
  pendingUp: number;
  pendingDown: number;
  isScanning: boolean;
  scanned: number;
  directories: number;
  scanStartedAt: number;
  scanFinishedAt: number;
  isPaused: boolean;
  /** What is known cannot be made durable at the moment. */
  isFailing: boolean;
  /** Nothing but .toastboxignore syncs until that can be read. */
  isHeld: boolean;
  counters: Counters;
  /** Those that stand in the folder, the first COPIES_MAX. */
  conflictCopies: Path[];
  /** Files under way with bytes of content done and in all. */
  reading: { path: Path; bytes: number; done: number } | undefined;
  offering: { path: Path; done: number; size: number }[];
  fetching: { path: Path; done: number; size: number }[];
}

export class Engine {
  private readonly core: Core;
  private readonly scan: Scan;
  private readonly examine: Examine;
  private readonly change: Change;
  private readonly aside: Aside;
  private readonly offers: Offers;
  private readonly serve: Serve;
  private readonly fetches: Fetches;
  private readonly apply: Apply;
  private readonly session: Session;
  private readonly durable: Durable;
  /** Nothing is taken any more but what the last commit waits for. */
  private isStopping = false;
  /** The last sweep under load. */
  private sweptAt = 0;

  constructor(options: EngineOptions, catalog: Catalog, arena: Arena, rules: Rules, squeeze: Squeeze) {
    this.core = new Core(options, catalog, arena, rules, squeeze);
    this.scan = new Scan(this.core);
    this.examine = new Examine(this.core);
    this.change = new Change(this.core);
    this.aside = new Aside(this.core, this.change);
    this.offers = new Offers(this.core, this.examine, this.change, this.aside);
    this.serve = new Serve(this.core, this.offers);
    this.fetches = new Fetches(this.core, this.examine);
    this.apply = new Apply(this.core, this.change, this.fetches, this.offers);
    this.session = new Session(this.core, this.apply);
    this.session.onStranger = () => this.joinAnew();
    this.durable = new Durable(this.core);
    for (const machine of [this.examine, this.aside, this.offers, this.fetches, this.apply])
      machine.onGone = place => this.scan.wantDoubt(place);
    for (const machine of [this.aside, this.apply]) machine.onMoved = id => this.scan.wantDirectory(id);
  }

  /** When a tick is wanted, milliseconds since 1970; Infinity for never. */
  get wakeAt(): number {
    return this.core.onWall(this.core.wakeAt);
  }

  /** Takes one event; the effects to carry out, in order, in an array that the next call takes back. */
  handle(event: Event, now: number): readonly Effect[] {
    const { core } = this;
    core.effects.length = 0;
    core.readClock(now);
    if (this.isStopping || event.is === 'stop') {
      if (event.is === 'synced') this.durable.onSynced(event);
      else if (!this.isStopping) this.durable.finish();
      this.isStopping = true;
      core.wakeAt = Number.POSITIVE_INFINITY; // a tick that was due would be asked for again, and again
      return core.effects;
    }
    if (core.wakeAt <= core.now) {
      core.wakeAt = Number.POSITIVE_INFINITY;
      this.tick();
    }
    this.take(event);
    this.pump();
    return core.effects;
  }

  private take(event: Event): void {
    const { core } = this;
    switch (event.is) {
      case 'start':
        this.scan.start();
        break;
      case 'tick':
        break;
      case 'listed':
        this.scan.onListed(event);
        break;
      case 'looked':
        this.scan.onLooked(event);
        break;
      case 'cut':
        this.examine.onCut(event.records);
        break;
      case 'examined':
        this.examine.onExamined(event);
        break;
      case 'gathered':
        this.offers.gather.onGathered(event);
        break;
      case 'read':
        this.serve.onRead(event);
        break;
      case 'target':
        this.offers.onTarget(event);
        break;
      case 'wrote':
        this.fetches.onWrote(event);
        break;
      case 'stagedWhole':
        this.fetches.onStagedWhole(event);
        break;
      case 'placed':
        this.fetches.onPlaced(event);
        break;
      case 'did':
        this.change.onDid(event);
        break;
      case 'synced':
        this.durable.onSynced(event);
        break;
      case 'hint':
        this.scan.hint(event.dir, event.name);
        break;
      case 'hintsLost':
        this.scan.wantFull();
        break;
      case 'rulesChanged':
        this.scan.wantFull(); // which sees that they are others
        break;
      case 'folder':
        this.onFolder(event);
        break;
      case 'linkUp':
        this.session.onLinkUp(event.frameBytesMax);
        break;
      case 'linkDown':
        this.session.onLinkDown();
        this.endSession();
        break;
      case 'message':
        this.onMessage(event.message, event.body);
        break;
      case 'malformed':
        this.onMalformed(event.why);
        break;
      case 'sent':
        core.arena.releaseFrame(event.handle);
        break;
    }
  }

  private tick(): void {
    this.scan.tick();
    this.examine.tick();
    this.offers.tick();
    this.fetches.tick();
    this.apply.tick();
    this.session.tick();
  }

  private pump(): void {
    const { core } = this;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.scan.pump();
      if (core.isScanning && this.scan.isIdle) core.isLocalMarked = true; // deletions waited for this
      core.isScanning = !this.scan.isIdle;
      core.isRescanning = this.scan.isRunning;
      this.examine.pump();
      this.offers.pump();
      this.session.pump();
      this.apply.pump();
      this.fetches.pump();
      this.serve.pump();
      // A pass that rests goes on with the event that it waits for; a mark starts the next one only after it. While the
      // folder is gone both rest, marked.
      if (core.isPaused || (!this.offers.isMarked && !this.apply.isMarked)) break;
      if (round === ROUNDS_MAX - 1) core.wake(core.now);
    }
    if (core.isCaughtUp && core.catalog.localCount + core.catalog.remoteCount === 0 && this.isResting)
      core.catalog.forgetCommon();
    this.durable.pump(this.isResting);
    this.sweep();
  }

  /** Lists that nothing names: at rest all of them, bit by bit; under load now and then. */
  private sweep(): void {
    const { core } = this;
    if (this.isResting) {
      if (core.garbage.sweep(new Set([this.examine.listInUse])) > 0) core.wake(core.now);
      return;
    }
    if (core.now < this.sweptAt + SWEEP_MS || this.change.isBusy) return;
    this.sweptAt = core.now;
    const inUse = new Set([this.examine.listInUse]);
    for (const lists of [this.offers.listsInUse(), this.fetches.listsInUse(), this.serve.listsInUse()])
      for (const list of lists) inUse.add(list);
    for (let swept = 0; swept < SWEPT_MAX; ) {
      const pages = core.garbage.sweep(inUse);
      if (pages === 0) return;
      swept += pages;
    }
  }

  /** All that was agreed on is on the disk. */
  get isSynced(): boolean {
    return !this.core.isUnsynced && !this.core.isSyncing;
  }

  /** Nothing is under way. What waits may still be blocked, on the link for one. */
  get isResting(): boolean {
    return (
      this.scan.isIdle &&
      !this.examine.isBusy &&
      !this.change.isBusy &&
      !this.serve.isBusy &&
      this.offers.count === 0 &&
      this.fetches.isIdle
    );
  }

  private onFolder({ trouble }: Extract<Event, { is: 'folder' }>): void {
    const { core } = this;
    core.isPaused = trouble !== undefined;
    if (trouble !== undefined) {
      core.trouble(new Uint8Array(0), trouble.code, 'opening the folder');
      this.examine.reset();
      this.fetches.drop();
    }
    this.scan.reset();
    core.isLocalMarked = true;
    core.isRemoteMarked = true;
  }

  // Frames out of shape or out of place: the session starts over, nothing else does.
  private onMalformed(why: string): void {
    this.core.counters.malformed++;
    this.core.note({ kind: 'session', text: `dropped a malformed frame: ${why}` });
    this.joinAnew();
  }

  private joinAnew(): void {
    if (this.session.state !== 'live') return;
    this.endSession();
    this.session.greet();
  }

  private endSession(): void {
    this.offers.reset();
    this.serve.reset();
    this.fetches.reset();
    this.apply.reset();
    this.durable.reset();
  }

  private onMessage(message: Message, body: Uint8Array): void {
    if (message.session !== this.core.options.session) return;
    switch (message.is) {
      case 'welcome':
        if (this.session.onWelcome(message)) this.endSession();
        return;
      case 'refuse':
        this.session.onRefuse(message.reason);
        return;
      case 'again':
        this.joinAnew();
        return;
    }
    const { core } = this;
    if (!core.isLive) return;
    switch (message.is) {
      case 'need':
        this.serve.onNeed(message.items);
        return;
      case 'done':
        this.offers.onDone(message);
        return;
      case 'head':
        this.session.onHead(message.head);
        // Known already: the gateway did not hear that it is.
        if (message.head <= core.catalog.position) this.durable.reset();
        return;
      case 'changes': {
        const fault = this.session.onChanges(message);
        if (fault !== undefined) this.onMalformed(fault);
        return;
      }
      case 'piece':
        if (!this.fetches.onPiece(message.items, body)) this.onMalformed('piece out of range');
        return;
      case 'lost':
        for (const item of message.items) this.fetches.onLost(item.req);
        return;
      default:
        this.onMalformed(`${message.is} is not for a board`);
    }
  }

  /** How full everything is that is in flight. */
  gauges(): GaugeReading[] {
    return this.core.gauges.map(gauge => gauge.reading());
  }

  snapshot(): Snapshot {
    const { core, session } = this;
    return {
      link: session.state,
      refusal: session.refusal,
      head: Math.max(session.head, core.catalog.position),
      position: core.catalog.position,
      settled: core.catalog.settledPosition(),
      pendingUp: core.catalog.localCount,
      pendingDown: core.catalog.remoteCount + Math.max(0, session.head - core.catalog.position),
      isScanning: this.scan.isRunning && !core.isPaused,
      scanned: this.scan.seen,
      directories: this.scan.directoryCount,
      scanStartedAt: this.scan.startedAt && core.onWall(this.scan.startedAt),
      scanFinishedAt: this.scan.finishedAt && core.onWall(this.scan.finishedAt),
      isPaused: core.isPaused,
      isFailing: this.durable.isFailing,
      isHeld: core.rules.isHeld,
      counters: core.counters,
      conflictCopies: core.catalog.conflictCopies(),
      reading: this.examine.reading,
      offering: this.offers.active.map(({ path, bytesServed, facts }) => ({
        path,
        done: Math.min(bytesServed, facts.size),
        size: facts.size,
      })),
      fetching: this.fetches.active.map(({ path, offset, version }) => ({
        path,
        done: offset,
        size: version.size,
      })),
    };
  }
}
