// What a running sync says about itself, in the shapes that others read: the status of the control socket, and the
// retained status that any MQTT client can follow.

import { printable } from '../protocol/path.ts';
import type { Note } from './engine/ports.ts';
import { type AgentState, type AgentStatus, COPIES_NAMED_MAX, type Progress } from './status.ts';
import type { Look, Sync } from './sync.ts';
import { VERSION } from './version.ts';

/** The trouble of this long ago still colours the state. */
const TROUBLE_MS = 60_000;

export interface Identity {
  name: string;
  share: string;
  folder: string;
  broker: string;
  arenaBytes: number;
  rescanSeconds: number;
}

export class Report {
  private readonly identity: Identity;
  private readonly sync: Sync;
  private readonly startedAt = Date.now();
  private lastError: { at: number; text: string } | undefined;

  /** `notice`: what is wrong already, before anything else is. */
  constructor(identity: Identity, sync: Sync, notice?: string) {
    this.identity = identity;
    this.sync = sync;
    if (notice !== undefined) this.lastError = { at: this.startedAt, text: notice };
  }

  onNote(note: Note): void {
    if (note.kind !== 'trouble') return;
    const where = note.path.length === 0 ? '' : ` (${printable(note.path)})`;
    this.lastError = { at: Date.now(), text: `${note.doing}: ${note.code}${where}` };
  }

  status(): AgentStatus {
    const look = this.sync.look();
    const { name, share, folder, broker, arenaBytes, rescanSeconds } = this.identity;
    const { trouble } = this.sync;
    const isNewer = trouble !== undefined && trouble.at >= (this.lastError?.at ?? 0);
    const lastError = isNewer ? trouble : this.lastError;
    const engine = look?.engine;
    const bytesOf = (sizes: { size: number; done: number }[] = []) =>
      sizes.reduce((sum, { size, done }) => sum + size - done, 0);
    const progress = look === undefined ? undefined : progressOf(look);
    return {
      kind: 'agent',
      version: VERSION,
      pid: process.pid,
      startedAt: this.startedAt,
      name,
      share,
      folder,
      state: this.state(look),
      link: linkOf(look, broker, this.startedAt),
      session: this.sync.session,
      head: engine?.head ?? 0,
      position: engine?.position ?? 0,
      settled: engine?.settled ?? 0,
      pending: {
        up: engine?.pendingUp ?? 0,
        down: engine?.pendingDown ?? 0,
        bytesUp: bytesOf(engine?.offering),
        bytesDown: bytesOf(engine?.fetching),
      },
      bytes: look?.bytes ?? { in: 0, out: 0 },
      conflicts: engine?.conflictCopies.length ?? 0,
      conflictCopies: (engine?.conflictCopies ?? []).slice(0, COPIES_NAMED_MAX).map(printable),
      malformed: (engine?.counters.malformed ?? 0) + (look?.dropsIn ?? 0),
      skipped: engine?.counters.skipped ?? 0,
      ...(lastError === undefined ? {} : { lastError }),
      scan: {
        running: engine?.isScanning ?? false,
        seen: engine?.scanned ?? 0,
        read: engine?.counters.readFiles ?? 0,
        ...(engine === undefined || engine.scanStartedAt === 0 ? {} : { startedAt: engine.scanStartedAt }),
        ...(engine === undefined || engine.scanFinishedAt === 0
          ? {}
          : { lastFinishedAt: engine.scanFinishedAt }),
      },
      arena: { bytes: look?.memoryBytes ?? arenaBytes, pools: look === undefined ? [] : poolsOf(look) },
      catalog: {
        pages: look?.tree.pages ?? 0,
        freePages: look?.tree.freePages ?? 0,
        bytes: (look?.tree.pages ?? 0) * (look?.tree.pageBytes ?? 0),
        cachePages: look?.tree.frames ?? 0,
        commits: look?.tree.commits ?? 0,
        hits: look?.tree.hits ?? 0,
        misses: look?.tree.misses ?? 0,
        evictions: look?.tree.evictions ?? 0,
      },
      watching: { ...watchingOf(look), rescanSeconds },
      spills: look?.gauges.find(({ name }) => name === 'listing')?.times ?? 0,
      ...(progress === undefined ? {} : { progress }),
    };
  }

