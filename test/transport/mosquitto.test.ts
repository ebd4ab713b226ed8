// What only a broker with users, limits, certificates and access lists can show.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { FRAME_BYTES_MIN } from '../../protocol/limits.ts';
import type { Client } from '../../transport/mqtt.ts';
import { Files, has, hasMosquitto, startMosquitto } from './brokers.ts';
import { board, gateway, type Mark, watch } from './tape.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
async function start(config: string, port?: number): Promise<number> {
  const broker = await startMosquitto(config, port);
  ends.push(() => broker.stop());
  return broker.port;
}
const opener =
  (client: Client): typeof board =>
  options => {
    const taped = board({ random: () => 0, client, ...options });
    ends.unshift(() => taped.link.close());
    return taped;
  };
const CLIENTS: readonly Client[] = ['own', 'MQTT.js'];
const someFiles = () => {
  const files = new Files();
  ends.push(async () => files.remove());
  return files;
};

describe.skipIf(!hasMosquitto).each(CLIENTS)(
  'mosquitto and %s (skipped where it is not installed)',
  client => {
    const open = opener(client);

    it('password: wrong, missing, right -> down says what to check, up', async () => {
      const files = someFiles();
      const users = files.write('users', 'ann:secret\n');
      execFileSync('mosquitto_passwd', ['-U', users]);
      const port = await start(`allow_anonymous false\npassword_file ${users}`);
      const url = `mqtt://127.0.0.1:${port}`;
      const wrong = open({ url, board: 'b1', username: 'ann', password: 'wrong' });
      const none = open({ url, board: 'b2' });
      for (const { tape } of [wrong, none]) {
        const { why } = await tape.take('down');
        expect(why).toContain(url);
        expect(why).toContain('user name and password');
      }
      await open({ url, board: 'b3', username: 'ann', password: 'secret' }).tape.take('up');
      const inUrl = open({ url: `mqtt://ann:secret@127.0.0.1:${port}`, board: 'b4' });
      expect((await inUrl.tape.take('up')).broker).toBe(url);
    });

    it('max_packet_size: below a frame -> frameBytesMax is what fits, and that much passes', async () => {
      const url = `mqtt://127.0.0.1:${await start('allow_anonymous true\nmax_packet_size 24000')}`;
      const { link, tape } = open({ url, board: 'x'.repeat(63) });
      const hub = gateway({ url, client });
      ends.unshift(() => hub.link.close());
      const { frameBytesMax } = await tape.take('up');
      expect(frameBytesMax).toBeGreaterThan(23_800);
      expect(await hub.tape.take('up')).toMatchObject({ frameBytesMax, protocol: 5 });
      link.send(new Uint8Array(frameBytesMax).fill(1), () => {});
      expect((await hub.tape.take('frame')).bytes.length).toBe(frameBytesMax);
      hub.link.send('x'.repeat(63), new Uint8Array(frameBytesMax).fill(2), () => {});
      expect((await tape.take('frame')).bytes.length).toBe(frameBytesMax);
      expect(link.counts.ups).toBe(1);
    });

    it('max_packet_size: too small to be of use -> down names the size that is needed', async () => {
      const port = await start(`allow_anonymous true\nmax_packet_size ${FRAME_BYTES_MIN}`);
      const { tape } = open({ url: `mqtt://127.0.0.1:${port}` });
      const { why } = await tape.take('down');
      const [, given, needed] = /takes packets of (\d+) bytes only: allow (\d+) or more/.exec(why) ?? [];
      expect(Number(given)).toBe(FRAME_BYTES_MIN);
      const enough = await start(`allow_anonymous true\nmax_packet_size ${needed}`);
      await open({ url: `mqtt://127.0.0.1:${enough}` }).tape.take('up');
    });

    it('access list: the status may not be written -> down names the topic', async () => {
      const acl = someFiles().write('acl', 'topic read #\n');
      const port = await start(`allow_anonymous true\nacl_file ${acl}`);
      const { tape } = open({ url: `mqtt://127.0.0.1:${port}` });
      expect((await tape.take('down')).why).toContain(
        'does not let us write toastbox/1/board/b1/status: check its access list',
      );
    });

    it('name: a second agent under it -> they throw each other out, and both ask whether there are two', async () => {
      const url = `mqtt://127.0.0.1:${await start('allow_anonymous true')}`;
      const first = open({ url });
      await first.tape.take('up');
      const second = open({ url, session: 1001 });
      for (const { tape } of [first, second])
        await tape.take('down', ({ why }) => why.includes('is a second agent or gateway running'));
    });

    it('status: a foreign client follows it with mosquitto_sub -> plain JSON', async () => {
      const port = await start('allow_anonymous true');
      const { link, tape } = open({ url: `mqtt://127.0.0.1:${port}`, session: 5 });
      await tape.take('up');
      await link.close();
      const args = ['-p', String(port), '-t', 'toastbox/1/board/+/status', '-C', '1', '-F', '%r %t %p'];
      const line = execFileSync('mosquitto_sub', args, { encoding: 'utf8', timeout: 10_000 });
      expect(line).toBe('1 toastbox/1/board/b1/status {"state":"offline","session":5}\n');
    });

    it('idle: nothing to say -> nothing is published', async () => {
      const port = await start('allow_anonymous true');
      const seen = await watch(port, 'toastbox/#');
      ends.unshift(() => seen.close());
      const { link, tape } = open({ url: `mqtt://127.0.0.1:${port}` });
      await tape.take('up');
      await seen.tape.take('message', ({ json }: Mark) => json.state === 'online');
      await link.close();
      await seen.tape.take('message', ({ json }: Mark) => json.state === 'offline');
      expect(seen.tape.marks).toEqual([]);
    });
  },
);

