import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Span } from '../../agent/arena/regions.ts';
import { type Control, openControl } from '../../agent/control.ts';
import type { AgentLedger, RegionRow, Row } from '../../agent/memory/ledger.ts';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { ledgerOf } from '../../cli/screen/ledger.ts';
import { mapOf } from '../../cli/screen/map.ts';
import type { GatewayLedger } from '../../gateway/memory.ts';
import { TestOut } from './out.ts';

const NOW = 1_700_000_000_000;
const KIB = 1024;
const MIB = 2 ** 20;
const PLAIN = { columns: 80, rowsMax: 32, hasColours: false };

/** Regions side by side from 0 on; the first figure is the region's bytes. */
function regions(
  ...rows: [name: string, bytes: number, cellBytes: number, ...holders: Span[]][]
): RegionRow[] {
  let at = 0;
  return rows.map(([name, bytes, cellBytes, ...holders]) => {
    const cells = holders.reduce((sum, [, count]) => sum + count, 0);
    const free = holders.reduce((sum, [tenant, count]) => sum + (tenant === 'free' ? count : 0), 0);
    const taken = cells - free;
    const full = { whenFull: 'evicts', times: 12_345 } as const;
    const row = {
      name,
      what: name,
      at,
      bytes,
      cellBytes,
      cells,
      taken,
      free,
      thisRun: taken,
      ever: cells,
      holders,
      ...full,
    };
    at += bytes;
    return row;
  });
}

const small = {
  bytes: 2 * MIB,
  regions: regions(
    ['module', 64 * KIB, 1, ['fixed', 64 * KIB]],
    ['frames', 128 * KIB, 32 * KIB, ['link', 2], ['filling', 1], ['free', 1]],
    ['window', 64 * KIB, 1, ['file', 20 * KIB], ['free', 44 * KIB]],
    ['run', 64 * KIB, 1, ['fixed', 64 * KIB]],
    ['listing', 128 * KIB, 1, ['names', 128 * KIB]],
    ['pages', 1600 * KIB, 4 * KIB, ['clean', 150], ['dirty', 4], ['clean', 46], ['free', 195]],
  ),
};

const row = (name: string, more: Partial<Row> = {}): Row => ({
  name,
  unit: 'count',
  now: 1,
  thisRun: 2,
  ever: 3,
  ...more,
});
const agent = (more: Partial<AgentLedger> = {}): AgentLedger => ({
  kind: 'agent',
  version: '0.1.0',
  pid: 4711,
  startedAt: NOW - 60_000,
  since: NOW - 86_400_000,
  name: 'board-7',
  share: 'photos',
  folder: '/home/pi/photos',
  state: '/home/pi/photos/.toastbox',
  process: [
    row('RssAnon', { unit: 'bytes', now: 24 * MIB, limit: 64 * MIB, thisRun: 25 * MIB, ever: 26 * MIB }),
    row('threads'),
  ],
  arena: small,
  bounds: [row('offers', { limit: 64, whenFull: 'waits', times: 9 })],
  cache: { hits: 990, misses: 10, evictions: 3, written: 1234, commits: 5 },
  disk: [row('catalog', { unit: 'bytes', now: 576 * KIB })],
  ...more,
});
const { arena, bounds, cache, disk } = agent();
const gateway: GatewayLedger = {
  kind: 'gateway',
  version: '0.1.0',
  pid: 4712,
  startedAt: NOW - 60_000,
  since: NOW - 60_000,
  folder: '/srv/boards',
  data: '/var/lib/toastbox',
  process: agent().process,
  bounds: [row('sessions', { limit: 4096, whenFull: 'refuses', times: 0 })],
  disk: [],
  folders: [
    { share: 'photos', arena, bounds, cache, disk },
    { share: 'logs', arena, bounds, cache, disk },
  ],
};

