import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Pulse, STUCK_MS } from '../../agent/pulse.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { beat, lineOf } from '../../cli/running/beat.ts';
import { agent, gateway, NOW } from './statuses.ts';

const down = { up: false, broker: 'mqtt://broker.lan', since: NOW, why: 'nothing answers there' };
const pending = { up: 3, down: 0, bytesUp: 5000, bytesDown: 0 };

/** Judged twice, `ms` apart. */
const laterWell = (status: Partial<AgentStatus>, then: Partial<AgentStatus> = status, ms = STUCK_MS) => {
  const pulse = new Pulse();
  expect(pulse.isWell(agent(status), 1_000)).toBe(true);
  return pulse.isWell(agent(then), 1_000 + ms);
};

describe('pulse', () => {
  test('pulse: work, and nothing moves -> not well after STUCK_MS, and not before', () => {
    const stuck = { state: 'syncing', pending } as const;
    expect(laterWell(stuck, stuck, STUCK_MS - 1)).toBe(true);
    expect(laterWell(stuck)).toBe(false);
    for (const state of ['starting', 'scanning'] as const) expect(laterWell({ state })).toBe(false);
  });

  test.each<[string, Partial<AgentStatus>]>([
    ['a file less is pending', { pending: { ...pending, up: 2 } }],
    ['bytes came', { bytes: { in: 2000, out: 5_000_000 } }],
    ['bytes went', { bytes: { in: 1234, out: 5_000_100 } }],
    ['a change was made durable', { settled: 1205 }],
    ['more was read', { scan: { running: true, seen: 10_300, read: 1 } }],
    ['a try failed anew', { lastError: { at: NOW + 1, text: 'ENOSPC' } }],
    [
      'the long file goes on',
      { progress: { doing: 'up', path: 'x', bytesDone: 9, bytesTotal: 90, filesDone: 0, filesTotal: 1 } },
    ],
  ])('pulse: work, and %s -> well', (_, then) => {
    const before = { state: 'syncing', pending } as const;
    expect(laterWell(before, { ...before, ...then })).toBe(true);
  });

  test('pulse: nothing to do, or trouble that no start heals -> well for ever', () => {
    for (const state of ['idle', 'trouble'] as const)
      expect(laterWell({ state }, { state }, 30 * 86_400_000)).toBe(true);
  });

  test('pulse: link down -> well while connections are begun, not well when none is', () => {
    const offline = (tries: number) => ({ state: 'offline', link: { ...down, tries } }) as const;
    expect(laterWell(offline(7), offline(8))).toBe(true);
    expect(laterWell(offline(7))).toBe(false);
  });

  test('pulse: moving again after it was not well -> well', () => {
    const pulse = new Pulse();
    const stuck = agent({ state: 'syncing', pending });
    expect([0, STUCK_MS].map(now => pulse.isWell(stuck, now))).toEqual([true, false]);
    expect(pulse.isWell({ ...stuck, settled: 1205 }, STUCK_MS + 1)).toBe(true);
  });
});

