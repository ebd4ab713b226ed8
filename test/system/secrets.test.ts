// A password is known to whoever it was given to and to the broker, and stands nowhere else: not in what is printed,
// told over the control socket or published, not in what the kernel shows to other users, not in any file.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { Files, startMosquitto, type TestBroker } from '../transport/brokers.ts';
import { connectTo } from '../transport/intruder.ts';
import { Cast, Running, run, until } from './cast.ts';

/** In no other word or number. */
const RIGHT = 'tr0ubadour-Right';
const WRONG = 'tr0ubadour-Wrong';
const SECRET = /tr0ubadour/;
const NAMES = ['gateway', 'by-file', 'by-config', 'by-env', 'by-query'];

const files = new Files();
let cast: Cast | undefined;
let broker: TestBroker | undefined;
const started: Running[] = [];
afterEach(async () => {
  for (const running of started.splice(0)) await running.end('SIGKILL');
  await cast?.close();
  await broker?.stop();
  cast = undefined;
  broker = undefined;
});
afterAll(() => files.remove());

const secretFile = (name: string, text: string) => files.write(name, text, 0o600);

/** The files below that hold it. */
const filesWithSecret = (root: string): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).filter(path => {
    const file = join(root, path);
    return statSync(file).isFile() && SECRET.test(readFileSync(file, 'latin1'));
  });

/** What any user may see of a process: its words, and the names of its threads. */
function shownByKernel(pid: number): string {
  const threads = readdirSync(`/proc/${pid}/task`).map(id =>
    readFileSync(`/proc/${pid}/task/${id}/comm`, 'utf8'),
  );
  return [readFileSync(`/proc/${pid}/cmdline`, 'utf8'), ...threads].join(' ');
}

test('secrets: passwords by file, config, environment and query, right and wrong -> seen nowhere', async () => {
  const users = files.write('users', [...NAMES, 'auditor'].map(name => `${name}:${RIGHT}\n`).join(''));
  execFileSync('mosquitto_passwd', ['-U', users]);
  const port = await freePort();
  const web = await freePort();
  const config = `allow_anonymous false\npassword_file ${users}\nlistener ${web} 127.0.0.1\nprotocol websockets`;
  broker = await startMosquitto(config, port);
  const url = `mqtt://127.0.0.1:${port}`;
  cast = new Cast(port, [
    ...['--broker', url, '--username', 'gateway'],
    ...['--password-file', secretFile('gateway.password', RIGHT)],
  ]);
  const published: string[] = [];
  const auditor = await connectTo({ url, username: 'auditor', password: RIGHT });
  auditor.on('message', (topic, payload) => published.push(`${topic} ${payload.toString('latin1')}`));
  await auditor.subscribeAsync('#');
  await cast.gateway.start();

  const ways = {
    'by-file': (password: string) => ({
      words: ['--broker', url, '--username', 'by-file', '--password-file', secretFile('password', password)],
      env: {},
    }),
    'by-config': (password: string) => ({
      words: [
        '--config',
        secretFile('config', `broker = "${url}"\nusername = "by-config"\npassword = "${password}"\n`),
      ],
      env: {},
    }),
    'by-env': (password: string) => ({
      words: ['--broker', url, '--username', 'by-env'],
      env: { TOASTBOX_PASSWORD: password },
    }),
    'by-query': (password: string) => ({
      words: ['--username', 'by-query', '--password-file', secretFile('password', password)],
      env: { TOASTBOX_BROKER: `ws://127.0.0.1:${web}/mqtt?token=${password}` },
    }),
  };
  for (const [name, way] of Object.entries(ways)) {
    const folder = join(cast.root, name);
    for (const password of [WRONG, RIGHT]) {
      execFileSync('mkdir', ['-p', folder]);
      writeFileSync(join(folder, `of ${name}`), name);
      const { words, env } = way(password);
      const agent = new Running(['agent', '--folder', folder, '--name', name, '--share', 'all', ...words], {
        env,
      });
      started.push(agent);
      const seen = new Set<string>();
      const look = async (what: string) => {
        const { output } = await run([what, '--folder', folder, '--json']);
        seen.add(output);
        return output;
      };
      const wanted = password === RIGHT ? '"state":"idle"' : 'user name';
      await until(
        `${name} is ${password === RIGHT ? 'in' : 'out'}`,
        async () => (await look('status')).includes(wanted),
        { explain: () => agent.output },
      );
      await look('memory');
      seen.add((await run(['status', '--folder', folder])).output);
      seen.add(shownByKernel(agent.child.pid as number));
      await agent.end('SIGTERM');
      seen.add(agent.output);
      expect([...seen].filter(text => SECRET.test(text))).toEqual([]);
    }
    expect(filesWithSecret(folder)).toEqual([]);
  }
  for (const what of ['status', 'memory'])
    expect((await run([what, '--data', cast.gateway.data, '--json'])).output).not.toMatch(SECRET);
  expect(shownByKernel(cast.gateway.pid)).not.toMatch(SECRET);
  await until('the last status is out', () => published.some(text => text.includes('by-query/status')));
  await auditor.endAsync();
  await cast.gateway.stop();
  expect(cast.gateway.output).not.toMatch(SECRET);
  expect(published.filter(text => SECRET.test(text))).toEqual([]);
  expect(filesWithSecret(cast.root)).toEqual([]);
  // The needle is found where it is.
  expect(filesWithSecret(files.dir)).toContain('gateway.password');
});

test('secrets: the secret of a gateway at its own broker, and passwords of those turned away -> seen nowhere', async () => {
  const port = await freePort();
  const usersFile = join(files.dir, 'own-users');
  const made = await run([
    'user',
    '--users',
    usersFile,
    '--add',
    'one',
    '--password-file',
    secretFile('one', RIGHT),
  ]);
  expect(made).toEqual({ code: 0, output: 'one: added\n' });
  expect(statSync(usersFile).mode & 0o777).toBe(0o600);
  cast = new Cast(port, ['--listen', `127.0.0.1:${port}`, '--users', usersFile]);
  await cast.gateway.start();
  await until('the broker is there', async () => (await cast!.gateway.now()).link.up);
  // People type a password where the name belongs.
  for (const [username, password] of [
    [RIGHT, 'x'],
    ['one', WRONG],
  ] as const)
    await expect(connectTo({ url: cast.url, username, password })).rejects.toMatchObject({ code: 4 });
  await until('it is told', () => cast!.gateway.output.includes('turned away 127.0.0.1'));
  const one = await cast.board('one', {
    words: ['--username', 'one', '--password-file', join(files.dir, 'one')],
  });
  await until('it is in', async () => (await one.now()).state === 'idle');
  const told: string[] = [JSON.stringify(await cast.gateway.now()), shownByKernel(cast.gateway.pid)];
  for (const { state } of [cast.gateway, one]) {
    const where = state === cast.gateway.data ? '--data' : '--state';
    for (const what of ['status', 'memory']) told.push((await run([what, where, state, '--json'])).output);
  }
  await one.stop();
  await cast.gateway.stop();
  told.push(one.output, cast.gateway.output);
  for (const text of told) {
    expect(text).not.toMatch(SECRET);
    expect(text).not.toContain('@gateway');
    expect(text).not.toContain('$scrypt$');
  }
  expect(filesWithSecret(cast.root)).toEqual([]);
});
