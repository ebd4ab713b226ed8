import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Control, openControl } from '../../agent/control.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { statesOf } from '../../cli/running/live.ts';
import { progressOf } from '../../cli/running/run.ts';
import { reportOf } from '../../cli/screen/report.ts';
import { TestOut } from './out.ts';
import { agent, gateway, NOW } from './statuses.ts';

describe('report', () => {
  test('report: an agent with nothing to do -> aligned, no advice', () => {
    expect(reportOf(agent(), NOW).split('\n')).toEqual([
      'agent board-7: idle, everything is in sync',
      '  folder      /home/pi/photos, share photos',
      '  link        up for 1 h 3 min: mqtt://broker.lan, MQTT 5',
      '  position    1,204 of 1,204',
      '  pending     up 0 (0 B), down 0 (0 B)',
      '  traffic     in 1.2 KiB, out 4.8 MiB',
      '  scan        10,233 seen, ended 2 min ago',
      '  watching    512 of 3,204 directories; the rest by a rescan every 10 min',
      '  arena       8 MiB, frames 1 of 10 (most 7)',
      '  process     pid 4711, toastbox 0.1.0, up for 2 h',
    ]);
  });
  test('report: who is watched, and pools that were full -> said', () => {
    const watching = (directories: number, of: number, budget = 512) =>
      reportOf(agent({ watching: { directories, of, budget, refused: 0, rescanSeconds: 3600 } }), NOW).match(
        / watching +(.*)/,
      )?.[1];
    expect(watching(3, 3)).toBe('all of 3 directories; a rescan every 1 h besides');
    expect(watching(8, 3, 8)).toBe('8 directories, no more than that; others by a rescan every 1 h');
    expect(watching(0, 3, 0)).toBe('nothing; a rescan every 1 h finds what changes');
    const { arena } = agent();
    const pools = [
      { ...arena.pools[0]!, waits: 12 },
      { name: 'pages', cells: 1700, cellBytes: 4096, taken: 1700, highWater: 1700, waits: 34_567 },
    ];
    expect(reportOf(agent({ arena: { ...arena, pools }, spills: 3 }), NOW)).toContain(
      [
        '  arena       8 MiB, frames 1 of 10 (most 7, 12 waits), pages 1,700 of 1,700',
        '              (most 1,700, 34,567 evicted), 3 parts of listings spilled',
      ].join('\n'),
    );
  });
  test('report: what a peer or a broker said, with controls -> acts on no terminal, adds no line', () => {
    const text = 'x\u001b[31m\n  link  up';
    const lines = (status: Parameters<typeof reportOf>[0]) => reportOf(status, NOW).split('\n');
    for (const [sane, odd] of [
      [agent({ lastError: { at: NOW, text: 'x' } }), agent({ lastError: { at: NOW, text } })],
      [gateway({ lastError: { at: NOW, text: 'x' } }), gateway({ lastError: { at: NOW, text } })],
    ] as const) {
      expect(lines(odd)).toHaveLength(lines(sane).length);
      expect(reportOf(odd, NOW)).toContain('x\\u{1b}[31m\\u{a}');
    }
  });
  test('report: each trouble -> its row and what to do', () => {
    const troubles: [Partial<AgentStatus>, RegExp, RegExp][] = [
      [
        {
          state: 'offline',
          link: { up: false, broker: 'mqtt://b', since: NOW - 5000, why: 'connection refused' },
        },
        / link +down for 5 s: mqtt:\/\/b: connection refused$/m,
        /-> Why the link is down stands with it/,
      ],
      [
        {
          state: 'offline',
          link: {
            up: false,
            broker: 'mqtt://b',
            since: NOW - 5000,
            why: 'mqtt://b:1883: nothing answers there',
          },
        },
        / link +down for 5 s: mqtt:\/\/b:1883: nothing answers there$/m,
        /-> Why the link is down stands with it/,
      ],
      [
        { state: 'offline', link: { up: false, broker: 'mqtt://b', since: NOW - 5000 } },
        / link +down for 5 s: mqtt:\/\/b$/m,
        /-> Is the broker running, and is mqtt:\/\/b right/,
      ],
      [{ state: 'offline' }, /^agent board-7: offline/, /-> The broker is there, the gateway is not/],
      [
        { state: 'trouble', lastError: { at: NOW - 1000, text: 'ENOSPC: the disk is full' } },
        / last error +\d\d:\d\d:\d\d: ENOSPC: the disk is full$/m,
        /-> The last error above names/,
      ],
      [
        { state: 'trouble', lastError: { at: NOW - 1000, text: 'opening the folder: CHANGED' } },
        / last error +\d\d:\d\d:\d\d: opening the folder: CHANGED$/m,
        /-> Another folder stands there/,
      ],
      [
        { conflicts: 3, conflictCopies: ['a.c-1', 'a.c-2'] },
        / conflicts +3\n +a\.c-1\n +a\.c-2\n +and 1 more$/m,
        /-> A conflict copy/,
      ],
      [{ skipped: 1 }, / skipped +1 name$/m, /-> Skipped are paths/],
      [{ malformed: 3 }, / dropped +3 malformed frames$/m, /-> Malformed frames/],
    ];
    for (const [more, row, advice] of troubles) {
      const report = reportOf(agent(more), NOW);
      expect(report).toMatch(row);
      expect(report).toMatch(advice);
    }
  });
  test('report: a gateway -> boards by share, how far each is, what is odd of it', () => {
    const report = reportOf(gateway(), NOW);
    expect(report.split('\n')).toEqual([
      'gateway: 1 share, 1 of 2 boards online',
      '  data        /var/lib/toastbox',
      '  folders     /srv/boards',
      '  link        up for 1 min: mqtt://127.0.0.1:1883, MQTT 3.1.1',
      '  broker      built in, at 127.0.0.1:1883, 3 clients',
      '  traffic     in 4.8 MiB, out 1.2 KiB',
      '  store       2.8 GiB',
      '  process     pid 4712, toastbox 0.1.0, up for 1 min',
      '',
      'share photos: 10,300 entries, 4.7 GiB, head 1,204',
      '  plain copy  idle, /srv/boards/photos',
      '  board       board-7, online, in sync',
      '  board       board-8, last heard 1 min 30 s ago, 4 changes behind, 1 malformed',
      '              frame, 3 times other bytes than offered',
    ]);
    expect(reportOf(gateway({ store: { bytes: 1, lostBlocks: 2 } }), NOW)).toMatch(
      / damaged +2 blocks: toastbox verify names the files$/m,
    );
    expect(reportOf(gateway({ boards: [], folders: [] }), NOW)).toContain('-> No board has been here yet.');
  });
  test('report: whatever the figures -> under 80 columns, but for words that are longer', () => {
    const wide = agent({
      folder: `/${'x'.repeat(20)}`,
      lastError: { at: NOW, text: 'word '.repeat(40) },
      pending: { up: 1e12, down: 1e12, bytesUp: 1e15, bytesDown: 1e15 },
    });
    for (const line of reportOf(wide, NOW).split('\n')) expect(line.length).toBeLessThan(80);
  });
  test("report: a gateway's progress -> of the plain copy with the most left, its share named", () => {
    const progress = (left: number) =>
      ({ doing: 'down', path: 'a', bytesDone: 0, bytesTotal: left, filesDone: 0, filesTotal: 1 }) as const;
    const folders = [5, 9, 7].map(left => ({
      ...gateway().folders[0]!,
      share: `s${left}`,
      agent: agent({ progress: progress(left) }),
    }));
    expect(progressOf(gateway({ folders }))).toEqual({ ...progress(9), path: 's9/a' });
    expect(progressOf(gateway())).toBeUndefined();
  });
});

