// The gateway's plain copy of a synced folder: an agent in this process, whose link is the hub itself. Frames go
// through the codec as anyone's do; no broker is between. Its name has a sign that no board's can have, so that no
// board can speak as it.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { realPorts } from '../agent/main.ts';
import { Report } from '../agent/report.ts';
import type { AgentStatus } from '../agent/status.ts';
import { Sync } from '../agent/sync.ts';
import { VERSION } from '../agent/version.ts';
import { decodeFrame, encodeFrameHeader } from '../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../protocol/limits.ts';
import type { Message } from '../protocol/messages.ts';
import type { BoardLink, BoardLinkHandlers, LinkCounts } from '../transport/link.ts';
import type { GatewayOptions } from './options.ts';

/** The sign is not in LABEL. */
export const plainName = (share: string): string => `@${share}`;

/** Frames that wait for the agent: it asks for few at a time, so this is never reached by its own doing. */
const FRAMES_MAX = 256;

export interface PlainPorts {
  /** Takes a message of the plain copy's agent to the hub. */
  push(board: string, message: Message, body: Uint8Array): void;
  malformed(board: string, why: string): void;
  onFail(error: Error): void;
}

export class Plain {
  readonly share: string;
  private readonly sync: Sync;
  private readonly report: Report;
  private readonly frames: Uint8Array[] = [];
  private readonly counts: LinkCounts = {
    framesOut: 0,
    bytesOut: 0,
    framesIn: 0,
    bytesIn: 0,
    dropsOut: 0,
    dropsIn: 0,
    ups: 0,
  };
  private handlers: BoardLinkHandlers | undefined;
  private isDelivering = false;

  constructor(share: string, options: GatewayOptions, ports: PlainPorts) {
    this.share = share;
    const folder = join(options.folder, share);
    const state = join(options.data, 'plain', share);
    mkdirSync(folder, { recursive: true });
    mkdirSync(state, { recursive: true, mode: 0o700 });
    const software = `toastbox ${VERSION}`;
    const { arenaBytes, rescanSeconds } = options;
    this.sync = new Sync(
      { folder, board: 'gateway', share, software, arenaBytes, rescanSeconds },
      {
        ...realPorts(state, options.watches),
        openLink: (_session, handlers) => this.open(handlers, ports),
        onNote: note => {
          this.report.onNote(note);
          options.onNote(note, share);
        },
        onLog: options.onLog,
        onFail: error => ports.onFail(error instanceof Error ? error : new Error(String(error))),
      },
    );
    this.report = new Report(
      { name: 'gateway', share, folder, broker: 'here', arenaBytes, rescanSeconds },
      this.sync,
    );
  }

  start(): void {
    this.sync.start();
  }

  stop(): Promise<void> {
    return this.sync.stop();
  }

  status(): AgentStatus {
    return this.report.status();
  }

  /** A message of the hub's for this agent: delivered in a later turn, in order. */
  deliver(message: Message, body: Uint8Array | undefined): void {
    if (this.handlers === undefined || this.frames.length >= FRAMES_MAX) {
      this.counts.dropsIn++;
      return;
    }
    const header = encodeFrameHeader(message);
    this.frames.push(body === undefined ? header : Buffer.concat([header, body]));
    if (this.isDelivering) return;
    this.isDelivering = true;
    setImmediate(() => this.deliverAll());
  }

  private deliverAll(): void {
    this.isDelivering = false;
    for (const frame of this.frames.splice(0)) {
      this.counts.framesIn++;
      this.counts.bytesIn += frame.length;
      this.handlers?.frame(frame);
    }
  }

  private open(handlers: BoardLinkHandlers, ports: PlainPorts): BoardLink {
    const name = plainName(this.share);
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
        // The hub reads it in a later turn; the cell is given back before.
        const decoded = decodeFrame(frame.slice(), 'up', FRAME_BYTES_MAX);
        if ('malformed' in decoded) ports.malformed(name, decoded.malformed);
        else ports.push(name, decoded.message, decoded.body);
        setImmediate(sent);
      },
      setStatus: () => {},
      close: async () => {
        this.handlers = undefined;
        this.frames.length = 0;
      },
    };
  }
}
