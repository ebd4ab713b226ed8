// What must hold in a simulated world, whatever happens:
//
//   1. Whatever bytes the agent takes off a disk are known to the gateway at that moment. Only old versions that were
//      told to go may be gone: those replaced before the time that was given. (A gateway whose store is put back from a
//      copy may have told it just before: then it had them at that moment.)
//   2. Nothing changes that nobody changed: what a board has accepted is at a path that somebody touched on that
//      board, or above or under one. (Not where a board forgot what was agreed on: it offers what it has. Nor where
//      old versions go: a board that ended before its last commit may offer one of them. Nor what a board received
//      just before its end: it offers that as its own, and a deletion made elsewhere meanwhile is undone. Nor what it
//      set aside just before its end: that path is found without anything, and a restore made meanwhile is undone.)
//      And nothing is deleted that nobody took away there, whatever a power cut left of it.
//   3. At the end, with links up: all boards show the same tree, and nothing is left to do.
//   4. At the end, no staged file is left (but where removing one failed: then it goes at the next start), nothing
//      stands outside the folder, no descriptor too many is open, and the arena is as long as at the start.
//   5. At the end, the gateway's store is whole, and has every content that was ever a version.
//   6. No process ends by a mistake of ours, and no frame is malformed.
//
// Each finding begins with the word for what does not hold.

import type { Arena } from '../../agent/arena/arena.ts';
import { RESTORER } from '../../gateway/hub/restore.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { Kind } from '../../protocol/messages.ts';
import { openMemoryShelves } from '../gateway/memory.ts';
import type { Commit, Gateway } from './gateway.ts';
import { tree } from './hands.ts';
import { ARENA_BYTES, type Machine, ROOT } from './machine.ts';

const SECOND_US = 1_000_000;

/** Root, state, stage and the catalog's file; and what waits for a sync that does not come without changes. */
const DESCRIPTORS_MAX = 4;

interface Known {
  /** Paths that have this content now. */
  live: number;
  /** When the last of them got another. */
  replacedAt: number;
}

export class Oracle {
  readonly findings: string[] = [];
  /** A board forgot what was agreed on, or the gateway did. */
  isForgetful = false;
  /** The gateway forgot what it had told. */
  private isRolledBack = false;
  /** Boards that still do what the gateway told before its store went back. */
  private readonly unaware = new Set<string>();
  /** Versions replaced before may be gone. */
  private prunedBefore = 0;
  private readonly hasher: Arena;
  private readonly known = new Map<string, Known>();
  /** Contents of whose last name a board will let go, for its user took the other away in the middle of it. */
  private readonly dismissed = new Set<string>();
  /** By board's name. */
  private readonly touched = new Map<string, Set<string>>();
  /** Those that were gone after it. */
  private readonly removed = new Map<string, Set<string>>();

  constructor(hasher: Arena) {
    this.hasher = hasher;
  }

  // ---- while it runs

  touches(board: string, path: string): void {
    let paths = this.touched.get(board);
    if (paths === undefined) {
      paths = new Set();
      this.touched.set(board, paths);
    }
    paths.add(path);
  }

  removes(board: string, path: string): void {
    let paths = this.removed.get(board);
    if (paths === undefined) {
      paths = new Set();
      this.removed.set(board, paths);
    }
    paths.add(path);
  }

  /** What was done on the board was done under another name. */
  renames(from: string, to: string): void {
    for (const path of this.touched.get(from) ?? []) this.touches(to, path);
    for (const path of this.removed.get(from) ?? []) this.removes(to, path);
  }

  /** Between two calls of its agent's, a board's user takes away one of the two names that this content has. */
  dismisses(board: string, bytes: Uint8Array): void {
    this.dismissed.add(`${board} ${keyOf(this.contentOf(bytes))}`);
  }

  prunes(before: number): void {
    this.prunedBefore = Math.max(this.prunedBefore, before);
  }

  /** The gateway's store is an older one now. What it forgot was not replaced by anything. */
  rollsBack(gateway: Gateway, boards: readonly string[]): void {
    for (const board of boards) this.unaware.add(board);
    this.isForgetful = true;
    this.isRolledBack = true;
    for (const known of this.known.values()) {
      if (known.live > 0) known.replacedAt = Number.POSITIVE_INFINITY;
      known.live = 0;
    }
    for (const content of gateway.contents()) this.knownOf(content).live++;
  }

  /** A board has heard of the gateway's store as it is now. */
  joins(board: string): void {
    this.unaware.delete(board);
  }

  commits({ path, change, before }: Commit, now: number): void {
    if (before?.kind === Kind.FILE) {
      const known = this.knownOf(before.content);
      known.live--;
      known.replacedAt = now;
    }
    if (change.kind === Kind.FILE) this.knownOf(change.content).live++;
    const isExcused = this.isForgetful || this.prunedBefore > 0 || isInWholeSeconds(change, before);
    if (change.board !== RESTORER && !isExcused && !this.wasTouched(change.board, path))
      this.findings.push(`unasked: ${change.board} changed ${utf8(path)} to kind ${change.kind}`);
    if (change.kind === Kind.ABSENT && change.board !== RESTORER && !this.wasRemoved(change.board, path))
      this.findings.push(`unasked: ${change.board} deleted ${utf8(path)}`);
  }

