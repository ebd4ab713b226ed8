// When things become durable, and who is told.
//
//   folder changed --> sync (fsync of its directories) --> commit of the catalog --> settled(position)
//
// The catalog may be behind the folder, never ahead of it: after a power cut the disk is looked at again, and a
// change that the catalog missed is found there. So an acknowledgement waits for both, and nothing else waits. That
// goes for what users wrote as well (core.keep): a new file that the cut takes away must not look like one that was
// deleted, nor one that is empty after it like an edit.
//
// What was agreed on during a sync is for another one, at once. On a slow card that would go on for as long as uploads
// do: no commit, and what waits for a sync's end, which is all that comes down, would wait too. So from the second in a
// row on nothing more is offered until there was a commit, and after every other one what waits goes first.
//
// Commits are batched: a commit writes the changed pages and their path to the root. Between them, at rest, the
// catalog's file is made shorter, a part at a time.

import type { Core } from './core.ts';
import type { Event } from './ports.ts';

/** A catalog that rests is committed after this; one under load at least this often. */
const REST_MS = 200;
const LOAD_MS = 3_000;
/** A disk that failed is tried again. */
const RETRY_MS = 5_000;

export class Durable {
  /** The position that the gateway was last told. */
  told = 0;
  /** The last try to make something durable failed; it is tried again. */
  isFailing = false;
  private readonly core: Core;
  private dirtySince = 0;
  private retryAt = 0;
  /** Syncs in a row in which more was agreed on. */
  private inVain = 0;
  private isFinishing = false;
  /** Since the last commit the catalog's file was found to be as short as it need be. */
  private isTight = false;

  constructor(core: Core) {
    this.core = core;
  }

  reset(): void {
    this.told = 0;
  }

  /** `isResting`: nothing is under way that will soon change more. */
  pump(isResting: boolean): void {
    const { core } = this;
    if (core.isSyncing || core.isPaused) return;
    const settled = core.catalog.settledPosition();
    const isToTell = core.isLive && settled > this.told;
    const isDirty = core.isUnsynced || core.catalog.tree.isDirty;
    if (!isDirty && !isToTell) {
      this.dirtySince = 0;
      if (!isResting || this.isTight || core.now < this.retryAt) return;
      this.shrink();
      return;
    }
    this.dirtySince ||= core.now;
    const due = Math.max(this.dirtySince + (isResting ? REST_MS : LOAD_MS), this.retryAt);
    if (core.now < due && this.inVain === 0) {
      core.wake(due);
      return;
    }
    this.dirtySince = core.now;
    if (core.isUnsynced) core.sync();
    else this.commit();
  }

  /** Makes durable what was agreed on until now, without waiting, and then says `stopped`: in any case. A stop that
   * left it uncommitted would make conflicts of what is edited before the next start. */
  finish(): void {
    this.isFinishing = true;
    if (!this.core.isSyncing) this.goOn();
  }

  onSynced(event: Extract<Event, { is: 'synced' }>): void {
    this.core.isSyncing = false;
    if (event.trouble === undefined) {
      this.goOn();
      return;
    }
    this.core.isUnsynced = true;
    this.letIn();
    this.fail(event.trouble.code, 'making the folder durable');
    if (this.isFinishing) this.core.emit({ do: 'stopped' });
  }

  /** What was under way when a sync began ended meanwhile: the catalog tells of it already. */
  private goOn(): void {
    const { core } = this;
    if (core.isUnsynced) {
      this.inVain++;
      core.isDraining = this.inVain > 1;
      if (this.isFinishing || this.inVain % 2 === 1) core.sync();
      return;
    }
    this.letIn();
    this.commit();
    if (this.isFinishing) core.emit({ do: 'stopped' });
  }

  private letIn(): void {
    this.inVain = 0;
    this.core.isDraining = false;
  }

  private commit(): void {
    const { core } = this;
    const settled = core.catalog.settledPosition();
    if (!this.write(() => core.catalog.commit())) return;
    this.dirtySince = 0;
    this.isTight = false;
    core.wake(core.now + REST_MS); // to make the file shorter, if nothing else comes
    if (!core.isLive || settled <= this.told) return;
    this.told = settled;
    const message = { is: 'settled', session: core.options.session, position: settled } as const;
    core.emit({ do: 'send', message, body: undefined });
  }

  private shrink(): void {
    const isDone = this.write(() => {
      this.isTight = !this.core.catalog.shrink();
    });
    if (!isDone || this.isTight) return;
    this.dirtySince = this.core.now;
    this.core.wake(this.core.now + REST_MS);
  }

  /** Whether it went well; if not, it is told, and tried again later. */
  private write(work: () => void): boolean {
    try {
      work();
      this.isFailing = false;
      return true;
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) throw error;
      this.fail(code, 'writing the catalog');
      return false;
    }
  }

  private fail(code: string, doing: string): void {
    this.isFailing = true;
    this.core.trouble(new Uint8Array(0), code, doing);
    this.retryAt = this.core.now + RETRY_MS;
    this.core.wake(this.retryAt);
  }
}
