// `toastbox memory` of real processes, in the least arena and with a watch budget far under the folder.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { AgentLedger, Row } from '../../agent/memory/ledger.ts';
import type { GatewayLedger } from '../../gateway/memory.ts';
import { type Cast, openCast, Running, run, until } from './cast.ts';

const MIB = 1 << 20;
const DIRECTORIES = 30;
const WATCHES = 4;

let cast: Cast;
afterEach(() => cast?.close());

async function ledgerAt<L>(state: string): Promise<L> {
  const { code, output } = await run(['memory', '--state', state, '--json']);
  expect(code, output).toBe(0);
  return JSON.parse(output) as L;
}

const rowOf = (rows: readonly Row[], name: string): Row => rows.find(row => row.name === name)!;

test('memory: a folder over the watch budget, a change where nobody watches, a restart -> all found, all told', async () => {
  cast = await openCast('embedded', ['--arena', '2MiB']);
  const words = ['--arena', '2MiB', '--watches', String(WATCHES), '--rescan', '10s'];
  const board = await cast.board('one', { words });
  const all = [board.folder, cast.gateway.copy('shared')];
  for (let n = 0; n < DIRECTORIES; n++) {
    mkdirSync(join(board.folder, `d${n}`));
    writeFileSync(join(board.folder, `d${n}`, 'file'), `content ${n}`);
  }
  await cast.settle(all);
  await until(
    'a scan has counted the directories',
    async () => (await board.now()).watching.of === DIRECTORIES + 1,
  );
  const { watching } = await board.now();
  expect(watching).toMatchObject({ directories: WATCHES, budget: WATCHES, rescanSeconds: 10 });
  expect(watching.refused).toBeGreaterThan(0);

  const first = await ledgerAt<AgentLedger>(board.state);
  expect(first.arena.bytes).toBe(2 * MIB);
  // What we count is what the kernel counts.
  expect(rowOf(first.bounds, 'watches')).toMatchObject({ now: WATCHES, limit: WATCHES, whenFull: 'refuses' });
  expect(rowOf(first.process, 'inotify watches').now).toBe(WATCHES);
  expect(rowOf(first.process, 'RssAnon').now).toBeGreaterThan(MIB);
  expect(rowOf(first.disk, 'catalog').now).toBeGreaterThan(4096);
  const pages = (ledger: AgentLedger) => ledger.arena.regions.find(({ name }) => name === 'pages')!;
  expect(pages(first).taken).toBeGreaterThan(0);

  for (let n = 0; n < DIRECTORIES; n++) writeFileSync(join(board.folder, `d${n}`, 'late'), `late ${n}`);
  await cast.settle(all);
  expect((await board.now()).watching.directories).toBe(WATCHES);

  const watched = new Running(['memory', '--state', board.state, '--watch', '--json']);
  await until('it is shown again and again', () => watched.output.trim().split('\n').length >= 3);
  expect(await watched.end('SIGINT')).toBe(0);

  const before = await ledgerAt<AgentLedger>(board.state);
  await board.stop();
  await board.start();
  await cast.settle(all);
  const after = await ledgerAt<AgentLedger>(board.state);
  expect(after.since).toBe(first.since);
  expect(after.arena.bytes).toBe(2 * MIB);
  expect(pages(after).ever).toBeGreaterThanOrEqual(pages(before).thisRun);
  expect(rowOf(after.bounds, 'offers').ever).toBeGreaterThanOrEqual(rowOf(before.bounds, 'offers').thisRun);
  expect(rowOf(after.bounds, 'offers').ever).toBeGreaterThan(0);

  const gateway = await ledgerAt<GatewayLedger>(cast.gateway.state);
  expect(gateway.folders.map(({ share, arena }) => [share, arena.bytes])).toEqual([['shared', 2 * MIB]]);
  expect(rowOf(gateway.bounds, 'sessions')).toMatchObject({ now: 1, limit: 4096 });
  expect(rowOf(gateway.process, "copies' heap used").now).toBeGreaterThan(MIB);
  expect(rowOf(gateway.disk, 'store').now).toBeGreaterThan(4096);

  for (const state of [board.state, cast.gateway.state]) {
    const { code, output } = await run(['memory', '--state', state]);
    expect(code).toBe(0);
    expect(output).toMatch(/^ {4}RssAnon +[\d.,]+ [KM]iB/m);
    expect(output).toMatch(/^ +0 KiB {2}m+[fFL]+w/m);
    for (const line of output.split('\n')) expect(line.length, line).toBeLessThan(80);
  }
});