describe('beat', () => {
  let place: string;
  let stop = () => {};
  const warnings: string[] = [];
  const warn = (text: string) => void warnings.push(text);
  beforeEach(() => {
    place = mkdtempSync(join(tmpdir(), 'toastbox-beat-'));
    warnings.length = 0;
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    stop();
    vi.useRealTimers();
    rmSync(place, { recursive: true });
  });

  test('beat: a file -> touched while all is well, left alone while it is not, which is said once', () => {
    const file = join(place, 'pulse');
    let status = agent();
    stop = beat({ file, env: {}, warn }, () => status);
    expect(readFileSync(file, 'utf8')).toBe('board-7: idle, everything is in sync\n');
    const isTouched = () => {
      rmSync(file, { force: true });
      vi.advanceTimersByTime(10_000);
      return existsSync(file);
    };
    expect(isTouched()).toBe(true);
    status = agent({ state: 'syncing', pending });
    expect(isTouched()).toBe(true);
    vi.advanceTimersByTime(STUCK_MS);
    expect([isTouched(), isTouched()]).toEqual([false, false]);
    expect(warnings).toHaveLength(1);
    status = agent();
    expect(isTouched()).toBe(true);
  });

  test('beat: a file that cannot be written -> said once, nothing ends', () => {
    stop = beat({ file: join(place, 'gone', 'pulse'), env: {}, warn }, agent);
    vi.advanceTimersByTime(60_000);
    expect(warnings).toEqual([expect.stringMatching(/^--pulse: ENOENT/)]);
  });

  test('beat: systemd listens -> READY once, then WATCHDOG three times in its period, no password to the child', async () => {
    const told = join(place, 'told');
    const notify = join(place, 'systemd-notify');
    writeFileSync(
      notify,
      `#!/bin/sh\nfor word; do echo "$word"; done >>${told}; echo "$TOASTBOX_PASSWORD" >>${told}; echo . >>${told}\n`,
    );
    chmodSync(notify, 0o755);
    const env = {
      ...{ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '300000000', WATCHDOG_PID: String(process.pid) },
      ...{ PATH: `${place}:${process.env.PATH}`, TOASTBOX_PASSWORD: 'hunter2' },
    };
    stop = beat({ file: undefined, env, warn }, agent);
    const words = () => {
      const text = existsSync(told) ? readFileSync(told, 'utf8') : '';
      const all = text.split('.\n').slice(0, -1);
      return all.map(each => each.trim().split('\n'));
    };
    const until = async (isThere: () => boolean) => {
      while (!isThere()) await new Promise(resolve => setTimeout(resolve, 5));
    };
    const line = 'STATUS=board-7: idle, everything is in sync';
    await until(() => words().length === 1);
    expect(words()).toEqual([['READY=1', 'WATCHDOG=1', line]]);
    vi.advanceTimersByTime(99_000);
    expect(words()).toHaveLength(1);
    // One that is still on its way puts the next off by a beat.
    await until(() => {
      vi.advanceTimersByTime(10_000);
      return words().length > 1;
    });
    expect(words()[1]).toEqual(['WATCHDOG=1', line]);
  });

  test('beat: a word that systemd did not get -> READY again at the next beat, until it got one', async () => {
    const told = join(place, 'told');
    writeFileSync(join(place, 'systemd-notify'), `#!/bin/sh\necho "$1" >>${told}; [ -e ${place}/well ]\n`);
    chmodSync(join(place, 'systemd-notify'), 0o755);
    const env = { NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '300000000', PATH: `${place}:${process.env.PATH}` };
    stop = beat({ file: undefined, env, warn }, agent);
    const words = () => (existsSync(told) ? readFileSync(told, 'utf8').trim().split('\n') : []);
    const beatUntil = async (count: number) => {
      while (words().length < count) {
        await new Promise(resolve => setTimeout(resolve, 5));
        vi.advanceTimersByTime(10_000);
      }
    };
    await beatUntil(2);
    writeFileSync(join(place, 'well'), '');
    while (words().at(-1) === 'READY=1') await beatUntil(words().length + 1);
    expect(words().slice(0, 2)).toEqual(['READY=1', 'READY=1']);
    expect(words().at(-1)).toBe('WATCHDOG=1');
  });

  test('beat: no process can be had for a word -> said, and tried at the next beat', () => {
    // Too long for any program: spawn throws, as it does for want of memory.
    writeFileSync(join(place, 'systemd-notify'), '');
    chmodSync(join(place, 'systemd-notify'), 0o755);
    const env = { NOTIFY_SOCKET: '/'.repeat(200_000), WATCHDOG_USEC: '300000000', PATH: place };
    stop = beat({ file: undefined, env, warn }, agent);
    vi.advanceTimersByTime(10_000);
    expect(warnings).toEqual(Array(2).fill(expect.stringMatching(/^systemd-notify: .*E2BIG/)));
  });

  test('beat: a gateway -> well while each of its plain copies is; its line counts shares and boards', () => {
    const file = join(place, 'pulse');
    const stuck = agent({ state: 'syncing', pending });
    const [share] = gateway().folders;
    const both = gateway({ folders: [share!, { ...share!, share: 'logs', agent: stuck }] });
    stop = beat({ file, env: {}, warn }, () => both);
    expect(readFileSync(file, 'utf8')).toBe(`${lineOf(both)}\n`);
    expect(lineOf(both)).toMatch(/^2 shares, \d boards? online$/);
    vi.advanceTimersByTime(STUCK_MS);
    rmSync(file);
    vi.advanceTimersByTime(10_000);
    expect(existsSync(file)).toBe(false);
  });
});
