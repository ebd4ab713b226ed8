// Who plays in a system test: a broker, a gateway and boards, each a process of its own running the built program,
// with real folders under one temporary directory. Nobody waits for time to pass: until() waits for a condition,
// settle() for trees that are equal and for everyone to say so.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from '../../agent/control.ts';
import type { AgentStatus } from '../../agent/status.ts';
import { freePort } from '../../bench/counter.ts';
import { read } from '../../cli/options/kinds.ts';
import { COMMANDS } from '../../cli/options/table.ts';
import type { GatewayStatus } from '../../gateway/status.ts';
import { hasMosquitto, startMosquitto, type TestBroker } from '../transport/brokers.ts';
import { Mounts } from './mounts.ts';
import { differences, readTree, type Tree } from './trees.ts';

export const REPO = fileURLToPath(new URL('../../', import.meta.url));
/** As a user starts it: to a shell, which starts Node with the flags of an agent. Or another by its path: a bundled
 * program passes the same tests (HACKING.md). */
export const PROGRAM = process.env.PROGRAM ?? join(REPO, 'cli', 'toastbox.mjs');

/** LONG=1 runs the same scenarios at full size. */
export const IS_LONG = process.env.LONG === '1';

const POLL_MS = 50;
/** Generous: a test fails by this only when something hangs. */
const WITHIN_MS = IS_LONG ? 3_600_000 : 150_000;
/** Kept of what a process says: the last of it. */
const OUTPUT_MAX = 200_000;

/** Waits until `condition` is truthy, and gives what it gave. Errors of the file system count as not yet. */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  { withinMs = WITHIN_MS, explain = () => '' as string | Promise<string> } = {},
): Promise<NonNullable<T>> {
  const end = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      last = undefined;
      const value = await condition();
      if (value) return value;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      last = error;
    }
    if (performance.now() > end)
      throw new Error(
        `not in ${withinMs} ms: ${what}${last === undefined ? '' : ` (${last})`}\n${await explain()}`,
      );
    await pause(POLL_MS);
  }
}

const cleanEnv = () =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TOASTBOX_')));

interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** `cgroup.procs` of the cgroup that it starts in. */
  door?: string | undefined;
  /** A command that runs it: the program follows its words. */
  through?: readonly string[];
}

/** One process of the built program. */
export class Running {
  readonly child: ChildProcess;
  /** What it said on stdout and stderr, the last of it. */
  output = '';
  readonly #exited: Promise<number | null>;

