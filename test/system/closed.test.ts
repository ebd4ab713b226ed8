// Closed by default, as a user sets it up: `toastbox acl` and passwords or certificates at a real Mosquitto, and
// `toastbox user` at the gateway's own broker. What may not be done is tried, and what may be done works.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MqttClient } from 'mqtt';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { Files, startMosquitto, type TestBroker } from '../transport/brokers.ts';
import { Certificates } from '../transport/certificates.ts';
import { ATTEMPTS, connectTo, Intruder, nameOf, ROGUE, VICTIM } from '../transport/intruder.ts';
import { Cast, run, until } from './cast.ts';

const NAMES = [ROGUE, VICTIM, 'one', 'two', 'gateway', 'auditor'];
const passwordOf = (name: string) => `secret-of-${name}`;

const files = new Files();
const made = new Certificates();
let passwords: string;
let cast: Cast | undefined;
beforeAll(() => {
  passwords = files.write('passwords', NAMES.map(name => `${name}:${passwordOf(name)}\n`).join(''));
  execFileSync('mosquitto_passwd', ['-U', passwords]);
  for (const name of NAMES) files.write(`${name}.password`, `${passwordOf(name)}\n`, 0o600);
});
afterEach(async () => {
  await cast?.close();
  cast = undefined;
});
afterAll(() => {
  files.remove();
  made.remove();
});

async function aclFile(name: string, ...words: string[]): Promise<string> {
  const { code, output } = await run(['acl', ...words]);
  expect(code).toBe(0);
  // Somebody who sees and says everything, to see what the others may not.
  return files.write(name, `${output}\nuser auditor\ntopic readwrite #\ntopic readwrite $SYS/#\n`);
}
const tlsConfig = (...more: string[]) =>
  [
    'allow_anonymous false',
    `cafile ${made.path('ca', 'cert')}`,
    `certfile ${made.path('broker', 'cert')}`,
    `keyfile ${made.path('broker', 'key')}`,
    ...more,
  ].join('\n');

const byPassword = (name: string) => [
  ...['--ca-file', made.path('ca', 'cert'), '--username', name],
  ...['--password-file', join(files.dir, `${name}.password`)],
];
const byCertificate = (name: string) => {
  made.issue(name);
  return [
    ...['--ca-file', made.path('ca', 'cert')],
    ...['--cert-file', made.path(name, 'cert'), '--key-file', made.path(name, 'key')],
  ];
};

/** A gateway and two boards at a broker: what one writes, all have. */
async function expectSync(port: number, gatewayWords: readonly string[], letIn: (name: string) => string[]) {
  cast = new Cast(port, gatewayWords);
  cast.url = `mqtts://localhost:${port}`;
  await cast.gateway.start();
  const one = await cast.board('one', { words: letIn('one') });
  const two = await cast.board('two', { words: letIn('two') });
  writeFileSync(join(one.folder, 'from one'), 'x'.repeat(100_000));
  mkdirSync(join(two.folder, 'directory'));
  writeFileSync(join(two.folder, 'directory', 'from two'), 'two');
  const tree = await cast.settle([one.folder, two.folder, cast.gateway.copy('shared')]);
  expect([...tree.keys()]).toEqual(['directory', 'directory/from two', 'from one']);
}

