// Boards and a gateway in one process, one clock, one seed: the real engine, disk carrier, catalog, codec, wasm and
// hub, over memfs and a faulty link.
//
// Faults, each by chance from the seed: frames lost, doubled, delayed and so reordered; links cut and back; agents
// killed and started again, with their catalog or without it; the gateway killed and started again from its last
// commit; watcher hints lost. User's changes fall between any two events.
//
// What must hold, checked:
//   1. After the last change, with links up: all boards show the same tree.
//   2. Whatever bytes the agent takes off a disk are known to the gateway at that moment.
//   3. The arena is as long at the end as at the start, and its audit finds nothing.

import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { plan } from '../../gateway/history/plan.ts';
import { versionAt } from '../../gateway/history/tree.ts';
import { changesUnder, isLive } from '../../gateway/history/versions.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { HubEffect, HubEvent } from '../../gateway/hub/ports.ts';
import { type Image, type MemoryStore, openMemoryStore } from '../../gateway/store/memory.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX, ID_BYTES } from '../../protocol/limits.ts';
import { printable } from '../../protocol/path.ts';
import { type BoardLink, type BoardLinkHandlers, noCounts } from '../../transport/link.ts';
import { touch, tree } from './hands.ts';
import { Machine, ROOT } from './machine.ts';
import { type Faults, Network, NO_FAULTS } from './network.ts';
import { Random } from './random.ts';
import { Time } from './time.ts';

export interface Plan {
  boards: number;
  /** User's changes in all. */
  changes: number;
  faults: Faults;
  /** Chances, each per user's change. */
  cut: number;
  kill: number;
  /** Killed, and its catalog is of no more use. */
  lose: number;
  restart: number;
  hintLost: number;
  /** Whoever runs the gateway brings something back, as it was at some time. */
  restore: number;
  /** A step of collecting, of which each round leaves only what is current. */
  collect: number;
  /** Milliseconds between changes, one drawn for each. */
  pauses: readonly number[];
}

interface Link {
  handlers: BoardLinkHandlers;
  isUp: boolean;
}

/** A file may be seen, read and offered, and its bytes be on their way. */
const QUIET_MS = 15 * 60_000;

/** Some thousand blocks. */
const BLOOM_BITS = 2 ** 18;

const NOTHING = new Uint8Array(0);

export class World {
  readonly time = new Time();
  readonly story: string[] = [];
  readonly random: Random;
  private readonly plan: Plan;
  private readonly network: Network;
  private readonly machines: Machine[] = [];
  private readonly links = new Map<string, Link>();
  private readonly hasher: Arena;
  private store: MemoryStore;
  private hub: Hub;
  private gateway = 0;
  private isCollecting = false;
  /** The contents that were a path's newest at some time, where history is collected. */
  private readonly committed = new Set<string>();
  private readonly losses: string[] = [];

  constructor(seed: number, plan: Plan) {
    this.plan = plan;
    this.random = new Random(seed);
    this.network = new Network(this.random, this.time);
    this.network.faults = plan.faults;
    this.hasher = openArena({ bytes: 2 * 1024 * 1024 });
    this.store = this.openStore();
    this.hub = this.openHub();
    for (let board = 0; board < plan.boards; board++) {
      this.machines.push(
        new Machine(`board${board}`, {
          time: this.time,
          openLink: (machine, handlers) => this.openLink(machine.name, handlers),
          onLoss: (machine, path, bytes) => this.checkLoss(machine, path, bytes),
          tell: line => this.tell(line),
        }),
      );
    }
  }

  /** Runs the plan. What went wrong, empty if nothing did. */
  run(): string[] {
    const restoreDate = this.fakeDate();
    try {
      for (const machine of this.machines) machine.start();
      for (let change = 0; change < this.plan.changes; change++) this.change();
      this.settle();
      return [...this.losses, ...this.differences(), ...this.unsettled(), ...this.audits()];
    } catch (error) {
      return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
    } finally {
      restoreDate();
    }
  }

  /** A number that two runs of one seed must share. */
  get trace(): string {
    const trees = this.machines.map(machine => [...tree(machine.volume)].join('\n'));
    return `${this.network.frames} frames, ${this.network.bytes} bytes, ${this.hasher.blockId(Buffer.from(trees.join('\n\n')).subarray(0, 16_384)).join(' ')}`;
  }

  private tell(line: string): void {
    this.story.push(`${this.time.now % 1e9} ${line}`);
  }

  // ---- what happens

  private change(): void {
    const { random, plan } = this;
    const machine = random.pick(this.machines);
    for (const path of touch(machine.volume, random)) {
      this.tell(`${machine.name} user touches ${path.slice(ROOT.length + 1)}`);
      if (!random.chance(plan.hintLost)) this.hint(machine, path);
    }
    if (random.chance(plan.cut)) this.cut(random.pick(this.machines).name);
    if (random.chance(plan.kill)) this.kill(random.pick(this.machines));
    if (random.chance(plan.lose)) this.lose(random.pick(this.machines));
    if (random.chance(plan.restart)) this.restartGateway();
    if (plan.collect > 0 && random.chance(plan.collect)) this.collect();
    if (plan.restore > 0 && random.chance(plan.restore)) this.restore();
    this.time.runFor(random.pick(plan.pauses));
  }

