// The gateway's plain copies of the synced folders, as the hub's side sees them: boards like any other, behind mail
// to a worker thread instead of a broker. A copy's name has a sign that no board's can have, so that no board can
// speak as it.
//
//   hub --deliver--> [ FRAMES_MAX ] --mail--> worker { Copy (an agent), Copy, ... }
//       <---push---------------------mail----

import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Note } from '../../agent/engine/ports.ts';
import { Failure } from '../../agent/failure.ts';
import type { GaugeReading } from '../../agent/gauge.ts';
import type { LogLevel } from '../../agent/options.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { decodeFrame, encodeFrameHeader } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import type { Message } from '../../protocol/messages.ts';
import { COPY_SIGN } from '../hub/ports.ts';
import { type CopiesLedger, type FromWorker, Outbox, own, type ToWorker } from './mail.ts';

/** Frames that a copy has not handled: it asks for few at a time, so this is never reached by its own doing. */
const FRAMES_MAX = 256;

/** The worker's V8 heap, in MiB: what the agents of some ten copies need, with room. */
const WORKER_HEAP = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 96 };

/** The worker has this long to tell of its memory; then the ledger goes without it. */
const MEMORY_MS = 3_000;

/** The worker has this long to commit and close. */
const STOP_MS = 10_000;

export interface PlainOptions {
  /** Absolute: the store and the state of the plain copies' agents. Made if missing. */
  data: string;
  /** Absolute: the parent of the plain copies, `data/folders` unless chosen. Made if missing. */
  folder: string;
  /** Of each plain copy's agent. */
  arenaBytes: number;
  rescanSeconds: number;
  watches: number;
}

export interface PlainPorts {
  /** Takes a message of a plain copy's agent to the hub. */
  push(board: string, message: Message, body: Uint8Array): void;
  malformed(board: string, why: string): void;
  onNote(note: Note, share: string): void;
  onLog(level: LogLevel, text: string): void;
  onFail(error: Error): void;
}

interface Mirror {
  status: AgentStatus | undefined;
  waiting: number;
  opened: Promise<void>;
  open: (error?: Error) => void;
}

export class Plains {
  private readonly options: PlainOptions;
  private readonly ports: PlainPorts;
  private readonly mirrors = new Map<string, Mirror>();
  private worker: Worker | undefined;
  private outbox: Outbox<ToWorker> | undefined;
  private onStopped: () => void = () => {};
  private readonly onMemory = new Set<(ledgers: CopiesLedger) => void>();
  /** Frames that waited for one copy, at most, and that were dropped for it. */
  private waitingMost = 0;
  private dropped = 0;
  private isStopping = false;

  constructor(options: PlainOptions, ports: PlainPorts) {
    this.options = options;
    this.ports = ports;
  }

  /** The share whose plain copy goes by this name at the hub. */
  static shareOf(board: string): string | undefined {
    return board.startsWith(COPY_SIGN) ? board.slice(COPY_SIGN.length) : undefined;
  }

  /** Resolves when its agent runs; rejects when it cannot. Once a share. */
  open(share: string): Promise<void> {
    const known = this.mirrors.get(share);
    if (known !== undefined || this.isStopping) return known?.opened ?? Promise.resolve();
    let open: Mirror['open'] = () => {};
    const opened = new Promise<void>((done, fail) => {
      open = error => (error === undefined ? done() : fail(error));
    });
    this.mirrors.set(share, { status: undefined, waiting: 0, opened, open });
    const { data, folder, arenaBytes, rescanSeconds, watches } = this.options;
    const places = { folder: join(folder, share), state: join(data, 'plain', share) };
    this.mail().put({ is: 'open', options: { share, ...places, arenaBytes, rescanSeconds, watches } });
    return opened;
  }

  status(share: string): AgentStatus | undefined {
    return this.mirrors.get(share)?.status;
  }

  /** What the copies take; nothing of them when the worker is busy for long. */
  async memory(): Promise<CopiesLedger> {
    const nothing: CopiesLedger = { folders: [], heap: [] };
    if (this.outbox === undefined || this.isStopping) return nothing;
    let tell: (ledgers: CopiesLedger) => void = () => {};
    const told = new Promise<CopiesLedger>(done => {
      tell = done;
    });
    const late = setTimeout(() => tell(nothing), MEMORY_MS);
    this.onMemory.add(tell);
    this.outbox.put({ is: 'memory' });
    const ledgers = await told;
    clearTimeout(late);
    this.onMemory.delete(tell);
    return ledgers;
  }

