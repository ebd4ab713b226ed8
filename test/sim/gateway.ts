// The simulated gateway: the real hub over the store in memory.
//
// Fault model: the process may end before a commit, or after it and before anybody is told; it starts again from what
// was committed, which is what LMDB leaves after a power cut too. A commit may fail. Whoever runs the gateway may put
// back a copy of the store that was made earlier, bring back old versions, and let old ones go at any time.

import type { Arena } from '../../agent/arena/arena.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { plan } from '../../gateway/history/plan.ts';
import { standing, stateAt } from '../../gateway/history/tree.ts';
import { changesUnder, isLive } from '../../gateway/history/versions.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { HubEffect, HubEvent } from '../../gateway/hub/ports.ts';
import type { Change, Version } from '../../gateway/store/port.ts';
import { encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES } from '../../protocol/limits.ts';
import { Kind } from '../../protocol/messages.ts';
import { printable } from '../../protocol/path.ts';
import { type Image, type MemoryStore, openMemoryStore } from '../gateway/memory.ts';
import { describe } from './machine.ts';
import { Random } from './random.ts';
import type { Time } from './time.ts';

/** Some thousand blocks. */
const BLOOM_BITS = 2 ** 18;
/** Events in one transaction, as the pump has them. */
const BATCH_MAX = 64;
const NOTHING = new Uint8Array(0);

export interface Commit {
  path: string;
  change: Change;
  /** What it replaces. */
  before: Version | undefined;
}

export interface GatewayPorts {
  time: Time;
  hasher: Arena;
  toBoard(board: string, frame: Uint8Array): void;
  announce(session: number): void;
  onCommit(commit: Commit): void;
  tell(line: string): void;
}

export class Gateway {
  store: MemoryStore;
  private readonly ports: GatewayPorts;
  private readonly folderIds: Random;
  private hub: Hub | undefined;
  private readonly queue: HubEvent[] = [];
  private commits: Commit[] = [];
  private isScheduled = false;
  private isCollecting = false;
  private copy: Image | undefined;
  /** The next commit fails so. */
  private failing: string | undefined;
  private dying: { isAfterCommit: boolean; downMs: number } | undefined;

  constructor(seed: number, ports: GatewayPorts) {
    this.ports = ports;
    this.folderIds = new Random(seed);
    this.store = this.openStore([new Map(), new Map()]);
    this.hub = this.openHub();
  }

  push(event: HubEvent): void {
    if (this.hub === undefined) return;
    this.queue.push(event);
    this.schedule(0);
  }

  // ---- what may happen to it

  /** Ends now and starts again, with what was committed. */
  kill(downMs: number, image = this.store.image()): void {
    this.ports.tell(`the gateway is killed, for ${downMs} ms`);
    this.hub = undefined;
    this.queue.length = 0;
    this.commits = [];
    this.isCollecting = false;
    this.dying = undefined;
    this.store = this.openStore(image);
    this.ports.time.after(downMs, () => {
      if (this.hub !== undefined) return;
      this.hub = this.openHub();
      this.ports.announce(this.ports.time.now);
    });
  }

  /** Ends in the middle of its next commit. */
  killAt(isAfterCommit: boolean, downMs: number): void {
    this.dying = { isAfterCommit, downMs };
  }

  failCommit(code: string): void {
    this.failing = code;
  }

  /** Nothing that was to happen to it does. */
  calm(): void {
    this.failing = undefined;
    this.dying = undefined;
  }

  backup(): void {
    this.copy = this.store.image();
    this.ports.tell('the store is copied');
  }

  /** Starts again from the copy. */
  rollback(downMs: number): boolean {
    if (this.copy === undefined) return false;
    this.ports.tell('the store is replaced by its copy');
    this.kill(downMs, this.copy);
    return true;
  }

  /** Of each file that it has now. */
  *contents(): Generator<Uint8Array> {
    const { store } = this;
    for (const folder of store.folders())
      for (const { path } of changesUnder(store, folder, NOTHING)) {
        const version = store.current(folder.number, path);
        if (version?.kind === Kind.FILE) yield version.content;
      }
  }