describe('map', () => {
  test('map: an arena of 2 MiB -> a page a character, each region where it lies, a legend of who is there', () => {
    const { lines, unit } = mapOf(small, PLAIN);
    expect(unit).toBe(4 * KIB);
    const width = 64;
    expect(lines.slice(0, 8)).toEqual([
      `     0 KiB  ${'m'.repeat(16)}${'L'.repeat(16)}${'F'.repeat(8)}${'f'.repeat(8)}WWWWW${'w'.repeat(11)}`,
      `   256 KiB  ${'r'.repeat(16)}${'N'.repeat(32)}${'C'.repeat(16)}`,
      `   512 KiB  ${'C'.repeat(width)}`,
      `   768 KiB  ${'C'.repeat(width)}`,
      `  1024 KiB  ${'C'.repeat(6)}DDDD${'C'.repeat(46)}${'.'.repeat(8)}`.replace('1024', '1,024').slice(1),
      ` 1,280 KiB  ${'.'.repeat(width)}`,
      ` 1,536 KiB  ${'.'.repeat(width)}`,
      ` 1,792 KiB  ${'.'.repeat(59)}ttttt`,
    ]);
    expect(lines.slice(8)).toEqual([
      '',
      '    D page not yet written 16 KiB  L frame with the link 64 KiB',
      '    F frame being filled 32 KiB    W file being read 20 KiB',
      '    N names being sorted 128 KiB   C page of the catalog 784 KiB',
      "    r run buffer 64 KiB            m module's data 64 KiB",
      '    t tables 20 KiB                f free frame 32 KiB',
      '    w window, free 44 KiB          . free page 780 KiB',
    ]);
  });
  test('map: in colours -> the same letters, and every row ends without one', () => {
    const coloured = mapOf(small, { ...PLAIN, hasColours: true }).lines;
    expect(coloured.map(stripVTControlCharacters)).toEqual(mapOf(small, PLAIN).lines);
    expect(coloured[0]).toContain('\u001b[30;46mLLLLLLLLLLLLLLLL\u001b[0m');
    for (const line of coloured.slice(0, 8)) expect(line.endsWith('\u001b[0m')).toBe(true);
  });
  test('map: fewer rows, other widths -> larger steps, never wider than the screen, who has most is shown', () => {
    for (const [columns, rowsMax, unit, rows] of [
      [80, 4, 8 * KIB, 4],
      [80, 1, 32 * KIB, 1],
      [200, 32, 4 * KIB, 4],
      [40, 32, 4 * KIB, 32],
      [20, 8, 16 * KIB, 8],
    ] as const) {
      const map = mapOf(small, { columns, rowsMax, hasColours: false });
      expect([columns, rowsMax, map.unit, map.lines.indexOf('')]).toEqual([columns, rowsMax, unit, rows]);
      for (const line of map.lines.slice(0, rows)) expect(line.length).toBeLessThan(Math.max(columns, 30));
    }
    expect(mapOf(small, { ...PLAIN, rowsMax: 1 }).lines[0]).toBe(
      `     0 MiB  mmLLFfWwrrNNNN${'C'.repeat(25)}${'.'.repeat(24)}t`,
    );
  });
  test('map: 8 MiB and 1 GiB -> 32 rows at most', () => {
    for (const mib of [8, 64, 1024]) {
      const pages: Span = ['free', mib * 256];
      const { lines } = mapOf(
        { bytes: mib * MIB, regions: regions(['pages', mib * MIB, 4 * KIB, pages]) },
        PLAIN,
      );
      expect(lines.indexOf('')).toBe(32);
      for (const line of lines) expect(line.length).toBeLessThan(80);
    }
  });
});

