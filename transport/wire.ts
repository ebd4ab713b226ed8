// The byte stream under MQTT, with the bounds that MQTT libraries do not have.
//
//   library --write--> [ queued ] --> socket --> kernel      afterWritten() tells when
//   library <--read--- [ sieve ] <-- socket <-- kernel       no packet over the bound gets through
//
// Outwards: a library calls back when it has handed a payload to the stream, which then still holds a reference to
// its memory (MQTT.js corks the stream until the next tick; libuv keeps it until the socket takes it). The wire
// calls back when the kernel has the bytes, so that the memory may be used anew.
//
// Inwards: mqtt-packet gathers whatever length a packet announces, up to 256 MB, before anyone may refuse it. The
// sieve follows the packets' fixed headers (MQTT 5, 2.1) as the bytes pass. A PUBLISH of QoS 0 over the bound is
// swallowed as it comes, at no memory; any other packet over the bound, or a malformed length, ends the connection.
//
// Invariants:
//   1. Each afterWritten() callback is called exactly once, never before the call returns.
//   2. What the reader gets is whole packets, each at most `packetBytesMax` long; at most one chunk (64 KiB) waits.

import { Duplex } from 'node:stream';

/** The packet type and flags, then a length of at most 4 bytes. */
const HEADER_BYTES_MAX = 5;
const PUBLISH = 3;

export interface WireOptions {
  /** Fixed header included. */
  packetBytesMax: number;
  /** What to do about a PUBLISH of QoS 0 over the bound. */
  oversized: 'swallow' | 'close';
  /** Called for each packet swallowed. */
  onSwallow?: () => void;
  /** Bytes queued for the socket before write() says "wait"; Node's default otherwise. */
  queueBytes?: number;
}

export class Wire extends Duplex {
  readonly #socket: Duplex;
  readonly #options: WireOptions;
  #packetBytesMax: number;
  #bytesWritten = 0;
  readonly #waiting: { endsAt: number; sent: () => void }[] = [];
  readonly #header = new Uint8Array(HEADER_BYTES_MAX);
  #headerBytes = 0;
  #bodyLeft = 0;
  #isSwallowing = false;

  constructor(socket: Duplex, options: WireOptions) {
    super({
      allowHalfOpen: false,
      ...(options.queueBytes === undefined ? {} : { writableHighWaterMark: options.queueBytes }),
    });
    this.#socket = socket;
    this.#options = options;
    this.#packetBytesMax = options.packetBytesMax;
    socket.on('data', chunk => this.#sift(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', error => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Calls back once all that was written until now is with the kernel, or lost with the connection. */
  afterWritten(sent: () => void): void {
    if (this.closed || (this.writableLength === 0 && !this.destroyed)) process.nextTick(sent);
    else this.#waiting.push({ endsAt: this.#bytesWritten + this.writableLength, sent });
  }

  /** Another bound, from the next packet on. */
  allow(packetBytesMax: number): void {
    this.#packetBytesMax = packetBytesMax;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, error => this.#written(chunk.length, error, done));
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    let bytes = 0;
    this.#socket.cork();
    chunks.forEach(({ chunk }, index) => {
      bytes += chunk.length;
      if (index < chunks.length - 1) this.#socket.write(chunk);
      else this.#socket.write(chunk, error => this.#written(bytes, error, done));
    });
    this.#socket.uncork();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const finish = () => {
      done(error);
      for (const { sent } of this.#waiting.splice(0)) process.nextTick(sent);
    };
    // The memory of a write under way is let go only with the handle.
    if (this.#socket.closed) finish();
    else this.#socket.once('close', finish).destroy();
  }

  #written(bytes: number, error: Error | null | undefined, done: (error?: Error | null) => void): void {
    this.#bytesWritten += bytes;
    done(error);
    if (error) return; // _destroy() follows and lets everyone go.
    while (this.#waiting[0] && this.#waiting[0].endsAt <= this.#bytesWritten) this.#waiting.shift()?.sent();
  }

  #sift(chunk: Buffer): void {
    let passFrom = 0;
    let at = 0;
    let hasRoom = true;
    const pass = (to: number) => {
      if (to > passFrom) hasRoom = this.push(chunk.subarray(passFrom, to));
    };
    while (at < chunk.length && !this.destroyed) {
      if (this.#bodyLeft > 0) {
        const step = Math.min(this.#bodyLeft, chunk.length - at);
        at += step;
        this.#bodyLeft -= step;
        if (this.#isSwallowing) passFrom = at;
        continue;
      }
      // A header that began in an earlier chunk was held back; one that begins here is passed with what follows.
      const headerFrom = at;
      const heldBytes = this.#headerBytes;
      const verdict = this.#takeHeader(chunk, at);
      at += this.#headerBytes - heldBytes;
      if (verdict === 'unfinished') {
        pass(headerFrom);
        passFrom = chunk.length;
        break;
      }
      if (verdict === 'refused') return;
      if (verdict === 'swallow') {
        pass(headerFrom);
        passFrom = at;
      } else if (heldBytes > 0) {
        hasRoom = this.push(Buffer.from(this.#header.subarray(0, this.#headerBytes)));
        passFrom = at;
      }
      this.#headerBytes = 0;
    }
    pass(chunk.length);
    if (!hasRoom) this.#socket.pause();
  }

  /** Reads on at `at` until a fixed header is whole; on 'pass' and 'swallow' its body is what comes next. */
  #takeHeader(chunk: Buffer, at: number): 'unfinished' | 'pass' | 'swallow' | 'refused' {
    const header = this.#header;
    while (at < chunk.length) {
      header[this.#headerBytes++] = chunk[at++] as number;
      if (this.#headerBytes === 1) continue;
      if (((header[this.#headerBytes - 1] as number) & 0x80) === 0) return this.#judge();
      if (this.#headerBytes === HEADER_BYTES_MAX) return this.#refuse('a malformed packet length');
    }
    return 'unfinished';
  }

  #judge(): 'pass' | 'swallow' | 'refused' {
    let length = 0;
    for (let index = this.#headerBytes - 1; index >= 1; index--) {
      length = length * 128 + ((this.#header[index] as number) & 0x7f);
    }
    this.#bodyLeft = length;
    this.#isSwallowing = this.#headerBytes + length > this.#packetBytesMax;
    if (!this.#isSwallowing) return 'pass';
    const first = this.#header[0] as number;
    const isPublishQos0 = first >> 4 === PUBLISH && (first & 0x06) === 0;
    if (this.#options.oversized === 'close' || !isPublishQos0) {
      return this.#refuse(`a packet of ${length} bytes; ${this.#packetBytesMax} are allowed`);
    }
    this.#options.onSwallow?.();
    return 'swallow';
  }

  #refuse(why: string): 'refused' {
    this.destroy(new Error(`the other end sent ${why}`));
    return 'refused';
  }
}
