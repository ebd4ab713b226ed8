// Over a WebSocket, as brokers behind a web proxy are reached: a bridge from one to the embedded broker.

import { once } from 'node:events';
import { createRequire } from 'node:module';
import * as net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { startBroker } from '../../gateway/broker.ts';
import { board, gateway } from './tape.ts';

/** The one that MQTT.js brings. */
const { WebSocketServer } = createRequire(createRequire(import.meta.url).resolve('mqtt'))('ws');

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

describe('websocket', () => {
  it('websocket: ws:// with a path -> up, frames both ways, byte for byte', async () => {
    const broker = await startBroker({ port: 0 });
    ends.unshift(() => broker.close());
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/mqtt' });
    ends.unshift(() => server.close());
    await once(server, 'listening');
    // biome-ignore lint/suspicious/noExplicitAny: ws has no types here
    server.on('connection', (web: any) => {
      const tcp = net.connect(broker.port, '127.0.0.1');
      tcp.on('data', bytes => web.send(bytes)).on('error', () => {});
      tcp.on('close', () => web.terminate());
      web.on('message', (bytes: Buffer) => tcp.write(bytes));
      web.on('close', () => tcp.destroy());
    });
    const url = `ws://127.0.0.1:${server.address().port}/mqtt`;
    const one = board({ url });
    const hub = gateway({ url });
    ends.unshift(() => Promise.all([one.link.close(), hub.link.close()]));
    expect((await one.tape.take('up')).broker).toBe(url);
    await hub.tape.take('up');
    const cell = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer, 0, 30_000);
    for (let round = 0; round < 20; round++) {
      cell.fill(round);
      await new Promise<void>(done => one.link.send(cell, done));
      cell.fill(0xee);
      const { bytes } = await hub.tape.take('frame');
      expect(bytes.equals(Buffer.alloc(30_000, round))).toBe(true);
      hub.link.send('b1', bytes, () => {});
      expect((await one.tape.take('frame')).bytes.equals(bytes)).toBe(true);
    }
  });

  it('websocket: something else answers there -> down says what', async () => {
    const server = net.createServer(socket => socket.on('error', () => {}).end('HTTP/1.1 404 No\r\n\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ends.unshift(() => server.close());
    const { link, tape } = board({ url: `ws://127.0.0.1:${(server.address() as net.AddressInfo).port}` });
    ends.unshift(() => link.close());
    expect((await tape.take('down')).why).toContain('404');
  });
});
