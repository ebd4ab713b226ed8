import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../agent/version.ts';
import { Exit, exitOf, failureOf, portFailureOf } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { commandHelp, generalHelp } from '../../cli/options/help.ts';
import { type Kind, read, timeOf, Wrong } from '../../cli/options/kinds.ts';
import { COMMAND_NAMES, envOf, optionsOf } from '../../cli/options/table.ts';
import { bytesText, clockText, countText, durationText } from '../../cli/screen/figures.ts';
import { WRAP_COLUMNS, wrap } from '../../cli/screen/wrap.ts';
import { nearest } from '../../cli/settings/nearest.ts';
import { TestOut } from './out.ts';

const run = async (...words: string[]) => {
  const [out, errors] = [new TestOut(), new TestOut()];
  const code = await main({ words, world: { env: {}, directory: '/' }, out, errors, program: '/none' });
  return { code, out: out.text, errors: errors.text };
};
const as =
  (kind: Kind, bounds = {}) =>
  (text: string) => {
    const value = read(kind, text, bounds, '/here');
    return value instanceof Wrong ? 'wrong' : value;
  };

describe('kinds', () => {
  test('kinds: sizes with and without units -> bytes', () => {
    const sizes = ['0', '512', '512B', '1K', '512KiB', '8MiB', '8 mib', '2g', '1GiB'];
    expect(sizes.map(as('size'))).toEqual([0, 512, 512, 1024, 2 ** 19, 2 ** 23, 2 ** 23, 2 ** 31, 2 ** 30]);
    expect(['', '8MB', '8.5MiB', '-1', '0x10', 'MiB', '1e3', '99999999GiB'].map(as('size'))).toEqual(
      Array(8).fill('wrong'),
    );
  });
  test('kinds: a size outside its bounds -> refused with the bound', () => {
    expect(
      ['2097151', '2097152', '1GiB', '1073741825'].map(as('size', { least: 2 ** 21, most: 2 ** 30 })),
    ).toEqual(['wrong', 2 ** 21, 2 ** 30, 'wrong']);
    expect(read('size', '1', { least: 2 ** 21 }, '/')).toEqual(new Wrong('is too small: the least is 2 MiB'));
  });
  test('kinds: durations -> seconds', () => {
    expect(['90', '90s', '10m', '10min', '1h', '2d', '1.5h', '1w'].map(as('duration'))).toEqual([
      90,
      90,
      600,
      600,
      3600,
      172_800,
      'wrong',
      'wrong',
    ]);
  });
  test('kinds: times -> a moment; to the second its end; without a day the last one', () => {
    const now = new Date(2026, 10, 22, 12, 0, 30).getTime();
    const local = (...parts: [number, number, number, number?, number?, number?, number?]) =>
      new Date(...parts).getTime();
    const times: [string, number | undefined][] = [
      ['2026-11-22', local(2026, 10, 22)],
      ['2026-11-22 09:30', local(2026, 10, 22, 9, 30)],
      ['2026-11-22T09:30:05', local(2026, 10, 22, 9, 30, 5, 999)],
      ['2026-11-22T09:30:05.250', local(2026, 10, 22, 9, 30, 5, 250)],
      ['2026-11-22T09:30:05.250Z', Date.UTC(2026, 10, 22, 9, 30, 5, 250)],
      ['2026-11-22T09:30+01:00', Date.UTC(2026, 10, 22, 8, 30)],
      ['11:59', local(2026, 10, 22, 11, 59)],
      ['12:01', local(2026, 10, 21, 12, 1)],
      ['2h', now - 7_200_000],
      ['2 d', now - 172_800_000],
      ...['', 'now', '2026', '22.11.2026', '2026-13-01', '25:00', '9:30', '1w', '2026-11-22T', 'Z'].map(
        (text): [string, undefined] => [text, undefined],
      ),
    ];
    expect(times.map(([text]) => [text, timeOf(text, now)])).toEqual(times);
  });
  test('kinds: a time of day in any zone -> the last one, whatever the time here', () => {
    for (let hour = 0; hour < 24; hour++) {
      const now = Date.UTC(2026, 10, 22, hour, 30);
      for (const zone of ['Z', '+14:00', '-12:00', '+05:30']) {
        const at = timeOf(`03:00${zone}`, now)!;
        expect(at).toBeLessThanOrEqual(now);
        expect(now - at).toBeLessThan(86_400_000);
        expect(Math.abs(at - Date.parse(`2026-11-22T03:00${zone}`)) % 86_400_000).toBe(0);
      }
    }
  });
  test('kinds: a day that there is not -> refused', () => {
    const days = ['2026-02-30', '2026-02-29 10:00', '2026-04-31', '2026-13-01', '2026-00-10', '2026-01-00'];
    expect(days.map(day => timeOf(day, Date.now()))).toEqual(Array(6).fill(undefined));
    expect(timeOf('2028-02-29', Date.now())).toBe(new Date(2028, 1, 29).getTime());
  });
  test('kinds: host and port -> both, a port alone on loopback', () => {
    expect(['h:1', '[::1]:65535', '1884', '10.0.0.1:0'].map(as('hostPort'))).toEqual([
      { host: 'h', port: 1 },
      { host: '::1', port: 65_535 },
      { host: '127.0.0.1', port: 1884 },
      { host: '10.0.0.1', port: 0 },
    ]);
    expect(['', 'h', 'h:', ':1', '::1:1', 'h:65536', 'h:1x', 'mqtt://h:1'].map(as('hostPort'))).toEqual(
      Array(8).fill('wrong'),
    );
  });
  test('kinds: broker URLs -> mqtt and ws schemes without user or password', () => {
    const right = ['mqtt://h', 'mqtts://h:8883', 'ws://h/mqtt', 'wss://[::1]:1/x'];
    expect(right.map(as('url'))).toEqual(right);
    const wrong = ['', 'h', 'h:1883', 'http://h', 'mqtt://', 'mqtt://u@h', 'mqtt://u:p@h', 'mqtt://:p@h'];
    expect(wrong.map(as('url'))).toEqual(Array(8).fill('wrong'));
  });
  test('kinds: labels -> what may stand in a topic', () => {
    const right = ['a', 'board-7', 'A.b_c', '9', 'x'.repeat(63)];
    expect(right.map(as('label'))).toEqual(right);
    expect(['', '-a', '.a', 'a/b', 'a b', '#', '+', 'é', 'x'.repeat(64)].map(as('label'))).toEqual(
      Array(9).fill('wrong'),
    );
  });
  test('kinds: paths and text -> no control characters; paths absolute', () => {
    expect(['a', './b/../c', '/x/', '..'].map(as('path'))).toEqual(['/here/a', '/here/c', '/x', '/']);
    expect(['', 'a\nb', '\u001b[2J', 'a\0'].map(as('path'))).toEqual(Array(4).fill('wrong'));
  });
});

