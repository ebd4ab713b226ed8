// What the gateway and the worker of its plain copies tell each other, and how: letters are posted together, once a
// turn of the event loop, and all bytes in them are copies of their own (what is posted by reference would take the
// whole buffer along that a view stands in, of an arena for one).

import type { Note } from '../../agent/engine/ports.ts';
import type { FailureKind } from '../../agent/failure.ts';
import type { FolderLedger } from '../../agent/memory/ledger.ts';
import type { Reading } from '../../agent/memory/reading.ts';
import type { LogLevel } from '../../agent/options.ts';
import type { AgentStatus } from '../../agent/status.ts';

/** What an agent of a plain copy is made from. */
export interface CopyOptions {
  share: string;
  /** Absolute: the copy, and its agent's state. */
  folder: string;
  state: string;
  arenaBytes: number;
  rescanSeconds: number;
  watches: number;
}

/** The worker's part of the memory ledger: a folder's for each copy, and its own V8 heap. */
export interface CopiesLedger {
  folders: ({ share: string } & FolderLedger)[];
  heap: Reading[];
}

export type ToWorker =
  | { is: 'open'; options: CopyOptions }
  | { is: 'frame'; share: string; frame: Uint8Array }
  | { is: 'memory' }
  | { is: 'stop' };

export type FromWorker =
  /** The agent runs; before that it says nothing but why it does not. */
  | { is: 'opened'; share: string }
  | { is: 'frame'; share: string; frame: Uint8Array }
  /** So many frames were handled. */
  | { is: 'took'; share: string; count: number }
  | { is: 'status'; share: string; status: AgentStatus }
  | { is: 'memory'; ledgers: CopiesLedger }
  | { is: 'note'; share: string; note: Note }
  | { is: 'log'; level: LogLevel; text: string }
  /** The worker cannot go on; `kind` when it is an operating error. */
  | { is: 'failed'; share: string; text: string; kind: FailureKind | undefined; advice: string | undefined }
  | { is: 'stopped' };

/** Where letters are posted: a worker, or the port of the one who made it. */
export interface Post<Letter> {
  postMessage(letters: Letter[]): void;
}

export class Outbox<Letter> {
  private readonly post: Post<Letter>;
  private letters: Letter[] = [];

  constructor(post: Post<Letter>) {
    this.post = post;
  }

  put(letter: Letter): void {
    this.letters.push(letter);
    if (this.letters.length === 1) setImmediate(() => this.flush());
  }

  flush(): void {
    const { letters } = this;
    this.letters = [];
    if (letters.length > 0) this.post.postMessage(letters);
  }
}

/** Bytes with a buffer of their own. */
export const own = (...parts: readonly Uint8Array[]): Uint8Array => {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
};
