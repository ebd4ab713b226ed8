import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Exit } from '../../cli/exits.ts';
import {
  AGENT_MALLOC_ENV,
  AGENT_NODE_FLAGS,
  GATEWAY_MALLOC_ENV,
  GATEWAY_NODE_FLAGS,
} from '../../cli/flags.ts';

const repo = fileURLToPath(new URL('../..', import.meta.url));
/** A Node that says it is 18: what an older one sees before any of its own limits. */
const OLD_NODE = `--import=data:text/javascript,${encodeURIComponent(
  "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } })",
)}`;

let root: string;
let program: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'toastbox-program-'));
  for (const directory of ['cli', 'scripts', 'bin', 'dist/cli'])
    mkdirSync(join(root, directory), { recursive: true });
  program = join(root, 'cli', 'toastbox.mjs');
  for (const file of ['toastbox.mjs', 'begin.mjs'])
    copyFileSync(join(repo, 'cli', file), join(root, 'cli', file));
  copyFileSync(join(repo, 'scripts/prepare.mjs'), join(root, 'scripts', 'prepare.mjs'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  symlinkSync(program, join(root, 'bin', 'toastbox'));
});
afterAll(() => rmSync(root, { recursive: true }));

const run = (command: string, ...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  return { status, stdout, stderr };
};
/** Stands in for the built command line: shows what it was started with. */
const build = () =>
  writeFileSync(
    join(root, 'dist/cli/main.js'),
    'export const main = async ({ words, program }) => { console.log(JSON.stringify({ words, program, flags: process.execArgv })); return 7; };',
  );

describe('program', () => {
  test('program: not built -> one line, exit 4', () => {
    expect(run(process.execPath, program, 'agent')).toEqual({
      status: Exit.ENVIRONMENT,
      stdout: '',
      stderr: 'toastbox: it is not built yet; run `npm run build` in the checkout\n',
    });
  });
  test('program: Node too old -> one line, exit 4, from the program and from the preparation', () => {
    for (const file of [program, join(root, 'scripts', 'prepare.mjs')])
      expect(run(process.execPath, OLD_NODE, file)).toEqual({
        status: Exit.ENVIRONMENT,
        stdout: '',
        stderr: 'toastbox: this is Node 18.20.4; it needs 20.11 or newer\n',
      });
  });
  test('program: run by name through a link -> words and exit code pass, each command gets its bounds', () => {
    build();
    for (const [words, flags] of [
      [['agent', '--name', 'a b', '--x=$HOME'], AGENT_NODE_FLAGS],
      [['gateway', 'agent'], GATEWAY_NODE_FLAGS],
      [[], []],
    ] as const) {
      const { status, stdout, stderr } = run(join(root, 'bin', 'toastbox'), ...words);
      expect(JSON.parse(stdout)).toEqual({ words, program, flags });
      expect([status, stderr]).toEqual([7, '']);
    }
  });
  test("program: malloc's bounds -> an agent's and a gateway's, unless they are given", () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      'export const main = async () => { console.log(JSON.stringify(process.env)); return 0; };',
    );
    const env = (...words: string[]) => JSON.parse(run(program, ...words).stdout);
    expect(env('agent')).toMatchObject(AGENT_MALLOC_ENV);
    expect(env('gateway')).toMatchObject(GATEWAY_MALLOC_ENV);
    expect(env('gateway')).not.toHaveProperty('MALLOC_MMAP_THRESHOLD_');
    expect(env('status')).not.toHaveProperty('MALLOC_ARENA_MAX');
    expect(env('status')).not.toHaveProperty('MALLOC_MMAP_THRESHOLD_');
    const given = { ...process.env, MALLOC_MMAP_THRESHOLD_: '1000000' };
    const { stdout } = spawnSync(program, ['agent'], { encoding: 'utf8', env: given });
    expect(JSON.parse(stdout).MALLOC_MMAP_THRESHOLD_).toBe('1000000');
  });
  test('program: a password in the environment -> given to the command, gone from what children and reports get', () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      'export const main = async ({ world }) => { console.log(JSON.stringify([world.env.TOASTBOX_PASSWORD, process.env.TOASTBOX_PASSWORD ?? null, process.env.HOME])); return 0; };',
    );
    const env = { ...process.env, HOME: '/h', TOASTBOX_PASSWORD: 'hunter2' };
    const { stdout } = spawnSync(program, ['agent'], { encoding: 'utf8', env });
    expect(JSON.parse(stdout)).toEqual(['hunter2', null, '/h']);
  });
  test('program: an agent started by node itself, busy -> a young generation of 1 MiB that does not grow', () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      `import { getHeapSpaceStatistics } from 'node:v8';
       export const main = async () => {
         const kept = [];
         for (let n = 0; n < 2e6; n++) kept[n % 50_000] = { n };
         console.log(getHeapSpaceStatistics().find(space => space.space_name === 'new_space').space_size);
         return kept.length - 50_000;
       };`,
    );
    // Two semi-spaces; the third is only there while it collects.
    const young = (...words: string[]) => Number(run(process.execPath, program, ...words).stdout);
    expect(young('agent')).toBeLessThanOrEqual(2 * 2 ** 20);
    expect(young('status')).toBeGreaterThan(2 * 2 ** 20);
  });
  test('program: more than a pipe holds -> all of it is read, also where the reader takes a part and goes', () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      `export const main = async ({ out, errors }) => {
         out.write('o'.repeat(3e6) + '\\n');
         errors.write('e'.repeat(3e6) + '\\n');
         return 7;
       };`,
    );
    const { status, stdout, stderr } = spawnSync(program, ['history'], { maxBuffer: 8e6 });
    expect([status, stdout.length, stderr.length]).toEqual([7, 3e6 + 1, 3e6 + 1]);
    const partly = run('bash', '-c', '"$0" history 2>/dev/null | head -c 5; echo " $PIPESTATUS"', program);
    expect(partly).toEqual({ status: 0, stdout: 'ooooo 7\n', stderr: '' });
  });
  test('program: a service whose log nobody reads -> ends all the same', async () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      "export const main = async ({ out }) => { out.write('o'.repeat(3e6)); return 7; };",
    );
    const child = spawn(program, ['agent'], { stdio: ['ignore', 'pipe', 'ignore'] });
    expect(await once(child, 'exit')).toEqual([7, null]);
    child.stdout.destroy();
  });
  test('program: an error that nobody caught -> its stack, exit 1', () => {
    writeFileSync(
      join(root, 'dist/cli/main.js'),
      "export const main = () => { setTimeout(() => { throw new Error('boom'); }); return new Promise(() => {}); };",
    );
    const { status, stderr } = run(process.execPath, program);
    expect(status).toBe(Exit.FAILED);
    expect(stderr).toMatch(/a mistake of ours, please report it:\nError: boom\n {4}at /);
  });
  test('program: the preparation checks the version that package.json asks for', () => {
    const { engines } = JSON.parse(readFileSync(join(repo, 'package.json'), 'utf8'));
    expect(engines.node).toBe('>=20.11');
  });
});
