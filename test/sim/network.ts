// The simulated broker and the links of boards to it.
//
// Fault model: a frame may be lost, doubled, delayed by any time up to `delayMs`, and so overtaken by later ones. A
// link may be cut at any moment: what is on its way is lost, and the board hears of it. The broker may start again:
// all links are cut; with its sessions, what was on its way to boards comes when they are back. Of two boards with one
// name the newer throws the older out, as MQTT has it, and the older comes again. Nothing is damaged: TCP and MQTT see
// to that; damaged frames are the codec tests' matter.
//
// Frames are the real ones: made by the codec, handed over as copies, read by the codec.

import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { type BoardLink, type BoardLinkHandlers, noCounts } from '../../transport/link.ts';
import type { Random } from './random.ts';
import type { Time } from './time.ts';

export interface Faults {
  lost: number;
  doubled: number;
  /** Longest delay of a frame, milliseconds. */
  delayMs: number;
}

export const NO_FAULTS: Faults = { lost: 0, doubled: 0, delayMs: 1 };

const CONNECT_MS = 10;
/** Whoever was thrown out comes again after this at most. */
const THROWN_OUT_MS = 5_000;

interface Link {
  /** The process that opened it. */
  owner: object;
  board: string;
  handlers: BoardLinkHandlers;
  isUp: boolean;
  isOpen: boolean;
  /** What was sent before belongs to an earlier epoch, and is not delivered. */
  epoch: number;
  /** The broker's session: what came while the link was down. */
  held: Uint8Array[];
  isHeld: boolean;
}

export interface NetworkPorts {
  random: Random;
  time: Time;
  /** A frame of a board for the gateway. */
  toGateway(board: string, frame: Uint8Array): void;
  tell(line: string): void;
  count(what: string): void;
}

export class Network {
  faults: Faults = NO_FAULTS;
  frames = 0;
  bytes = 0;
  /** A link was closed since this was last looked at. */
  hasClosed = false;
  /** What the broker keeps of the gateway's status: the session that is online. */
  private online = 0;
  private readonly ports: NetworkPorts;
  private readonly links = new Set<Link>();

  constructor(ports: NetworkPorts) {
    this.ports = ports;
  }

  open(owner: object, board: string, handlers: BoardLinkHandlers): BoardLink {
    const link: Link = {
      owner,
      board,
      handlers,
      isUp: false,
      isOpen: true,
      epoch: 0,
      held: [],
      isHeld: false,
    };
    this.links.add(link);
    this.connectLater(link, CONNECT_MS);
    return {
      counts: noCounts(),
      send: (frame, sent) => {
        if (link.isUp) this.carry(link, frame, bytes => this.ports.toGateway(board, bytes));
        // The cell may be taken again now: what is still needed of it was copied.
        this.ports.time.after(0, () => link.isOpen && sent());
      },
      setStatus: () => {},
      close: async () => this.close(link),
    };
  }

  /** The process is gone, and its links with it, without a word. */
  drop(owner: object): void {
    for (const link of [...this.links]) if (link.owner === owner) this.close(link);
  }

  /** Cuts the link of a board, for so long. */
  cut(board: string, downMs: number): void {
    for (const link of this.links) if (link.board === board && link.isUp) this.down(link, 'cut', downMs);
  }

  /** The broker starts again. `keeps`: with its sessions and what it retained. */
  restart(keeps: boolean, downMs: () => number): void {
    if (!keeps) this.online = 0;
    for (const link of this.links) {
      link.isHeld = keeps;
      if (link.isUp) this.down(link, 'the broker went', downMs());
    }
  }

  /** The gateway is online, by a session of its own. */
  announce(session: number): void {
    this.online = session;
    for (const { isUp, handlers } of this.links)
      if (isUp) this.ports.time.after(1, () => handlers.gateway({ state: 'online', session }, true));
  }

  toBoard(board: string, frame: Uint8Array): void {
    for (const link of this.links)
      if (link.board === board && (link.isUp || link.isHeld))
        this.carry(link, frame, bytes => {
          if (link.isUp) link.handlers.frame(bytes);
          else if (link.isHeld) link.held.push(bytes);
        });
  }

  private connectLater(link: Link, ms: number): void {
    this.ports.time.after(ms, () => {
      if (!link.isOpen || link.isUp) return;
      for (const other of this.links)
        if (other.board === link.board && other.isUp)
          this.down(other, 'another client has this name', 1 + this.ports.random.below(THROWN_OUT_MS));
      link.isUp = true;
      link.handlers.up({ frameBytesMax: FRAME_BYTES_MAX, protocol: 5, broker: 'sim' });
      if (this.online > 0) link.handlers.gateway({ state: 'online', session: this.online }, false);
      link.isHeld = false;
      for (const frame of link.held.splice(0)) if (link.isUp) link.handlers.frame(frame);
    });
  }

  private down(link: Link, why: string, forMs: number): void {
    this.ports.tell(`the link of ${link.board} is down for ${forMs} ms: ${why}`);
    if (!link.isHeld) link.epoch++;
    link.isUp = false;
    link.handlers.down(why);
    this.connectLater(link, forMs);
  }

  private close(link: Link): void {
    this.hasClosed = true;
    link.isOpen = false;
    link.isUp = false;
    link.epoch++;
    this.links.delete(link);
  }

  private carry(link: Link, frame: Uint8Array, deliver: (frame: Uint8Array) => void): void {
    const { random, time, count } = this.ports;
    const { lost, doubled, delayMs } = this.faults;
    this.frames++;
    this.bytes += frame.length;
    if (random.chance(lost)) {
      count('frame lost');
      return;
    }
    const isDoubled = random.chance(doubled);
    if (isDoubled) count('frame doubled');
    if (delayMs > 1) count('frame delayed');
    const { epoch } = link;
    for (let copy = 0; copy < (isDoubled ? 2 : 1); copy++) {
      const bytes = frame.slice();
      time.after(random.below(delayMs + 1), () => {
        if (link.epoch === epoch) deliver(bytes);
      });
    }
  }
}
