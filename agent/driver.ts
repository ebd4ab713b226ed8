// Carries events to the engine and effects to the outside, one at a time and in order: an effect's answer is an
// event behind those that already wait. Keeps the engine's one timer. The same driver runs the agent, the
// gateway's plain copies and the simulator; only the outlets and the clock differ.
//
// Events are answers to effects, of which the engine has so many under way and no more; hints, of which watcher.ts
// has few; and frames, of which a peer may send any number. So with a turn's work waiting, frames are dropped: lost as
// on the way, and asked for again. One that is taken leads to an answer for each of its items at most, and each call of
// take() works a turn off: no more than three frames wait among the events, and EVENTS_MAX are not reached.
//
// Frames are put together here: the header is encoded in front of the body, inside the body's own cell of the
// arena, and what is published is a view of that cell.

import { copyOf } from '../protocol/bytes.ts';
import { decodeFrame, encodeFrameHeader } from '../protocol/frame.ts';
import type { Arena } from './arena/arena.ts';
import type { Engine } from './engine/engine.ts';
import type { Effect, Event, Note } from './engine/ports.ts';
import { Gauge } from './gauge.ts';
import { litter } from './litter.ts';

/** Events of one turn of the loop: some 50 ms of work. Answers may follow answers for long; whoever asks for the
 * status, and the link's keep-alive, get their turn between. */
const TURN_EVENTS_MAX = 2048;
/** Where events cost more than usual, a turn ends sooner. */
const TURN_MS = 50;
/** Frames that may wait for the next turn, 32 KiB each: more are dropped, as a link would, and asked for again. */
const FRAMES_MAX = 16;
/** A turn's work, and what three frames and the watcher add to it; some 100 bytes each. */
const EVENTS_MAX = 4 * TURN_EVENTS_MAX;

export interface Outlets {
  /** Carries out an effect on the folder; its answer comes to take(), at once or later. */
  disk(effect: Effect): void;
  /** `sent` is called once the bytes may be reused. Frames sent while the link is down are dropped. */
  send(frame: Uint8Array, sent: () => void): void;
  note(note: Note): void;
  startOver(why: string, common: number): void;
  /** The event `stop` has been answered. */
  stopped(): void;
  /** The engine threw: the catalog's file failed it, or we are wrong. Nothing is taken any more. */
  fail(error: unknown): void;
}

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls back once at `time`; replaces the call asked for before. Infinity: none. */
  wake(time: number, call: () => void): void;
}

export class Driver {
  private readonly engine: Engine;
  private readonly arena: Arena;
  private readonly outlets: Outlets;
  private readonly clock: Clock;
  private readonly events: Event[] = [];
  readonly gauge = new Gauge('events', EVENTS_MAX, 'drops', () => this.events.length);
  private isBusy = false;
  /** A turn ended with events left: they wait for the timer, whatever comes meanwhile. */
  private hasYielded = false;
  private framesWaiting = 0;
  /** By stop(), or by a failure. */
  isStopped = false;
  private wakeAt = Number.POSITIVE_INFINITY;

  constructor(engine: Engine, arena: Arena, outlets: Outlets, clock: Clock) {
    this.engine = engine;
    this.arena = arena;
    this.outlets = outlets;
    this.clock = clock;
  }

  /** Nothing is taken any more; the engine stays as it is. */
  stop(): void {
    this.isStopped = true;
    this.clock.wake(Number.POSITIVE_INFINITY, () => {});
  }

  take(event: Event): void {
    if (this.isStopped) return;
    this.events.push(event);
    this.gauge.grew();
    if (this.isBusy || this.hasYielded) return;
    this.isBusy = true;
    try {
      this.run();
    } catch (error) {
      this.stop();
      this.outlets.fail(error);
    } finally {
      this.isBusy = false;
    }
  }

  /** A frame from the link. The bytes are good during the call only, and so is what it leads to. */
  takeFrame(bytes: Uint8Array, frameBytesMax: number): void {
    if (this.isBusy) throw new Error('a frame came from within an effect');
    if (this.events.length >= TURN_EVENTS_MAX || this.framesWaiting === FRAMES_MAX) {
      this.gauge.met();
      return;
    }
    if (this.hasYielded) this.framesWaiting++;
    // Behind events that wait for the next turn, the frame must outlive this call.
    const isBehind = this.events.length > 0;
    if (isBehind) litter(bytes.length);
    const frame = decodeFrame(isBehind ? copyOf(bytes) : bytes, 'down', frameBytesMax);
    if ('malformed' in frame) this.take({ is: 'malformed', why: frame.malformed });
    else this.take({ is: 'message', message: frame.message, body: frame.body });
  }

  private run(): void {
    const until = this.clock.now() + TURN_MS;
    for (let count = 1; count <= TURN_EVENTS_MAX && !this.isStopped; count++) {
      const event = this.events.shift();
      if (event === undefined) break;
      for (const effect of this.engine.handle(event, this.clock.now())) {
        if (this.isStopped) break; // by one before it: a disk that is closed would open the folder again
        this.carry(effect);
      }
      if (count % 16 === 0 && this.clock.now() >= until) break;
    }
    this.hasYielded = this.events.length > 0;
    const wakeAt = this.hasYielded ? 0 : this.engine.wakeAt;
    if (this.isStopped || wakeAt === this.wakeAt) return;
    this.wakeAt = wakeAt;
    this.clock.wake(this.wakeAt, () => {
      this.wakeAt = Number.POSITIVE_INFINITY;
      this.hasYielded = false;
      this.framesWaiting = 0;
      this.take({ is: 'tick' });
    });
  }

  private carry(effect: Effect): void {
    switch (effect.do) {
      case 'send':
        this.send(effect);
        break;
      case 'note':
        this.outlets.note(effect.note);
        break;
      case 'startOver':
        this.outlets.startOver(effect.why, effect.common);
        break;
      case 'stopped':
        this.outlets.stopped();
        break;
      default:
        this.outlets.disk(effect);
    }
  }

  private send({ message, body }: Extract<Effect, { do: 'send' }>): void {
    const header = encodeFrameHeader(message);
    if (body === undefined) {
      this.outlets.send(header, () => {});
      return;
    }
    const cell = this.arena.frame(body.handle);
    if (header.length > body.offset) throw new Error('a frame out of its cell');
    const from = body.offset - header.length;
    cell.set(header, from);
    const { handle } = body;
    this.arena.passFrame(handle);
    this.outlets.send(cell.subarray(from, body.offset + body.length), () =>
      this.take({ is: 'sent', handle }),
    );
  }
}
