// One plain copy, in the worker: an agent whose link is mail to the hub. Frames go through the codec as anyone's do;
// no broker is between.

import { checkApart, claimFolder } from '../../agent/claim.ts';
import { type Control, NO_CONTROL } from '../../agent/control.ts';
import type { Note } from '../../agent/engine/ports.ts';
import { systemFailure } from '../../agent/failure.ts';
import { openBook, realPorts } from '../../agent/main.ts';
import type { Book } from '../../agent/memory/book.ts';
import type { FolderLedger } from '../../agent/memory/ledger.ts';
import { makeAll, makePrivate } from '../../agent/private.ts';
import { Report } from '../../agent/report.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { Sync } from '../../agent/sync.ts';
import { VERSION } from '../../agent/version.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { type BoardLink, type BoardLinkHandlers, noCounts } from '../../transport/link.ts';
import { type CopyOptions, type FromWorker, own } from './mail.ts';

/** The name under which conflict copies tell of it. */
const BOARD = 'gateway';

/** Files on their way at once, some 2 MiB of heap: a sync of a busy server's file system is worth many files. */
const FETCHES_MAX = 4096;
/** Frames of content on their way at once, 896 KiB: they lie in this process. */
const WINDOW_FRAMES = 32;

export class Copy {
  private readonly sync: Sync;
  private readonly report: Report;
  private readonly book: Book;
  private readonly share: string;
  private readonly tell: (letter: FromWorker) => void;
  private readonly counts = noCounts();
  private readonly places: { folder: string; state: string };
  private claim: Control | undefined;
  private isStopped = false;
  private handlers: BoardLinkHandlers | undefined;

  constructor(options: CopyOptions, tell: (letter: FromWorker) => void, onFail: (error: unknown) => void) {
    const { share, folder, state, arenaBytes, rescanSeconds, watches } = options;
    this.share = share;
    this.tell = tell;
    makePlace(folder);
    checkApart({ folder, state });
    makePrivate(state);
    this.places = { folder, state };
    const software = `toastbox ${VERSION}`;
    this.sync = new Sync(
      {
        folder,
        board: BOARD,
        share,
        software,
        arenaBytes,
        rescanSeconds,
        fetchesMax: FETCHES_MAX,
        windowFrames: WINDOW_FRAMES,
      },
      {
        ...realPorts(state, watches),
        openLink: (_session, handlers) => this.open(handlers),
        onNote: note => {
          this.report.onNote(note);
          tell({ is: 'note', share, note: ownNote(note) });
        },
        onLog: (level, text) => tell({ is: 'log', level, text }),
        onFail,
      },
    );
    const identity = { name: BOARD, share, folder, broker: 'here', arenaBytes, rescanSeconds };
    this.report = new Report(identity, this.sync);
    this.book = openBook({ state, folder, isProcess: false }, this.sync, (level, text) =>
      tell({ is: 'log', level, text }),
    );
  }

  /** Rejects if somebody else has the folder. */
  async start(): Promise<void> {
    this.claim = await claimFolder(this.places, { status: () => this.status(), memory: () => this.memory() });
    const { why } = this.claim;
    if (why !== undefined) this.tell({ is: 'log', level: 'warn', text: `${why}: ${NO_CONTROL}` });
    if (this.isStopped) await this.claim.close();
    else this.sync.start();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    this.book.close();
    await this.sync.stop();
    await this.claim?.close();
  }

  status(): AgentStatus {
    return this.report.status();
  }

  memory(): FolderLedger | undefined {
    return this.book.folder();
  }

  take(frame: Uint8Array): void {
    if (this.handlers === undefined) {
      this.counts.dropsIn++;
      return;
    }
    this.counts.framesIn++;
    this.counts.bytesIn += frame.length;
    this.handlers.frame(frame);
  }

  private open(handlers: BoardLinkHandlers): BoardLink {
    setImmediate(() => {
      this.handlers = handlers;
      this.counts.ups++;
      handlers.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'here' });
    });
    return {
      counts: this.counts,
      send: (frame, sent) => {
        this.counts.framesOut++;
        this.counts.bytesOut += frame.length;
        this.tell({ is: 'frame', share: this.share, frame: own(frame) });
        setImmediate(sent);
      },
      setStatus: () => {},
      close: async () => {
        this.handlers = undefined;
      },
    };
  }
}

function ownNote(note: Note): Note {
  if (note.kind === 'session') return note;
  const path = own(note.path);
  return note.kind === 'conflict' ? { ...note, path, copy: own(note.copy) } : { ...note, path };
}

/** Without its copy a share would go on unseen, so the gateway ends, in words. */
function makePlace(folder: string): void {
  try {
    makeAll(folder);
  } catch (error) {
    const advice =
      'move away what stands there, or let the gateway write above it, and start the gateway again';
    throw systemFailure(`cannot make the plain copy ${folder}`, error, advice);
  }
}