  private state(look: Look | undefined): AgentState {
    if (look === undefined) return this.sync.trouble === undefined ? 'starting' : 'trouble';
    const { engine } = look;
    const recent = this.lastError !== undefined && Date.now() - this.lastError.at < TROUBLE_MS;
    const isWaiting = engine.pendingUp > 0 || engine.pendingDown > 0;
    const isStopped = engine.isPaused || engine.isHeld || engine.isFailing || engine.refusal !== undefined;
    if (isStopped || (recent && isWaiting)) return 'trouble';
    if (engine.link !== 'live') return 'offline';
    if (engine.isScanning) return 'scanning';
    return isWaiting ? 'syncing' : 'idle';
  }
}

/** For the retained status; the same object content means that nothing need be published. */
export function factsOf(status: AgentStatus): object {
  return {
    software: `toastbox ${VERSION}`,
    share: status.share,
    phase: status.state,
    head: status.head,
    position: status.settled,
    pendingUp: status.pending.up,
    pendingDown: status.pending.down,
    conflicts: status.conflicts,
    arenaBytes: status.arena.bytes,
    ...(status.lastError === undefined
      ? {}
      : { lastError: status.lastError.text.slice(0, 200), lastErrorAt: status.lastError.at }),
  };
}

function linkOf(look: Look | undefined, broker: string, startedAt: number): AgentStatus['link'] {
  if (look === undefined) return { up: false, broker, since: startedAt, why: 'starting' };
  const { up, why, since, tries } = look.link;
  if (up === undefined) return { up: false, broker, since, why, tries };
  const refusal = look.engine.refusal;
  return {
    up: true,
    broker: up.broker,
    protocol: up.protocol,
    since,
    tries,
    ...(refusal === undefined ? {} : { why: refusal }),
  };
}

function poolsOf({ pools, tree }: Look): AgentStatus['arena']['pools'] {
  const {
    frames: cells,
    pageBytes: cellBytes,
    cached: taken,
    cachedMost: highWater,
    evictions: waits,
  } = tree;
  return [...pools, { name: 'pages', cells, cellBytes, taken, highWater, waits }];
}

function watchingOf(look: Look | undefined): Omit<AgentStatus['watching'], 'rescanSeconds'> {
  const watches = look?.gauges.find(({ name }) => name === 'watches');
  return {
    directories: watches?.taken ?? 0,
    of: look?.engine.directories ?? 0,
    budget: watches?.limit ?? 0,
    refused: watches?.times ?? 0,
  };
}

function progressOf({ engine }: Look): Progress | undefined {
  if (engine.isPaused) return undefined;
  const [fetch] = engine.fetching;
  const [offer] = engine.offering;
  const bytesOf = (files: { size: number; done: number }[]) => ({
    bytesDone: files.reduce((sum, { done }) => sum + done, 0),
    bytesTotal: files.reduce((sum, { size }) => sum + size, 0),
  });
  const { sentFiles, receivedFiles } = engine.counters;
  if (fetch !== undefined)
    return {
      doing: 'down',
      path: printable(fetch.path),
      ...bytesOf(engine.fetching),
      filesDone: receivedFiles,
      filesTotal: receivedFiles + engine.pendingDown,
    };
  const up = { filesDone: sentFiles, filesTotal: sentFiles + engine.pendingUp };
  if (offer !== undefined)
    return { doing: 'up', path: printable(offer.path), ...bytesOf(engine.offering), ...up };
  if (engine.reading !== undefined) {
    const { path, bytes, done } = engine.reading;
    return { doing: 'examine', path: printable(path), bytesDone: done, bytesTotal: bytes, ...up };
  }
  if (!engine.isScanning) return undefined;
  const seen = { filesDone: engine.scanned, filesTotal: engine.scanned };
  return { doing: 'scan', path: '', bytesDone: 0, bytesTotal: 0, ...seen };
}