  private hint(machine: Machine, path: string): void {
    const slash = path.lastIndexOf('/');
    const directory = Buffer.from(
      path.slice(ROOT.length + 1, Math.max(slash, ROOT.length + 1)).replace(/\/$/, ''),
    );
    const name = Buffer.from(path.slice(slash + 1));
    this.time.after(this.random.below(20), () => machine.hint(directory, name));
  }

  private settle(): void {
    this.network.faults = NO_FAULTS;
    this.tell('the user rests');
    for (const machine of this.machines) if (!machine.isRunning) machine.start();
    const end = this.time.now + QUIET_MS;
    this.time.runFor(130_000); // two rescans: hints may have been lost
    while (this.time.now < end && this.unsettled().length > 0) this.time.runFor(5_000);
  }

  private cut(board: string): void {
    const link = this.links.get(board);
    if (link === undefined || !link.isUp) return;
    this.tell(`the link of ${board} is cut`);
    this.network.cut(board);
    link.isUp = false;
    link.handlers.down('cut');
    this.time.after(this.random.below(10_000), () => this.connect(board, link));
  }

  private connect(board: string, link: Link): void {
    if (this.links.get(board) !== link) return;
    link.isUp = true;
    link.handlers.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'sim' });
  }

  private kill(machine: Machine): void {
    if (!machine.isRunning) return;
    this.tell(`${machine.name} is killed`);
    machine.kill();
    this.network.cut(machine.name);
    this.links.delete(machine.name);
    this.time.after(this.random.below(5_000), () => {
      this.tell(`${machine.name} starts again`);
      if (!machine.isRunning) machine.start();
    });
  }

  private lose(machine: Machine): void {
    if (!machine.isRunning) return;
    this.tell(`${machine.name} loses its catalog`);
    machine.loseCatalog();
    this.kill(machine);
  }

  private restartGateway(): void {
    this.tell('the gateway is killed and starts again');
    const image: Image = this.store.image();
    for (const machine of this.machines) this.network.cut(machine.name);
    this.store = this.openStore(image);
    this.isCollecting = false;
    this.gateway++;
    this.hub = this.openHub();
    const session = this.time.now;
    for (const { handlers, isUp } of this.links.values())
      if (isUp) this.time.after(100, () => handlers.gateway({ state: 'online', session }, true));
  }

  /** A few steps of a round, each between whatever else happens; a new round where the last is through. */
  private collect(): void {
    const { store, random } = this;
    if (!this.isCollecting)
      store.startCollecting(this.time.now - random.pick([0, 1_000, 60_000]), this.hub.pins());
    this.isCollecting = true;
    const collectOne = () => {
      if (store !== this.store || !this.isCollecting) return;
      const outcome = store.transaction(() => store.collect());
      this.isCollecting = outcome.isDurable && outcome.value;
    };
    for (let steps = random.below(12); steps > 0; steps--) this.time.after(random.below(200), collectOne);
  }

  private restore(): void {
    const { random, store } = this;
    const [folder] = store.folders();
    if (folder === undefined) return;
    const paths = [...changesUnder(store, folder, NOTHING)].map(({ path }) => path);
    if (paths.length === 0) return;
    const path = random.chance(0.2) ? NOTHING : random.pick(paths);
    const time = this.time.now - random.below(60_000);
    const version = path.length === 0 ? undefined : versionAt(store, folder, path, time);
    if (path.length > 0 && !isLive(version)) return;
    const wanted = [...plan(store, folder, path, version, time)];
    this.tell(`restores ${printable(path)} as of ${time % 1e9}: ${wanted.length} paths`);
    // What came since the plan was made wins; so it is carried out a little later.
    this.time.after(random.below(50), () =>
      this.give({ is: 'restore', ticket: 0, share: folder.share, wanted }),
    );
  }

  // ---- the gateway

  private openStore(image: Image = [new Map(), new Map()]): MemoryStore {
    const store = openMemoryStore({ image, bloomBits: BLOOM_BITS });
    if (this.plan.collect === 0) return store;
    return {
      ...store,
      commit: (folder, path, change, isFirst) => {
        this.committed.add(Buffer.from(change.content).toString('hex'));
        return store.commit(folder, path, change, isFirst);
      },
    };
  }

  private openHub(): Hub {
    return new Hub({
      store: this.store,
      hasher: this.hasher,
      squeeze,
      newFolderId: () => this.random.bytes(ID_BYTES),
      frameBytesMax: FRAME_BYTES_MAX,
    });
  }

  private give(event: HubEvent): void {
    const outcome = this.store.transaction(() => this.hub.take(event, this.time.now));
    const effects = outcome.isDurable ? this.hub.drain() : this.hub.fail(outcome.code, this.time.now);
    for (const effect of effects) this.carry(effect);
    const { hub } = this;
    if (hub.wakeAt === Number.POSITIVE_INFINITY) return;
    this.time.after(Math.max(1, hub.wakeAt - this.time.now), () => {
      if (hub === this.hub && this.time.now >= hub.wakeAt) this.give({ is: 'tick' });
    });
  }

  private carry(effect: HubEffect): void {
    if (effect.do === 'note') {
      if (effect.note.kind !== 'accepted') this.tell(`gateway ${JSON.stringify(effect.note)}`);
      return;
    }
    if (effect.do === 'restored') return;
    const { board, message, body } = effect;
    const link = this.links.get(board);
    const header = encodeFrameHeader(message);
    const frame = body === undefined ? header : Buffer.concat([header, body]);
    this.network.carry(board, frame, bytes => {
      if (this.links.get(board) === link && link?.isUp) link.handlers.frame(bytes);
    });
  }

  // ---- the boards' link

  private openLink(board: string, handlers: BoardLinkHandlers): BoardLink {
    const link: Link = { handlers, isUp: false };
    this.links.set(board, link);
    this.time.after(10, () => this.connect(board, link));
    const counts = noCounts();
    return {
      counts,
      send: (frame, sent) => {
        if (link.isUp && this.links.get(board) === link)
          this.network.carry(board, frame, bytes => this.receive(board, bytes));
        // The cell may be taken again now: what is still needed of it was copied.
        this.time.after(0, () => this.links.get(board) === link && sent());
      },
      setStatus: () => {},
      close: async () => {},
    };
  }

  private receive(board: string, bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes, 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded) this.losses.push(`${board} sent a malformed frame: ${decoded.malformed}`);
    else this.give({ is: 'message', board, message: decoded.message, body: decoded.body });
  }

  // ---- what must hold

  private checkLoss(machine: Machine, path: string, bytes: Uint8Array): void {
    const content = this.contentOf(bytes);
    if (bytes.length === 0 || this.store.content(content) !== undefined) return;
    // It was a version, and was collected: that is what a user asks for who keeps no history.
    if (this.committed.has(Buffer.from(content).toString('hex'))) return;
    this.tell(`LOST ${machine.name} ${path}`);
    this.losses.push(`${machine.name}: ${path} went, ${bytes.length} bytes that nobody else has`);
  }

  private contentOf(bytes: Uint8Array): Uint8Array {
    const { hasher } = this;
    hasher.beginContent();
    let at = 0;
    let kept = 0;
    do {
      const room = Math.min(hasher.window.length - kept, bytes.length - at);
      hasher.window.set(bytes.subarray(at, at + room), kept);
      at += room;
      const { consumed } = hasher.cut(kept + room, at === bytes.length);
      hasher.window.copyWithin(0, consumed, kept + room);
      kept = kept + room - consumed;
    } while (at < bytes.length);
    return hasher.endContent();
  }

  private differences(): string[] {
    const [first, ...others] = this.machines.map(machine => ({
      name: machine.name,
      tree: tree(machine.volume),
    }));
    if (first === undefined) return [];
    const wrong: string[] = [];
    for (const other of others) {
      for (const path of new Set([...first.tree.keys(), ...other.tree.keys()])) {
        const [a, b] = [first.tree.get(path), other.tree.get(path)];
        if (a === b) continue;
        wrong.push(`${path}: ${first.name} ${a?.slice(0, 60)} | ${other.name} ${b?.slice(0, 60)}`);
      }
    }
    return wrong;
  }

  private unsettled(): string[] {
    return this.machines.flatMap(machine => {
      const engine = machine.sync?.look()?.engine;
      if (engine === undefined) return [`${machine.name} does not run`];
      const { link, pendingUp, pendingDown, isScanning, settled, head } = engine;
      const isQuiet = link === 'live' && pendingUp + pendingDown === 0 && !isScanning && settled === head;
      return isQuiet
        ? []
        : [
            `${machine.name} is not settled: ${link}, up ${pendingUp}, down ${pendingDown}, ${settled} of ${head}`,
          ];
    });
  }

  private audits(): string[] {
    return this.machines.flatMap(machine => {
      const look = machine.sync?.look();
      const grown = look !== undefined && look.memoryBytes !== 2 * 1024 * 1024;
      return grown ? [`${machine.name}: the arena grew to ${look.memoryBytes}`] : [];
    });
  }

  // memfs asks Date for its times.
  private fakeDate(): () => void {
    const real = globalThis.Date;
    const { time } = this;
    globalThis.Date = class extends real {
      constructor(...words: unknown[]) {
        if (words.length === 0) super(time.now);
        else super(...(words as [number]));
      }
      static override now(): number {
        return time.now;
      }
    } as DateConstructor;
    return () => {
      globalThis.Date = real;
    };
  }
}
