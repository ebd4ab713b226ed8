// How the program begins and ends as a user meets it: what is in the way gets one clear line and its exit code,
// `npm start` on a fresh clone works both ways, and Ctrl-C leaves nothing behind.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
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
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../bench/counter.ts';
import { type Cast, openCast, REPO, run, until } from './cast.ts';

let cast: Cast | undefined;
afterEach(async () => {
  await cast?.close();
  cast = undefined;
});

/** What was said, as lines. */
const lines = (output: string) => output.trimEnd().split('\n');

describe('ends: what is in the way of a start', () => {
  test('a second agent on the folder, a second gateway on the data -> one line, exit 3, the first goes on', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const broker = ['--broker', cast.url];
    for (const [words, pid] of [
      [['agent', '--folder', one.folder, '--name', 'other', ...broker], one.pid],
      [['gateway', '--data', cast.gateway.data, ...broker], cast.gateway.pid],
    ] as const) {
      const { code, output } = await run(words);
      expect({ code, lines: lines(output).length }).toEqual({ code: 3, lines: 1 });
      expect(output).toMatch(new RegExp(`^toastbox: already running \\(pid ${pid}\\) on `));
    }
    writeFileSync(join(one.folder, 'after'), 'still here');
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
  });

  test('a port that is taken, by gateway and demo alike -> what to do instead, exit 4', async () => {
    cast = await openCast('embedded');
    const listen = `127.0.0.1:${cast.port}`;
    for (const words of [
      ['gateway', '--data', join(cast.root, 'other'), '--listen', listen],
      ['demo', '--at', join(cast.root, 'demo'), '--listen', listen],
    ]) {
      const { code, output } = await run(words);
      expect(code).toBe(4);
      expect(output).toMatch(new RegExp(`cannot listen on ${listen}: the address is taken`));
      expect(output).toMatch(/--listen 127\.0\.0\.1:\d+ or TOASTBOX_LISTEN=/);
      expect(lines(output).length).toBeLessThanOrEqual(2);
    }
  });

  test('no folder, no broker, no such option -> one line each, and the broker is waited for', async () => {
    cast = await openCast('mosquitto');
    const missing = await run([
      'agent',
      '--folder',
      join(cast.root, 'none'),
      '--broker',
      cast.url,
      '--name',
      'a',
    ]);
    expect([missing.code, missing.output]).toEqual([
      4,
      expect.stringMatching(/none does not exist\n {2}make it first/),
    ]);
    const unknown = await run(['agent', '--foldr', cast.root]);
    expect([unknown.code, unknown.output]).toEqual([2, expect.stringMatching(/--foldr.*--folder/s)]);

    await cast.broker?.stop();
    const one = await cast.board('one');
    const { link } = await until('it says why', async () => {
      const status = await one.status();
      return status?.link.why?.includes('broker') ? status : undefined;
    });
    expect(link).toMatchObject({
      up: false,
      why: expect.stringMatching(/nothing answers there: is the broker running/),
    });
    expect(one.output).toMatch(/^warn: .*nothing answers there/m);
    writeFileSync(join(one.folder, 'early'), 'written before there was a broker');
    await cast.restartBroker();
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
  });
});

describe('ends: npm start on a fresh clone', () => {
  // An unpacked archive has nothing to clone.
  const isClone = existsSync(join(REPO, '.git'));
  test.skipIf(!isClone)(
    'installed, built, synced both ways, ended by Ctrl-C -> in good order, no process left',
    async () => {
      const clone = mkdtempSync(join(tmpdir(), 'toastbox-clone-'));
      const port = await freePort();
      expect(spawnSync('git', ['clone', '--quiet', '--depth', '1', `file://${REPO}`, clone]).status).toBe(0);
      const env = { ...process.env, TOASTBOX_LISTEN: `127.0.0.1:${port}`, npm_config_prefer_offline: 'true' };
      // A process group of its own, as a terminal's: Ctrl-C goes to all of it at once.
      const child = spawn('npm', ['start'], {
        cwd: clone,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => {
          output += text;
        });
      const ended = once(child, 'close');
      try {
        const demo = join(clone, 'toastbox-demo');
        const [board, copy] = [join(demo, 'board'), join(demo, 'gateway', 'demo')];
        const isOver = () => child.exitCode !== null || child.signalCode !== null;
        await until('it says what to try', () => isOver() || output.includes('npx toastbox status'), {
          withinMs: 240_000,
          explain: () => output,
        });
        writeFileSync(join(board, 'up'), 'from the board');
        mkdirSync(join(copy, 'directory'));
        writeFileSync(join(copy, 'directory', 'down'), 'from the gateway');
        const isThere = (path: string) => existsSync(path) && readFileSync(path).length > 0;
        await until(
          'both arrive',
          () => isOver() || (isThere(join(copy, 'up')) && isThere(join(board, 'directory', 'down'))),
          { explain: () => output },
        );
        process.kill(-child.pid!, 'SIGINT');
        const [code, signal] = await ended;
        // npm itself may end by the signal, as a shell's 130 says; the program under it ends in good order.
        expect([0, 130, 'SIGINT']).toContain(code ?? signal);
        expect(output).toContain('stopped; the folders stay');
        expect(processesIn(clone)).toEqual([]);
      } finally {
        if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
        await ended;
        rmSync(clone, { recursive: true, force: true });
      }
    },
  );
});

/** Command lines of the processes that name something under `directory`. */
function processesIn(directory: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      if (words.includes(directory)) found.push(words);
    } catch {
      // It has just ended.
    }
  }
  return found;
}
