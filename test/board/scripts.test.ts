// The scripts that start and keep a board, as far as a shell can run them anywhere: by Debian's dash, whose language is
// busybox's. On a board they run in test/system/board.test.ts.

import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../board/places.ts';
import { takeCard } from '../../cli/card/take.ts';
import { play as playIn, SCRIPTS } from './play.ts';

const place = mkdtempSync(join(tmpdir(), 'toastbox-scripts-'));
afterAll(() => rmSync(place, { recursive: true }));

describe('scripts', () => {
  test.each([...readdirSync(SCRIPTS).map(name => join(SCRIPTS, name)), join(ROOT, 'board/initramfs/init')])(
    '%s -> a shell reads it',
    script => {
      execFileSync('sh', ['-n', script]);
    },
  );
});

const play = (script: string, programs: Record<string, string>, words: string[] = []) =>
  playIn(place, script, programs, words);

describe('scripts: card', () => {
  const programs = { mount: 'echo mount "$@"', sync: '', toastbox: 'echo "taken $*"' };
  const [boot, kept] = [join(place, 'boot'), join(place, 'data/board')];

  test('a card that is as it was -> Node is not started, the card stays read-only', () => {
    for (const directory of [boot, kept]) mkdirSync(directory, { recursive: true });
    writeFileSync(join(boot, 'toastbox.toml'), 'broker = "mqtts://b"\nname = "b"\nca-file = "my ca.pem"\n');
    const words = 'req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /dev/null -out'.split(' ');
    execFileSync('openssl', [...words, 'my ca.pem'], { cwd: boot, stdio: 'ignore' });
    takeCard(join(boot, 'toastbox.toml'), kept);
    expect(play('card', programs)).toBe('');
  });

  test.each(['boot/toastbox.toml', 'boot/my ca.pem', 'data/board/my ca.pem', 'data/board/agent.toml'])(
    '%s changed or is gone -> taken, writable for that long',
    name => {
      const file = join(place, name);
      const was = readFileSync(file);
      for (const spoil of [() => writeFileSync(file, `${was}\n`), () => rmSync(file)]) {
        spoil();
        if (existsSync(join(boot, 'toastbox.toml')))
          expect(play('card', programs).split('\n')).toEqual([
            expect.stringMatching(/^mount -o remount,rw/),
            expect.stringMatching(/^taken card --card \S+ --kept \S+$/),
            expect.stringMatching(/^mount -o remount,ro/),
            '',
          ]);
      }
      writeFileSync(file, was);
      expect(play('card', programs)).toBe('');
    },
  );

  test('a mistake -> said, kept for the status, and that the last good settings stay', () => {
    writeFileSync(join(boot, 'toastbox.toml'), 'pasword = "x"');
    const said = play('card', { ...programs, toastbox: 'echo "toastbox: no key pasword" >&2; exit 2' });
    expect(said).toMatch(/no key pasword\nboard: the last good settings stay in use/);
    expect(readFileSync(join(place, 'run/board/mistake'), 'utf8')).toBe('toastbox: no key pasword\n');
  });

  test('a card that cannot be written -> said and kept for the status, but not that the last settings stay', () => {
    const said = play('card', { ...programs, toastbox: 'echo "toastbox: read-only" >&2; exit 4' });
    expect(said).toMatch(/toastbox: read-only\nboard: .* not taken to the end \(4\)/);
    expect(said).not.toContain('last good');
    expect(existsSync(join(place, 'run/board/mistake'))).toBe(true);
  });

  test('a warning beside settings that were taken -> said, and no mistake', () => {
    expect(play('card', { ...programs, toastbox: 'echo "a warning" >&2' })).toMatch(/a warning\n$/);
    expect(existsSync(join(place, 'run/board/mistake'))).toBe(false);
  });
});