describe('ledger in words', () => {
  test('ledger: an agent -> its tables under each other, then the map', () => {
    const lines = ledgerOf(agent(), NOW, PLAIN).split('\n');
    expect(lines.slice(0, 27)).toEqual([
      'agent board-7: 24 MiB of its own (RssAnon), an arena of 2 MiB in it',
      '  pid 4711, this run 1 min, ever 1 d',
      '',
      '                             now     limit  this run      ever  at the limit',
      '    RssAnon               24 MiB    64 MiB    25 MiB    26 MiB',
      '    threads                    1         -         2         3',
      '',
      '  arena',
      '    frames                     3         4         3         4  evicts 12,345',
      '    window                20 KiB    64 KiB    20 KiB    64 KiB  evicts 12,345',
      '    listing              128 KiB   128 KiB   128 KiB   128 KiB  evicts 12,345',
      '    pages                    200       395       200       395  evicts 12,345',
      '',
      '  in flight',
      '    offers                     1        64         2         3  waits 9',
      '',
      '  on disk',
      '    catalog              576 KiB         -       2 B       3 B',
      '',
      '  catalog cache: 1,000 look-ups (99.0 % there), 1,234 pages written in 5',
      '    commits',
      '',
      '  arena, 4 KiB a character',
      ...mapOf(small, PLAIN).lines.slice(0, 4),
    ]);
  });
  test('ledger: whatever the figures -> under 80 columns', () => {
    const wide = {
      now: 1e12,
      limit: 1e12,
      thisRun: 1e12,
      ever: 1e12,
      whenFull: 'refuses',
      times: 4e9,
    } as const;
    const bytes = { ...wide, unit: 'bytes' } as const;
    const counts = { ...wide, now: 1_048_576, limit: 1_048_576, thisRun: 1_048_576, ever: 1_048_576 };
    const ledger = agent({ bounds: [row('a name of 18 bytes', counts)], disk: [row('staged', bytes)] });
    for (const text of [ledgerOf(ledger, NOW, PLAIN), ledgerOf(gateway, NOW, PLAIN)])
      for (const line of text.split('\n')) expect(line.length, line).toBeLessThan(80);
  });
  test('ledger: a screen of 24 rows -> what counts, and a smaller map, all of it on the screen', () => {
    const lines = ledgerOf(agent(), NOW, PLAIN, 24).split('\n');
    expect(lines.length).toBeLessThan(24);
    expect(lines[4]).toMatch(/RssAnon/);
    expect(lines.some(line => /^ +256 KiB|^ +0 KiB/.test(line))).toBe(true);
    expect(lines.at(-1)).toMatch(/free page/);
    expect(ledgerOf(agent(), NOW, PLAIN, 100)).toBe(ledgerOf(agent(), NOW, PLAIN));
  });
  test('ledger: a gateway -> its own tables, then each share with its arena', () => {
    const text = ledgerOf(gateway, NOW, PLAIN);
    expect(text).toMatch(
      /^gateway: 24 MiB of its own \(RssAnon\), with an arena for each of 2 plain copies$/m,
    );
    expect(text).toMatch(/^ {4}sessions +1 +4,096 +2 +3 {2}refuses 0$/m);
    expect(text.match(/^share \w+: an arena of 2 MiB$/gm)).toEqual([
      'share photos: an arena of 2 MiB',
      'share logs: an arena of 2 MiB',
    ]);
  });
});

describe('memory', () => {
  let root: string;
  let control: Control;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'toastbox-memory-'));
    control = await openControl(root, { memory: () => agent(), status: () => ({ kind: 'agent' }) });
  });
  afterEach(async () => {
    await control.close();
    rmSync(root, { recursive: true });
  });
  const run = async (env: NodeJS.ProcessEnv, columns: number | undefined, ...words: string[]) => {
    const [out, errors] = [new TestOut(columns), new TestOut()];
    const code = await main({
      words: ['memory', '--state', root, ...words],
      world: { env, directory: '/' },
      out,
      errors,
      program: '',
    });
    return { code, out: out.text, errors: errors.text };
  };

  test('memory: --json -> the ledger as it is, one line', async () => {
    const { code, out } = await run({}, undefined, '--json');
    expect(code).toBe(Exit.FINE);
    expect(out).toBe(`${JSON.stringify(agent())}\n`);
  });
  test('memory: a terminal -> coloured; a file, NO_COLOR or a dumb terminal -> letters only', async () => {
    expect((await run({}, 80)).out).toContain('\u001b[30;41m');
    for (const [env, columns] of [
      [{}, undefined],
      [{ NO_COLOR: '1' }, 80],
      [{ TERM: 'dumb' }, 80],
    ] as const) {
      const { out } = await run(env, columns);
      expect(out).toContain('LLLL');
      expect(out).not.toContain('\u001b');
    }
  });
  test('memory: nobody there -> exit 3 and what to do', async () => {
    await control.close();
    const { code, errors } = await run({}, undefined);
    expect(code).toBe(Exit.RUNNING);
    expect(errors).toContain('nothing is running on');
  });
});
