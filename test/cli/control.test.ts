import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ask, CONTROL_NAME, type Control, openControl } from '../../agent/control.ts';
import { failureOf } from '../../cli/exits.ts';
import { Mounts, whyNoMounts } from '../system/mounts.ts';

let root: string;
let opened: Control[];
beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'toastbox-control-'));
  opened = [];
});
afterEach(async () => {
  for (const control of opened) await control.close();
  fs.rmSync(root, { recursive: true });
});
const open = async (state: string, status: () => unknown = () => ({ kind: 'test' })): Promise<Control> => {
  const control = await openControl(state, { status });
  opened.push(control);
  return control;
};

/** Sends raw bytes, resolves with all that is answered until the other end closes or a line has come. */
const exchange = (path: string, request: string | Uint8Array, lines = 1): Promise<string> =>
  new Promise((done, fail) => {
    const socket = net.connect(path);
    let text = '';
    socket.on('error', fail);
    socket.on('data', part => {
      text += part;
      if (text.split('\n').length > lines) socket.destroy();
    });
    socket.on('close', () => done(text));
    socket.write(request);
  });

/** A process that binds `path` and is killed: what a crashed agent leaves. */
const leaveStale = (path: string): Promise<void> =>
  new Promise(done => {
    const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawn(process.execPath, ['-e', code]).on('exit', () => done());
  });

