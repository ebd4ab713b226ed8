// The built-in broker with users and certificates: who gets in, what a board may do there, and what strangers cost.

import { once } from 'node:events';
import { renameSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Broker, type BrokerOptions, startBroker } from '../../gateway/broker.ts';
import { hashPassword } from '../../gateway/password.ts';
import { Files, has } from './brokers.ts';
import { Certificates } from './certificates.ts';
import { ATTEMPTS, connectTo, Intruder, nameOf, ROGUE, VICTIM, waitFor } from './intruder.ts';
import { board, gateway } from './tape.ts';

const files = new Files();
const ends: (() => Promise<unknown>)[] = [];
let hash: string;
beforeAll(async () => {
  hash = await hashPassword(Buffer.from('right'));
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(() => files.remove());

let fileCount = 0;
const usersFile = (...names: string[]) =>
  files.write(`users${++fileCount}`, names.map(name => `${name}:${hash}\n`).join(''), 0o600);
async function start(options: BrokerOptions = { usersFile: usersFile(ROGUE, VICTIM) }): Promise<Broker> {
  const broker = await startBroker({ port: 0, ...options });
  ends.push(() => broker.close());
  return broker;
}
const open: typeof board = options => {
  const taped = board({ random: () => 0, ...options });
  ends.unshift(() => taped.link.close());
  return taped;
};
const urlOf = ({ port }: Broker) => `mqtt://127.0.0.1:${port}`;
const as = (name: string, password = 'right') => ({ username: name, password, board: name });

const seeded = (seed: number) => (below: number) => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return Math.floor((seed / 2 ** 32) * below);
};

describe('closed: who gets in', () => {
  it('closed: anywhere but loopback and no users -> refused with what to do; told to be open, or users -> it listens', async () => {
    for (const host of ['0.0.0.0', '::', '127.example.net'])
      await expect(startBroker({ host, port: 0 })).rejects.toMatchObject({
        kind: 'usage',
        message: `on ${host} everyone who reaches the port could read and write every folder: it has no users`,
        advice: expect.stringContaining('--users FILE'),
      });
    await start({ host: '0.0.0.0', isOpen: true });
    await start({ host: '0.0.0.0', usersFile: usersFile(VICTIM) });
    await expect(startBroker({ port: 0, isOpen: true, usersFile: usersFile(VICTIM) })).rejects.toMatchObject({
      kind: 'usage',
    });
  });

  it('closed: right, wrong, none, an unknown name, the gateway’s -> only the right one is in', async () => {
    const warnings: string[] = [];
    const broker = await start({ usersFile: usersFile(VICTIM), onWarn: text => warnings.push(text) });
    const url = urlOf(broker);
    await open({ url, ...as(VICTIM) }).tape.take('up');
    const others = [
      as(VICTIM, 'wrong'),
      { board: VICTIM },
      { board: VICTIM, username: VICTIM },
      as('stranger'),
      { ...as('x'), username: '@gateway' },
      { ...as('x'), username: '' },
      { ...as('x'), username: `${VICTIM}/x` },
    ];
    for (const options of others) {
      const { why } = await open({ url, ...options }).tape.take('down');
      expect(why).toContain('refuses the user name or password');
    }
    expect(broker.refused).toBeGreaterThanOrEqual(others.length);
    expect(warnings).toEqual(['turned away 127.0.0.1: a wrong user name or password']);
  });

  it('closed: a board under another name than its user -> down says what it may not', async () => {
    const warnings: string[] = [];
    const url = urlOf(await start({ usersFile: usersFile(ROGUE), onWarn: text => warnings.push(text) }));
    const { why } = await open({ url, ...as(ROGUE), board: VICTIM }).tape.take('down');
    expect(why).toContain('does not let us in');
    expect(warnings.at(-1)).toContain('who wants to write for another');
  });

  it('closed: a board takes the client id of another -> both stay', async () => {
    const url = urlOf(await start());
    const { tape } = open({ url, ...as(VICTIM) });
    await tape.take('up');
    const thief = { url, username: ROGUE, password: 'right', clientId: `toastbox-board-${VICTIM}` };
    const client = await connectTo(thief);
    ends.unshift(() => client.endAsync(true));
    const own = await connectTo({ url, username: VICTIM, password: 'right', clientId: 'other' });
    ends.unshift(() => own.endAsync(true));
    expect(client.connected).toBe(true);
    expect(tape.marks.filter(({ is }) => is === 'down')).toEqual([]);
  });

  it('closed: more clients under one name than a board has -> turned away, others get in', async () => {
    const broker = await start();
    const url = urlOf(broker);
    const connectAs = async (name: string, clientId: string) => {
      const client = await connectTo({ url, username: name, password: 'right', clientId });
      ends.unshift(() => client.endAsync(true));
    };
    for (let count = 0; count < 8; count++) await connectAs(ROGUE, `c${count}`);
    await expect(connectAs(ROGUE, 'one more')).rejects.toMatchObject({ code: 3 });
    await connectAs(VICTIM, 'c');
  });

  it('closed: a user removed, given another password, or the file spoilt while it runs -> out, out, as before', async () => {
    const warnings: string[] = [];
    const file = usersFile(ROGUE, VICTIM);
    const broker = await start({ usersFile: file, onWarn: text => warnings.push(text) });
    const url = urlOf(broker);
    const rogue = open({ url, ...as(ROGUE) });
    const victim = open({ url, ...as(VICTIM) });
    await Promise.all([rogue.tape.take('up'), victim.tape.take('up')]);
    renameSync(usersFile(VICTIM), file);
    await rogue.tape.take('down');
    await rogue.tape.take('down', ({ why }) => why.includes('user name or password'));
    files.write(`users${fileCount}`, 'not a line');
    renameSync(join(files.dir, `users${fileCount}`), file);
    await waitFor(() => warnings.some(text => text.includes('stays in force')), 'the file is read');
    await (await connectTo({ url, username: VICTIM, password: 'right' })).endAsync();
    expect(victim.tape.marks.filter(({ is }) => is === 'down')).toEqual([]);
    const other = await hashPassword(Buffer.from('other'));
    files.write(`users${fileCount}`, `${VICTIM}:${other}\n`);
    renameSync(join(files.dir, `users${fileCount}`), file);
    await victim.tape.take('down');
    await open({ url, ...as(VICTIM, 'other') }).tape.take('up');
  });
});

describe('closed: what a board may do', () => {
  let intruder: Intruder;
  let broker: Broker;
  beforeAll(async () => {
    broker = await startBroker({ port: 0, usersFile: usersFile(ROGUE, VICTIM) });
    intruder = new Intruder({
      options: name =>
        name === undefined ? broker.own : { url: urlOf(broker), username: name, password: 'right' },
      speakers: [
        [`toastbox/1/board/${VICTIM}/down`, undefined],
        ['toastbox/1/gateway/status', undefined],
        [`toastbox/1/board/${VICTIM}/up`, VICTIM],
        [`toastbox/1/board/${VICTIM}/status`, VICTIM],
        [`toastbox/1/board/${ROGUE}/up`, ROGUE],
      ],
      listeners: [
        ['toastbox/1/board/+/up', undefined],
        ['toastbox/1/board/+/status', undefined],
        ['toastbox/1/gateway/status', undefined],
        [`toastbox/1/board/${VICTIM}/down`, VICTIM],
        [`toastbox/1/board/${ROGUE}/down`, ROGUE],
      ],
    });
    await intruder.open();
  });
  afterAll(async () => {
    await intruder.close();
    await broker.close();
  });

  it.each(ATTEMPTS.map(attempt => [nameOf(attempt), attempt] as const))(
    'closed: %s -> refused',
    (_, attempt) => intruder.expectRefused(attempt),
  );

  it('closed: the gateway and a board -> frames and statuses pass both ways', async () => {
    const hub = gateway({ ...broker.own });
    ends.unshift(() => hub.link.close());
    await hub.tape.take('up');
    const { link, tape } = open({ url: urlOf(broker), ...as(VICTIM) });
    await tape.take('up');
    await tape.take('gateway', ({ state }) => state === 'online');
    link.send(new Uint8Array(32_768).fill(1), () => {});
    expect((await hub.tape.take('frame', ({ from }) => from === VICTIM)).bytes.length).toBe(32_768);
    hub.link.send(VICTIM, new Uint8Array(32_768).fill(2), () => {});
    expect((await tape.take('frame')).bytes.length).toBe(32_768);
    await hub.tape.take('status', ({ from, status }) => from === VICTIM && status?.state === 'online');
  });
});

describe('closed: before it is known who is there', () => {
  const text = (words: string) => {
    const bytes = Buffer.from(words);
    return Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
  };
  const packet = (first: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([first, body.length]), body]);
  };
  const connect = (name: string, password: string, will?: string) =>
    packet(
      0x10,
      text('MQTT'),
      Buffer.from([4, 0xc2 | (will === undefined ? 0 : 0x24), 0, 0]),
      text(`x${++clientCount}`),
      ...(will === undefined ? [] : [text(will), text('stolen')]),
      text(name),
      text(password),
    );
  let clientCount = 0;
  const up = `toastbox/1/board/${VICTIM}/up`;
  const status = `toastbox/1/board/${VICTIM}/status`;
  const down = `toastbox/1/board/${VICTIM}/down`;
  const writes = [
    packet(0x30, text(up), Buffer.from('stolen')),
    packet(0x31, text(status), Buffer.from('stolen')),
  ];
  const reads = [packet(0x82, Buffer.from([0, 1]), text(down), Buffer.from([0]))];

  it('closed: packets right behind CONNECT, in one piece or a moment after, and wills, of who is not let in -> nothing done', async () => {
    const broker = await start();
    const listener = await connectTo({ ...broker.own, clientId: 'listener' });
    ends.unshift(() => listener.endAsync(true));
    const heard: string[] = [];
    listener.on('message', (topic, payload) => heard.push(`${topic} ${payload}`));
    await listener.subscribeAsync(['toastbox/1/board/+/up', 'toastbox/1/board/+/status']);
    const got: Buffer[] = [];
    const attempts = [
      [connect(VICTIM, 'wrong'), ...writes],
      [connect(VICTIM, 'wrong'), ...reads],
      [connect(ROGUE, 'right'), ...writes],
      [connect(ROGUE, 'right'), ...reads],
      [connect('nobody', 'wrong', status)],
      [connect(ROGUE, 'right', status)],
      writes,
      reads,
    ];
    const pauses = [undefined, setImmediate, (then: () => void) => setTimeout(then, 1)];
    for (let round = 0; round < 6; round++)
      for (const pieces of attempts) {
        const socket = net.connect({ port: broker.port, host: '127.0.0.1', noDelay: true });
        ends.unshift(async () => socket.destroy());
        socket.on('error', () => {}).on('data', bytes => got.push(bytes));
        await once(socket, 'connect');
        const pause = pauses[round % pauses.length];
        if (pause === undefined) socket.write(Buffer.concat(pieces));
        else
          for (const piece of pieces) {
            socket.write(piece);
            await new Promise<void>(done => pause(done));
          }
        await listener.publishAsync(down, 'for the victim', { qos: 1 });
        socket.end();
        if (!socket.closed) await once(socket, 'close');
      }
    const honest = await connectTo({ url: urlOf(broker), username: ROGUE, password: 'right' });
    await honest.publishAsync(`toastbox/1/board/${ROGUE}/up`, 'mark', { qos: 1 });
    await waitFor(() => heard.some(words => words.endsWith('mark')), 'the mark is heard');
    await honest.endAsync();
    expect(heard).toEqual([`toastbox/1/board/${ROGUE}/up mark`]);
    expect(Buffer.concat(got).includes('for the victim')).toBe(false);
  });

  it('closed: 300 connections of random packets, let in or not -> none stops it', async () => {
    const broker = await start();
    const next = seeded(12);
    const firsts = [0x10, 0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x82, 0x90, 0xa2, 0xc0, 0xe0, 0xf0];
    for (let round = 0; round < 300; round++) {
      const socket = net.connect(broker.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const packets = Array.from({ length: 5 }, () => {
        const body = Array.from({ length: next(24) }, () => next(256));
        if (body.length > 2 && next(2) === 0) body.splice(0, 2, 0, next(body.length));
        return Buffer.from([firsts[next(firsts.length)] as number, body.length, ...body]);
      });
      const hello = [[], [connect(ROGUE, 'right')], [connect(ROGUE, 'wrong')]][round % 3] as Buffer[];
      socket.end(Buffer.concat([...hello, ...packets]));
      socket.resume();
      if (!socket.closed) await once(socket, 'close');
    }
    await open({ url: urlOf(broker), ...as(VICTIM) }).tape.take('up');
  });
});

