import { once } from 'node:events';
import * as net from 'node:net';
import { connect } from 'mqtt';
import { afterEach, describe, expect, it } from 'vitest';
import { startBroker } from '../../gateway/broker.ts';
import { board, watch } from './tape.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
async function start() {
  const broker = await startBroker({ port: 0 });
  ends.push(() => broker.close());
  return broker;
}
async function look(port: number, ...topics: string[]) {
  const seen = await watch(port, ...topics);
  ends.unshift(() => seen.close());
  return seen;
}
/** CONNECT of 3.1.1 for client id "x", no keep-alive. */
const CONNECT = Buffer.from([0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 1, 0x78]);
async function raw(port: number): Promise<net.Socket> {
  const socket = net.connect(port, '127.0.0.1');
  ends.unshift(async () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

describe('embedded broker', () => {
  it('broker: nothing said -> loopback only', async () => {
    const broker = await start();
    expect(broker.host).toBe('127.0.0.1');
    const elsewhere = net.connect(broker.port, '127.0.0.2');
    await expect(once(elsewhere, 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('broker: the port is taken -> one line that says what to do', async () => {
    const { port } = await start();
    await expect(startBroker({ port })).rejects.toMatchObject({
      message: `port ${port} on 127.0.0.1 is taken; give another with --listen HOST:PORT`,
      cause: { code: 'EADDRINUSE', syscall: 'listen' },
    });
  });

  it('broker: an address of another machine -> one line that says what to do', async () => {
    await expect(startBroker({ host: '192.0.2.1', port: 0, isOpen: true })).rejects.toThrow(
      '192.0.2.1 is no address of this machine',
    );
  });

  it('broker: closed twice with clients on -> they are cut off, the port is free', async () => {
    const broker = await start();
    const idle = await raw(broker.port);
    const { link, tape } = board({ url: `mqtt://127.0.0.1:${broker.port}` });
    ends.unshift(() => link.close());
    await tape.take('up');
    expect(broker.clients).toBe(1);
    await Promise.all([broker.close(), broker.close(), once(idle, 'close'), tape.take('down')]);
    const again = await startBroker({ port: broker.port });
    await again.close();
  });

  it('broker: a packet of more than 64 KiB is announced -> cut off before it is sent, others stay', async () => {
    const broker = await start();
    const seen = await look(broker.port, 'a');
    const socket = await raw(broker.port);
    socket.write(CONNECT);
    await once(socket, 'data');
    socket.write(Buffer.from([0x30, 0x80, 0x80, 0x04, 0, 1, 0x61]));
    await once(socket, 'close');
    await seen.publish('a', 'still here');
    expect((await seen.tape.take('message')).bytes.toString()).toBe('still here');
  });

  it('broker: retained, but no status -> passed on, not kept', async () => {
    const broker = await start();
    const first = await look(broker.port, 'a', 'toastbox/1/board/b/up');
    await first.publish('a', '1', true);
    await first.publish('toastbox/1/board/b/up', '2', true);
    await first.publish('toastbox/1/board/b/status', '3', true);
    await first.tape.take('message', mark => mark.topic.endsWith('up'));
    const second = await look(broker.port, '#');
    await second.tape.take('message', mark => mark.topic.endsWith('status') && mark.retain);
    await second.publish('end', '');
    await second.tape.take('message', mark => mark.topic === 'end');
    expect(second.tape.marks).toEqual([]);
  });

  it('broker: a session is asked to be kept -> it is not: nothing waits for who is away', async () => {
    const { port } = await start();
    const options = { clientId: 'keeper', clean: false, reconnectPeriod: 0, protocolVersion: 4 } as const;
    const open = async () => {
      const client = connect(`mqtt://127.0.0.1:${port}`, options);
      ends.unshift(() => client.endAsync(true));
      const connack = await new Promise<{ sessionPresent: boolean }>(done => client.once('connect', done));
      return { client, connack };
    };
    const { client } = await open();
    await client.subscribeAsync('a', { qos: 1 });
    await client.endAsync();
    const again = await open();
    expect(again.connack.sessionPresent).toBe(false);
  });

  it('broker: one subscriber does not read -> its messages are dropped, the others get theirs', async () => {
    const broker = await start();
    const stuck = await raw(broker.port);
    stuck.write(CONNECT);
    await once(stuck, 'data');
    stuck.write(Buffer.from([0x82, 6, 0, 1, 0, 1, 0x61, 0]));
    await once(stuck, 'data');
    stuck.pause();
    const seen = await look(broker.port, 'a');
    const bytes = Buffer.alloc(60_000);
    let sent = 0;
    while (broker.drops === 0) {
      await seen.publish('a', bytes);
      await seen.tape.take('message');
      sent++;
    }
    // 16 MiB are queued at most; the kernel holds some more.
    expect(sent * bytes.length).toBeGreaterThan(16 * 1024 * 1024);
    await seen.publish('a', 'after');
    expect((await seen.tape.take('message')).bytes.toString()).toBe('after');
  });

  it('broker: 300 connections of random packets -> none stops it', async () => {
    const broker = await start();
    let seed = 11;
    const next = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const firsts = [0x10, 0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xa2, 0xc0, 0xe0, 0xf0];
    for (let round = 0; round < 300; round++) {
      const socket = await raw(broker.port);
      socket.on('error', () => {});
      const packets = Array.from({ length: 5 }, () => {
        const body = Array.from({ length: next(24) }, () => next(256));
        if (body.length > 2 && next(2) === 0) body.splice(0, 2, 0, next(body.length));
        return Buffer.from([firsts[next(firsts.length)] as number, body.length, ...body]);
      });
      socket.end(Buffer.concat(round % 3 === 0 ? packets : [CONNECT, ...packets]));
      socket.resume();
      await once(socket, 'close');
    }
    const seen = await look(broker.port, 'a');
    await seen.publish('a', 'alive');
    expect((await seen.tape.take('message')).bytes.toString()).toBe('alive');
  });
});