  /** Some steps of a round, each between whatever else happens; a new round where the last is through. The time before
   * which versions may go. */
  collect(keepMs: number, steps: number, gapMs: number): number {
    const { store, hub } = this;
    const before = this.ports.time.now - keepMs;
    if (hub === undefined) return 0;
    if (!this.isCollecting) store.startCollecting(before, hub.pins());
    this.isCollecting = true;
    for (let step = 0; step < steps; step++)
      this.ports.time.after(step * gapMs, () => {
        if (store !== this.store || !this.isCollecting) return;
        const outcome = store.transaction(() => store.collect());
        this.isCollecting = outcome.isDurable && outcome.value;
        if (!outcome.isDurable)
          for (const effect of hub.fail(outcome.code, this.ports.time.now)) this.carry(effect);
      });
    return before;
  }

  /** Brings back something, as it was at some time. */
  restore(random: Random): void {
    const { store } = this;
    const [folder] = store.folders();
    if (folder === undefined) return;
    const paths = [...changesUnder(store, folder, NOTHING)].map(({ path }) => path);
    if (paths.length === 0) return;
    const path = random.chance(0.2) ? NOTHING : random.pick(paths);
    const time = this.ports.time.now - random.below(60_000);
    const version = path.length === 0 ? undefined : standing(stateAt(store, folder, path, time));
    if (path.length > 0 && !isLive(version)) return;
    const wanted = [...plan(store, folder, path, version, time, () => {})];
    this.ports.tell(`restores ${printable(path)} as of ${time % 1e9}: ${wanted.length} paths`);
    // What came since the plan was made wins; so it is carried out a little later.
    this.ports.time.after(random.below(50), () =>
      this.push({ is: 'restore', ticket: 0, share: folder.share, wanted }),
    );
  }

  // ---- how it runs

  private openStore(image: Image): MemoryStore {
    const store = openMemoryStore({
      image,
      bloomBits: BLOOM_BITS,
      onCommit: () => {
        const code = this.failing;
        this.failing = undefined;
        return code;
      },
    });
    return {
      ...store,
      commit: (folder, path, change, isFirst) => {
        const before = store.current(folder, path);
        this.commits.push({ path: Buffer.from(path).toString('latin1'), change: { ...change }, before });
        return store.commit(folder, path, change, isFirst);
      },
    };
  }

  private openHub(): Hub {
    return new Hub({
      store: this.store,
      hasher: this.ports.hasher,
      squeeze,
      newFolderId: () => this.folderIds.bytes(ID_BYTES),
      sharesMax: 64,
      frameBytesMax: FRAME_BYTES_MAX,
    });
  }

  private schedule(ms: number): void {
    if (ms === 0 && this.isScheduled) return;
    if (ms === 0) this.isScheduled = true;
    const { hub } = this;
    this.ports.time.after(ms, () => {
      if (ms === 0) this.isScheduled = false;
      if (hub !== undefined && hub === this.hub) this.turn(hub);
    });
  }

  private turn(hub: Hub): void {
    const { now } = this.ports.time;
    if (now >= hub.wakeAt) this.queue.unshift({ is: 'tick' });
    const events = this.queue.splice(0, BATCH_MAX);
    if (events.length === 0) return;
    if (this.dying?.isAfterCommit === false) {
      this.kill(this.dying.downMs);
      return;
    }
    const outcome = this.store.transaction(() => {
      for (const event of events) hub.take(event, now);
      for (const effect of hub.early()) this.carry(effect);
    });
    const commits = this.commits.splice(0);
    if (outcome.isDurable) for (const commit of commits) this.ports.onCommit(commit);
    if (this.dying !== undefined) {
      this.kill(this.dying.downMs);
      return;
    }
    for (const effect of outcome.isDurable ? hub.drain() : hub.fail(outcome.code, now)) this.carry(effect);
    if (this.queue.length > 0) this.schedule(0);
    else if (hub.wakeAt < Number.POSITIVE_INFINITY) this.schedule(Math.max(1, hub.wakeAt - now));
  }

  private carry(effect: HubEffect): void {
    if (effect.do === 'note') {
      if (effect.note.kind !== 'accepted') this.ports.tell(`gateway: ${describe(effect.note)}`);
      return;
    }
    if (effect.do === 'restored') return;
    const header = encodeFrameHeader(effect.message);
    this.ports.toBoard(
      effect.board,
      effect.body === undefined ? header : Buffer.concat([header, effect.body]),
    );
  }
}
