// The whole of toastbox on one machine, as its users start it: Mosquitto on a free port, the built gateway and
// agents as processes, a counter before the broker for each board.
//
//   board -- counter --.
//   board -- counter --+-- Mosquitto -- gateway -- plain copy
//
// What they do is learned from their control sockets, and at the end from the folders themselves.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from '../agent/control.ts';
import type { AgentStatus } from '../agent/status.ts';
import type { GatewayStatus } from '../gateway/status.ts';
import { answers, Counter, freePort } from './counter.ts';
import type { Place, Started } from './place.ts';
import { firstDifference } from './tree.ts';

/** Run as a program, not by `node`: its first lines set V8's flags for an agent. */
const PROGRAM = fileURLToPath(new URL('../../cli/toastbox.mjs', import.meta.url));
export const SHARE = 'bench';

const POLL_MS = 50;
const START_MS = 15_000;
/** A status that shows an end is looked at again after this: news may be on their way. */
const CALM_MS = 400;
/** Retained statuses follow within a second of a change: they belong to what it costs. */
const QUIET_MS = 1_500;

export interface Board {
  name: string;
  folder: string;
  process: Started;
  counter: Counter;
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Asks `question` again and again until it answers something. */
export async function until<T>(
  what: string,
  limitMs: number,
  question: () => T | undefined | Promise<T | undefined>,
  pollMs = POLL_MS,
): Promise<T> {
  const limit = Date.now() + limitMs;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (Date.now() > limit) throw new Error(`waited ${limitMs / 1000} s for ${what}`);
    await pause(pollMs);
  }
}

export class Stand {
  readonly place: Place;
  readonly boards: Board[] = [];
  readonly plain: string;
  brokerPort = 0;
  gateway: Started | undefined;
  broker: Started | undefined;

  constructor(place: Place) {
    this.place = place;
    this.plain = place.path('plain', SHARE);
  }

  async open(): Promise<void> {
    const { place } = this;
    this.brokerPort = await freePort();
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    const config = place.path('mosquitto.conf');
    writeFileSync(
      config,
      `${user}persistence false\nlistener ${this.brokerPort} 127.0.0.1\nallow_anonymous true\n`,
    );
    const broker = place.start('mosquitto', 'mosquitto', ['-c', config]);
    this.broker = broker;
    await until('Mosquitto', START_MS, () => {
      if (broker.child.exitCode !== null || broker.pid === 0)
        throw new Error(`no Mosquitto: ${broker.log()}`);
      return answers(this.brokerPort);
    });
    this.gateway = place.start('gateway', PROGRAM, [
      'gateway',
      ...['--data', place.path('gateway'), '--folder', place.path('plain'), '--progress', 'none', '--quiet'],
      ...['--broker', `mqtt://127.0.0.1:${this.brokerPort}`],
    ]);
    await until('the gateway', START_MS, async () =>
      (await this.gatewayStatus())?.link.up ? true : undefined,
    );
  }

  /** Starts a board on a folder that may already hold something. Comes back at once. */
  async board(name: string): Promise<Board> {
    const folder = this.place.path(name);
    mkdirSync(folder, { recursive: true });
    const counter = new Counter(this.brokerPort);
    const process = this.#agent(name, folder, await counter.open());
    const board = { name, folder, process, counter };
    this.boards.push(board);
    return board;
  }

  /** The same with no counter between, which would take processor time from both ends. */
  directBoard(name: string): Board {
    const folder = this.place.path(name);
    const process = this.#agent(name, folder, this.brokerPort);
    const board = { name, folder, process, counter: new Counter(this.brokerPort) };
    this.boards.push(board);
    return board;
  }

  /** Ends a direct board's process and starts another on what it left. */
  async restart(board: Board, ...words: string[]): Promise<void> {
    await this.place.stop(board.process);
    board.process = this.#agent(board.name, board.folder, this.brokerPort, words);
  }

  #agent(name: string, folder: string, port: number, words: readonly string[] = []): Started {
    return this.place.start(name, PROGRAM, [
      'agent',
      ...['--folder', folder, '--name', name, '--share', SHARE, '--progress', 'none', '--quiet'],
      ...['--broker', `mqtt://127.0.0.1:${port}`, ...words],
    ]);
  }

  async status(board: Board): Promise<AgentStatus | undefined> {
    const { exitCode } = board.process.child;
    if (exitCode !== null) throw new Error(`${board.name} ended with ${exitCode}: ${board.process.log()}`);
    // It answers null while it is starting.
    return ((await ask(join(board.folder, '.toastbox'), 'status').catch(() => undefined)) ?? undefined) as
      | AgentStatus
      | undefined;
  }

  async gatewayStatus(): Promise<GatewayStatus | undefined> {
    const gateway = this.gateway!;
    if (gateway.child.exitCode !== null) throw new Error(`the gateway ended: ${gateway.log()}`);
    return ((await ask(this.place.path('gateway'), 'status').catch(() => undefined)) ?? undefined) as
      | GatewayStatus
      | undefined;
  }

  /** All ends say that nothing is left to do. */
  async isIdle(): Promise<boolean> {
    const gateway = await this.gatewayStatus();
    const share = gateway?.folders.find(folder => folder.share === SHARE);
    if (share === undefined || !isCalm(share.agent, share.head)) return false;
    for (const board of this.boards) {
      const status = await this.status(board);
      if (status === undefined || !isCalm(status, share.head)) return false;
    }
    return true;
  }

  /** Waits until nothing is left to do, all folders are equal, and the wires are quiet. */
  async settle(limitMs: number): Promise<void> {
    const folders = [this.plain, ...this.boards.map(({ folder }) => folder)];
    let difference: string | undefined;
    try {
      await until('equal folders', limitMs, async () => {
        if (!(await this.isIdle())) return undefined;
        await pause(CALM_MS);
        if (!(await this.isIdle())) return undefined;
        for (const other of folders.slice(1)) {
          difference = firstDifference(folders[0]!, other);
          if (difference !== undefined) return undefined;
        }
        return true;
      });
    } catch (error) {
      throw new Error(
        `${(error as Error).message} (${difference ?? 'never idle'})\n${await this.#account()}`,
      );
    }
    await this.#quiet();
  }

  async #quiet(): Promise<void> {
    const total = () => this.boards.reduce((sum, { counter }) => sum + counter.total, 0);
    for (let before = -1; before !== total(); ) {
      before = total();
      await pause(QUIET_MS);
    }
  }

  /** For an error's text: what everyone says and last printed. */
  async #account(): Promise<string> {
    const lines: string[] = [];
    for (const board of this.boards) {
      const status = await this.status(board).catch(() => undefined);
      lines.push(`${board.name}: ${JSON.stringify(status)}\n${board.process.log().slice(-1000)}`);
    }
    const gateway = await this.gatewayStatus().catch(() => undefined);
    lines.push(`gateway: ${JSON.stringify(gateway)}\n${this.gateway?.log().slice(-1000)}`);
    return lines.join('\n');
  }

  async close(): Promise<void> {
    for (const { process } of this.boards) await this.place.stop(process);
    if (this.gateway !== undefined) await this.place.stop(this.gateway);
    if (this.broker !== undefined) await this.place.stop(this.broker);
    for (const { counter } of this.boards) counter.close();
  }
}

const isCalm = (status: AgentStatus, head: number): boolean =>
  status.state === 'idle' &&
  status.pending.up === 0 &&
  status.pending.down === 0 &&
  status.position === head &&
  status.settled === head &&
  !status.scan.running;