describe('scripts: net', () => {
  const sys = join(place, 'sys/class/net');
  const index = `${sys}/eth7/ifindex`;
  const until = (what: string) => `for i in $(seq 200); do ${what} && break; /bin/sleep 0.05; done`;
  const RUNS = until(`{ [ -s ${place}/data/board/network ] || [ -e ${place}/udhcpc ]; }`);
  const GOES = `echo $(($(cat ${index}) + 1)) >${index}`;
  const programs = {
    drivers: `echo drivers; [ ! -e ${sys}/waited ] || { mkdir -p ${sys}/eth7/device; echo 7 >${index}; }`,
    // In the first of the long rests the card goes, and another of its name comes.
    sleep: `echo "sleep $1"; : >${sys}/waited; [ $1 = 1 ] || { ${RUNS}; ${GOES}; }`,
    ip: 'echo "ip $*"',
    udhcpc: `trap "echo asked >>${place}/asked" USR1; trap 'kill $!; exit' TERM
tail -f /dev/null & echo $$ >${place}/udhcpc; while :; do wait; done`,
    hostname: '',
  };

  test('a card that is seconds late -> a driver is looked for meanwhile, and it gets an address', () => {
    rmSync(sys, { recursive: true, force: true });
    const said = play('net', programs).split('\n');
    expect(said.slice(0, 5)).toEqual(['drivers', 'sleep 1', 'drivers', 'sleep 1', 'ip link set eth7 up']);
    expect(existsSync(join(place, 'udhcpc'))).toBe(true);
  });

  test.each(['', 'address=10.0.0.7/8\n'])(
    'a card that goes and comes back, by %j -> it ends, to be started again, and leaves no udhcpc behind',
    network => {
      writeFileSync(join(place, 'data/board/network'), network);
      rmSync(join(place, 'udhcpc'), { force: true });
      expect(play('net', programs)).toMatch(/sleep 10\nboard: eth7 is gone, or its udhcpc\n$/);
      if (network !== '') return;
      const isGone = `! kill -0 $(cat ${place}/udhcpc)`;
      execFileSync('sh', ['-c', `${until(isGone)}; ${isGone}`], { stdio: 'ignore' });
    },
  );

  test.each([
    ['', 'asked\nasked\n'],
    ['address=10.0.0.7/8\n', ''],
  ])('a cable that goes and comes, by %j -> asks once a turn whether the address holds', (network, asked) => {
    writeFileSync(join(place, 'data/board/network'), network);
    for (const name of ['udhcpc', 'asked', 'turns']) rmSync(join(place, name), { force: true });
    const count = `${sys}/eth7/carrier_up_count`;
    writeFileSync(count, '1\n');
    const lines = (want: number) =>
      network === '' ? until(`[ "$(cat ${place}/asked | wc -l)" = ${want} ]`) : ':';
    // It was away twice within a turn, then once.
    const turns = [RUNS, `echo 3 >${count}`, lines(1), `echo 4 >${count}`, lines(2), GOES];
    const cases = turns.map((turn, at) => `${at + 1}) ${turn} ;;`).join('\n');
    const sleep = `echo >>${place}/turns; case $(wc -l <${place}/turns) in\n${cases}\nesac`;
    writeFileSync(join(place, 'asked'), '');
    expect(play('net', { ...programs, sleep })).toMatch(/is gone, or its udhcpc\n$/);
    expect(readFileSync(join(place, 'asked'), 'utf8')).toBe(asked);
  });

  test('no DHCP server answers -> said once, and again when one has answered since', () => {
    const said = (event: string) => {
      rmSync(join(place, 'dev/console'), { force: true });
      play('lease', { ip: '' }, [event]);
      const console = join(place, 'dev/console');
      return existsSync(console) ? readFileSync(console, 'utf8') : '';
    };
    const NONE = expect.stringContaining('no DHCP server answers');
    const events = ['deconfig', 'leasefail', 'leasefail', 'bound', 'renew', 'leasefail'];
    expect(events.map(said)).toEqual(['', NONE, '', expect.stringContaining('by DHCP'), '', NONE]);
  });
});