describe.skipIf(!hasMosquitto || !has('openssl')).each(CLIENTS)(
  'TLS and %s (skipped without mosquitto and openssl)',
  client => {
    const open = opener(client);

    const pem: Record<string, string> = {};
    let files: Files;
    beforeAll(() => {
      files = new Files();
      const at = (name: string) => join(files.dir, name);
      const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
      const names = files.write('names', 'subjectAltName=DNS:localhost\n');
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
      openssl(
        'req',
        '-x509',
        ...key,
        '-keyout',
        at('ca.key'),
        '-out',
        at('ca'),
        '-subj',
        '/CN=ca',
        '-days',
        '2',
      );
      openssl('req', ...key, '-keyout', at('key'), '-out', at('csr'), '-subj', '/CN=localhost');
      const signed = ['-CA', at('ca'), '-CAkey', at('ca.key'), '-CAcreateserial', '-days', '2'];
      openssl('x509', '-req', '-in', at('csr'), ...signed, '-out', at('cert'), '-extfile', names);
      for (const name of ['ca', 'cert', 'key'])
        pem[name] = execFileSync('cat', [at(name)], { encoding: 'utf8' });
      return () => files.remove();
    });
    const config = (more = '') => {
      const lines = ['allow_anonymous true', `cafile ${files.dir}/ca`, `certfile ${files.dir}/cert`];
      return [...lines, `keyfile ${files.dir}/key`, more].join('\n');
    };

    it('TLS: the authority given, or not, or another name, or no TLS -> up, or down says which', async () => {
      const port = await start(config());
      const url = `mqtts://localhost:${port}`;
      expect((await open({ url, ca: pem.ca, board: 'b1' }).tape.take('up')).broker).toBe(url);
      expect((await open({ url, board: 'b2' }).tape.take('down')).why).toContain(
        'give the CA that signed it',
      );
      const byAddress = open({ url: `mqtts://127.0.0.1:${port}`, ca: pem.ca, board: 'b3' });
      expect((await byAddress.tape.take('down')).why).toContain('is for another name than 127.0.0.1');
      const plainPort = await start('allow_anonymous true');
      const plain = open({ url: `mqtts://localhost:${plainPort}`, board: 'b4' });
      expect((await plain.tape.take('down')).why).toMatch(/TLS/);
      const bare = open({ url: `mqtt://localhost:${port}`, board: 'b5' });
      expect((await bare.tape.take('down')).why).toContain('before an answer: is this its port');
    });

    it('TLS: the broker wants a certificate -> up with one, down without', async () => {
      const port = await start(config('require_certificate true'));
      const url = `mqtts://localhost:${port}`;
      await open({ url, ca: pem.ca, cert: pem.cert, key: pem.key, board: 'b1' }).tape.take('up');
      const { why } = await open({ url, ca: pem.ca, board: 'b2' }).tape.take('down');
      expect(why).toContain('wants a client certificate');
    });

    it('TLS: frames -> every byte as it was', async () => {
      const url = `mqtts://localhost:${await start(config(), await freePort())}`;
      const { link, tape } = open({ url, ca: pem.ca });
      const hub = gateway({ url, client, ca: pem.ca });
      ends.unshift(() => hub.link.close());
      await Promise.all([tape.take('up'), hub.tape.take('up')]);
      const cell = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1 }).buffer, 0, 30_000);
      for (let round = 0; round < 20; round++) {
        cell.fill(round);
        await new Promise<void>(done => link.send(cell, done));
        cell.fill(0xee);
        expect((await hub.tape.take('frame')).bytes.equals(Buffer.alloc(30_000, round))).toBe(true);
      }
    });
  },
);
