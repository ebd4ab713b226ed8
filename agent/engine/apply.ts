// What the gateway changed: recorded as it is told, then applied in the order of the seqs. Files go through a
// fetch; directories, symlinks, deletions, permissions are single changes.
//
// A change is applied only where the disk shows what both ends last agreed on. Where the user changed the path
// too, nothing is touched: the offer goes first, and the gateway's verdict says which of the two stays.
//
// A directory that was deleted elsewhere and holds something of this board's stays, and is offered as new: an edit
// beats a delete. A directory that was deleted here and gets a child from elsewhere comes back.

import { copyOf } from '../../protocol/bytes.ts';
import { type ChangeItem, Kind } from '../../protocol/messages.ts';
import { checkFacts, checkPath, joinPath } from '../../protocol/path.ts';
import type { Change, Did, Doing } from './change.ts';
import type { Core } from './core.ts';
import { Action, decide, isAt } from './decide.ts';
import {
  type Entry,
  freshEntry,
  hasSameContent,
  hasSameFacts,
  type Local,
  localAfter,
  localOf,
  NO_CONTENT,
  statOf,
  type Version,
} from './entry.ts';
import type { Fetches } from './fetch.ts';
import { type Place, ROOT } from './keys.ts';
import type { Offers } from './offers.ts';
import type { Path } from './ports.ts';

/** Changes looked at before other events get their turn. */
const STEPS_MAX = 256;
const RETRY_MS = 5_000;

/** The path is not what was recorded. */
const MOVED_ON = new Set(['CHANGED', 'ENOENT', 'EEXIST', 'ENOTDIR', 'REFUSED']);

interface Turn {
  place: Place;
  path: Path;
  entry: Entry;
  remote: Version;
}

export class Apply {
  private readonly core: Core;
  private readonly change: Change;
  private readonly fetches: Fetches;
  private readonly offers: Offers;
  private cursor = 0;
  private isPassing = false;
  private retryAt = Number.POSITIVE_INFINITY;

  constructor(core: Core, change: Change, fetches: Fetches, offers: Offers) {
    this.core = core;
    this.change = change;
    this.fetches = fetches;
    this.offers = offers;
  }

  // ---- recording

  /** Records one change. The reason when a peer may not say this. */
  record(item: ChangeItem): string | undefined {
    const { core } = this;
    const kind = item.kind as Kind;
    const fault = checkPath(item.path) ?? checkFacts({ kind, size: item.size, content: item.content });
    if (fault !== undefined) return fault;
    const place = core.catalog.find(item.path, kind !== Kind.ABSENT);
    const before = place === undefined ? undefined : core.catalog.get(place);
    if (place === undefined || (before === undefined && kind === Kind.ABSENT)) return undefined;
    const known = Math.max(before?.remote?.seq ?? 0, (before?.synced?.seq ?? 0) - 1);
    if (known >= item.seq) return undefined;
    const isLink = kind === Kind.SYMLINK;
    const content = isLink ? core.arena.blockId(item.content) : copyOf(item.content);
    const { mode, size, mtime, seq } = item;
    const remote: Version = { kind, mode, size, mtime, content, seq, list: 0 };
    this.fetches.supersede(place);
    const synced = before?.synced;
    // A base is never raised under a change of this board's: what came between the two versions decides about it.
    const isAsAgreed = synced !== undefined && hasSameContent(synced, remote) && hasSameFacts(synced, remote);
    // What is being put there now is not what the catalog says: the answer comes behind this.
    const isMoving = this.change.isAt(place) || this.fetches.isFetching(place);
    const isKnown = core.isConfirmed(place) && !isMoving;
    const isStill = isAsAgreed && isKnown && isAt(before?.local, synced);
    if (isStill || (isAsAgreed && seq === synced.seq)) {
      core.put(place, { ...before, synced: { ...synced, seq }, remote: undefined } as Entry, before);
      return undefined;
    }
    core.put(place, { ...(before ?? freshEntry()), remote }, before);
    const extra = isLink ? item.content : kind === Kind.FILE ? item.like : NO_CONTENT;
    if (extra.length > 0) core.catalog.putExtra(seq, extra);
    return undefined;
  }

  // ---- applying

  /** A new pass is due, and none is under way. */
  get isMarked(): boolean {
    return this.core.isRemoteMarked && !this.isPassing;
  }

  reset(): void {
    this.isPassing = false;
    this.core.isRemoteMarked = true;
  }

