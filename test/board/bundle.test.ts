import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HEAP_OLD_MIB, HEAP_OLD_MIB_NARROW } from '../../agent/heap.ts';
import { type Bundle, bundle } from '../../board/bundle/bundle.ts';
import { launcher } from '../../board/bundle/launcher.ts';
import { Exit } from '../../cli/exits.ts';
import {
  AGENT_MALLOC_ENV,
  AGENT_NODE_FLAGS,
  GATEWAY_MALLOC_ENV,
  GATEWAY_NODE_FLAGS,
} from '../../cli/flags.ts';
import { commandHelp } from '../../cli/options/help.ts';

const digests = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(parentPath, name)))
        .digest('hex'),
    ]);

let agent: Bundle;
beforeAll(async () => {
  agent = await bundle('agent', mkdtempSync(join(tmpdir(), 'toastbox-bundle-')));
});
afterAll(() => rmSync(agent.directory, { recursive: true }));

const run = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(join(agent.directory, 'toastbox'), words, {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

describe('bundle', () => {
  test('bundle: made twice -> the same bytes', async () => {
    const first = digests(agent.directory);
    expect(first.length).toBe(6);
    await bundle('agent', agent.directory);
    expect(digests(agent.directory)).toEqual(first);
  });

  test("bundle: the agent's -> nothing of the gateway, in ASCII, its licences with it", () => {
    const code = readFileSync(join(agent.directory, 'toastbox.cjs'), 'latin1');
    // What only the store and the broker have in them; whole texts in a failure would be half a megabyte.
    expect(/openLmdbShelves|AedesServer|aedes-persistence|lmdb\.node/.exec(code)?.[0]).toBeUndefined();
    expect(/[^\n -~\t]/.exec(code)?.[0]).toBeUndefined();
    const licences = readFileSync(join(agent.directory, 'LICENSES'), 'utf8');
    for (const name of ['mqtt', 'cbor-x', 'ignore', 'smol-toml'])
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });

  test('bundle: a broker behind a WebSocket -> MQTT.js is read from beside, and only then', async () => {
    const code = readFileSync(join(agent.directory, 'toastbox.cjs'), 'latin1');
    expect(/class MqttClient/.exec(code)?.[0]).toBeUndefined();
    // Whoever answers there is no broker; its path in the request shows that the client was at work.
    const server = http.createServer((_, answer) => answer.writeHead(404).end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const upgrade = once(server, 'upgrade');
    const folder = mkdtempSync(join(tmpdir(), 'toastbox-web-'));
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/over/there`;
    const words = ['agent', '--folder', folder, '--broker', url, '--name', 'web'];
    const child = spawn(join(agent.directory, 'toastbox'), words, { stdio: 'ignore' });
    const ended = once(child, 'exit');
    const [request, socket] = (await upgrade) as [http.IncomingMessage, Duplex];
    expect([request.url, request.headers['sec-websocket-protocol']]).toEqual(['/over/there', 'mqtt']);
    socket.destroy();
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(Exit.FINE);
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("bundle: the agent's -> its commands run, those of the gateway are refused", () => {
    expect(run('plan', '--files', '1000', '--ram', '64MiB').status).toBe(Exit.FINE);
    expect(run('--version').stdout).toMatch(/^toastbox \d/);
    const { status, stderr } = run('gateway', '--data', '/x');
    expect(status).toBe(Exit.USAGE);
    expect(stderr).toContain('gateway is not in what is installed here');
    for (const word of ['agent', 'status', 'memory', 'plan', 'card'] as const)
      expect(run(word, '--help').stdout).toBe(`${commandHelp(word)}\n`);
  });

  test('bundle: the launcher -> starts Node as the checkout does', () => {
    expect(launcher()).toContain(`"$node" ${AGENT_NODE_FLAGS.join(' ')} $narrow "$here/toastbox.cjs"`);
    expect(launcher()).toContain(`"$node" ${GATEWAY_NODE_FLAGS.join(' ')} "$here/toastbox.cjs"`);
    for (const [name, value] of Object.entries({ ...AGENT_MALLOC_ENV, ...GATEWAY_MALLOC_ENV }))
      expect(launcher()).toContain(`${name}="\${${name}-${value}}"`);
  });

  test.each([
    ['beside, of 32 bits', 'lib/node', 1, HEAP_OLD_MIB_NARROW],
    ['beside, of 64 bits', 'lib/node', 2, HEAP_OLD_MIB],
    ["the machine's, of 32 bits", 'bin/node', 1, HEAP_OLD_MIB_NARROW],
    ["the machine's, of 64 bits", 'bin/node', 2, HEAP_OLD_MIB],
  ])(
    'bundle: Node %s, whatever the kernel -> its heap is bounded as its pointers are wide',
    (_, file, width, mib) => {
      const place = mkdtempSync(join(tmpdir(), 'toastbox-launcher-'));
      // A script that has the byte where an ELF file says how wide it is, and tells how it was started.
      const node = `#   ${String.fromCharCode(width)}\nfor word; do echo "$word"; done\n`;
      for (const name of ['bin', 'lib/agent']) mkdirSync(join(place, name), { recursive: true });
      writeFileSync(join(place, file), node, { mode: 0o755 });
      writeFileSync(join(place, 'lib/agent/toastbox'), launcher().replaceAll('exec "$node"', 'echo'));
      const { stdout, stderr } = spawnSync('sh', [join(place, 'lib/agent/toastbox'), 'agent'], {
        encoding: 'utf8',
        env: { PATH: `${place}/bin:${process.env.PATH}` },
      });
      // The last one counts.
      expect([stderr, stdout.match(/(?<=--max-old-space-size=)\d+/g)?.at(-1)]).toEqual(['', String(mib)]);
      rmSync(place, { recursive: true });
    },
  );
});
