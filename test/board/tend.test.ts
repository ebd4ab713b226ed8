// The script that feeds a board's watchdog and minds its clock, turn by turn: time is a file here, and sleep ends it.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { play } from './play.ts';

const place = mkdtempSync(join(tmpdir(), 'toastbox-tend-'));
afterAll(() => rmSync(place, { recursive: true }));
const at = (name: string) => join(place, name);

const TURN = `echo turn; echo >>${at('turns')}; [ $(wc -l <${at('turns')}) -lt TURNS ] || kill $PPID`;
const ERRORS = 'sys/fs/ext4/vda3/errors_count';
const PROGRAMS = {
  date: `case $1 in +%s) cat ${at('now')} ;; -s) echo \${2#@} >${at('now')} ;; *) echo then ;; esac`,
  timeout: 'shift; exec "$@"',
};

beforeEach(() => {
  for (const name of ['run', 'data', 'etc', 'dev', 'proc', 'sys', 'turns'])
    rmSync(at(name), { recursive: true, force: true });
  for (const name of ['run/board', 'data/board', 'etc/board', 'dev', 'proc', 'sys/fs/ext4/vda3'])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at('etc/board/built'), '1000\n');
  writeFileSync(at('now'), '2000\n');
  writeFileSync(at('dev/watchdog'), '');
  writeFileSync(at('proc/cmdline'), '');
  writeFileSync(at('proc/mounts'), '/dev/vda2 / ext4 ro 0 0\n/dev/vda3 /data ext4 rw 0 0\n');
  for (const name of [ERRORS, 'run/board/errors']) writeFileSync(at(name), '0\n');
  writeFileSync(at('proc/uptime'), '50.00 0\n');
});

/** What it says in so many turns, a line `turn` at the end of each. */
const tend = (turns: number, programs: Readonly<Record<string, string>> = {}, constants = {}): string[] => {
  const sleep = TURN.replace('TURNS', String(turns));
  return play(place, 'tend', { ...PROGRAMS, sleep, ...programs }, [], constants).split('\n');
};

const again = () => rmSync(at('turns'));
const fed = () => readFileSync(at('dev/watchdog'), 'utf8').length;

test('tend: time servers that say nothing -> one a turn, so that the watchdog never waits for two', () => {
  writeFileSync(at('run/board/ntp'), 'one two\n');
  writeFileSync(at('data/board/network'), 'time_server=three\n');
  const said = tend(14, { rdate: 'echo "asked $2"; exit 1' });
  const round = ['asked one', 'turn', 'asked two', 'turn', 'asked three', 'turn'];
  const rest = Array.from({ length: 9 }, () => 'turn');
  expect(said.slice(0, 17)).toEqual(['turn', ...round, ...rest, 'asked one']);
});

test.each([
  ['server', [1, 25, 49]],
  ['chip', []],
])('tend: a clock by %s, three days -> a time server is asked so often', (by, asked) => {
  writeFileSync(at('run/board/ntp'), 'one\n');
  if (by === 'chip') writeFileSync(at('run/board/clock-from'), 'chip\n');
  const said = tend(60, { rdate: 'echo asked' }, { DAY: 24 }).filter(line => /^(asked|turn)$/.test(line));
  const turns = said.flatMap((line, index) =>
    line === 'asked' ? [said.slice(0, index).filter(other => other === 'turn').length] : [],
  );
  expect(turns).toEqual(asked);
});

test('tend: whatever is left of it when it dies -> does not hold the watchdog', () => {
  expect(tend(1, { sleep: '[ ! -e /proc/self/fd/3 ] || echo held; kill $PPID' })).toEqual(['']);
});

test('tend: a time server that tells 1970 -> the clock goes on as it was, and the next one is asked', () => {
  writeFileSync(at('run/board/ntp'), 'wrong right\n');
  const sets = (time: number) => `echo ${time} >${at('now')}`;
  const rdate = `[ $2 = right ] && ${sets(5000)} && exit; ${sets(7)}; echo 53.00 0 >${at('proc/uptime')}`;
  const said = tend(3, {
    rdate,
    touch: `echo "saved at $(cat ${at('now')})"`,
    sleep: `cat ${at('now')}; ${TURN.replace('TURNS', '3')}`,
  });
  expect(said).toEqual([
    ...['2000', 'turn', expect.stringMatching(/time server wrong .* put back/), '2003', 'turn'],
    ...['saved at 5000', expect.stringMatching(/set by time server right/), '5000', 'turn', ''],
  ]);
});

test.each(['missing', 'not to be opened'])(
  'tend: a watchdog that is %s -> said once, and the clock is minded',
  kind => {
    rmSync(at('dev/watchdog'));
    if (kind !== 'missing') mkdirSync(at('dev/watchdog'));
    writeFileSync(at('run/board/ntp'), 'one');
    const said = tend(3, { rdate: 'echo asked; exit 1' }).filter(line => !line.includes('annot create'));
    expect(said).toEqual(['board: no watchdog', 'turn', 'asked', 'turn', 'turn', '']);
  },
);

test('tend: an agent that touches its pulse -> fed; on trial -> not once the pulse is stale, until it has lasted', () => {
  const stat = `echo pulse >>${at('pulses')}; wc -l <${at('pulses')}`;
  writeFileSync(at('proc/cmdline'), 'quiet toastbox.stale=15');
  tend(8, { stat });
  expect(fed()).toBe(8);
  again();
  writeFileSync(at('run/board/trial'), '60\n');
  expect(tend(8, { stat })).toContain('board: no good pulse of the agent for 30 s: the watchdog is not fed');
  expect(fed()).toBe(2);
  again();
  writeFileSync(at('proc/uptime'), '60.00 0\n');
  tend(8, { stat });
  expect(fed()).toBe(8);
});

test('tend: the data partition had an error since before its mount -> not fed, whenever tend started', () => {
  const SAID = expect.stringMatching(/^board: the data partition had an error/);
  const sleep = `[ $(wc -l <${at('turns')}) -ne 1 ] || echo 1 >${at(ERRORS)}; ${TURN.replace('TURNS', '8')}`;
  writeFileSync(at('turns'), '');
  const turns = (count: number) => Array.from({ length: count }, () => 'turn');
  expect(tend(8, { sleep })).toEqual([...turns(6), SAID, ...turns(2), '']);
  expect(fed()).toBe(2);
  again();
  expect(tend(1)).toEqual([SAID, 'turn', '']);
  expect(fed()).toBe(0);
});

test('tend: errors that are older than the mount, or a kernel that counts none -> fed', () => {
  for (const name of [ERRORS, 'run/board/errors']) writeFileSync(at(name), '3\n');
  tend(2);
  expect(fed()).toBe(2);
  again();
  rmSync(at(ERRORS));
  tend(2);
  expect(fed()).toBe(2);
});