  tick(): void {
    if (this.core.now < this.retryAt) {
      this.core.wake(this.retryAt);
      return;
    }
    this.retryAt = Number.POSITIVE_INFINITY;
    this.core.isRemoteMarked = true;
  }

  pump(): void {
    if (this.core.isPaused) return;
    for (let steps = 0; ; steps++) {
      if (!this.isPassing) {
        if (!this.core.isRemoteMarked) return;
        this.core.isRemoteMarked = false;
        this.isPassing = true;
        this.cursor = 0;
      }
      if (steps === STEPS_MAX) {
        this.core.wake(this.core.now);
        return;
      }
      const next = this.core.catalog.remoteAfter(this.cursor);
      if (next === undefined) {
        this.isPassing = false;
        continue;
      }
      if (!this.step(next.place)) return;
      this.cursor = next.seq;
    }
  }

  /** One change. False: the pass rests here until something is free again. */
  private step(place: Place): boolean {
    const entry = this.core.catalog.get(place);
    const path = this.core.catalog.pathOf(place);
    if (entry?.remote === undefined || path === undefined) return true;
    if (this.offers.isOffered(place) || this.fetches.isFetching(place)) return true;
    if (this.fetches.isResting(place, entry.remote.seq)) return true;
    const action = decide(entry);
    if (action !== Action.ADOPT && action !== Action.APPLY) return true;
    if (this.change.isBusy || this.core.isSyncing) return false;
    const turn = { place, path, entry, remote: entry.remote };
    // The disk is not asked then: that the catalog's word is of this life must do.
    if ((action === Action.ADOPT || isAt(entry.local, entry.remote)) && !this.core.isConfirmed(place))
      return true;
    if (action === Action.ADOPT) return this.adopt(turn);
    if (!this.hasParent(turn)) return true;
    return this.apply(turn);
  }

  private hasParent({ place, remote }: Turn): boolean {
    if (place.parent === ROOT || remote.kind === Kind.ABSENT) return true;
    const up = this.core.catalog.placeOfDirectory(place.parent);
    const parent = up === undefined ? undefined : this.core.catalog.get(up);
    if (up === undefined || parent === undefined) return false;
    if (parent.local?.kind === Kind.DIRECTORY) return true;
    if (parent.local === undefined && parent.synced?.kind === Kind.DIRECTORY) this.offers.revive(up, parent);
    return false;
  }

  // Both ends made the same change: only permissions and time may still differ, and the gateway's count.
  private adopt(turn: Turn): boolean {
    const { entry, remote } = turn;
    if (isAt(entry.local, remote)) {
      this.agreeAsIs(turn);
      return true;
    }
    this.core.keep(turn.path);
    return this.retouch(turn);
  }

  private apply(turn: Turn): boolean {
    const { entry, remote } = turn;
    const { local } = entry;
    if (isAt(local, remote)) {
      this.agreeAsIs(turn);
      return true;
    }
    if (local !== undefined && hasSameContent(local, remote)) return this.retouch(turn);
    const isReplaced =
      local?.kind === Kind.DIRECTORY || (local !== undefined && remote.kind === Kind.DIRECTORY);
    if (remote.kind === Kind.ABSENT || isReplaced) return this.remove(turn);
    if (remote.kind === Kind.DIRECTORY) return this.makeDirectory(turn);
    if (remote.kind === Kind.SYMLINK) return this.makeSymlink(turn);
    return this.fetches.start(turn.place, turn.path, entry, this.like(turn));
  }

  /** The user made the same change, or we did in a life that ended before it knew. */
  private agreeAsIs(turn: Turn): void {
    this.agree(turn, turn.entry.local);
    this.core.keep(turn.path);
  }

  /** The disk shows the gateway's version: that is what both ends agree on now. */
  private agree(turn: Turn, local: Local | undefined, list = local?.list ?? 0): void {
    const before = this.core.catalog.get(turn.place);
    if (before === undefined) return;
    const { remote } = turn;
    const isGone = remote.kind === Kind.ABSENT;
    const isNewer = before.remote !== undefined && before.remote.seq > remote.seq;
    const synced = isGone ? undefined : { ...remote, list };
    const entry = { ...before, local, synced, remote: isNewer ? before.remote : undefined };
    if (local?.kind === Kind.DIRECTORY) this.core.catalog.giveId(entry);
    this.core.put(turn.place, entry, before);
  }

  private retouch(turn: Turn): boolean {
    const { path, remote, entry } = turn;
    const local = entry.local as Local;
    const { mode, mtime } = remote;
    return this.run(turn, { do: 'retouch', path, mode, mtime, expect: statOf(local) }, did => {
      if (did.stat !== undefined) this.agree(turn, localAfter(did.stat, local), local.list);
    });
  }

