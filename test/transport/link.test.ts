// The link's acceptance suite: the same on Mosquitto over MQTT 5 and on the embedded broker over 3.1.1, with a board's
// own client and with MQTT.js at both ends.

import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { EMBEDDED, hasMosquitto, MOSQUITTO, Relay, type TestBroker } from './brokers.ts';
import { board, gateway, watch } from './tape.ts';

const STATUS = 'toastbox/1/board/b1/status';
const random = () => 0.1;

describe.each([
  { kind: MOSQUITTO, isHere: hasMosquitto, client: 'own' as const },
  { kind: MOSQUITTO, isHere: hasMosquitto, client: 'MQTT.js' as const },
  { kind: EMBEDDED, isHere: true, client: 'own' as const },
  { kind: EMBEDDED, isHere: true, client: 'MQTT.js' as const },
])('link over $kind.name, client $client', ({ kind, isHere, client }) => {
  if (!isHere) {
    it.skip('needs mosquitto, which is not installed', () => {});
    return;
  }
  const ends: (() => Promise<unknown>)[] = [];
  const later = <T extends { close(): Promise<unknown> }>(thing: T): T => {
    ends.unshift(() => thing.close());
    return thing;
  };
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });
  async function start(port?: number): Promise<TestBroker & { url: string }> {
    const broker = await kind.start(port);
    ends.push(() => broker.stop());
    return { ...broker, url: `mqtt://127.0.0.1:${broker.port}` };
  }
  const aBoard: typeof board = options => {
    const taped = board({ random, client, ...options });
    later(taped.link);
    return taped;
  };
  const aGateway: typeof gateway = options => {
    const taped = gateway({ random, client, ...options });
    later(taped.link);
    return taped;
  };

  it('link: a broker is there -> up, with what it speaks and how long a frame may be', async () => {
    const { url } = await start();
    const { tape } = aBoard({ url });
    expect(await tape.take('up')).toEqual({
      is: 'up',
      frameBytesMax: FRAME_BYTES_MAX,
      protocol: kind.protocol,
      broker: url,
    });
  });

  it('link: handlers are not called before connectBoard returns -> tape empty', async () => {
    const { url } = await start();
    const { tape } = aBoard({ url });
    expect(tape.marks).toEqual([]);
    await tape.take('up');
  });

  it('status: set, then the wire is cut -> retained online with its facts, then the will, then online', async () => {
    const { port } = await start();
    const relay = later(new Relay(port));
    const seen = later(await watch(port, STATUS));
    const { link, tape } = aBoard({ url: `mqtt://127.0.0.1:${await relay.open()}`, session: 7 });
    link.setStatus({ share: 'photos', head: 3 });
    await tape.take('up');
    const online = { state: 'online', session: 7, software: 'test', share: 'photos', head: 3 };
    expect((await seen.tape.take('message')).json).toEqual(online);
    const late = later(await watch(port, STATUS));
    expect(await late.tape.take('message')).toMatchObject({ json: online, retain: true });
    relay.cut();
    expect((await seen.tape.take('message')).json).toEqual({ state: 'offline', session: 7 });
    expect((await tape.take('down')).why).toContain('broke off');
    expect((await seen.tape.take('message')).json).toEqual(online);
    await tape.take('up');
  });

  it('status: a hundred changes at once -> two statuses, the second with the last change', async () => {
    const { url, port } = await start();
    const seen = later(await watch(port, STATUS));
    const { link, tape } = aBoard({ url });
    await tape.take('up');
    for (let head = 1; head <= 100; head++) link.setStatus({ head });
    const first = await seen.tape.take('message');
    expect(first.json.head).not.toBe(100);
    expect((await seen.tape.take('message')).json.head).toBe(100);
  });

  it('status: closed -> offline is retained and no handler is called any more', async () => {
    const { url, port } = await start();
    const { link, tape } = aBoard({ url, session: 9 });
    await tape.take('up');
    await link.close();
    await link.close();
    expect(tape.marks.filter(mark => mark.is === 'down')).toEqual([]);
    const late = later(await watch(port, STATUS));
    expect((await late.tape.take('message')).json).toEqual({ state: 'offline', session: 9 });
  });

  it.each(['board', 'gateway'])('status: a stale will of a %s -> it is online again', async end => {
    const { url, port } = await start();
    const topic = end === 'board' ? STATUS : 'toastbox/1/gateway/status';
    const seen = later(await watch(port, topic));
    const { tape } = end === 'board' ? aBoard({ url, session: 7 }) : aGateway({ url, session: 7 });
    await tape.take('up');
    await seen.tape.take('message', mark => mark.json.state === 'online');
    await seen.publish(topic, '{"state":"offline","session":6}', true);
    await seen.tape.take('message', mark => mark.json.session === 6);
    expect((await seen.tape.take('message')).json).toMatchObject({ state: 'online', session: 7 });
  });

  it('status: of a board, retained, changed, unreadable, removed -> the gateway is told each', async () => {
    const { url, port } = await start();
    const seen = later(await watch(port));
    await seen.publish('toastbox/1/board/b2/status', '{"state":"online","session":5,"head":2}', true);
    const { tape } = aGateway({ url });
    const next = async () => {
      const { from, status } = await tape.take('status');
      return [from, status];
    };
    expect(await next()).toEqual(['b2', { state: 'online', session: 5 }]);
    await seen.publish('toastbox/1/board/b2/status', '{"state":"online"');
    expect(await next()).toEqual(['b2', undefined]);
    await seen.publish('toastbox/1/board/b2/status', '', true);
    expect(await next()).toEqual(['b2', undefined]);
  });

  it('gateway: there already, gone, restarted -> the board learns each, and what is news', async () => {
    const { url } = await start();
    const first = aGateway({ url, session: 1 });
    await first.tape.take('up');
    const { tape } = aBoard({ url });
    const next = async () => {
      const { state, session, isNews } = await tape.take('gateway');
      return { state, session, isNews };
    };
    // Retained, unless the board came in between the gateway's subscription and its status.
    expect(await next()).toMatchObject({ state: 'online', session: 1 });
    await first.link.close();
    expect(await next()).toEqual({ state: 'offline', session: 1, isNews: true });
    aGateway({ url, session: 2 });
    expect(await next()).toEqual({ state: 'online', session: 2, isNews: true });
  });

  it('frames: both ways from wasm memory overwritten once sent -> every byte as it was', async () => {
    const { url } = await start();
    const { link, tape } = aBoard({ url });
    const hub = aGateway({ url });
    await Promise.all([tape.take('up'), hub.tape.take('up')]);

    const memory = new WebAssembly.Memory({ initial: 8, maximum: 8 });
    const cells = Array.from({ length: 8 }, (_, cell) => cell * FRAME_BYTES_MAX);
    const frames = 200;
    const up = createHash('sha256');
    const down = createHash('sha256');
    let seed = 1;
    const next = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0);
    let sent = 0;
    const send = async (index: number) => {
      const offset = cells.pop() as number;
      const frame = new Uint8Array(memory.buffer, offset, 1 + (next() % FRAME_BYTES_MAX));
      for (let at = 0; at < frame.length; at++) frame[at] = at % 7 === 0 ? next() >>> 16 : index;
      up.update(frame);
      await new Promise<void>(done => {
        const onSent = () => {
          sent++;
          frame.fill(0xee);
          cells.push(offset);
          done();
        };
        link.send(frame, onSent);
      });
    };
    // Eight are under way at most: each one that came back makes room for one more.
    let started = 0;
    while (started < 4) void send(started++);
    for (let back = 0; back < frames; back++) {
      const there = await hub.tape.take('frame');
      expect(there.from).toBe('b1');
      await new Promise<void>(done => hub.link.send('b1', there.bytes, done));
      down.update((await tape.take('frame')).bytes);
      if (started < frames) await send(started++);
    }
    expect(sent).toBe(frames);
    expect(down.digest('hex')).toBe(up.digest('hex'));
    expect(link.counts).toMatchObject({ framesOut: frames, framesIn: frames, dropsOut: 0, dropsIn: 0 });
  });

  it('frames: too long, far too long or retained come in -> dropped, counted, the link stays', async () => {
    const { url, port } = await start();
    const { link, tape } = aBoard({ url });
    await tape.take('up');
    const seen = later(await watch(port));
    const down = 'toastbox/1/board/b1/down';
    await seen.publish(down, Buffer.alloc(FRAME_BYTES_MAX + 1));
    await seen.publish(down, Buffer.alloc(FRAME_BYTES_MAX + 8000));
    await seen.publish(down, Buffer.alloc(FRAME_BYTES_MAX, 1));
    await seen.publish(down, 'last');
    expect((await tape.take('frame')).bytes).toEqual(Buffer.alloc(FRAME_BYTES_MAX, 1));
    expect((await tape.take('frame')).bytes.toString()).toBe('last');
    // Over MQTT 5 the broker knows our limit and keeps the far too long one to itself.
    expect(link.counts).toMatchObject({ framesIn: 2, dropsIn: kind.protocol === 5 ? 1 : 2, ups: 1 });
  });

  it('queue: a board and a gateway -> each has one, with its bound', async () => {
    const { url } = await start();
    const [one, hub] = [aBoard({ url }), aGateway({ url })];
    await Promise.all([one.tape.take('up'), hub.tape.take('up')]);
    await new Promise<void>(done => hub.link.send('b1', Buffer.from('hello'), done));
    await one.tape.take('frame');
    expect(one.link.queue).toMatchObject({ bytesMax: 16 * FRAME_BYTES_MAX, highWater: 0, drops: 0 });
    expect(hub.link.queue).toMatchObject({ bytesMax: 8 * 1024 * 1024, drops: 0 });
    expect(hub.link.queue!.highWater).toBeGreaterThan(5);
  });

  it('frames: too long to send, or no link -> dropped, counted, sent is called', async () => {
    const { url } = await start();
    const { link, tape } = aBoard({ url });
    await new Promise<void>(done => link.send(new Uint8Array(9), done));
    await tape.take('up');
    await new Promise<void>(done => link.send(new Uint8Array(FRAME_BYTES_MAX + 1), done));
    await link.close();
    await new Promise<void>(done => link.send(new Uint8Array(9), done));
    expect(link.counts).toMatchObject({ framesOut: 0, dropsOut: 3 });
  });

  it('frames: the wire stalls, then is cut -> sent is called once for each, no sooner than it may', async () => {
    const { port } = await start();
    const relay = later(new Relay(port));
    const { link, tape } = aBoard({ url: `mqtt://127.0.0.1:${await relay.open()}` });
    await tape.take('up');
    relay.hold();
    const frame = new Uint8Array(FRAME_BYTES_MAX);
    const calls: number[] = [];
    let isInside = false;
    const send = () => {
      const index = calls.push(0) - 1;
      isInside = true;
      link.send(frame, () => {
        expect(isInside).toBe(false);
        calls[index] = (calls[index] as number) + 1;
      });
      isInside = false;
    };
    // The kernel takes some megabytes; then the link's own queue fills, and it drops.
    while (link.counts.dropsOut === 0) {
      for (let count = 0; count < 8; count++) send();
      await new Promise(setImmediate);
    }
    expect(calls).toContain(0);
    const { bytes, bytesMax, highWater, drops } = link.queue!;
    expect(drops).toBe(link.counts.dropsOut);
    expect(bytes).toBeGreaterThan(bytesMax - 2 * FRAME_BYTES_MAX);
    expect(highWater).toBeGreaterThanOrEqual(bytes);
    expect(highWater).toBeLessThanOrEqual(bytesMax);
    relay.cut();
    await tape.take('down');
    await new Promise(setImmediate);
    expect(calls.every(count => count === 1)).toBe(true);
    await tape.take('up');
    expect(link.queue).toMatchObject({ drops, highWater });
    expect(link.queue!.bytes).toBeLessThan(FRAME_BYTES_MAX);
    await new Promise<void>(done => link.send(frame, done));
  });

  it('broker: restarted -> down, up again, subscribed again, status retained again', async () => {
    const first = await start();
    const { tape } = aBoard({ url: first.url });
    const hub = aGateway({ url: first.url });
    await Promise.all([tape.take('up'), hub.tape.take('up')]);
    await first.stop();
    expect((await tape.take('down')).why).toContain(first.url);
    await hub.tape.take('down');
    await start(first.port);
    await Promise.all([tape.take('up'), hub.tape.take('up')]);
    hub.link.send('b1', Buffer.from('hello'), () => {});
    expect((await tape.take('frame')).bytes.toString()).toBe('hello');
    const late = later(await watch(first.port, STATUS));
    expect((await late.tape.take('message', mark => mark.json.state === 'online')).retain).toBe(true);
  });

  it('broker: not there yet -> down says so once, up when it comes', async () => {
    const port = await freePort();
    const url = `mqtt://127.0.0.1:${port}`;
    const { tape } = aBoard({ url });
    expect((await tape.take('down')).why).toBe(
      `${url}: nothing answers there: is the broker running, and on this port?`,
    );
    await start(port);
    await tape.take('up');
    expect(tape.marks.filter(mark => mark.is === 'down')).toEqual([]);
  });

  it('close: while connecting and while waiting -> settles, no handler is called', async () => {
    const { url } = await start();
    const connecting = board({ url, client });
    await new Promise(setImmediate);
    await connecting.link.close();
    const waiting = board({ url: `mqtt://127.0.0.1:${await freePort()}`, client });
    await waiting.tape.take('down');
    await waiting.link.close();
    expect([...connecting.tape.marks, ...waiting.tape.marks]).toEqual([]);
  });
});
