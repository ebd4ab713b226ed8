import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { BadWire } from '../../board/check/wire.ts';

const LOOPBACK = '127.0.0.1';
const ends: { close(): unknown }[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
});

/** One of QEMU's two ends, as the words for it say. */
async function endOf(wire: BadWire, id: string): Promise<{ socket: Socket; to: number }> {
  const word = wire.words.find(text => text.startsWith(`socket,id=${id},`))!;
  const [, to, from] = /udp=[\d.]+:(\d+),localaddr=[\d.]+:(\d+)/.exec(word)!;
  const socket = createSocket('udp4').bind(Number(from), LOOPBACK);
  ends.push(socket);
  await once(socket, 'listening');
  return { socket, to: Number(to) };
}

test('wire: frames both ways -> late, and as many lost as were to be', async () => {
  let count = 0;
  const wire = await BadWire.open({ delayMs: 50, loss: 0.5, random: () => (count++ % 2) * 0.9 });
  ends.push(wire);
  const [board, own] = [await endOf(wire, 'net'), await endOf(wire, 'far')];
  for (const [from, to] of [
    [board, own],
    [own, board],
  ] as const) {
    const arrived = once(to.socket, 'message');
    const start = performance.now();
    for (const text of ['lost', 'arrives']) from.socket.send(text, from.to, LOOPBACK);
    expect(String((await arrived)[0])).toBe('arrives');
    expect(performance.now() - start).toBeGreaterThan(45);
  }
  expect([wire.frames, wire.lost]).toEqual([4, 2]);
});
