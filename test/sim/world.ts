// Boards and a gateway in one process, one clock, one seed: the real engine, disk carrier, catalog, codec, wasm and
// hub, over simulated disks and a simulated broker. It plays a script (script.ts) and says what did not hold
// (oracle.ts).
//
// Fault model: what the head of each part says: medium.ts and disk.ts (the disk and its power), watching.ts (the
// watcher), machine.ts (the process and its clock), network.ts (frames, links, the broker), gateway.ts (the store and
// its process). Everything that happens falls between two events, or before a call of a board's disk; but nobody
// changes a path between the last look at it and the call that acts on what was seen, which no program can prevent.
// At the end all faults cease, everyone runs, and the user rests.

import { openArena } from '../../agent/arena/arena.ts';
import { decodeFrame } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import type { Call } from './disk.ts';
import { failure } from './files.ts';
import { Gateway } from './gateway.ts';
import { changedSince, exists, inodeAt, sharedFiles, touch, tree } from './hands.ts';
import { ARENA_BYTES, Machine, ROOT, type Trap } from './machine.ts';
import { Network, NO_FAULTS } from './network.ts';
import { Oracle, unsettled } from './oracle.ts';
import { Random } from './random.ts';
import { type Act, actText, NO_HINT_FAULTS, type Script } from './script.ts';
import { Time } from './time.ts';
import type { Hint } from './watching.ts';

/** A file may be seen, read and offered, and its bytes be on their way. */
const QUIET_MS = 15 * 60_000;
/** Between the boards' first starts: more than one restarts in a script. */
const START_EVERY_MS = 100;
/** Sixteen events make a turn (agent/driver.ts). */
const SLOW_MS = 4;
/** Two rescans: hints may have been lost. */
const RESCANS_MS = 130_000;

/** Calls that act on what the call before saw. */
const ACTING = new Set<Call>([
  'renameSync',
  'unlinkSync',
  'rmdirSync',
  'chmodSync',
  'utimesSync',
  'lutimesSync',
  'fchmodSync',
  'futimesSync',
]);

/** One for all worlds of a process: they are played one after the other. */
let hasher: ReturnType<typeof openArena> | undefined;

export class World {
  readonly time = new Time();
  readonly story: string[] = [];
  /** What was done and what faults came, by kind. */
  readonly counts = new Map<string, number>();
  private readonly script: Script;
  /** Of frames and hints. */
  private readonly random: Random;
  private readonly network: Network;
  private readonly gateway: Gateway;
  private readonly oracle: Oracle;
  private readonly machines: Machine[] = [];
  private hints;

  constructor(script: Script) {
    const { time } = this;
    const tell = (line: string) => this.tell(line);
    const count = (what: string) => this.count(what);
    this.script = script;
    this.random = new Random(script.seed + 1);
    this.hints = script.hints;
    hasher ??= openArena({ bytes: ARENA_BYTES });
    this.oracle = new Oracle(hasher);
    const toGateway = (board: string, frame: Uint8Array) => this.receive(board, frame);
    this.network = new Network({ random: this.random, time, toGateway, tell, count });
    this.network.faults = script.frames;
    this.gateway = new Gateway(script.seed, {
      time,
      hasher,
      toBoard: (board, frame) => this.network.toBoard(board, frame),
      announce: session => this.network.announce(session),
      onCommit: commit => this.oracle.commits(commit, time.now),
      tell,
    });
    for (let board = 0; board < script.boards; board++) {
      const isTwin = script.hasTwin && board === script.boards - 1;
      this.machines.push(
        new Machine(isTwin ? 'board0' : `board${board}`, {
          time,
          id: board,
          openLink: (machine, handlers) => this.network.open(machine, machine.name, handlers),
          onLoss: ({ name }, path, bytes) => this.oracle.loses(name, path, bytes, this.gateway),
          onHint: (_machine, hint, deliver) => this.hint(hint, deliver),
          onLife: (machine, since) => {
            for (const place of changedSince(machine.volume, since)) this.oracle.touches(machine.name, place);
          },
          onNote: (machine, note) => {
            if (note.kind === 'session' && note.time !== undefined) this.oracle.joins(machine.name);
          },
          onMistake: ({ name }, error) => this.mistake(name, error),
          tell,
        }),
      );
    }
    if (script.isSlow) for (const machine of this.machines) machine.slowMs = SLOW_MS;
    if (script.isCoarse) (this.machines[0] as Machine).volume.files.isCoarse = true;
  }