describe.each([
  ['every user a board', []],
  ['boards by name', ['--boards', [ROGUE, VICTIM, 'one', 'two'].join(',')]],
])('closed: Mosquitto with toastbox acl, %s', (_, aclWords) => {
  let broker: TestBroker;
  let intruder: Intruder;
  beforeAll(async () => {
    const acl = await aclFile(`acl${aclWords.length}`, ...aclWords);
    broker = await startMosquitto(tlsConfig(`password_file ${passwords}`, `acl_file ${acl}`));
    intruder = new Intruder({
      options: (name = 'auditor') => ({
        url: `mqtts://localhost:${broker.port}`,
        ca: made.pem('ca', 'cert'),
        username: name,
        password: passwordOf(name),
      }),
      speakers: [
        ...['up', 'down', 'status'].map(leaf => [`toastbox/1/board/${VICTIM}/${leaf}`, undefined] as const),
        [`toastbox/1/board/${ROGUE}/up`, undefined],
        ['toastbox/1/gateway/status', undefined],
        ['toastbox/1/gateway/other', undefined],
        ['home/door', undefined],
      ],
      listeners: [
        ['#', undefined],
        ['$SYS/#', undefined],
      ],
    });
    await intruder.open();
  });
  afterAll(async () => {
    await intruder.close();
    await broker.stop();
  });

  test.each(ATTEMPTS.map(attempt => [nameOf(attempt), attempt] as const))(
    'closed: %s -> refused',
    (__, attempt) => intruder.expectRefused(attempt),
  );

  test('closed: a gateway and two boards with TLS and passwords -> in sync', async () => {
    const url = `mqtts://localhost:${broker.port}`;
    await expectSync(broker.port, ['--broker', url, ...byPassword('gateway')], byPassword);
  });
});

test('closed: a board whose share is not granted -> refused and said; granted -> in; no longer -> gets nothing more', async () => {
  const port = await freePort();
  const grants = files.write('grants', 'one: shared\n');
  cast = new Cast(port, ['--listen', `127.0.0.1:${port}`, '--grants', grants]);
  await cast.gateway.start();
  const one = await cast.board('one');
  const two = await cast.board('two');
  const own = await cast.board('own', { share: 'own' });
  writeFileSync(join(own.folder, 'mine'), 'own');
  writeFileSync(join(one.folder, 'first'), 'one');
  const copy = cast.gateway.copy('shared');
  const refused = /^the gateway refuses: two may not join shared: the gateway's --grants/;
  await until('it is told', async () => refused.test((await two.now()).lastError?.text ?? ''));
  expect(two.output).toContain('fail  the gateway refuses: two may not join shared');
  expect(readdirSync(two.folder)).toEqual(['.toastbox']);
  await two.kill();
  await cast.settle([own.folder, cast.gateway.copy('own')]);
  await cast.settle([one.folder, copy]);
  writeFileSync(grants, 'two: shared\n');
  await until('one is sent away', () => cast!.gateway.output.includes('one: left shared'));
  await two.start();
  writeFileSync(join(copy, 'second'), 'for two');
  await cast.settle([two.folder, copy], { isResting: false });
  writeFileSync(join(one.folder, 'third'), 'of one');
  await until('one is told', () => one.output.includes('one may not join shared'));
  expect(readdirSync(one.folder).sort()).toEqual(['.toastbox', 'first', 'third']);
  expect(readdirSync(copy).sort()).toEqual(['.toastbox', 'first', 'second']);
});

describe.each([
  ['passwords', byPassword, () => [`password_file ${passwords}`]],
  ['certificates', byCertificate, () => ['require_certificate true', 'use_identity_as_username true']],
] as const)('closed: Mosquitto set up as toastbox acl says, %s', (name, letIn, config) => {
  test('closed: a board comes in under the client ids of the gateway and of another -> both stay', async () => {
    const acl = await aclFile(`acl-ids-${name}`);
    const more = /^# {3}(use_username_as_clientid .*)$/m.exec(readFileSync(acl, 'utf8'))?.[1] ?? '';
    const broker = await startMosquitto(tlsConfig(...config(), `acl_file ${acl}`, more));
    const rogues: MqttClient[] = [];
    try {
      const url = `mqtts://localhost:${broker.port}`;
      await expectSync(broker.port, ['--broker', url, ...letIn('gateway')], letIn);
      const [one] = cast!.boards;
      const linksSince = async () =>
        [await cast!.gateway.now(), await one!.now()].map(({ link }) => link.since);
      const before = await linksSince();
      made.issue(ROGUE);
      for (const clientId of ['toastbox-gateway', 'toastbox-board-one']) {
        const own = {
          ca: made.pem('ca', 'cert'),
          cert: made.pem(ROGUE, 'cert'),
          key: made.pem(ROGUE, 'key'),
        };
        const options = { url, clientId, username: ROGUE, password: passwordOf(ROGUE), ...own };
        rogues.push(await connectTo(options));
      }
      writeFileSync(join(one!.folder, 'after'), 'still here');
      await cast!.settle([one!.folder, cast!.gateway.copy('shared')]);
      expect(await linksSince()).toEqual(before);
    } finally {
      for (const rogue of rogues) await rogue.endAsync(true);
      await broker.stop();
    }
  });
});

