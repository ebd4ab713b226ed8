// A board's MQTT client: one connection over TCP or TLS, from socket to end.
//
//   CONNECTING -- socket there, CONNECT --> GREETING -- CONNACK, SUBSCRIBE --> JOINING -- SUBACK --> UP
//       '---------------------'-----------------------------'------------------------------'--> ENDED, told once
//
// Written because MQTT.js costs a board 4 MiB of anonymous memory before the first message. What a link asks of MQTT is
// little (link.ts): frames at QoS 0 both ways, a retained status at QoS 1, a will, keep-alive. What comes in is read
// into one piece of memory and handed on from there (intake.ts); what goes out is a header and the frame's own memory.
// MQTT.js does the same behind mqttjs.ts, and test/transport holds both to the same suite.
//
// Invariants:
//   1. `sent` is called by the socket alone: once for each frame that it took, when the kernel has the bytes or the
//      handle is gone.
//   2. The socket's queue is what waits: nothing else is kept of a frame.

import { openSocket } from './endpoint.ts';
import { Intake } from './intake.ts';
import type { Connection, ConnectionEvents } from './keeper.ts';
import {
  CONNECT_MS,
  deliver,
  endingOf,
  frameBytesFor,
  type Opening,
  PACKET_BYTES_MAX,
  PUBLISH_BYTES,
  RECEIVE_MAX,
  swallowed,
  unreadable,
  unwritable,
} from './opening.ts';
import {
  Malformed,
  readAnswer,
  readConnack,
  readDisconnect,
  readPublish,
  readSuback,
  Type,
  writeAnswer,
  writeConnect,
  writeEmpty,
  writePublishHead,
  writeSubscribe,
} from './packets.ts';

const SUBSCRIBE_ID = 1;
/** Announcements have the ids from here on. */
const ANNOUNCE_ID = 2;
/** A ping that is not answered for half a keep-alive: the link is dead, one and a half after the last packet out. */
const PATIENCE = 0.5;

export function openClient(opening: Opening, events: ConnectionEvents): Connection {
  return new Client(opening, events);
}

class Client implements Connection {
  readonly #opening: Opening;
  readonly #events: ConnectionEvents;
  readonly #socket: ReturnType<typeof openSocket>;
  readonly #announced = new Map<number, () => void>();
  #state: 'connecting' | 'greeting' | 'joining' | 'up' = 'connecting';
  #frameBytesMax = 0;
  #why: unknown;
  #nextId = ANNOUNCE_ID;
  #timer: NodeJS.Timeout;
  #keepaliveMs: number;
  #lastOut = 0;
  #lastIn = 0;
  /** Of the ping that waits for an answer. */
  #pingedAt: number | undefined;

