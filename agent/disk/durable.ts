// What has changed in the folder and is not yet known to be on the disk.
//
// A changed directory (or a file whose facts changed) is kept open until the next flush, by inode: whatever its
// name is by then, fsync reaches it. At 64 of them the set flushes itself, so that it stays bounded; what goes
// wrong there is kept and told by the next flush(). An fsync that failed has dropped the pages: asking again would
// say "success" about data that is gone, so the failure is told and never retried.
//
// Many at once share one syncfs (`sync -f`); it starts a process, some 5 ms here, so a few are synced one by one.

import type { Trouble } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Home } from './home.ts';
import type { System } from './system.ts';
import { codeOf, troubleOf } from './trouble.ts';

/** Changed things kept open: each costs a descriptor. */
const CHANGED_MAX = 64;

/**
 * More than this many are made durable by one sync of the file system: it costs what five to ten fsyncs do, and the
 * engine puts 32 files in place at once.
 */
export const SINGLE_SYNCS_MAX = 8;

export class Durable {
  readonly #system: System;
  readonly #home: Home;
  /** Inode to descriptor, of things on the root's file system and of things on others. */
  readonly #inside = new Map<number, number>();
  readonly #elsewhere: number[] = [];
  #trouble: Trouble | undefined;
  /** Full, it is emptied at once: whoever changes something waits for the disk. */
  readonly gauge = new Gauge('changed, not yet synced', CHANGED_MAX, 'waits', () => this.#count);

  constructor(system: System, home: Home) {
    this.#system = system;
    this.#home = home;
  }

  /** Notes that what `fd` holds has changed; `fd` stays the caller's. */
  changed(fd: number): void {
    const { ino, dev } = this.#system.fstatSync(fd);
    const isInside = dev === this.#home.device;
    if (isInside && this.#inside.has(ino)) return;
    const { flags } = this.#system;
    let own: number;
    try {
      own = this.#system.openSync(this.#system.self(fd), flags.RDONLY | flags.NONBLOCK);
    } catch (error) {
      // A file that its owner may not read: its directory's fsync carries its facts along.
      if (codeOf(error) === 'EACCES') return;
      throw error;
    }
    if (isInside) this.#inside.set(ino, own);
    else this.#elsewhere.push(own);
    this.gauge.grew();
    if (this.#count < CHANGED_MAX) return;
    this.gauge.met();
    this.#trouble ??= this.#syncAll();
  }

  get #count(): number {
    return this.#inside.size + this.#elsewhere.length;
  }

  /** Makes everything durable that changed since the last flush, or says what could not be. */
  flush(): Trouble | undefined {
    const trouble = this.#syncAll();
    const told = this.#trouble ?? trouble;
    this.#trouble = undefined;
    return told;
  }

  /** Closes what is kept without syncing: the folder is another one now. The next flush says so. */
  forget(): void {
    if (this.#inside.size + this.#elsewhere.length > 0) this.#trouble ??= { code: 'CHANGED' };
    this.#close();
  }

  #close(): void {
    for (const fd of this.#inside.values()) this.#system.closeSync(fd);
    for (const fd of this.#elsewhere) this.#system.closeSync(fd);
    this.#inside.clear();
    this.#elsewhere.length = 0;
  }

  #syncAll(): Trouble | undefined {
    let trouble: Trouble | undefined;
    const isAtOnce = this.#inside.size > SINGLE_SYNCS_MAX && this.#system.syncFileSystem(this.#home.rootFd);
    if (!isAtOnce) for (const fd of this.#inside.values()) trouble ??= this.#sync(fd);
    for (const fd of this.#elsewhere) trouble ??= this.#sync(fd);
    this.#close();
    return trouble;
  }

  #sync(fd: number): Trouble | undefined {
    try {
      this.#system.fsyncSync(fd);
      return undefined;
    } catch (error) {
      // EINVAL: this file system has no fsync of directories, and nothing better.
      return codeOf(error) === 'EINVAL' ? undefined : troubleOf(error);
    }
  }
}
