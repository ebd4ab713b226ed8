// Both clients at a broker that does what no good one does: a socket that answers by hand.

import { once } from 'node:events';
import * as net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { BoardLinkOptions, Client } from '../../transport/mqtt.ts';
import { board } from './tape.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

const CONNACK = [0x20, 3, 0, 0, 0];
const SUBACK = (id: number) => [0x90, 6, id >> 8, id & 0xff, 0, 0, 0, 0];
const text = (words: string) => [0, words.length, ...Buffer.from(words)];
const publish = (first: number, topic: string, ...rest: number[]) => {
  const body = [...text(topic), ...rest];
  return [first, body.length, ...body];
};
const DOWN = 'toastbox/1/board/b1/down';

/** One connection: what came in, packet by packet. */
class Peer {
  readonly #socket: net.Socket;
  readonly #packets: Buffer[] = [];
  #wanted: (() => void) | undefined;
  #bytes = Buffer.alloc(0);

  constructor(socket: net.Socket) {
    this.#socket = socket.on('error', () => {});
    socket.on('data', bytes => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      // All that a client says here is shorter than 16 KiB.
      for (;;) {
        const [, low, high] = this.#bytes;
        if (low === undefined || (low >= 0x80 && high === undefined)) break;
        const whole = low < 0x80 ? 2 + low : 3 + (low - 0x80) + 128 * (high as number);
        if (this.#bytes.length < whole) break;
        this.#packets.push(this.#bytes.subarray(0, whole));
        this.#bytes = this.#bytes.subarray(whole);
      }
      this.#wanted?.();
    });
  }

  say(...bytes: number[]): void {
    this.#socket.write(Buffer.from(bytes));
  }

  /** The next packet of this type, others before it passed over. */
  async hear(type: number): Promise<Buffer> {
    for (;;) {
      const packet = this.#packets.shift();
      if (packet === undefined)
        await new Promise<void>(done => {
          this.#wanted = done;
        });
      else if ((packet[0] as number) >> 4 === type) return packet;
    }
  }

  async join(): Promise<void> {
    await this.hear(1);
    this.say(...CONNACK);
    const subscribe = await this.hear(8);
    this.say(...SUBACK(subscribe.readUInt16BE(2)));
  }
}

describe.each<Client>(['own', 'MQTT.js'])('client %s', client => {
  async function meet(options: Partial<BoardLinkOptions> = {}) {
    const server = net.createServer();
    ends.unshift(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const taped = board({ url: `mqtt://127.0.0.1:${port}`, client, random: () => 0, ...options });
    ends.unshift(() => taped.link.close());
    const [socket] = (await once(server, 'connection')) as [net.Socket];
    ends.unshift(() => socket.destroy());
    return { ...taped, server, peer: new Peer(socket) };
  }

  it('client: a broker that answers no ping -> a ping after the keep-alive, then down', async () => {
    const { peer, tape } = await meet({ keepaliveSeconds: 1 });
    await peer.join();
    await tape.take('up');
    await peer.hear(12);
    expect((await tape.take('down')).why).toContain('the broker does not answer');
  });

  it('client: a broker that answers pings, and wants them sooner -> it stays up', async () => {
    const { peer, tape } = await meet({ keepaliveSeconds: 60 });
    await peer.hear(1);
    peer.say(0x20, 6, 0, 0, 3, 0x13, 0, 1);
    const subscribe = await peer.hear(8);
    peer.say(...SUBACK(subscribe.readUInt16BE(2)));
    await tape.take('up');
    for (let round = 0; round < 3; round++) {
      await peer.hear(12);
      peer.say(0xd0, 0);
    }
    expect(tape.marks.filter(({ is }) => is === 'down')).toEqual([]);
  });

  it('client: a retained message before SUBACK -> up first, then the message', async () => {
    const { peer, tape } = await meet();
    await peer.hear(1);
    const status = [...Buffer.from('{"state":"online","session":1}')];
    peer.say(...CONNACK, ...publish(0x31, 'toastbox/1/gateway/status', 0, ...status));
    await tape.take('gateway', ({ session }) => session === 1);
    expect(tape.marks[0]).toMatchObject({ is: 'up' });
  });

  it('client: frames at QoS 1 and 2, which nobody asked for -> taken and acknowledged', async () => {
    const { peer, tape } = await meet();
    await peer.join();
    await tape.take('up');
    peer.say(...publish(0x32, DOWN, 1, 5, 0, 0x61));
    expect((await tape.take('frame')).bytes.toString()).toBe('a');
    expect([...(await peer.hear(4))].slice(2, 4)).toEqual([1, 5]);
    peer.say(...publish(0x34, DOWN, 1, 6, 0, 0x62));
    expect([...(await peer.hear(5))].slice(2, 4)).toEqual([1, 6]);
    peer.say(0x62, 2, 1, 6);
    expect([...(await peer.hear(7))].slice(2, 4)).toEqual([1, 6]);
    expect((await tape.take('frame')).bytes.toString()).toBe('b');
  });

  it('client: DISCONNECT with a reason -> down says it', async () => {
    const { peer, tape } = await meet();
    await peer.join();
    await tape.take('up');
    peer.say(0xe0, 2, 0x8b, 0);
    expect((await tape.take('down')).why).toContain('the broker is shutting down');
  });

  it.each([
    ['a packet of no type', [0x00, 0]],
    ['a PUBLISH that ends in its topic', [0x30, 3, 0, 9, 0x61]],
    ['a PUBLISH of QoS 3', publish(0x36, DOWN, 0, 1, 0, 0x61)],
    ['a length of five bytes', [0x30, 0x80, 0x80, 0x80, 0x80, 1]],
    ['a SUBACK over the bound', [0x90, 0xff, 0xff, 0x7f]],
    ['properties that end too late', publish(0x30, DOWN, 0x7f, 0x61)],
  ])('client: %s -> down, and it comes back', async (_, bytes) => {
    const { peer, tape, server } = await meet();
    await peer.join();
    await tape.take('up');
    const again = once(server, 'connection') as Promise<[net.Socket]>;
    peer.say(...bytes);
    await tape.take('down');
    const [socket] = await again;
    ends.unshift(() => socket.destroy());
    await new Peer(socket).join();
    await tape.take('up');
  });
});