  /** Of the copy that has most frames waiting. */
  gauge(): GaugeReading {
    const taken = Math.max(0, ...[...this.mirrors.values()].map(({ waiting }) => waiting));
    const { waitingMost: highWater, dropped: times } = this;
    return {
      name: 'frames for a copy',
      unit: 'count',
      taken,
      limit: FRAMES_MAX,
      highWater,
      whenFull: 'drops',
      times,
    };
  }

  /** A message of the hub's for a copy's agent. */
  deliver(share: string, message: Message, body: Uint8Array | undefined): void {
    const mirror = this.mirrors.get(share);
    if (mirror === undefined) return;
    if (mirror.waiting === FRAMES_MAX) {
      this.dropped++;
      return;
    }
    mirror.waiting++;
    this.waitingMost = Math.max(this.waitingMost, mirror.waiting);
    const header = encodeFrameHeader(message);
    this.mail().put({ is: 'frame', share, frame: body === undefined ? own(header) : own(header, body) });
  }

  /** Settles when every copy's catalog is committed and the thread has ended. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const { worker, outbox } = this;
    if (worker === undefined || outbox === undefined) return;
    let late: NodeJS.Timeout | undefined;
    await new Promise<void>(done => {
      this.onStopped = done;
      late = setTimeout(done, STOP_MS);
      outbox.put({ is: 'stop' });
    });
    clearTimeout(late);
    await worker.terminate();
  }

  private mail(): Outbox<ToWorker> {
    if (this.outbox !== undefined) return this.outbox;
    // Built, both files end in .js; the worker's name is all that differs.
    const worker = new Worker(new URL('./worker.js', import.meta.url), { resourceLimits: WORKER_HEAP });
    worker.on('message', (letters: FromWorker[]) => {
      for (const letter of letters) this.take(letter);
    });
    worker.on('error', error => this.fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', () => this.onExit());
    this.worker = worker;
    this.outbox = new Outbox<ToWorker>(worker);
    return this.outbox;
  }

  private onExit(): void {
    this.onStopped();
    if (!this.isStopping) this.fail(new Error('the thread of the plain copies ended by itself'));
  }

  private fail(error: Error): void {
    this.onStopped();
    for (const mirror of this.mirrors.values()) mirror.open(error);
    this.ports.onFail(error);
  }

  private take(letter: FromWorker): void {
    const { ports } = this;
    switch (letter.is) {
      case 'opened':
        this.mirrors.get(letter.share)?.open();
        break;
      case 'frame':
        this.push(`${COPY_SIGN}${letter.share}`, letter.frame);
        break;
      case 'took':
        this.took(letter.share, letter.count);
        break;
      case 'status':
        this.keep(letter.share, letter.status);
        break;
      case 'memory':
        for (const tell of this.onMemory) tell(letter.ledgers);
        break;
      case 'note':
        ports.onNote(letter.note, letter.share);
        break;
      case 'log':
        ports.onLog(letter.level, letter.text);
        break;
      case 'failed':
        this.onFailed(letter);
        break;
      case 'stopped':
        this.onStopped();
        break;
    }
  }

  private push(board: string, frame: Uint8Array): void {
    const decoded = decodeFrame(frame, 'up', FRAME_BYTES_MAX);
    if ('malformed' in decoded) this.ports.malformed(board, decoded.malformed);
    else this.ports.push(board, decoded.message, decoded.body);
  }

  private took(share: string, count: number): void {
    const mirror = this.mirrors.get(share);
    if (mirror !== undefined) mirror.waiting -= count;
  }

  private keep(share: string, status: AgentStatus): void {
    const mirror = this.mirrors.get(share);
    if (mirror !== undefined) mirror.status = status;
  }

  private onFailed({ share, text, kind, advice }: Extract<FromWorker, { is: 'failed' }>): void {
    const error = kind === undefined ? new Error(text) : new Failure(kind, text, advice);
    this.mirrors.get(share)?.open(error);
    this.ports.onFail(error);
  }
}