describe('closed: certificates and users', () => {
  test('closed: a certificate without its key, certificates without TLS -> one clear line, exit 4 and 2', async () => {
    const folder = join(files.dir, 'synced');
    mkdirSync(folder);
    const [cert, key] = [made.path('broker', 'cert'), made.path('ca', 'key')];
    const broker = ['--broker', 'mqtts://localhost:1', '--cert-file', cert, '--key-file', key];
    const data = ['gateway', '--data', join(files.dir, 'pairs')];
    for (const words of [
      ['agent', '--folder', folder, '--name', 'one', '--state', join(files.dir, 'state'), ...broker],
      [...data, ...broker],
      [...data, '--listen-cert', cert, '--listen-key', key],
    ]) {
      const { code, output } = await run(words);
      expect(output).toContain(`toastbox: ${key} is not the key of ${cert}\n`);
      expect(code).toBe(4);
    }
    const { code, output } = await run([...data, '--broker', 'mqtt://localhost:1', '--ca-file', cert]);
    expect(output).toMatch(
      /^toastbox: certificates are of no use with mqtt:\/\/: use mqtts:\/\/ or wss:\/\/$/m,
    );
    expect(code).toBe(2);
  });

  test('closed: Mosquitto, certificates for names -> in sync', async () => {
    const acl = await aclFile('acl-certificates');
    const more = ['require_certificate true', 'use_identity_as_username true', `acl_file ${acl}`];
    const broker = await startMosquitto(tlsConfig(...more));
    try {
      const url = `mqtts://localhost:${broker.port}`;
      await expectSync(broker.port, ['--broker', url, ...byCertificate('gateway')], byCertificate);
    } finally {
      await broker.stop();
    }
  });

  test("closed: the gateway's own broker, a user made by toastbox user and a certificate -> in sync; removed -> out", async () => {
    const port = await freePort();
    const users = join(files.dir, 'users');
    const { output } = await run(['user', '--users', users, '--add', 'one']);
    const password = output.split('\n').find(line => /^[\w-]{22}$/.test(line)) as string;
    const letIn = (name: string) => {
      if (name === 'two') return byCertificate(name);
      const file = files.write('own.password', `${password}\n`, 0o600);
      return ['--ca-file', made.path('ca', 'cert'), '--username', name, '--password-file', file];
    };
    const listen = ['--listen', `0.0.0.0:${port}`, '--users', users, '--client-ca', made.path('ca', 'cert')];
    const own = ['--listen-cert', made.path('broker', 'cert'), '--listen-key', made.path('broker', 'key')];
    await expectSync(port, [...listen, ...own], letIn);
    const [one, two] = cast!.boards;
    expect(readFileSync(users, 'utf8')).not.toContain(password);
    await run(['user', '--users', users, '--remove', 'one']);
    await until('one is out', async () => !(await one!.now()).link.up);
    writeFileSync(join(two!.folder, 'after'), 'for two');
    const copy = cast!.gateway.copy('shared');
    const isCompared = (path: string) => path === 'after';
    await cast!.settle([two!.folder, copy], { isResting: false, isCompared });
    expect(existsSync(join(one!.folder, 'after'))).toBe(false);
    await until('it says why', async () =>
      (await one!.now()).link.why?.includes('refuses the user name or password'),
    );
  });
});