describe('closed: what strangers cost', () => {
  const raw = async (port: number) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('error', () => {});
    ends.unshift(async () => socket.destroy());
    await once(socket, 'connect');
    return socket;
  };

  it('closed: 400 connections that say nothing, or half a CONNECT -> the oldest are cut off, a board gets in', async () => {
    const broker = await start();
    const sockets: net.Socket[] = [];
    for (let count = 0; count < 400; count++) {
      const socket = await raw(broker.port);
      if (count % 2 === 0) socket.write(Buffer.from([0x10, 13, 0, 4, 0x4d]));
      sockets.push(socket);
    }
    await open({ url: urlOf(broker), ...as(VICTIM) }).tape.take('up');
    await waitFor(
      () => sockets.filter(({ destroyed }) => destroyed).length >= 400 - 256,
      'the oldest are out',
    );
    expect(sockets.at(-1)?.destroyed).toBe(false);
    const [door] = broker.gauges;
    expect(door).toMatchObject({ name: 'at the door', limit: 256, highWater: 257, whenFull: 'evicts' });
    expect(door?.times).toBeGreaterThanOrEqual(400 - 256);
  });

  it('closed: a packet of 20 KB before anyone was let in -> cut off; the same one after -> passes', async () => {
    const broker = await start();
    const socket = await raw(broker.port);
    socket.write(Buffer.from([0x10, 0xa0, 0x9c, 0x01]));
    await once(socket, 'close');
    const client = await connectTo({ url: urlOf(broker), username: VICTIM, password: 'right' });
    ends.unshift(() => client.endAsync(true));
    await client.publishAsync(`toastbox/1/board/${VICTIM}/up`, Buffer.alloc(20_000), { qos: 1 });
    expect(client.connected).toBe(true);
  });

  it('closed: 200 wrong passwords at once -> a board that was in before does not wait for them', async () => {
    const broker = await start();
    const url = urlOf(broker);
    const again = open({ url, ...as(VICTIM) });
    await again.tape.take('up');
    await again.link.close();
    let answered = 0;
    const tries = Array.from({ length: 200 }, () =>
      connectTo({ url, username: ROGUE, password: 'wrong' }).catch(error => {
        answered++;
        return (error as { code: number }).code;
      }),
    );
    await waitFor(() => answered > 0, 'the first was turned away');
    await open({ url, ...as(VICTIM) }).tape.take('up');
    expect(answered).toBeLessThan(200);
    // Wrong, or busy.
    expect(new Set(await Promise.all(tries))).toEqual(new Set([4, 3]));
    const passwords = broker.gauges.find(({ name }) => name === 'passwords');
    expect(passwords).toMatchObject({ taken: 0, limit: 128, highWater: 128, whenFull: 'refuses' });
    expect(passwords?.times).toBeGreaterThan(0);
  });
});