describe('control', () => {
  test('control: opened -> answers its owner only, in a directory for its owner only', async () => {
    const state = join(root, 'folder', '.toastbox');
    const { why } = await open(state, () => ({ kind: 'test', head: 7 }));
    expect(why).toBeUndefined();
    expect(await ask(state, 'status')).toEqual({ kind: 'test', head: 7 });
    expect(await ask(state, 'who')).toEqual({ pid: process.pid });
    expect(fs.statSync(join(state, CONTROL_NAME)).mode & 0o777).toBe(0o600);
    expect(fs.statSync(state).mode & 0o777).toBe(0o700);
    expect(fs.readdirSync(state)).toEqual([CONTROL_NAME]);
  });

  test('control: a path of more than 107 bytes -> works all the same', async () => {
    const state = join(root, 'a-long-directory-name'.repeat(5), 'and-another-one'.repeat(12));
    expect(Buffer.byteLength(join(state, CONTROL_NAME))).toBeGreaterThan(250);
    const control = await open(state);
    expect(await ask(state, 'status')).toEqual({ kind: 'test' });
    await expect(openControl(state, {})).rejects.toMatchObject({ kind: 'running' });
    await control.close();
    expect(fs.readdirSync(state)).toEqual([]);
    await open(state);
    expect(await ask(state, 'status')).toEqual({ kind: 'test' });
  });

  test('control: around 107 bytes -> each length works', async () => {
    for (let length = 84; length <= 112; length++) {
      const state = join(root, 'x'.repeat(length - root.length));
      await open(state);
      expect(await ask(state, 'status')).toEqual({ kind: 'test' });
    }
  });

  test('control: a second one on the same state -> refused with the pid, the first goes on', async () => {
    await open(root);
    await expect(openControl(root, {})).rejects.toMatchObject({
      kind: 'running',
      message: `already running (pid ${process.pid}) on ${root}`,
    });
    expect(await ask(root, 'status')).toEqual({ kind: 'test' });
    expect(fs.readdirSync(root)).toEqual([CONTROL_NAME]);
  });

  test('control: a killed process left its socket -> taken over', async () => {
    await leaveStale(join(root, CONTROL_NAME));
    expect(fs.lstatSync(join(root, CONTROL_NAME)).isSocket()).toBe(true);
    await expect(ask(root, 'status')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await open(root);
    expect(await ask(root, 'status')).toEqual({ kind: 'test' });
    expect(fs.readdirSync(root)).toEqual([CONTROL_NAME]);
  });

  test('control: ten start at once over a stale socket -> one has it, nine are refused, nothing is left', async () => {
    await leaveStale(join(root, CONTROL_NAME));
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => open(root)));
    expect(tries.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const one of tries)
      if (one.status === 'rejected') expect(one.reason).toMatchObject({ kind: 'running' });
    expect(fs.readdirSync(root)).toEqual([CONTROL_NAME]);
    expect(await ask(root, 'status')).toEqual({ kind: 'test' });
  });

  test('control: something alive that never answers -> refused, not taken over', async () => {
    const server = net.createServer(socket => socket.resume()).listen(join(root, CONTROL_NAME));
    await expect(openControl(root, {})).rejects.toMatchObject({
      kind: 'running',
      message: `already running on ${root}`,
    });
    await expect(ask(root, 'status', 50)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await new Promise(done => server.close(done));
  });

  test('control: closed twice -> gone once; another that took the name is left alone', async () => {
    const control = await open(root);
    fs.unlinkSync(join(root, CONTROL_NAME));
    await open(root, () => 'second');
    await control.close();
    await control.close();
    expect(await ask(root, 'status')).toBe('second');
  });

  test('control: a thousand requests at once from one who does not read -> few answers wait, all come when he does', async () => {
    let answers = 0;
    await open(root, () => {
      answers++;
      return 'x'.repeat(10_000);
    });
    const socket = net.connect(join(root, CONTROL_NAME));
    socket.write('{"ask":"status"}\n'.repeat(1_000));
    for (let last = 0, turns = 0; last === 0 || turns < 50; turns++) {
      if (answers > last) turns = 0;
      last = answers;
      await new Promise(setImmediate);
    }
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThan(200);
    let bytes = 0;
    socket.on('data', chunk => {
      bytes += chunk.length;
      if (bytes === 1_000 * 10_003) socket.end();
    });
    await new Promise(done => socket.once('close', done));
    expect([answers, bytes]).toEqual([1_000, 1_000 * 10_003]);
  });

  test('control: closed while someone is connected -> at once', async () => {
    const control = await open(root);
    const socket = net.connect(join(root, CONTROL_NAME));
    await new Promise(done => socket.once('connect', done));
    const gone = new Promise(done => socket.once('close', done));
    const start = performance.now();
    await control.close();
    await gone;
    expect(performance.now() - start).toBeLessThan(2000);
    expect(fs.readdirSync(root)).toEqual([]);
  });

  test('control: malformed, unknown and several requests -> one answer each, the connection stands', async () => {
    await open(root);
    const requests = [
      '',
      '{',
      'null',
      '[]',
      '{"ask":7}',
      '{"ask":"toString"}',
      '\u0000\u00ff',
      '{"ask":"status"}',
    ];
    const answers = await exchange(join(root, CONTROL_NAME), `${requests.join('\n')}\n`, requests.length);
    const parsed = answers
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(parsed).toEqual([
      { error: 'not JSON' },
      { error: 'not JSON' },
      ...Array(4).fill({ error: 'ask one of: status, who' }),
      { error: 'not JSON' },
      { kind: 'test' },
    ]);
  });

  test('control: a request without end -> one error, then the connection is closed', async () => {
    await open(root);
    const path = join(root, CONTROL_NAME);
    expect(await exchange(path, 'x'.repeat(65_537), 2)).toBe(
      '{"error":"a request is at most 65536 bytes"}\n',
    );
    expect(await exchange(path, `${'x'.repeat(70_000)}\n{"ask":"status"}\n`, 2)).toContain('at most 65536');
    expect(await ask(root, 'status')).toEqual({ kind: 'test' });
  });

  test('control: an answer that throws -> an error for the asker, nothing else', async () => {
    let isBroken = true;
    await open(root, () => {
      if (isBroken) throw new Error('not now');
      return 'fine';
    });
    expect(await ask(root, 'status')).toEqual({ error: 'Error: not now' });
    isBroken = false;
    expect(await ask(root, 'status')).toBe('fine');
  });

  test('control: an answer of a megabyte -> whole', async () => {
    const long = 'é'.repeat(2 ** 19);
    await open(root, () => long);
    expect(await ask(root, 'status')).toBe(long);
  });

  test('control: an answer that takes longer than an asker may be silent -> comes all the same', async () => {
    const idleMs = 200;
    let answer: (what: string) => void = () => {};
    const status = () => new Promise<string>(done => (answer = done));
    opened.push(await openControl(root, { status }, idleMs));
    const silent = net.connect(join(root, CONTROL_NAME));
    const asked = ask(root, 'status');
    // Two who are silent are dropped meanwhile, one after the other.
    await new Promise(done => silent.once('close', done).resume());
    const late = net.connect(join(root, CONTROL_NAME));
    await new Promise(done => late.once('close', done).resume());
    answer('late');
    expect(await asked).toBe('late');
  });

  test('control: where no socket may be made -> the state is named, not the socket', async () => {
    const error = await openControl('/proc/self', {}).catch((caught: unknown) => caught);
    expect(failureOf(error)).toMatchObject({ kind: 'environment', message: '/proc/self: permission denied' });
  });

  test.skipIf(process.getuid?.() !== 0)(
    "control: another user's state -> the state is named, and what to do",
    async () => {
      fs.chmodSync(root, 0o755);
      fs.mkdirSync(join(root, 'own'), { mode: 0o700 });
      process.seteuid?.(65_534);
      try {
        await expect(openControl(join(root, 'own'), {})).rejects.toMatchObject({
          kind: 'environment',
          message: `${join(root, 'own')}: permission denied`,
          advice: 'start it as the user whose that is, or give it to this one (chown -R)',
        });
      } finally {
        process.seteuid?.(0);
      }
    },
  );

  test.skipIf(whyNoMounts !== undefined)('control: a read-only file system -> called that', async () => {
    const mounts = new Mounts();
    try {
      const place = mounts.bind(root, join(root, 'bound'));
      mounts.permit(place, 'ro');
      const control = await openControl(place, {});
      opened.push(control);
      expect(control.why).toBe('this file system is read-only');
    } finally {
      mounts.close();
    }
  });

  test('control: a state that cannot be made -> the machine is in the way', async () => {
    fs.writeFileSync(join(root, 'file'), '');
    await expect(openControl(join(root, 'file', 'state'), {})).rejects.toMatchObject({ kind: 'environment' });
    await expect(openControl(join(root, 'file'), {})).rejects.toMatchObject({
      message: `cannot make ${join(root, 'file')}: something else stands there`,
    });
  });

  test('control: a state where the kernel lets nothing be made, and says ENOENT -> said, no trying without end', async () => {
    for (const state of ['/proc/toastbox', '/proc/toastbox/state'])
      await expect(openControl(state, {})).rejects.toMatchObject({
        kind: 'environment',
        message: `cannot make ${state}: it does not exist`,
      });
  });

  test('control: a state, and what is above it, missing -> made', async () => {
    const state = join(root, 'one', 'two', 'three');
    opened.push(await openControl(state, {}));
    expect(fs.statSync(join(root, 'one', 'two')).mode & 0o777).toBe(0o700);
    expect(await ask(state, 'who')).toEqual({ pid: process.pid });
  });
});
