// What has changed in the folder and is not yet known to be on the disk.
//
// A changed directory (or a file whose facts changed) is kept open until the next flush, by inode: whatever its
// name is by then, fsync reaches it. Beyond 64 of them the others are closed, and the next flush syncs the file
// system; where that cannot be had, the 64 are synced at once, and what goes wrong is told by the next flush().
//
// An fsync that failed is told, and tried once more by the next flush: the pages that it dropped are gone, whatever
// that one says, but the names in a directory need not be.
//
// Many at once share one syncfs (`sync -f`); it starts a process, some 5 ms here, so a few are synced one by one.
// flush() answers later then. What changes meanwhile waits for the next one.

import { SINGLE_SYNCS_MAX, type Trouble } from '../engine/ports.ts';
import { Gauge } from '../gauge.ts';
import type { Home } from './home.ts';
import type { System } from './system.ts';
import { codeOf, DiskError, troubleOf } from './trouble.ts';

/** Changed things kept open: each costs a descriptor. */
const CHANGED_MAX = 64;

export class Durable {
  readonly #system: System;
  readonly #home: Home;
  /** Inode to descriptor, of things on the root's file system and of things on others. */
  readonly #inside = new Map<number, number>();
  readonly #elsewhere: number[] = [];
  /** Descriptors whose fsync failed once. */
  readonly #failed: number[] = [];
  /** More changed inside than is kept open: only a sync of the file system reaches all of it. */
  #isAll = false;
  /** Users changed more than was named one by one. Without a sync of the file system it is left to the kernel, some
   * half a minute, as all that users write is. */
  #isWished = false;
  /** Seen to work: until then nothing is left to it alone. */
  #hasSyncedAll = false;
  #trouble: Trouble | undefined;
  /** Full, it is emptied at once, or left to a sync of the file system. */
  readonly gauge = new Gauge('unsynced changes', CHANGED_MAX, 'waits', () => this.#count);

  constructor(system: System, home: Home) {
    this.#system = system;
    this.#home = home;
  }

  /** Notes that what `fd` holds has changed; `fd` stays the caller's. */
  changed(fd: number): void {
    const { ino, dev } = this.#system.fstatSync(fd);
    const isInside = dev === this.#home.device;
    if (isInside && (this.#isAll || this.#inside.has(ino))) return;
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
    if (this.#hasSyncedAll) {
      this.#isAll = true;
      this.#closeAll(this.#takeInside());
    }
    const trouble = this.#syncEach(this.#takeAll());
    this.#trouble ??= trouble;
  }

  /** Anything in the folder may have changed. */
  changedAnywhere(): void {
    this.#isWished = true;
  }

  /** What changed could not be noted: the next flush says so, and syncs the file system to reach it. */
  fail(trouble: Trouble): void {
    this.#trouble ??= trouble;
    if (this.#hasSyncedAll) this.#isAll = true;
    else this.#isWished = true;
  }

  /** Makes durable what `fd` holds before it returns; throws what is in the way. */
  now(fd: number): void {
    const trouble = this.#sync(fd);
    if (trouble !== undefined) throw new DiskError(trouble.code);
  }

  get #count(): number {
    return this.#inside.size + this.#elsewhere.length;
  }

  /** Makes durable what changed until now, and tells what could not be. */
  flush(done: (trouble: Trouble | undefined) => void): void {
    const again = this.#syncFailed();
    const told = this.#trouble ?? again;
    this.#trouble = undefined;
    const isFew = !this.#isAll && !this.#isWished && this.#inside.size <= SINGLE_SYNCS_MAX;
    this.#isWished = false;
    if (isFew) {
      const trouble = this.#syncEach(this.#takeAll());
      done(told ?? trouble);
      return;
    }
    const wasAll = this.#isAll;
    const inside = this.#takeInside();
    this.#isAll = false;
    this.#system.syncFileSystem(this.#home.rootFd, isDone => {
      this.#hasSyncedAll ||= isDone;
      const trouble = this.#syncEach(this.#takeAll());
      if (isDone) this.#closeAll(inside);
      const troubleInside = isDone ? undefined : this.#syncEach(inside);
      const isLeft = !isDone && wasAll;
      if (isLeft) this.#isAll = true;
      done(told ?? trouble ?? troubleInside ?? (isLeft ? { code: 'EIO' } : undefined));
    });
  }

  /** Closes what is kept without syncing: the folder is another one now. The next flush says so. */
  forget(): void {
    if (this.#isAll || this.#count > 0) this.#trouble ??= { code: 'CHANGED' };
    this.#isAll = false;
    this.#isWished = false;
    this.#closeAll([...this.#takeAll(), ...this.#failed.splice(0)]);
  }

  #takeInside(): number[] {
    const taken = [...this.#inside.values()];
    this.#inside.clear();
    return taken;
  }

  #takeAll(): number[] {
    return [...this.#takeInside(), ...this.#elsewhere.splice(0)];
  }

  /** Each, whatever became of those before it: nobody else comes back for them. */
  #syncEach(fds: readonly number[]): Trouble | undefined {
    let first: Trouble | undefined;
    for (const fd of fds) {
      const trouble = this.#sync(fd);
      first ??= trouble;
      if (trouble !== undefined && this.#failed.length < CHANGED_MAX) this.#failed.push(fd);
      else this.#system.closeSync(fd);
    }
    return first;
  }

  #syncFailed(): Trouble | undefined {
    const fds = this.#failed.splice(0);
    const troubles = fds.map(fd => this.#sync(fd));
    this.#closeAll(fds);
    return troubles.find(trouble => trouble !== undefined);
  }

  #closeAll(fds: readonly number[]): void {
    for (const fd of fds) this.#system.closeSync(fd);
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
