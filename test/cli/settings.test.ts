import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { Failure } from '../../agent/failure.ts';
import { read } from '../../cli/options/kinds.ts';
import type { Command, Option } from '../../cli/options/option.ts';
import {
  COMMAND_NAMES,
  COMMANDS,
  type CommandName,
  envOf,
  optionsOf,
  rivalsOf,
  SETTABLE_NAMES,
} from '../../cli/options/table.ts';
import { resolveSettings } from '../../cli/settings/resolve.ts';

const directory = mkdtempSync(join(tmpdir(), 'toastbox-settings-'));
afterAll(() => rmSync(directory, { recursive: true }));

const tomlFile = (text: string, name = 'toastbox.toml'): string => {
  const file = join(directory, name);
  writeFileSync(file, text, { mode: 0o600 });
  return file;
};
type Env = Record<string, string>;
const resolve = (command: CommandName, words: string[], env: Env = {}) =>
  resolveSettings(command, words, { env, directory }).settings as Record<string, unknown>;

/** Flags that make a command complete, without the option under test and its rivals. */
const rest = (command: CommandName, without: string): string[] => [
  ...((COMMANDS[command] as Command).argument === undefined ? [] : ['attic/file']),
  ...Object.entries(optionsOf(command)).flatMap(([name, option]) =>
    option.isRequired && name !== without ? [`--${name}`, option.example] : [],
  ),
];
const complete = (command: CommandName): string[] => rest(command, '');
const failure = (run: () => unknown): Failure => {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

const everyOption: [CommandName, string, Option][] = COMMAND_NAMES.flatMap(command =>
  Object.entries(optionsOf(command)).map(([name, option]): [CommandName, string, Option] => [
    command,
    name,
    option,
  ]),
);

const notSecret = everyOption.filter(([, , option]) => !option.isSecret);
// The config option's value must be a file that is there: it has a test of its own below.
const notConfig = everyOption.filter(([, name]) => name !== 'config');
const settable = notConfig.filter(([, , option]) => !option.isFlagOnly);

describe('settings: every option of every command', () => {
  test.each(notConfig.filter(([, , option]) => !option.isSecret))(
    '%s --%s as a flag -> its value',
    (command, name, option) => {
      const expected = read(option.kind, option.example, option, directory);
      const flags = option.kind === 'flag' ? [`--${name}`] : [`--${name}`, option.example];
      expect(resolve(command, [...rest(command, name), ...flags])[name]).toEqual(expected);
      expect(resolve(command, [...rest(command, name), `--${name}=${option.example}`])[name]).toEqual(
        expected,
      );
    },
  );

  test.each(settable)('%s --%s as a variable -> its value', (command, name, option) => {
    const expected = read(option.kind, option.example, option, directory);
    expect(resolve(command, rest(command, name), { [envOf(name)]: option.example })[name]).toEqual(expected);
  });

  test.each(settable)(
    '%s --%s in a config file, in the open and in a table -> its value',
    (command, name, option) => {
      const expected = read(option.kind, option.example, option, directory);
      const line = `${name} = ${JSON.stringify(option.example)}\n`;
      for (const text of [line, `[${command}]\n${line}`])
        expect(resolve(command, [...rest(command, name), '--config', tomlFile(text)])[name]).toEqual(
          expected,
        );
    },
  );

  test.each(COMMAND_NAMES)('%s --config as flag or variable -> the file is read', command => {
    const file = tomlFile('');
    expect(resolve(command, [...complete(command), '--config', file]).config).toBe(file);
    expect(resolve(command, complete(command), { TOASTBOX_CONFIG: 'toastbox.toml' }).config).toBe(file);
  });

  test.each(everyOption)(
    '%s --%s left out -> its default, or refused where it is required',
    (command, name, option) => {
      if (option.isRequired) {
        const { kind, message, advice } = failure(() => resolve(command, rest(command, name)));
        expect([kind, message]).toEqual(['usage', `${command} needs --${name} ${option.value}`]);
        expect(advice).toContain(option.example);
        return;
      }
      const byDefault =
        option.default === undefined ? undefined : read(option.kind, option.default, option, directory);
      expect(resolve(command, complete(command))[name]).toEqual(byDefault);
    },
  );

  test.each(notSecret)('%s --%s with a wrong value -> refused with a right one', (command, name, option) => {
    const { kind, message } = failure(() => resolve(command, [...rest(command, name), `--${name}=\n`]));
    expect(kind).toBe('usage');
    expect(message).toContain(`--${name}`);
    if (option.kind !== 'flag') expect(message).toContain(`such as --${name} ${option.example}`);
  });
});

describe('settings: the word that is no option', () => {
  test('given, anywhere between options -> the argument', () => {
    const world = { env: {}, directory };
    expect(resolveSettings('history', ['--limit', '3', 'attic/a b', '--json'], world)).toMatchObject({
      argument: 'attic/a b',
      settings: { limit: 3, json: true },
    });
    expect(resolveSettings('status', [], world).argument).toBeUndefined();
  });
  test('left out, given twice, given to a command that has none -> refused', () => {
    expect(failure(() => resolve('history', [])).message).toContain('history needs a SHARE/PATH, such as');
    expect(failure(() => resolve('history', ['a', 'b'])).message).toBe(
      'history takes no second argument "b"',
    );
    expect(failure(() => resolve('status', ['a'])).message).toBe('status takes no argument "a"');
  });
  test('an option of one call only, in the environment or a file -> not taken', () => {
    expect(resolve('restore', complete('restore'), { TOASTBOX_AT: '/demo' }).at).toBeUndefined();
    const open = tomlFile('at = "/demo"\n', 'at.toml');
    expect(resolve('restore', [...complete('restore'), '--config', open]).at).toBeUndefined();
    const inside = tomlFile('[restore]\nversion = 3\n', 'version.toml');
    expect(failure(() => resolve('restore', [...complete('restore'), '--config', inside])).message).toContain(
      '[restore] has no key version',
    );
  });
});

describe('settings: which place counts', () => {
  const file = tomlFile(
    'arena = "2MiB"\nrescan = "1m"\nwatches = 3\n[agent]\nrescan = "2m"\n',
    'places.toml',
  );
  test('flag, variable, table, open key, default -> strongest first', () => {
    const words = [...complete('agent'), '--config', file];
    expect(resolve('agent', [...words, '--arena', '4MiB'], { TOASTBOX_ARENA: '3MiB' }).arena).toBe(
      4 * 2 ** 20,
    );
    expect(resolve('agent', words, { TOASTBOX_ARENA: '3MiB' }).arena).toBe(3 * 2 ** 20);
    expect(resolve('agent', words)).toMatchObject({
      arena: 2 * 2 ** 20,
      rescan: 120,
      watches: 3,
      keepalive: 60,
    });
    expect(resolve('gateway', [...complete('gateway'), '--config', file]).rescan).toBe(60);
  });
  test('a wrong value that a stronger place overrules -> refused all the same', () => {
    const bad = tomlFile('arena = "much"\n', 'bad.toml');
    const { message } = failure(() =>
      resolve('agent', [...complete('agent'), '--config', bad, '--arena', '4MiB']),
    );
    expect(message).toBe(
      `${bad}:1: arena: "much" is not a size: write a whole number with KiB, MiB or GiB, such as arena = "4MiB"`,
    );
  });
  test('an empty variable -> as if it were not there', () => {
    expect(resolve('agent', complete('agent'), { TOASTBOX_ARENA: '' }).arena).toBe(6 * 2 ** 20);
  });
  test('relative paths -> from the working directory, in a file from its directory', () => {
    const settings = resolve('agent', [
      ...rest('agent', 'folder'),
      '--folder',
      'photos',
      '--state',
      '/s/../t',
    ]);
    expect(settings).toMatchObject({ folder: join(directory, 'photos'), state: '/t' });
    const inFile = tomlFile('folder = "photos"\n', 'paths.toml');
    const elsewhere = resolveSettings('agent', [...rest('agent', 'folder'), '--config', inFile], {
      env: {},
      directory: '/',
    });
    expect(elsewhere.settings.folder).toBe(join(directory, 'photos'));
  });
});

describe('settings: what is unknown', () => {
  const mistyped = (name: string) => `${name}${name.at(-1)}`;
  test.each(notSecret)('%s --%s mistyped -> itself suggested', (command, name) => {
    const { message } = failure(() => resolve(command, [`--${mistyped(name)}`, 'x']));
    expect(message).toBe(`${command} has no option --${mistyped(name)}; did you mean --${name}?`);
  });
  test.each(SETTABLE_NAMES.map(name => [envOf(name)]))('%s mistyped -> itself suggested', variable => {
    const { kind, message } = failure(() => resolve('status', [], { [mistyped(variable)]: '1' }));
    expect([kind, message]).toEqual([
      'usage',
      `there is no variable ${mistyped(variable)}; did you mean ${variable}?`,
    ]);
  });
  test.each(SETTABLE_NAMES.filter(name => name !== 'config'))(
    'key %s mistyped -> itself suggested, with its line',
    name => {
      const file = tomlFile(`# a comment\n\n${mistyped(name)} = "x"\n`, 'typo.toml');
      const { message } = failure(() => resolve('status', ['--config', file]));
      expect(message).toBe(`${file}:3: there is no key ${mistyped(name)}; did you mean ${name}?`);
    },
  );
  test('a key of another command in the open -> passed over; in this table -> refused', () => {
    const open = tomlFile('data = "/d"\nname = "b"\n', 'both.toml');
    expect(resolve('gateway', ['--config', open]).data).toBe('/d');
    const inside = tomlFile('[gateway]\ndata = "/d"\nname = "b"\n', 'inside.toml');
    const { message } = failure(() => resolve('agent', ['--config', inside]));
    expect(message).toContain(`${inside}:3: [gateway] has no key name`);
  });
  test('an unknown table -> refused with the nearest', () => {
    const file = tomlFile('[agnet]\nname = "b"\n', 'table.toml');
    expect(failure(() => resolve('agent', ['--config', file])).message).toBe(
      `${file}:1: there is no table [agnet]; did you mean agent?`,
    );
  });
  test('a far word -> refused without a suggestion', () => {
    expect(failure(() => resolve('agent', ['--xyzzy'])).message).toBe('agent has no option --xyzzy');
  });
  test('an argument, a short flag, a flag twice, a flag without its value -> refused', () => {
    const messages = [
      ['x'],
      ['-f'],
      ['--share', 'a', '--share', 'b'],
      ['--share'],
      ['--share', '--quiet'],
    ].map(words => failure(() => resolve('agent', [...complete('agent'), ...words])).message);
    expect(messages).toEqual([
      'agent takes no argument "x"',
      'agent has no option -f',
      '--share is given twice',
      '--share needs a value, such as --share photos',
      '--share needs a value, such as --share photos',
    ]);
  });
  test('__proto__ and constructor -> unknown like any other word', () => {
    expect(failure(() => resolve('agent', ['--constructor', 'x'])).kind).toBe('usage');
    const file = tomlFile('constructor = "x"\n', 'proto.toml');
    expect(failure(() => resolve('agent', ['--config', file])).message).toContain(
      'there is no key constructor',
    );
  });
});

describe('settings: config files', () => {
  test('a syntax error -> file, line and what is wrong', () => {
    const file = tomlFile('name = "b"\nshare = \n', 'syntax.toml');
    const { kind, message } = failure(() => resolve('agent', ['--config', file]));
    expect(kind).toBe('usage');
    expect(message.startsWith(`${file}:2: `)).toBe(true);
    expect(message).not.toContain('\n');
    const bare = tomlFile('name = "b"\nshare = photos\n', 'bare.toml');
    expect(failure(() => resolve('agent', ['--config', bare]))).toMatchObject({
      message: `${bare}:2: invalid value`,
      advice: 'text stands in quotes, as in name = "board-7"',
    });
  });
  test('a missing file, a directory -> the machine is in the way', () => {
    expect(failure(() => resolve('agent', ['--config', 'nowhere.toml']))).toMatchObject({
      kind: 'environment',
      message: `${join(directory, 'nowhere.toml')}: it does not exist`,
    });
    expect(failure(() => resolve('agent', ['--config', directory]))).toMatchObject({
      kind: 'environment',
      message: `${directory}: it is a directory`,
    });
  });
  test('a list, a float, a date -> refused by key', () => {
    for (const value of ['["a"]', '1.5', '1979-05-27']) {
      const file = tomlFile(`share = ${value}\n`, 'kinds.toml');
      expect(failure(() => resolve('agent', ['--config', file])).message).toBe(
        `${file}:1: share must be a string, a whole number, true or false`,
      );
    }
  });
  test('a bound for the history without its unit -> refused: it would take all of it', () => {
    const message = failure(() => resolve('gateway', [...complete('gateway'), '--keep-bytes', '50'])).message;
    expect(message).toBe('--keep-bytes: "50" is too small: the least is 1 MiB, such as --keep-bytes 50GiB');
  });
  test('a time in words -> what may be said', () => {
    expect(failure(() => resolve('restore', ['photos/x', '--at', 'yesterday'])).message).toBe(
      '--at: "yesterday" is not a time: write a date and time, a time of day alone, or 2h for so long ago, such as --at 2026-11-22T21:30',
    );
  });
  test('whole numbers and booleans -> taken as they are', () => {
    const file = tomlFile('rescan = 90\nquiet = true\narena = 4194304\n', 'numbers.toml');
    expect(resolve('agent', [...complete('agent'), '--config', file])).toMatchObject({
      rescan: 90,
      quiet: true,
      arena: 4 * 2 ** 20,
    });
  });
});

describe('settings: options that rule each other out', () => {
  test('broker and listen in one place -> refused; in two -> the stronger place wins', () => {
    const both = ['--data', '/d', '--broker', 'mqtt://h', '--listen', '1884'];
    expect(failure(() => resolve('gateway', both)).message).toBe(
      '--broker and --listen rule each other out: give one',
    );
    const file = tomlFile('data = "/d"\nbroker = "mqtt://h"\n', 'rivals.toml');
    const settings = resolve('gateway', ['--config', file, '--listen', '1884']);
    expect([settings.broker, settings.listen]).toEqual([undefined, { host: '127.0.0.1', port: 1884 }]);
    expect(resolve('gateway', ['--config', file], { TOASTBOX_LISTEN: '1884' }).broker).toBeUndefined();
  });
  test('one file with broker in the open and listen in [gateway] -> each command has its own', () => {
    const file = tomlFile(
      'broker = "mqtt://h"\n[agent]\nfolder = "/f"\nname = "b"\n[gateway]\ndata = "/d"\nlisten = 1884\n',
      'serve-both.toml',
    );
    expect(resolve('agent', ['--config', file]).broker).toBe('mqtt://h');
    expect(resolve('gateway', ['--config', file])).toMatchObject({
      broker: undefined,
      listen: { port: 1884 },
    });
    expect(resolve('status', ['--config', file])).toMatchObject({ folder: '/f', data: undefined });
  });
  test("status with a gateway's data and folder in a file or the environment -> its data", () => {
    const file = tomlFile('data = "/d"\nfolder = "/f"\n', 'gateway.toml');
    expect(resolve('status', ['--config', file])).toMatchObject({ data: '/d', folder: undefined });
    const env = { TOASTBOX_DATA: '/d', TOASTBOX_FOLDER: '/f' };
    expect(resolve('status', [], env)).toMatchObject({ data: '/d', folder: undefined });
    expect(resolve('status', ['--folder', '/g'], env)).toMatchObject({ data: undefined, folder: '/g' });
    expect(failure(() => resolve('status', ['--folder', '/g', '--data', '/d'])).kind).toBe('usage');
  });
});

describe('settings: secrets', () => {
  test('a password on the command line -> refused and never repeated', () => {
    for (const words of [['--password', 'hunter2'], ['--password=hunter2']]) {
      const { kind, message, advice } = failure(() => resolve('agent', words));
      expect(kind).toBe('usage');
      expect(`${message} ${advice}`).not.toContain('hunter2');
      expect(advice).toContain('--password-file');
    }
  });
  test('a broker URL with a password or a query on the command line -> refused, never repeated; a query elsewhere -> taken', () => {
    for (const url of [
      'mqtt://me:hunter2@h',
      'wss://h/mqtt?token=hunter2',
      'http://h?hunter2',
      'me:hunter2@h',
    ]) {
      const { kind, message, advice } = failure(() =>
        resolve('agent', [...rest('agent', 'broker'), '--broker', url]),
      );
      expect([kind, advice]).toEqual(['usage', expect.stringContaining('TOASTBOX_BROKER')]);
      expect(message).not.toContain('hunter2');
    }
    const url = 'wss://h/mqtt?token=hunter2';
    expect(resolve('agent', rest('agent', 'broker'), { TOASTBOX_BROKER: url }).broker).toBe(url);
    const { message } = failure(() =>
      resolve('agent', rest('agent', 'broker'), { TOASTBOX_BROKER: 'http://h?hunter2' }),
    );
    expect(message).not.toContain('hunter2');
  });
  test.each([
    'password = hunter2',
    'password = "hunter2',
    'password "hunter2"',
    'password = "hunter2" x',
    'hunter2',
    '[hunter2',
    'password = 0hunter2',
    'password = ["hunter2"]',
    'pasword = "hunter2"',
    'password = "hunter2"\npassword = "hunter2"',
    'password-file = "hunter2\\n"',
    'broker = "mqtt://me:hunter2@h"',
  ])('a config file with %j -> refused, and what may be a password is not repeated', text => {
    const file = tomlFile(text, 'spoilt.toml');
    const { kind, message, advice } = failure(() =>
      resolve('agent', [...complete('agent'), '--config', file]),
    );
    expect(kind).toBe('usage');
    expect(`${message} ${advice}`.replace('no key hunter2', '').replace('"hunter2\\n"', '')).not.toContain(
      'hunter2',
    );
  });
  test('a broker URL with a password, or a wrong password variable -> refused and never repeated', () => {
    const env = { TOASTBOX_BROKER: 'mqtt://me:hunter2@h' };
    const url = failure(() => resolve('agent', rest('agent', 'broker'), env));
    const variable = failure(() => resolve('agent', complete('agent'), { TOASTBOX_PASSWORD: 'hunter2\n' }));
    expect([url, variable].map(({ kind, message }) => [kind, message.includes('hunter2')])).toEqual([
      ['usage', false],
      ['usage', false],
    ]);
  });
  test('a config file with a password that others may read -> a warning', () => {
    const file = tomlFile('password = "hunter2"\n', 'secret.toml');
    const warningsOf = () =>
      resolveSettings('agent', [...complete('agent'), '--config', file], { env: {}, directory }).warnings;
    expect(warningsOf()).toEqual([]);
    chmodSync(file, 0o640);
    expect(warningsOf()).toEqual([`${file} holds a password and others may read it: chmod 600 ${file}`]);
  });
});

describe('settings: the table itself', () => {
  test('every example is right, every default too, every rival exists', () => {
    for (const [command, name, option] of everyOption) {
      for (const text of [option.example, option.default])
        if (text !== undefined)
          expect(read(option.kind, text, option, '/'), `${command} ${name}`).not.toHaveProperty('why');
      if (option.excludes) expect(rivalsOf(optionsOf(command), option.excludes)).toContain(name);
      expect(
        option.kind === 'flag' || option.isSecret || option.value !== undefined,
        `${command} ${name}`,
      ).toBe(true);
    }
  });
  test('an option that a file may hold has one kind in all commands', () => {
    for (const name of SETTABLE_NAMES) {
      const kinds = COMMAND_NAMES.map(command => optionsOf(command)[name]).flatMap(option =>
        option === undefined || option.isFlagOnly ? [] : option.kind,
      );
      expect(new Set(kinds).size, name).toBe(1);
    }
  });
  test('tables of other commands that a command reads -> are commands', () => {
    expect(COMMAND_NAMES).toEqual(expect.arrayContaining([...COMMANDS.status.alsoReads]));
  });
});