describe.skipIf(!has('openssl'))('closed: TLS (skipped without openssl)', () => {
  let made: Certificates;
  beforeAll(() => {
    made = new Certificates();
    return () => made.remove();
  });
  const tls = (ca?: string) => ({
    cert: Buffer.from(made.pem('broker', 'cert')),
    key: Buffer.from(made.pem('broker', 'key')),
    ...(ca === undefined ? {} : { clientCa: Buffer.from(made.pem(ca, 'cert')) }),
  });
  const certificate = (name: string, ca = 'ca') => {
    made.issue(name, ca);
    return { cert: made.pem(name, 'cert'), key: made.pem(name, 'key') };
  };

  it('closed: mqtts with passwords -> up; the gateway too; without TLS -> no', async () => {
    const broker = await start({ usersFile: usersFile(VICTIM), tls: tls() });
    const ca = made.pem('ca', 'cert');
    await open({ url: `mqtts://localhost:${broker.port}`, ca, ...as(VICTIM) }).tape.take('up');
    const hub = gateway({ ...broker.own });
    ends.unshift(() => hub.link.close());
    await hub.tape.take('up');
    await open({ url: urlOf(broker), ...as(VICTIM) }).tape.take('down');
  });

  it('closed: a certificate of the authority, of another, none, one whose name is another’s -> its own name or nothing', async () => {
    const broker = await start({ host: '0.0.0.0', tls: tls('ca') });
    const common = { url: `mqtts://localhost:${broker.port}`, ca: made.pem('ca', 'cert') };
    await open({ ...common, ...certificate(VICTIM), board: VICTIM }).tape.take('up');
    made.authority('other-ca');
    const others = [
      { ...certificate('foreign', 'other-ca'), board: 'foreign' },
      { board: VICTIM },
      { ...certificate(ROGUE), board: VICTIM },
      { ...certificate('@gateway'), board: VICTIM },
      { ...certificate(ROGUE), board: VICTIM, username: VICTIM, password: 'x' },
    ];
    for (const options of others) await open({ ...common, ...options }).tape.take('down');
    expect(broker.clients).toBe(1);
  });

  it('closed: certificates and passwords -> either will do', async () => {
    const broker = await start({ usersFile: usersFile(VICTIM), tls: tls('ca') });
    const common = { url: `mqtts://localhost:${broker.port}`, ca: made.pem('ca', 'cert') };
    await open({ ...common, ...certificate('by-certificate'), board: 'by-certificate' }).tape.take('up');
    await open({ ...common, ...as(VICTIM) }).tape.take('up');
    await open({ ...common, board: VICTIM }).tape.take('down');
  });
});
