import { once } from 'node:events';
import * as net from 'node:net';
import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Wire, type WireOptions } from '../../transport/wire.ts';

const MAX = 100;

/** Unlike once(), not ended by an error. */
const closed = (wire: Wire) => new Promise<void>(done => wire.once('close', done));

function packet(first: number, bodyBytes: number): Buffer {
  const length: number[] = [];
  let left = bodyBytes;
  do {
    length.push((left % 128) | (left >= 128 ? 0x80 : 0));
    left = Math.floor(left / 128);
  } while (left > 0);
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(bodyBytes, first)]);
}

/** What gets through when `bytes` arrive in pieces that end at `cuts`. */
async function pass(bytes: Buffer, cuts: number[], options: Partial<WireOptions> = {}) {
  const socket = new PassThrough();
  let swallowed = 0;
  const wire = new Wire(socket, {
    packetBytesMax: MAX,
    oversized: 'swallow',
    onSwallow: () => swallowed++,
    ...options,
  });
  const out: Buffer[] = [];
  let error: Error | undefined;
  wire.on('data', chunk => out.push(chunk));
  wire.on('error', e => {
    error = e;
  });
  let from = 0;
  for (const to of [...cuts, bytes.length]) {
    if (to > from) socket.write(bytes.subarray(from, to));
    from = Math.max(from, to);
  }
  socket.end();
  await closed(wire);
  return { out: Buffer.concat(out), swallowed, error };
}

describe('sieve', () => {
  it('sieve: any packets cut anywhere -> the short ones whole, the long ones swallowed and counted', async () => {
    const packets = fc.array(
      fc.record({
        bytes: fc.oneof(fc.nat(MAX - 2), fc.integer({ min: MAX - 1, max: 20_000 })),
        dup: fc.boolean(),
      }),
      { maxLength: 8 },
    );
    const check = fc.asyncProperty(
      packets,
      fc.array(fc.nat(20_000), { maxLength: 12 }),
      async (list, cuts) => {
        const all = list.map(({ bytes, dup }) => packet(dup ? 0x38 : 0x30, bytes));
        const short = all.filter(one => one.length <= MAX);
        const { out, swallowed, error } = await pass(
          Buffer.concat(all),
          cuts.sort((a, b) => a - b),
        );
        expect(error).toBeUndefined();
        expect(out.equals(Buffer.concat(short))).toBe(true);
        expect(swallowed).toBe(all.length - short.length);
      },
    );
    await fc.assert(check, { numRuns: 500, seed: 20 });
  });

  it('sieve: one byte at a time -> the same', async () => {
    const all = Buffer.concat([packet(0x30, 50), packet(0x30, 20_000), packet(0xd0, 0), packet(0x30, 98)]);
    const cuts = Array.from(all, (_, at) => at + 1);
    const { out, swallowed } = await pass(all, cuts);
    expect(out.equals(Buffer.concat([packet(0x30, 50), packet(0xd0, 0), packet(0x30, 98)]))).toBe(true);
    expect(swallowed).toBe(1);
  });

  it.each([
    ['a SUBACK', 0x90],
    ['a PUBLISH of QoS 1', 0x32],
  ])('sieve: %s over the bound -> the wire ends before its body is taken', async (_, first) => {
    const { out, error } = await pass(Buffer.concat([packet(0x30, 5), packet(first, 99)]), []);
    expect(error?.message).toBe('the other end sent a packet of 99 bytes; 100 are allowed');
    expect(out.length).toBeLessThanOrEqual(7);
  });

  it('sieve: told to close on any -> a long PUBLISH ends the wire', async () => {
    const { error } = await pass(packet(0x30, 99), [], { oversized: 'close' });
    expect(error?.message).toContain('a packet of 99 bytes');
  });

  it('sieve: a length of five bytes -> the wire ends', async () => {
    const { error } = await pass(Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x01]), [2, 4]);
    expect(error?.message).toBe('the other end sent a malformed packet length');
  });

  it('sieve: nobody reads -> the socket is held back', async () => {
    const socket = new PassThrough();
    const wire = new Wire(socket, { packetBytesMax: MAX, oversized: 'swallow' });
    let written = 0;
    while (socket.write(packet(0x30, 98))) {
      if (++written > 10_000) break;
      await new Promise(setImmediate);
    }
    expect(written * 100).toBeLessThan(4 * wire.readableHighWaterMark);
    wire.destroy();
  });
});

describe('afterWritten', () => {
  it('afterWritten: the peer does not read, then goes -> called when taken or lost, once, in order', async () => {
    const server = net.createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const near = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1');
    const [far] = (await once(server, 'connection')) as [net.Socket];
    const wire = new Wire(near, { packetBytesMax: MAX, oversized: 'swallow' });
    wire.on('error', () => {});
    const calls: number[] = [];
    const write = (index: number, bytes: number) => {
      wire.write(Buffer.alloc(bytes));
      wire.afterWritten(() => calls.push(index));
    };
    write(0, 10);
    write(1, 10);
    expect(calls).toEqual([]);
    await new Promise<void>(done => wire.afterWritten(done));
    expect(calls).toEqual([0, 1]);
    write(2, 64 * 1024 * 1024);
    write(3, 10);
    await new Promise(setImmediate);
    expect(calls).toEqual([0, 1]);
    far.resetAndDestroy();
    await closed(wire);
    await new Promise(setImmediate);
    expect(calls).toEqual([0, 1, 2, 3]);
    await new Promise<void>(done => wire.afterWritten(done));
    server.close();
  });
});
