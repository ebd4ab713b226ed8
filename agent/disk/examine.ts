// Reads a whole file through the arena's window, cutting it into blocks and hashing it: one examination at a time.
//
//   window:  | not yet in a block | read next ...      | scratch for others |
//            0                  filled                          (between turns)
//
// It reads as many bytes as the file had when it was opened: of a log that grows, a prefix. `before` is fstat of
// what was opened, `after` is lstat of the path at the end: another file there, or a change to this one, shows.
//
// It shows only if the kernel's clock moved between. ctime comes from a tick of up to 10 ms, or is a whole second: a
// write after our read, in the tick of the write before it, leaves no trace. So a file changed just now is read later.
//
// Cost: at most 4 MiB or 10 ms a turn of the event loop, no memory but the window; records leave as copies, half a
// percent of the content.

import { copyOf } from '../../protocol/bytes.ts';
import { Kind } from '../../protocol/messages.ts';
import { type Event, type Path, type Stat, type Trouble, youthMs } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Folder } from './folder.ts';
import type { Home } from './home.ts';
import type { ListingRows } from './list.ts';
import type { Scheduler } from './schedule.ts';
import type { Stage } from './stage.ts';
import { toStat } from './stat.ts';
import type { System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

/** What the carrier uses of the arena. */
export interface DiskArena {
  readonly window: Uint8Array;
  readonly run: Uint8Array;
  readonly rows: ListingRows;
  beginContent(): void;
  cut(filled: number, isEnd: boolean): { count: number; consumed: number; records: Uint8Array };
  endContent(): Uint8Array;
  wholeContentId(bytes: Uint8Array): Uint8Array;
  isOneBlock(offset: number, length: number): boolean;
  hashFiles(lengths: readonly number[]): { records: Uint8Array; contents: Uint8Array };
}

const TURN_BYTES = 4 * 1024 * 1024;
const TURN_MS = 10;

interface Job {
  fd: number;
  /** Undefined for a staged file: nobody else can change that. */
  path: Path | undefined;
  before: Stat;
  bytes: number;
  filled: number;
}

export class Examiner {
  readonly #system: System;
  readonly #home: Home;
  readonly #folder: Folder;
  readonly #stage: Stage;
  readonly #scheduler: Scheduler;
  readonly #arena: DiskArena;
  readonly #tell: (event: Event) => void;
  #job: Job | undefined;
  /** Of the window, in bytes. A longer file's next bytes wait until those before them are cut. */
  readonly gauge: Gauge;
  /** Bytes of the window that a gathered group holds. */
  #held = 0;

  constructor(
    ports: {
      system: System;
      home: Home;
      folder: Folder;
      stage: Stage;
      scheduler: Scheduler;
      tell: (event: Event) => void;
    },
    arena: DiskArena,
  ) {
    this.#system = ports.system;
    this.#home = ports.home;
    this.#folder = ports.folder;
    this.#stage = ports.stage;
    this.#scheduler = ports.scheduler;
    this.#tell = ports.tell;
    this.#arena = arena;
    this.gauge = new Gauge('window', arena.window.length, 'waits', () => this.#job?.filled ?? 0, 'bytes');
  }

  get isBusy(): boolean {
    return this.#job !== undefined;
  }

  /** Begins with the file at `path`, or with the one staged in the slot. Throws what opening it throws. */
  start(path: Path, staged: number | undefined): void {
    this.drop();
    const { flags } = this.#system;
    const place =
      staged === undefined ? this.#folder.spot(path).place : this.#system.self(this.#stage.fd(staged));
    // Non-blocking: should a pipe have taken the file's place, open must not wait for its writer. A staged file is
    // reached by a link of /proc, which O_NOFOLLOW would refuse.
    const fd = this.#system.openSync(
      place,
      flags.RDONLY | flags.NONBLOCK | (staged === undefined ? flags.NOFOLLOW : 0),
    );
    try {
      const before = toStat(this.#system.fstatSync(fd));
      if (before.kind !== Kind.FILE) throw new DiskError('CHANGED', before);
      const job: Job = {
        fd,
        path: staged === undefined ? copyOf(path) : undefined,
        before,
        bytes: 0,
        filled: 0,
      };
      this.#job = job;
      this.#schedule(job);
    } catch (error) {
      this.#system.closeSync(fd);
      throw error;
    }
  }

  /** Ends the examination under way without an answer. */
  drop(): void {
    this.#held = 0;
    if (this.#job === undefined) return;
    this.#system.closeSync(this.#job.fd);
    this.#job = undefined;
  }

  /** The part of the window that no examination holds, until the next turn. */
  scratch(): Uint8Array {
    return this.#arena.window.subarray(this.#job?.filled ?? this.#held);
  }

  /** A group of files lies at the window's start: nothing else does until the next examination or group. */
  hold(bytes: number): void {
    this.#held = bytes;
  }

  #schedule(job: Job): void {
    const waitMs = job.path === undefined ? 0 : youthMs(job.before.ctime, this.#scheduler.now());
    const begin = (): void => {
      if (job !== this.#job) return;
      this.#arena.beginContent();
      this.#turn(job);
    };
    if (waitMs > 0) this.#scheduler.later(begin, waitMs);
    else this.#scheduler.soon(begin);
  }

  #turn(job: Job): void {
    if (job !== this.#job) return;
    const until = this.#scheduler.now() + TURN_MS;
    const last = job.bytes + TURN_BYTES;
    try {
      if (this.#home.trouble !== undefined) throw new DiskError(this.#home.trouble.code);
      while (this.#readOn(job)) {
        if (job.bytes < last && this.#scheduler.now() < until) continue;
        this.#scheduler.soon(() => this.#turn(job));
        return;
      }
    } catch (error) {
      this.#end(job, new Uint8Array(0), troubleOf(error));
      return;
    }
    this.#end(job, this.#arena.endContent(), undefined);
  }

  /** Fills the window once and cuts what is in it; false after the last byte. */
  #readOn(job: Job): boolean {
    const { window } = this.#arena;
    let isEnd = job.bytes === job.before.size;
    while (!isEnd && job.filled < window.length) {
      const room = Math.min(window.length - job.filled, job.before.size - job.bytes);
      const count = this.#system.readSync(job.fd, window, job.filled, room, job.bytes);
      job.filled += count;
      job.bytes += count;
      // No bytes before the size: the file was cut off, and `after` will say so.
      isEnd = count === 0 || job.bytes === job.before.size;
    }
    this.gauge.grew();
    if (!isEnd) this.gauge.met();
    do {
      const { count, consumed, records } = this.#arena.cut(job.filled, isEnd);
      window.copyWithin(0, consumed, job.filled);
      job.filled -= consumed;
      if (count > 0) this.#tell({ is: 'cut', records: records.slice() });
      if (consumed === 0 && job.filled === window.length) throw new RangeError('the window holds no block');
    } while (isEnd && job.filled > 0 && job === this.#job);
    return !isEnd && job === this.#job;
  }

  #end(job: Job, content: Uint8Array, trouble: Trouble | undefined): void {
    if (job !== this.#job) return;
    const { before, bytes } = job;
    const after = job.path === undefined ? before : this.#after(job.path);
    this.drop();
    this.#tell({ is: 'examined', before, after, content, bytes, trouble });
  }

  #after(path: Path): Stat | undefined {
    try {
      return toStat(this.#system.lstatSync(this.#folder.spot(path).place));
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return undefined;
    } finally {
      this.#folder.release();
    }
  }
}