describe('status', () => {
  let root: string;
  let opened: Control[];
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'toastbox-status-'));
    opened = [];
  });
  afterEach(async () => {
    for (const control of opened) await control.close();
    rmSync(root, { recursive: true });
  });
  const answer = async (state: string, status: unknown) =>
    opened.push(await openControl(state, { status: () => status }));
  const run = async (directory: string, ...words: string[]) => {
    const [out, errors] = [new TestOut(), new TestOut()];
    const code = await main({
      words: ['status', ...words],
      world: { env: {}, directory },
      out,
      errors,
      program: '',
    });
    return { code, out: out.text, errors: errors.text };
  };
  const none = {
    folder: undefined,
    data: undefined,
    state: undefined,
    config: undefined,
    json: false,
    watch: false,
  };

  test('status: asked by folder, data, state, or from inside the folder -> the same answer', async () => {
    const state = join(root, 'f', '.toastbox');
    await answer(state, agent());
    mkdirSync(join(root, 'f', 'deep', 'inside'), { recursive: true });
    const runs = [
      await run('/', '--folder', join(root, 'f'), '--json'),
      await run('/', '--state', state, '--json'),
      await run('/', '--data', state, '--json'),
      await run(join(root, 'f'), '--json'),
      await run(join(root, 'f', 'deep', 'inside'), '--json'),
    ];
    for (const one of runs)
      expect(one).toEqual({ code: Exit.FINE, out: `${JSON.stringify(agent())}\n`, errors: '' });
  });
  test('status: beside the demo -> the board and the gateway', async () => {
    await answer(join(root, 'toastbox-demo', 'board', '.toastbox'), agent());
    await answer(join(root, 'toastbox-demo', 'gateway-data'), gateway());
    const { code, out } = await run(root);
    expect(code).toBe(Exit.FINE);
    expect(out).toMatch(/^agent board-7:.*\n\ngateway: /s);
    const lines = (await run(root, '--json')).out.trim().split('\n');
    expect(lines.map(line => JSON.parse(line).kind)).toEqual(['agent', 'gateway']);
  });
  test('status: the directory closest by -> is asked, and a data directory from inside it', () => {
    mkdirSync(join(root, 'a', '.toastbox'), { recursive: true });
    mkdirSync(join(root, 'a', 'b', '.toastbox'), { recursive: true });
    mkdirSync(join(root, 'a', 'b', 'toastbox-demo'));
    expect(statesOf(none, join(root, 'a', 'b'))).toEqual([join(root, 'a', 'b', '.toastbox')]);
    expect(statesOf(none, join(root, 'a'))).toEqual([join(root, 'a', '.toastbox')]);
    expect(statesOf({ ...none, data: '/d' }, join(root, 'a'))).toEqual(['/d']);
  });
  test('status: nobody there -> exit 3 and what to do', async () => {
    const { code, out, errors } = await run(root, '--data', root);
    expect([code, out]).toEqual([Exit.RUNNING, '']);
    expect(errors.split('\n')[0]).toBe(`toastbox: nothing is running on ${root}`);
    expect(errors).toContain('toastbox help agent');
  });
  test('status: asked before there is anything to say -> exit 1, try again', async () => {
    await answer(root, undefined);
    const { code, errors } = await run('/', '--state', root);
    expect([code, errors]).toEqual([
      Exit.FAILED,
      `toastbox: ${root}: it is starting\n  try again in a moment\n`,
    ]);
  });
  test('status: an answer that is no status -> exit 1, no stack of another program', async () => {
    await answer(root, { kind: 'teapot' });
    const { code, errors } = await run(root, '--state', root);
    expect([code, errors]).toEqual([Exit.FAILED, `toastbox: ${root}: answered something else\n`]);
  });
});