  /** A file's bytes are about to go from a board. */
  loses(board: string, path: string, bytes: Uint8Array, gateway: Gateway): void {
    if (bytes.length === 0) return;
    const content = this.contentOf(bytes);
    if (this.dismissed.delete(`${board} ${keyOf(content)}`)) return;
    if (gateway.store.content(content) !== undefined || this.mayBeGone(content)) return;
    // The gateway had it when it said so: it is the backup that has lost it.
    if (this.unaware.has(board) && this.known.has(keyOf(content))) return;
    this.findings.push(`lost: ${board} lets ${path} go, ${bytes.length} bytes that nobody else has`);
  }

  /** Something was done at a path, or above or under it, or it is a copy of what was there. */
  private wasTouched(board: string, path: string): boolean {
    const paths = this.touched.get(board);
    if (paths === undefined) return false;
    let place = '';
    for (const name of utf8(path).split('/')) {
      place = place === '' ? name : `${place}/${name}`;
      if (paths.has(place) || /\.conflict-/.test(name)) return true;
    }
    for (const other of paths) if (other.startsWith(`${place}/`)) return true;
    return false;
  }

  /** It was taken away, or something above it was, or is something else now. A board that a store has told of another's
   * deletion, and that ended before its catalog said so, finds it as its own user's where that store is no more. */
  private wasRemoved(board: string, path: string): boolean {
    return this.isRolledBack
      ? [board, ...this.removed.keys()].some(any => this.wasRemovedAt(any, path))
      : this.wasRemovedAt(board, path);
  }

  private wasRemovedAt(board: string, path: string): boolean {
    const removed = this.removed.get(board);
    const touched = this.touched.get(board);
    let place = '';
    for (const name of utf8(path).split('/')) {
      if (place !== '' && touched?.has(place)) return true;
      place = place === '' ? name : `${place}/${name}`;
      if (removed?.has(place)) return true;
    }
    return false;
  }

  private mayBeGone(content: Uint8Array): boolean {
    const known = this.known.get(keyOf(content));
    return known !== undefined && known.live <= 0 && known.replacedAt < this.prunedBefore;
  }

  private knownOf(content: Uint8Array): Known {
    const key = keyOf(content);
    let known = this.known.get(key);
    if (known === undefined) {
      known = { live: 0, replacedAt: 0 };
      this.known.set(key, known);
    }
    return known;
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

  // ---- at the end

  atTheEnd(machines: readonly Machine[], gateway: Gateway): string[] {
    return [
      ...this.findings,
      ...differences(machines),
      ...machines.flatMap(unsettled),
      ...machines.flatMap(leftovers),
      ...this.damages(gateway),
    ];
  }

  private damages(gateway: Gateway): string[] {
    const found: string[] = [];
    const [facts, packs] = gateway.store.image();
    verify(openMemoryShelves({ image: [facts, packs] }), this.hasher, word => {
      if (word.is === 'damage') found.push(`damaged: ${word.text}`);
    });
    if (this.isRolledBack) return found;
    for (const key of this.known.keys()) {
      const content = Buffer.from(key, 'latin1');
      if (gateway.store.content(content) === undefined && !this.mayBeGone(content))
        found.push(`forgotten: the gateway has no content ${content.toString('hex')} any more`);
    }
    return found;
  }
}

export function unsettled(machine: Machine): string[] {
  const engine = machine.sync?.look()?.engine;
  if (engine === undefined) return [`unsettled: ${machine.name} does not run`];
  const { link, pendingUp, pendingDown, isScanning, settled, head } = engine;
  if (link === 'live' && pendingUp + pendingDown === 0 && !isScanning && settled === head) return [];
  return [`unsettled: ${machine.name}: ${link}, up ${pendingUp}, down ${pendingDown}, ${settled} of ${head}`];
}

function differences(machines: readonly Machine[]): string[] {
  const [first, ...others] = machines.map(({ name, volume }) => ({ name, tree: tree(volume) }));
  if (first === undefined) return [];
  const wrong: string[] = [];
  for (const other of others) {
    for (const path of new Set([...first.tree.keys(), ...other.tree.keys()])) {
      const [a, b] = [first.tree.get(path), other.tree.get(path)];
      if (a === b) continue;
      wrong.push(`different: ${path}: ${first.name} ${a?.slice(0, 60)} | ${other.name} ${b?.slice(0, 60)}`);
    }
  }
  return wrong;
}

function leftovers({ name, volume, sync, hasFailedToRemove }: Machine): string[] {
  const wrong: string[] = [];
  if (!hasFailedToRemove && volume.existsSync(`${ROOT}/.toastbox/stage`))
    for (const staged of volume.readdirSync(`${ROOT}/.toastbox/stage`))
      wrong.push(`rubbish: ${name} has ${staged} staged`);
  for (const place of volume.readdirSync('/'))
    if (place !== 'folder' && place !== 'state') wrong.push(`outside: ${name} has /${place}`);
  if (volume.files.openCount > DESCRIPTORS_MAX)
    wrong.push(`leaking: ${name} has ${volume.files.openCount} descriptors open`);
  const look = sync?.look();
  if (look !== undefined && look.memoryBytes !== ARENA_BYTES)
    wrong.push(`grown: the arena of ${name} has ${look.memoryBytes} bytes`);
  return wrong;
}

const keyOf = (content: Uint8Array): string => Buffer.from(content).toString('latin1');
const utf8 = (path: string): string => Buffer.from(path, 'latin1').toString('utf8');

/** A disk of whole seconds holds a time without its fraction, and tells what it holds. */
const isInWholeSeconds = (change: Commit['change'], before: Commit['before']): boolean =>
  before !== undefined &&
  keyOf(change.content) === keyOf(before.content) &&
  change.mtime === Math.floor(before.mtime / SECOND_US) * SECOND_US;
