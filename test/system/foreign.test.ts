// The packages for boards' machines, run by qemu-user: what they depend on is what they need, LMDB's native part
// loads, and a file goes through a gateway on arm from one board on arm to another on x86. Not installed by dpkg, whose
// scripts would need the kernel to know foreign programs; packages.test.ts does that on this machine's own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { unpackDeb } from '../../board/fetch/debian.ts';
import { buildDeb } from '../../board/packages/deb.ts';
import type { Target } from '../../board/targets.ts';
import { AGENT_NODE_FLAGS, GATEWAY_NODE_FLAGS } from '../../cli/flags.ts';
import { IS_LONG, PROGRAM, until } from './cast.ts';
import { fetchForeign } from './foreign.ts';

const QEMU = { armhf: 'qemu-arm-static', arm64: 'qemu-aarch64-static' } as const;
type Foreign = keyof typeof QEMU;
const targets: Foreign[] = IS_LONG ? ['armhf', 'arm64'] : ['armhf'];
const missing = Object.values(QEMU).filter(name => spawnSync('which', [name]).status !== 0);
if (missing.length > 0) console.warn(`foreign: skipped, not installed: ${missing.join(', ')}`);

let place: string;
const running: ChildProcess[] = [];
let said = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'toastbox-foreign-'));
  said = '';
});
afterEach(async () => {
  for (const child of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
  rmSync(place, { recursive: true, force: true });
});

function start(command: string, ...words: string[]): ChildProcess {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout!, child.stderr!])
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  running.push(child);
  return child;
}

/** A root with the packages and what they depend on, nothing else. */
async function rootFor(target: Target): Promise<string> {
  const root = join(place, 'root');
  const { packages, debs } = await fetchForeign(target);
  for (const each of packages) unpackDeb(buildDeb(each, place, 'none'), root);
  for (const deb of debs) unpackDeb(deb, root);
  return root;
}

describe.skipIf(missing.length > 0)(`foreign ${missing}`, () => {
  test.each(targets)('foreign: %s -> a gateway and an agent run, and a file goes through', async target => {
    const root = await rootFor(target);
    const lib = join(root, 'usr/lib/toastbox');
    const qemu = ['-L', root, join(lib, 'node')];
    const version = spawnSync(QEMU[target], [...qemu, '--version'], { encoding: 'utf8' });
    expect([version.status, version.stderr]).toEqual([0, '']);

    const port = await freePort();
    const broker = `mqtt://127.0.0.1:${port}`;
    const copies = join(place, 'copies');
    start(
      QEMU[target],
      ...[...qemu, ...GATEWAY_NODE_FLAGS, join(lib, 'gateway/toastbox.cjs'), 'gateway'],
      ...['--data', join(place, 'data'), '--folder', copies, '--listen', `127.0.0.1:${port}`],
    );
    await until('the gateway', () => said.includes('connected to'), {
      explain: () => said,
      withinMs: 180_000,
    });
    const folders = ['there', 'here'].map(name => join(place, name));
    for (const folder of folders) mkdirSync(folder);
    const [there, here] = folders as [string, string];
    const agent = (folder: string, name: string) => [
      ...['agent', '--folder', folder, '--broker', broker, '--name', name, '--share', 'shared'],
    ];
    start(
      QEMU[target],
      ...qemu,
      ...AGENT_NODE_FLAGS,
      join(lib, 'agent/toastbox.cjs'),
      ...agent(there, 'there'),
    );
    start(PROGRAM, ...agent(here, 'here'));
    const content = Buffer.alloc(300_000, 'seen on the way ');
    writeFileSync(join(there, 'up'), content);
    const explain = { explain: () => said, withinMs: 180_000 };
    await until('up here', () => readFileSync(join(here, 'up')).equals(content), explain);
    await until(
      'up in the plain copy',
      () => readFileSync(join(copies, 'shared/up')).equals(content),
      explain,
    );
    writeFileSync(join(here, 'down'), content);
    await until('down there', () => readFileSync(join(there, 'down')).equals(content), explain);
  });
});