  constructor(words: readonly string[], options: RunOptions = {}) {
    const own = [...(options.through ?? []), PROGRAM];
    const command =
      options.door === undefined ? own : ['sh', '-c', 'echo $$ >"$0" && exec "$@"', options.door, ...own];
    this.child = spawn(command[0]!, [...command.slice(1), ...words], {
      cwd: options.cwd,
      env: { ...cleanEnv(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.child, 'close').then(([code]) => code as number | null);
    for (const stream of [this.child.stdout!, this.child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.output = (this.output + text).slice(-OUTPUT_MAX);
      });
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The exit code, or null after a signal that it did not catch. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined && this.isAlive) this.child.kill(signal);
    return this.#exited;
  }

  said(text: string | RegExp): boolean {
    return typeof text === 'string' ? this.output.includes(text) : text.test(this.output);
  }
}

/** Runs the program to its end. */
export async function run(
  words: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; output: string }> {
  const running = new Running(words, options);
  const code = await running.end();
  return { code, output: running.output };
}

/** An agent or gateway that can be started, killed and started again on the same state. */
class Player<S> {
  readonly state: string;
  running: Running | undefined;
  readonly #words: readonly string[];
  #options: RunOptions;

  constructor(state: string, words: readonly string[], options: RunOptions = {}) {
    this.state = state;
    this.#words = words;
    this.#options = options;
  }

  /** From its next start on it is run by this command. */
  through(command: readonly string[]): void {
    this.#options = { ...this.#options, through: command };
  }

  get pid(): number {
    return this.running!.child.pid!;
  }

  get output(): string {
    return this.running?.output ?? '';
  }

  /** What it was told to take, or takes untold. */
  get arenaBytes(): number {
    const at = this.#words.lastIndexOf('--arena');
    const text = at < 0 ? COMMANDS.agent.options.arena.default : this.#words[at + 1]!;
    return read('size', text, {}, '') as number;
  }

  async start(): Promise<void> {
    this.running = new Running(this.#words, this.#options);
    const { running } = this;
    await until(
      `${this.#words[0]} starts`,
      async () => {
        if (!running.isAlive) throw new Error(`it ended: ${running.output}`);
        return (await this.status()) !== undefined;
      },
      { explain: () => running.output },
    );
  }

  /** In good order. */
  async stop(): Promise<void> {
    const code = await this.running?.end('SIGTERM');
    if (this.running !== undefined && code !== 0)
      throw new Error(`it ended with ${code} after SIGTERM: ${this.output}`);
  }

  async kill(): Promise<void> {
    await this.running?.end('SIGKILL');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  /** Undefined while nobody answers. */
  async status(): Promise<S | undefined> {
    try {
      return ((await ask(this.state, 'status')) ?? undefined) as S | undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'].includes(code ?? '')) return undefined;
      throw error;
    }
  }

  /** Anonymous memory now, in bytes; 0 when it is gone. */
  get anonymousBytes(): number {
    try {
      const line = /RssAnon:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
      return Number(line?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  }
}

export class Board extends Player<AgentStatus> {
  readonly name: string;
  readonly folder: string;

  constructor(name: string, folder: string, state: string, words: readonly string[], options: RunOptions) {
    super(state, words, options);
    this.name = name;
    this.folder = folder;
  }

  /** The status, once it answers. */
  now(): Promise<AgentStatus> {
    return until(`${this.name} answers`, () => this.status());
  }
}

export class Gateway extends Player<GatewayStatus> {
  readonly folders: string;
  readonly data: string;

  constructor(folders: string, data: string, words: readonly string[]) {
    super(data, words);
    this.folders = folders;
    this.data = data;
  }

  copy(share: string): string {
    return join(this.folders, share);
  }

  now(): Promise<GatewayStatus> {
    return until('the gateway answers', () => this.status());
  }
}

export class Cast {
  /** Gone after the test. */
  readonly root = mkdtempSync(join(tmpdir(), 'toastbox-system-'));
  readonly port: number;
  /** Where boards find the broker. */
  url: string;
  /** Undone after the test. */
  readonly mounts = new Mounts();
  gateway: Gateway;
  readonly boards: Board[] = [];
  broker: TestBroker | undefined;

  constructor(port: number, gatewayWords: readonly string[]) {
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    const data = join(this.root, 'data');
    const folders = join(this.root, 'gateway');
    this.gateway = new Gateway(folders, data, [
      'gateway',
      ...['--data', data, '--folder', folders],
      ...gatewayWords,
    ]);
  }

  /** A board, started, unless it is to be started later. */
  async board(
    name: string,
    {
      share = 'shared',
      words = [] as readonly string[],
      isStarted = true,
      folder = join(this.root, name),
      state = join(folder, '.toastbox'),
      door = undefined as string | undefined,
    } = {},
  ): Promise<Board> {
    mkdirSync(folder, { recursive: true });
    const all = [
      'agent',
      ...['--folder', folder, '--state', state, '--broker', this.url, '--name', name, '--share', share],
      ...words,
    ];
    const board = new Board(name, folder, state, all, { door });
    this.boards.push(board);
    if (isStarted) await board.start();
    return board;
  }

  /** Kills Mosquitto and starts it anew, empty, on the same port. */
  async restartBroker(): Promise<void> {
    await this.broker?.stop();
    this.broker = await startMosquitto(undefined, this.port);
  }

  /**
   * Waits until the folders are equal (in what is compared) and, if it is asked for, everybody says that nothing is
   * left to do. Gives the tree.
   */
  async settle(
    folders: readonly string[],
    { withinMs = WITHIN_MS, isResting = true, isCompared = (_path: string): boolean => true } = {},
  ): Promise<Tree> {
    let why: string[] = [];
    const isSettled = async () => {
      why = isResting ? await this.#unrest() : [];
      if (why.length > 0) return undefined;
      const trees = folders.map(
        folder => new Map([...readTree(folder)].filter(([path]) => isCompared(path))),
      );
      why = differences(trees);
      return why.length === 0 ? trees[0] : undefined;
    };
    const explain = async () =>
      [...why, ...differences(folders.map(readTree)), ...(await this.#story())].join('\n');
    return until('everything is settled', isSettled, { withinMs, explain });
  }

  /** Everybody who is not at rest, in words. */
  async #unrest(): Promise<string[]> {
    const unrest: string[] = [];
    const check = (name: string, status: AgentStatus | undefined, head: number) => {
      if (status === undefined) unrest.push(`${name} does not answer`);
      else if (status.state !== 'idle' || status.head !== head || status.settled !== head)
        unrest.push(
          `${name}: ${status.state}, head ${status.head} of ${head}, settled ${status.settled}, ${JSON.stringify(status.pending)}`,
        );
    };
    const gateway = await this.gateway.status();
    if (gateway === undefined) return ['the gateway does not answer'];
    const headOf = (share: string) => gateway.folders.find(folder => folder.share === share)?.head ?? -1;
    for (const { share, head, agent } of gateway.folders) check(`copy of ${share}`, agent, head);
    for (const board of this.boards) {
      if (board.running?.isAlive !== true) continue;
      const status = await board.status();
      check(board.name, status, headOf(status?.share ?? ''));
    }
    return unrest;
  }

  async #story(): Promise<string[]> {
    const lines: string[] = [];
    for (const player of [this.gateway, ...this.boards]) {
      const name = player instanceof Board ? player.name : 'gateway';
      lines.push(`-- ${name}: ${JSON.stringify(await player.status())}`, player.output.slice(-2_000));
    }
    return lines;
  }

  /** Arenas that are not as long as they were asked to be, of whoever still runs. */
  async #grownArenas(): Promise<string[]> {
    const lengths: [string, number, number | undefined][] = [];
    for (const board of this.boards)
      lengths.push([board.name, board.arenaBytes, (await board.status())?.arena?.bytes]);
    for (const { share, agent } of (await this.gateway.status())?.folders ?? [])
      lengths.push([`copy of ${share}`, this.gateway.arenaBytes, agent.arena.bytes]);
    return lengths
      .filter(([, asked, now]) => now !== undefined && now !== asked)
      .map(([name, asked, now]) => `the arena of ${name} had ${asked} bytes and has ${now}`);
  }

  /** Ends everybody. Throws if somebody's memory has grown. */
  async close(): Promise<void> {
    const grown = await this.#grownArenas();
    for (const player of [...this.boards, this.gateway]) await player.kill();
    await this.broker?.stop();
    this.mounts.close();
    rmSync(this.root, { recursive: true, force: true });
    if (grown.length > 0) throw new Error(grown.join('; '));
  }
}

/** A cast with a gateway that runs. `prepare` is called before it starts. */
export async function openCast(
  kind: 'mosquitto' | 'embedded',
  words: readonly string[] = [],
  prepare: (cast: Cast) => void = () => {},
): Promise<Cast> {
  if (!existsSync(join(REPO, 'dist', 'cli', 'main.js'))) throw new Error('not built: npm run build');
  if (kind === 'mosquitto' && !hasMosquitto) throw new Error('mosquitto is not installed');
  const port = await freePort();
  const where =
    kind === 'mosquitto' ? ['--broker', `mqtt://127.0.0.1:${port}`] : ['--listen', `127.0.0.1:${port}`];
  const cast = new Cast(port, [...where, ...words]);
  try {
    if (kind === 'mosquitto') cast.broker = await startMosquitto(undefined, port);
    prepare(cast);
    await cast.gateway.start();
    return cast;
  } catch (error) {
    await cast.close();
    throw error;
  }
}
