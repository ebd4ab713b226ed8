// The ports of the link: what an agent and a gateway need of whatever carries frames between them.
//
// A link delivers each frame at most once, whole or not at all, in any order, and says nothing about the ones it
// lost: acknowledgement is the business of the messages inside. It connects by itself, for as long as it is open;
// up() and down() tell how that goes; down() comes first if the first attempt fails, and again when the reason
// changes.
//
//   open ---> connecting ---> up ---> down ---> connecting ---> ...      close() ends it from anywhere
//                  |   down    ^
//                  +--> wait --+
//
// Invariants:
//   1. `sent` is called exactly once for each send(), never before send() returns, and after it neither the link
//      nor the kernel's asynchronous write still looks at the frame's memory. So a frame may lie in a cell of the
//      arena that is taken again at once.
//   2. Nothing is queued for later: a frame sent while the link is down, or while more than QUEUE_BYTES_MAX wait
//      for the socket, is dropped and counted.
//   3. After close() has been called no handler is called any more, except the `sent` of frames still open.

import type { Presence } from './status.ts';

export interface LinkUp {
  /** The longest frame that the broker takes, at most FRAME_BYTES_MAX. */
  frameBytesMax: number;
  /** MQTT's protocol level: 5, or 4 for 3.1.1. */
  protocol: 4 | 5;
  /** The broker's address, for a person: no user, no password. */
  broker: string;
}

/** Since the link was opened. Bytes are frames' bytes: MQTT adds its topic and some 4 bytes to each. */
export interface LinkCounts {
  framesOut: number;
  bytesOut: number;
  framesIn: number;
  bytesIn: number;
  /** Frames given to send() that were not sent: link down, queue full, longer than the broker takes. */
  dropsOut: number;
  /** Messages that came in and were no frame: too long, retained, on a topic of nobody. */
  dropsIn: number;
  /** Times that the link came up. */
  ups: number;
  /** Times that a connection was begun. While the link is down this moves on, 30 s apart at most. */
  tries: number;
}

export const noCounts = (): LinkCounts => ({
  framesOut: 0,
  bytesOut: 0,
  framesIn: 0,
  bytesIn: 0,
  dropsOut: 0,
  dropsIn: 0,
  ups: 0,
  tries: 0,
});

/** What waits for the socket. */
export interface LinkQueue {
  bytes: number;
  bytesMax: number;
  highWater: number;
  /** Frames that were dropped because they would not fit. */
  drops: number;
}

interface Link {
  readonly counts: Readonly<LinkCounts>;
  /** None where nothing waits. */
  readonly queue?: Readonly<LinkQueue>;
  /** Merges into the retained status (status.ts has its fields), which is published at most once a second. */
  setStatus(status: object): void;
  /** Publishes the offline status, disconnects, never fails; 2 seconds at most. */
  close(): Promise<void>;
}

export interface BoardLink extends Link {
  send(frame: Uint8Array, sent: () => void): void;
}

export interface GatewayLink extends Link {
  send(board: string, frame: Uint8Array, sent: () => void): void;
}

interface LinkHandlers {
  /** Subscribed: what is sent now can be answered. */
  up(info: LinkUp): void;
  /** Not connected, for this reason: a sentence for a person. Called again when the reason changes. */
  down(why: string): void;
  /** A message came that is no frame: oversized, retained, on a topic of nobody. Counted as dropsIn. */
  dropped?(why: string): void;
}

export interface BoardLinkHandlers extends LinkHandlers {
  /** `bytes` are good during the call only. */
  frame(bytes: Uint8Array): void;
  /**
   * The gateway came, went or restarted. Not `isNews`: this is what the broker retained when the link came up, so a
   * hello sent in up() has reached that gateway. `isNews` and online: say hello again.
   */
  gateway(status: Presence, isNews: boolean): void;
}

export interface GatewayLinkHandlers extends LinkHandlers {
  /** `bytes` are good during the call only. */
  frame(board: string, bytes: Uint8Array): void;
  /** A board's status, retained or new; undefined if it is unreadable or was removed. */
  status(board: string, status: Presence | undefined): void;
}