  constructor(opening: Opening, events: ConnectionEvents) {
    this.#opening = opening;
    this.#events = events;
    this.#keepaliveMs = opening.keepalive * 1000;
    this.#timer = setTimeout(() => this.#fail(new Error('connack timeout')), CONNECT_MS);
    const intake = new Intake({
      packetBytesMax: PACKET_BYTES_MAX,
      onPacket: (first, body) => this.#take(first, body),
      onSwallow: () => swallowed(opening, events),
    });
    this.#socket = openSocket(opening.endpoint, {
      buffer: () => intake.space(),
      callback: count => {
        try {
          intake.took(count);
        } catch (error) {
          // Anything else is a mistake of ours, and of whoever the message was for.
          if (!(error instanceof Malformed)) throw error;
          this.#fail(new Error(`the broker sent ${error.message}`));
        }
        return true;
      },
    });
    this.#socket
      .once(opening.endpoint.isTls ? 'secureConnect' : 'connect', () => this.#greet())
      .on('error', error => this.#fail(error))
      .once('close', () => this.#end());
  }

  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  publish(topic: string, payload: Uint8Array, sent: () => void): boolean {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return false;
    const { queue } = this.#opening.keeper;
    const bytes = socket.writableLength + PUBLISH_BYTES + payload.length;
    if (bytes > queue.bytesMax) {
      queue.drops++;
      return false;
    }
    this.#write(writePublishHead(topic, payload.length, this.#opening.protocol, undefined), payload, sent);
    queue.highWater = Math.max(queue.highWater, bytes);
    return true;
  }

  announce(payload: Buffer, done: () => void): void {
    if (this.#socket.destroyed) return;
    const id = this.#nextId;
    this.#nextId = id === 0xffff ? ANNOUNCE_ID : id + 1;
    this.#announced.set(id, done);
    const { role, protocol } = this.#opening;
    this.#write(writePublishHead(role.statusTopic, payload.length, protocol, id), payload);
  }

  finish(): void {
    this.#socket.end(writeEmpty(Type.DISCONNECT));
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The two go to the kernel in one call. */
  #write(head: Buffer, payload?: Uint8Array, sent?: () => void): void {
    const socket = this.#socket;
    this.#lastOut = performance.now();
    if (payload === undefined || payload.length === 0) {
      socket.write(head, sent);
      return;
    }
    socket.cork();
    socket.write(head);
    socket.write(payload, sent);
    socket.uncork();
  }

  #fail(why: unknown): void {
    this.#why ??= why;
    this.#socket.destroy();
  }

  #end(): void {
    clearTimeout(this.#timer);
    const why = this.#why;
    const isThere = this.#state !== 'connecting';
    const isAnswered = this.#state === 'joining' || this.#state === 'up';
    this.#events.ended(endingOf(why, isThere, isAnswered), why ?? { code: 'ECONNRESET' });
  }

  #greet(): void {
    const { endpoint, role, protocol, keepalive, will } = this.#opening;
    this.#state = 'greeting';
    const connect = {
      clientId: role.clientId,
      keepalive,
      username: endpoint.username,
      password: endpoint.password,
      will: { topic: role.statusTopic, payload: will },
      packetBytesMax: PACKET_BYTES_MAX,
      receiveMax: RECEIVE_MAX,
    };
    this.#write(writeConnect(connect, protocol));
  }

  /** False: the connection is over. */
  #take(first: number, body: Buffer): boolean {
    const { protocol, role } = this.#opening;
    this.#lastIn = performance.now();
    const type = first >> 4;
    if (this.#state === 'greeting' && type !== Type.CONNACK)
      throw new Malformed(`a packet of type ${type} before CONNACK`);
    switch (type) {
      case Type.CONNACK:
        this.#join(body);
        break;
      case Type.SUBACK: {
        const { id, codes } = readSuback(body, protocol);
        const wrong = id === SUBSCRIBE_ID ? unreadable(role, codes) : undefined;
        if (wrong === undefined) this.#rise();
        else this.#fail(wrong);
        break;
      }
      case Type.PUBLISH: {
        const { topic, qos, id, isRetained, payload } = readPublish(first, body, protocol);
        // A broker may send a retained message before SUBACK; either shows that the subscriptions stand.
        this.#rise();
        deliver(this.#opening, this.#events, topic, payload, isRetained);
        // Subscribed at QoS 0, but a broker may be told to raise it. Doubles do no harm, so no id is remembered.
        if (qos > 0) this.#write(writeAnswer(qos === 1 ? Type.PUBACK : Type.PUBREC, id));
        break;
      }
      case Type.PUBREL:
        this.#write(writeAnswer(Type.PUBCOMP, readAnswer(body).id));
        break;
      case Type.PUBACK:
        this.#acknowledged(readAnswer(body));
        break;
      case Type.PINGRESP:
        break;
      case Type.DISCONNECT:
        this.#fail({ code: readDisconnect(body) });
        break;
      default:
        throw new Malformed(`a packet of type ${type}`);
    }
    return !this.#socket.destroyed;
  }

  #join(body: Buffer): void {
    if (this.#state !== 'greeting') throw new Malformed('a second CONNACK');
    const { code, packetBytesMax, keepalive } = readConnack(body);
    const frameBytesMax = code === 0 ? frameBytesFor(packetBytesMax) : { code };
    if (code === 0) this.#state = 'joining';
    if (typeof frameBytesMax !== 'number') {
      this.#fail(frameBytesMax);
      return;
    }
    this.#frameBytesMax = frameBytesMax;
    // A server that asks for none (0) still gets our pings: they are how a dead link is noticed.
    if (keepalive) this.#keepaliveMs = keepalive * 1000;
    const { role, protocol } = this.#opening;
    this.#write(writeSubscribe(SUBSCRIBE_ID, role.topics, protocol));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#keepAlive(), this.#keepaliveMs);
  }

  #rise(): void {
    if (this.#state !== 'joining') return;
    this.#state = 'up';
    this.#events.up(this.#frameBytesMax);
  }

  #acknowledged({ id, code }: { id: number; code: number }): void {
    const done = this.#announced.get(id);
    if (done === undefined) return;
    this.#announced.delete(id);
    if (code < 0x80) done();
    else this.#fail(unwritable(this.#opening.role));
  }

  // One timer that looks at the clock, for a timer set anew with each packet would cost more than the packet.
  #keepAlive(): void {
    const now = performance.now();
    if (this.#pingedAt !== undefined && this.#lastIn < this.#pingedAt) {
      this.#fail(new Error('keepalive timeout'));
      return;
    }
    this.#pingedAt = undefined;
    let wait = this.#lastOut + this.#keepaliveMs - now;
    if (wait <= 0) {
      this.#pingedAt = now;
      this.#write(writeEmpty(Type.PINGREQ));
      wait = this.#keepaliveMs * PATIENCE;
    }
    this.#timer = setTimeout(() => this.#keepAlive(), Math.max(1, wait));
  }
}