describe('scripts: keep', () => {
  /** Lives of an agent that ends with these codes, one after the other, each after so many seconds. */
  const keep = (codes: string, seconds = '') => {
    const uptime = join(place, 'proc/uptime');
    writeFileSync(uptime, '1000.00 0\n');
    writeFileSync(join(place, 'data/board/agent.toml'), '');
    for (const name of ['lives', 'run/board/pulse', 'run/board/trial'])
      rmSync(join(place, name), { force: true });
    const life = `echo >>${place}/lives; n=$(wc -l <${place}/lives); code=$(echo ${codes} | cut -d" " -f$n)`;
    const lived = `s=$(echo ${seconds} | cut -d" " -f$n); echo $(($(cut -d. -f1 ${uptime}) + s)).00 0 >${uptime}`;
    const toastbox = `${life}; ${lived}; echo "life, on trial until $(cat ${place}/run/board/trial)"; exit $code`;
    const sleep = `echo "rest $1"; [ $(wc -l <${place}/lives) -lt ${codes.split(' ').length} ] || kill $PPID`;
    return play('keep', { toastbox, sleep })
      .split('\n')
      .filter(line => /^(life|rest)/.test(line));
  };

  test('an agent that ends again and again -> rests grow, then each life is on trial', () => {
    const rests = [1, 2, 4, 8, 16, 32].flatMap(rest => ['life, on trial until ', `rest ${rest}`]);
    const trials = ['life, on trial until 1090', 'rest 60'];
    expect(keep('1 1 3 1 137 1 1 1')).toEqual([...rests, ...trials, ...trials]);
    expect(existsSync(join(place, 'run/board/pulse'))).toBe(false);
  });

  test('an agent that lived for five minutes -> rests begin anew', () => {
    const rests = keep('1 1 1 1 1', '0 299 0 300 0').filter(line => line.startsWith('rest'));
    expect(rests).toEqual(['rest 1', 'rest 2', 'rest 4', 'rest 1', 'rest 2']);
  });

  test.each(['', 'toastbox: no key pasword\n'])(
    'no settings, for the mistake %j -> said each minute',
    mistake => {
      rmSync(join(place, 'data/board/agent.toml'), { force: true });
      writeFileSync(join(place, 'run/board/mistake'), mistake);
      const said = play('keep', { sleep: 'echo "rest $1"; kill $PPID' });
      expect(said).toMatch(/board: no settings yet: edit toastbox.toml .*\nrest 60\n$/);
      expect(said.startsWith(mistake || 'board:')).toBe(true);
    },
  );

  test('the board stops -> the agent that ends for it is not started again', () => {
    const stopping = join(place, 'run/board/stopping');
    writeFileSync(join(place, 'data/board/agent.toml'), '');
    const said = play('keep', { toastbox: `echo life; : >${stopping}`, sleep: '' });
    expect(said).toMatch(/^life\nboard: the agent ended with 0.*\n$/);
    rmSync(stopping);
    expect(play('stop', { pidof: 'exit 1', umount: 'echo umount "$@"' })).toBe('umount /data /boot\n');
    expect(play('keep', { toastbox: 'echo life' })).toBe('');
    rmSync(stopping);
  });

  test('the board stops -> the data partition is left once the agent has ended, or after 20 s', () => {
    const stop = (turns: number) => {
      const slept = join(place, 'slept');
      rmSync(slept, { force: true });
      const { pid } = spawn('sleep', ['60']);
      const agent = `[ $(cat ${slept} 2>/dev/null | wc -l) -lt ${turns} ] && echo ${pid}`;
      const sleep = `echo x >>${slept}; echo rest`;
      return play('stop', { umount: 'echo umount "$@"', sleep, pidof: agent });
    };
    expect(stop(3)).toBe('rest\nrest\nrest\numount /data /boot\n');
    expect(stop(1000)).toBe(`${'rest\n'.repeat(20)}umount /data /boot\n`);
    rmSync(join(place, 'run/board/stopping'));
  });

  test('a disk that is full -> the same, and it is tried again as soon as after any end', () => {
    expect(keep('4 4')).toEqual(['life, on trial until ', 'rest 1', 'life, on trial until ', 'rest 2']);
    expect(existsSync(join(place, 'run/board/pulse'))).toBe(true);
  });

  test('a mistake in the settings -> the pulse is touched and counts, for no reboot mends it', () => {
    expect(keep('2 2')).toEqual(['life, on trial until ', 'rest 60', 'life, on trial until 1090', 'rest 60']);
    expect(existsSync(join(place, 'run/board/pulse'))).toBe(true);
    expect(existsSync(join(place, 'run/board/trial'))).toBe(false);
  });
});