  private remove(turn: Turn): boolean {
    const { entry, path, place, remote } = turn;
    const local = entry.local as Local;
    if (local.kind === Kind.DIRECTORY) {
      const rest = this.restOf(turn);
      if (rest === 'stays') this.keep(turn);
      if (rest !== 'nothing') return true;
    }
    if (this.fetches.isSource(path)) return true;
    return this.run(turn, { do: 'remove', path, expect: statOf(local) }, () => {
      if (remote.kind === Kind.ABSENT) this.agree(turn, undefined);
      else {
        const before = this.core.catalog.get(place);
        if (before !== undefined)
          this.core.put(place, { ...before, local: undefined, synced: undefined }, before);
      }
    });
  }

  // What is left in the directory: something that is about to go or to be answered, or else something that stays here.
  // What is ignored does not go, whatever the gateway says of it.
  private restOf({ entry, path }: Turn): 'goes' | 'stays' | 'nothing' {
    const { catalog } = this.core;
    let rest: 'stays' | 'nothing' = 'nothing';
    let child = entry.id === 0 ? undefined : catalog.childAfter(entry.id, NO_CONTENT);
    while (child !== undefined) {
      const action = decide(child.entry);
      const isToCome = action === Action.APPLY || action === Action.ADOPT || action === Action.READ;
      const isIgnored = this.core.isIgnored(joinPath(path, child.place.name), child.entry);
      if (this.offers.isOffered(child.place) || (isToCome && !isIgnored)) return 'goes';
      if (child.entry.local !== undefined) rest = 'stays';
      child = catalog.childAfter(entry.id, child.place.name);
    }
    return rest;
  }

  /** The directory holds what only this board has: it stays, and is offered as new. */
  private keep({ place, entry, remote }: Turn): void {
    const isOver = remote.kind === Kind.ABSENT && entry.remote?.seq === remote.seq;
    this.core.put(place, { ...entry, synced: undefined, remote: isOver ? undefined : entry.remote }, entry);
  }

  private makeDirectory(turn: Turn): boolean {
    const { path, remote } = turn;
    return this.run(turn, { do: 'makeDirectory', path, mode: remote.mode }, did => {
      if (did.stat !== undefined) this.agree(turn, localOf(did.stat));
      this.core.emit({ do: 'watch', dir: path, isActive: false });
    });
  }

  private makeSymlink(turn: Turn): boolean {
    const { path, entry, remote } = turn;
    const target = this.core.catalog.getExtra(remote.seq);
    const expect = entry.local === undefined ? undefined : statOf(entry.local);
    return this.run(turn, { do: 'makeSymlink', path, target, mtime: remote.mtime, expect }, did => {
      if (did.stat !== undefined) this.agree(turn, { ...localOf(did.stat), content: remote.content });
    });
  }

  private like({ remote }: Turn): { path: Path; local: Local } | undefined {
    const path = this.core.catalog.getExtra(remote.seq);
    const place = path.length === 0 ? undefined : this.core.catalog.find(path);
    const local = place === undefined ? undefined : this.core.catalog.get(place)?.local;
    return local !== undefined && hasSameContent(local, remote) ? { path, local } : undefined;
  }

  private run(turn: Turn, doing: Doing, then: (did: Did) => void): boolean {
    this.change.run(turn.place, doing, did => {
      if (did.trouble !== undefined) {
        this.onTrouble(turn, did.trouble.code);
        return;
      }
      then(did);
      if (turn.remote.kind === Kind.FILE && doing.do === 'remove') return;
      const what = turn.remote.kind;
      this.core.note({ kind: 'received', path: turn.path, what, bytes: 0 });
    });
    return true;
  }

  private onTrouble(turn: Turn, code: string): void {
    if (code === 'ENOTEMPTY') {
      const entry = this.core.catalog.get(turn.place);
      if (entry !== undefined) this.keep({ ...turn, entry });
      if (turn.entry.id !== 0) this.onMoved(turn.entry.id);
      return;
    }
    this.retryAt = Math.min(this.retryAt, this.core.now + RETRY_MS);
    this.core.wake(this.retryAt);
    if (MOVED_ON.has(code)) this.onGone(turn.place);
    else this.core.trouble(turn.path, code, 'changing the folder');
  }

  /** A path is not what was recorded: the scan looks again. */
  onGone: (place: Place) => void = () => {};
  /** A directory holds more than was recorded: the scan lists it. */
  onMoved: (directory: number) => void = () => {};
}
