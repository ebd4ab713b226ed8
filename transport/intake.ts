// Where the socket puts what it reads: one piece of memory for the life of a connection, in which packets are found
// where they lie and handed on as views.
//
//          +--------------------------------------+------------------+
//          | whole packets, handed on and gone    | part of the next |     the part moves to the front,
//          +--------------------------------------+------------------+     and the socket reads on behind it
//
// A PUBLISH of QoS 0 over the bound is stepped over as it comes; any other packet over it, or a malformed length, is
// refused before there is a place for it.
//
// Invariants:
//   1. Nothing is kept but a packet that is not whole yet, of at most `packetBytesMax`; space() is never empty.
//   2. A view is good during the call that it comes with.

import { Malformed, Type } from './packets.ts';

/** A read takes as much as the kernel has, up to so much beside an unfinished packet: several frames of a window. */
const READ_BYTES = 64 * 1024;
/** The packet's type and flags, then a length of at most 4 bytes. MQTT 5, 2.1. */
const HEADER_BYTES_MAX = 5;

export interface IntakeOptions {
  /** Fixed header included. */
  packetBytesMax: number;
  /** `body` is good during the call. False: no more, the connection ends. */
  onPacket(first: number, body: Buffer): boolean;
  /** Called for each packet stepped over. */
  onSwallow(): void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #bytes: Buffer;
  /** Of the packet that is not whole yet. */
  #held = 0;
  /** Of a packet that is stepped over. */
  #skip = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#bytes = Buffer.allocUnsafeSlow(options.packetBytesMax + READ_BYTES);
  }

  /** Where the next bytes go. */
  space(): Buffer {
    return this.#bytes.subarray(this.#held);
  }

  /** So many bytes have been put there. Throws Malformed. */
  took(count: number): void {
    const bytes = this.#bytes;
    const end = this.#held + count;
    let at = 0;
    for (;;) {
      const step = Math.min(this.#skip, end - at);
      this.#skip -= step;
      at += step;
      const bodyAt = bodyOf(bytes, at, end);
      if (bodyAt === 0) break;
      const bodyBytes = lengthOf(bytes, at);
      const packetEnd = bodyAt + bodyBytes;
      if (packetEnd - at > this.#options.packetBytesMax) {
        this.#pass(bytes[at] as number, bodyBytes);
        at = bodyAt;
        continue;
      }
      if (packetEnd > end) break;
      if (!this.#options.onPacket(bytes[at] as number, bytes.subarray(bodyAt, packetEnd))) return;
      at = packetEnd;
    }
    if (at > 0) bytes.copyWithin(0, at, end);
    this.#held = end - at;
  }

  #pass(first: number, bodyBytes: number): void {
    if (first >> 4 !== Type.PUBLISH || (first & 0x06) !== 0)
      throw new Malformed(`a packet of ${bodyBytes} bytes; ${this.#options.packetBytesMax} are allowed`);
    this.#skip = bodyBytes;
    this.#options.onSwallow();
  }
}

/** Where the body of the packet at `at` begins; 0 if its header is not whole yet. */
function bodyOf(bytes: Buffer, at: number, end: number): number {
  for (let index = at + 1; index < end; index++) {
    if (((bytes[index] as number) & 0x80) === 0) return index + 1;
    if (index - at === HEADER_BYTES_MAX - 1) throw new Malformed('a malformed packet length');
  }
  return 0;
}

function lengthOf(bytes: Buffer, at: number): number {
  let length = 0;
  for (let index = at + 1, scale = 1; ; index++, scale *= 128) {
    const byte = bytes[index] as number;
    length += (byte & 0x7f) * scale;
    if (byte < 0x80) return length;
  }
}
