// What starting a gateway takes and gives. `gateway/main.ts` implements startGateway; the command line calls it.

import type { Note } from '../agent/engine/ports.ts';
import type { LinkOptions, LogLevel } from '../agent/options.ts';
import type { PlainOptions } from './plain/plains.ts';
import type { GatewayStatus } from './status.ts';

/** The built-in broker: where it listens, and whom it lets in. Without any of the rest: everyone, on loopback only. */
export interface ListenOptions {
  host: string;
  port: number;
  /** Everyone, from anywhere. */
  isOpen?: boolean;
  /** A file of users and their passwords' hashes. */
  usersFile?: string;
  /** TLS: its own certificate and key. */
  certFile?: string;
  keyFile?: string;
  /** Lets in boards whose certificate this authority signed. */
  clientCaFile?: string;
}

export interface GatewayOptions extends Omit<LinkOptions, 'broker'>, PlainOptions {
  /** A broker elsewhere, or the embedded one: exactly one of the two is given. Port 0 takes a free one. */
  broker?: string;
  listen?: ListenOptions;
  /** A file that says which boards may join which shares; without it any may join any. */
  grantsFile?: string;
  /** Shares that boards may make; each has a plain copy. */
  sharesMax: number;
  /** How long a version is kept after it was replaced. */
  keepDays: number;
  /** Less history is kept where the store would hold more than this. */
  keepBytes?: number | undefined;
  /** A note of the agent that keeps the plain copy of `share`. */
  onNote(note: Note, share: string): void;
  onLog(level: LogLevel, text: string): void;
}

export interface RunningGateway {
  status(): GatewayStatus;
  /** Settles when the store is closed and the embedded broker has stopped. Safe to call twice. */
  stop(): Promise<void>;
  /** Resolves with the error that ended the gateway by itself; never rejects, and stays pending otherwise. */
  failed: Promise<Error>;
  /** The embedded broker's port, as bound. */
  port: number | undefined;
}

export type StartGateway = (options: GatewayOptions) => Promise<RunningGateway>;