describe('figures', () => {
  test('figures: bytes -> three digits or so, never 1,024 of a unit', () => {
    expect([0, 1, 1023, 1024, 1234, 2 ** 20 - 1, 2 ** 23, 123_456_789, 5e12].map(bytesText)).toEqual([
      '0 B',
      '1 B',
      '1,023 B',
      '1 KiB',
      '1.2 KiB',
      '1 MiB',
      '8 MiB',
      '118 MiB',
      '4.5 TiB',
    ]);
  });
  test('figures: durations and clocks -> two units at most', () => {
    expect([0, 0.4, 59.6, 125, 3600, 11_405, 187_200].map(durationText)).toEqual([
      '0 s',
      '0 s',
      '1 min',
      '2 min 5 s',
      '1 h',
      '3 h 10 min',
      '2 d 4 h',
    ]);
    expect([0, 44.2, 725, 11_400].map(clockText)).toEqual(['0:00', '0:45', '12:05', '3:10:00']);
    expect([0, 999, 1000, 1_234_567].map(countText)).toEqual(['0', '999', '1,000', '1,234,567']);
  });
});

describe('nearest', () => {
  test('nearest: one letter off, missing, doubled, swapped -> found; far off -> nothing', () => {
    const known = ['--folder', '--broker', '--name', '--share'];
    expect(
      ['--foldr', '--broekr', '--nname', '--shere', '--FOLDER'].map(word => nearest(word, known)),
    ).toEqual(['--folder', '--broker', '--name', '--share', '--folder']);
    expect(['--xyzzy', '', '--'].map(word => nearest(word, known))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('help', () => {
  const texts = [generalHelp(), ...COMMAND_NAMES.map(commandHelp)];
  test.each(texts)('help: %#. text -> under 80 columns, plain ASCII, no blank at a line end', text => {
    for (const line of text.split('\n')) expect(line).toMatch(/^(|[ -~]*[!-~])$/);
    expect(Math.max(...text.split('\n').map(line => line.length))).toBeLessThanOrEqual(WRAP_COLUMNS);
  });
  test.each(COMMAND_NAMES)('help: %s -> every option with its variable and default, two examples', name => {
    const text = commandHelp(name);
    for (const [option, { default: byDefault, isSecret, isFlagOnly, kind }] of Object.entries(
      optionsOf(name),
    )) {
      if (!isSecret) expect(text).toContain(`  --${option}`);
      if (!isFlagOnly) expect(text).toContain(envOf(option));
      if (byDefault !== undefined && kind !== 'flag') expect(text).toContain(`default ${byDefault}`);
    }
    expect(text.match(/^ {2}toastbox /gm)?.length).toBeGreaterThanOrEqual(2);
  });
  test('help: wrap -> breaks at spaces, keeps every word', () => {
    const text = 'word '.repeat(100).trim();
    const lines = wrap(text, '  - ', '    ');
    expect(lines.every(line => line.length <= WRAP_COLUMNS)).toBe(true);
    expect(lines.map(line => line.slice(4)).join(' ')).toBe(text);
  });
});

describe('exits', () => {
  test('exits: a port that is taken, a wrong address, as the error or as its cause -> exit 4 and what to choose', async () => {
    const taken = createServer();
    await new Promise<void>(done => taken.listen(0, '127.0.0.1', done));
    const listen = taken.address() as AddressInfo;
    const where = { host: '127.0.0.1', port: listen.port };
    const error = await new Promise<Error>(done => createServer().once('error', done).listen(where));
    for (const one of [error, new Error('the broker does not start', { cause: error })]) {
      const failure = failureOf(portFailureOf(one, where));
      expect(exitOf(failure)).toBe(Exit.ENVIRONMENT);
      expect(failure.message).toBe(
        `cannot listen on 127.0.0.1:${where.port}: the address is taken by another program`,
      );
      expect(failure.advice).toMatch(/^choose another: --listen 127\.0\.0\.1:\d+ or TOASTBOX_LISTEN=127/);
    }
    await new Promise(done => taken.close(done));
    const wrong = { host: '192.0.2.1', port: listen.port };
    const nowhere = await new Promise<Error>(done => createServer().once('error', done).listen(wrong));
    const noName = Object.assign(new Error('none'), { code: 'ENOTFOUND', syscall: 'getaddrinfo' });
    for (const one of [nowhere, new Error('the broker does not start', { cause: noName })]) {
      const failure = failureOf(portFailureOf(one, wrong));
      expect(exitOf(failure)).toBe(Exit.ENVIRONMENT);
      expect(failure.message).toMatch(/address$|the name is not known$/);
      expect(failure.advice).toMatch(
        /^give an address of this machine: --listen 127\.0\.0\.1:\d+ for itself only/,
      );
    }
    const other = new Error('something else');
    expect(portFailureOf(other, where)).toBe(other);
    expect(exitOf(failureOf(other))).toBe(Exit.FAILED);
  });
});

describe('main', () => {
  test('main: --version -> the version of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(VERSION).toBe(version);
    expect(await run('--version')).toEqual({ code: Exit.FINE, out: `toastbox ${version}\n`, errors: '' });
  });
  test('main: help in every form -> stdout, exit 0', async () => {
    for (const words of [['help'], ['--help'], ['-h']])
      expect(await run(...words)).toEqual({ code: Exit.FINE, out: `${generalHelp()}\n`, errors: '' });
    for (const words of [
      ['help', 'agent'],
      ['agent', '--help'],
      ['agent', '--folder', 'x', '-h'],
      ['--help', 'agent'],
    ])
      expect(await run(...words)).toEqual({ code: Exit.FINE, out: `${commandHelp('agent')}\n`, errors: '' });
  });
  test('main: nothing at all -> the help on stderr, exit 2', async () => {
    expect(await run()).toEqual({ code: Exit.USAGE, out: '', errors: `${generalHelp()}\n` });
  });
  test('main: an unknown command -> the nearest one, exit 2', async () => {
    for (const words of [['agnet'], ['help', 'agnet']]) {
      const { code, errors } = await run(...words);
      expect([code, errors.split('\n')[0]]).toEqual([
        Exit.USAGE,
        'toastbox: there is no command "agnet"; did you mean agent?',
      ]);
    }
  });
  test('main: a usage error -> one line, what to try, exit 2', async () => {
    const { code, out, errors } = await run('agent', '--nam', 'x');
    expect([code, out]).toEqual([Exit.USAGE, '']);
    expect(errors).toBe(
      'toastbox: agent has no option --nam; did you mean --name?\n  toastbox help agent lists the options\n',
    );
  });
  test('main: an agent whose folder is missing -> how to make it, exit 4', async () => {
    const { code, errors } = await run(
      'agent',
      '--folder',
      '/nowhere',
      '--broker',
      'mqtt://h',
      '--name',
      'b',
    );
    expect(code).toBe(Exit.ENVIRONMENT);
    expect(errors).toBe(
      'toastbox: the folder /nowhere does not exist\n  make it first (mkdir -p /nowhere), or mount the disk that it is on\n',
    );
  });
  test('main: status where nothing runs -> exit 3; of nothing -> exit 2', async () => {
    expect((await run('status', '--folder', '/nowhere')).code).toBe(Exit.RUNNING);
    expect((await run('status')).code).toBe(Exit.USAGE);
  });
});