  /** Plays the script. What did not hold, empty if all did. */
  async run(): Promise<string[]> {
    try {
      for (const [index, machine] of this.machines.entries())
        this.time.after(index * START_EVERY_MS, () => machine.start());
      for (const { pauseMs, act } of this.script.steps) {
        await this.pass(pauseMs);
        this.perform(act);
      }
      await this.settle();
      return this.oracle.atTheEnd(this.machines, this.gateway);
    } catch (error) {
      return [`thrown: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`];
    }
  }

  /** A text that two runs of one script must share. */
  get trace(): string {
    const trees = this.machines.map(machine => [...tree(machine.volume)].join('\n'));
    return `${this.network.frames} frames, ${this.network.bytes} bytes, ${this.time.now}, ${trees.join('\n\n')}`;
  }

  private tell(line: string): void {
    this.story.push(`${((this.time.now - 1_700_000_000_000) / 1000).toFixed(3)} ${line}`);
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  private mistake(name: string, error: unknown): void {
    this.oracle.findings.push(`mistake: ${name}: ${error instanceof Error ? error.stack : error}`);
  }

  // A life that ends closes its link by a promise.
  private pass(ms: number): Promise<void> {
    return this.time.passFor(ms, () => {
      const { hasClosed } = this.network;
      this.network.hasClosed = false;
      return hasClosed || this.machines.some(machine => machine.isStopping);
    });
  }

  private async settle(): Promise<void> {
    this.network.faults = NO_FAULTS;
    this.hints = NO_HINT_FAULTS;
    for (const machine of this.machines) {
      machine.traps.length = 0;
      machine.fullUntil = 0;
    }
    this.gateway.calm();
    this.tell('the user rests, and faults cease');
    await this.pass(0);
    if (this.script.hasTwin) this.rename(this.machines.at(-1) as Machine);
    for (const machine of this.machines) machine.start();
    const end = this.time.now + QUIET_MS;
    await this.pass(RESCANS_MS);
    while (this.time.now < end && this.machines.some(machine => unsettled(machine).length > 0))
      await this.pass(5_000);
  }

  /** The twin gets a name of its own. */
  private rename(machine: Machine): void {
    this.stop(machine);
    this.oracle.renames(machine.name, 'twin');
    machine.name = 'twin';
    this.tell('the second board0 is called twin from now on');
    this.oracle.isForgetful = true;
  }

  // ---- what happens

  private perform(act: Act): void {
    const machine = this.machines['board' in act ? act.board % this.machines.length : 0] as Machine;
    this.tell(actText(act));
    if (this.act(act, machine) !== false) this.count(act.is);
  }

  /** False where it could not be done. */
  private act(act: Act, machine: Machine): unknown {
    const { gateway, network } = this;
    switch (act.is) {
      case 'edit':
        return this.edit(machine, new Random(act.seed));
      case 'edit at a call':
        return this.trap(
          machine,
          act,
          call => !ACTING.has(call),
          () => this.editWithin(machine, new Random(act.seed)),
        );
      case 'cut':
        return network.cut(machine.name, act.downMs);
      case 'broker restart':
        return network.restart(act.keeps, () => this.random.below(act.downMs + 1));
      case 'stop':
        return this.endInOrder(machine, act.downMs);
      case 'kill':
        return this.kill(machine, act.downMs);
      case 'kill at a call':
        return this.trap(
          machine,
          act,
          () => true,
          () => {
            this.kill(machine, act.downMs);
            throw machine.end();
          },
        );
      case 'power cut':
        return this.cutPower(machine, act.seed, act.downMs);
      case 'power cut at a call':
        return this.trap(
          machine,
          act,
          () => true,
          () => {
            this.cutPower(machine, act.seed, act.downMs);
            throw machine.end();
          },
        );
      case 'catalog lost':
        this.oracle.isForgetful = true;
        this.kill(machine, act.downMs);
        return machine.loseCatalog();
      case 'I/O error':
        return this.trap(
          machine,
          act,
          () => true,
          call => this.fail(machine, call, act.code),
        );
      case 'no room at a call':
        return this.trap(
          machine,
          act,
          (_call, isGrowing) => isGrowing,
          call => this.fail(machine, call, 'ENOSPC'),
        );
      case 'disk full':
        machine.fullUntil = this.time.now + act.forMs;
        return true;
      case 'clock jump':
        machine.aheadMs += act.byMs;
        return true;
      case 'gateway kill':
        return gateway.kill(act.downMs);
      case 'gateway kill in a commit':
        return gateway.killAt(act.isAfter, act.downMs);
      case 'commit failed':
        return gateway.failCommit(act.code);
      case 'old versions go':
        return this.oracle.prunes(gateway.collect(act.keepMs, act.steps, act.gapMs));
      case 'restore':
        return gateway.restore(new Random(act.seed));
      case 'backup':
        return gateway.backup();
      case 'rollback':
        if (!gateway.rollback(act.downMs)) return false;
        this.oracle.rollsBack(
          gateway,
          this.machines.map(({ name }) => name),
        );
        return true;
    }
  }

  private edit(machine: Machine, random: Random): void {
    if (machine.isOff) return;
    for (const path of touch(machine.volume, random)) {
      const place = path.slice(ROOT.length + 1);
      this.oracle.touches(machine.name, place);
      if (!exists(machine.volume, path)) this.oracle.removes(machine.name, place);
      this.tell(`${machine.name}: the user touches ${place}`);
    }
  }

  /** In the middle of what the agent does. */
  private editWithin(machine: Machine, random: Random): void {
    const shared = sharedFiles(machine.volume);
    this.edit(machine, random);
    // For a moment a file that is set aside and its copy are one: who takes either away then has taken it away.
    for (const { path, inode, bytes } of shared)
      if (inodeAt(machine.volume, path) !== inode) this.oracle.dismisses(machine.name, bytes);
  }

  private kill(machine: Machine, downMs: number): boolean {
    if (!machine.isRunning) return false;
    this.tell(`${machine.name} is killed, for ${downMs} ms`);
    this.stop(machine);
    this.time.after(downMs, () => machine.start());
    return true;
  }

  private endInOrder(machine: Machine, downMs: number): boolean {
    if (!machine.isRunning) return false;
    this.tell(`${machine.name} is stopped, for ${downMs} ms`);
    machine.stop(() => {
      this.network.drop(machine);
      this.time.after(downMs, () => machine.start());
    });
    return true;
  }

  private cutPower(machine: Machine, seed: number, downMs: number): boolean {
    if (!machine.isRunning) return false;
    this.tell(`${machine.name} has no power, for ${downMs} ms`);
    machine.cutPower(new Random(seed));
    this.network.drop(machine);
    this.time.after(downMs + 1, () => machine.start());
    return true;
  }

  private stop(machine: Machine): void {
    machine.kill();
    this.network.drop(machine);
  }

  /** Counted when it springs. */
  private trap(
    machine: Machine,
    act: Act & { calls: number },
    fits: Trap['fits'],
    spring: Trap['spring'],
  ): false {
    machine.traps.push({
      calls: act.calls,
      fits,
      spring: call => {
        this.count(act.is);
        spring(call);
      },
    });
    return false;
  }

  private fail(machine: Machine, call: Call, code: string): never {
    this.tell(`${machine.name}: ${call} fails with ${code}`);
    machine.hasFailedToRemove ||= call === 'unlinkSync';
    throw failure(code, call);
  }

  private hint(hint: Hint, deliver: () => void): void {
    const { lost, doubled, lateMs } = this.hints;
    if (this.random.chance(lost)) {
      this.count('hint lost');
      return;
    }
    if (lateMs > 0) this.count('hint late');
    this.time.after(this.random.below(lateMs + 6), deliver);
    if (hint.is === 'hintsLost' || !this.random.chance(doubled)) return;
    this.count('hint doubled');
    this.time.after(this.random.below(lateMs + 6), deliver);
  }

  private receive(board: string, bytes: Uint8Array): void {
    const decoded = decodeFrame(bytes, 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded)
      this.oracle.findings.push(`malformed: ${board} sent a frame: ${decoded.malformed}`);
    else this.gateway.push({ is: 'message', board, message: decoded.message, body: decoded.body });
  }
}
