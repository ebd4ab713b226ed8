// The host's side of a check: a real Mosquitto and a gateway, each a process of its own, on loopback, where a board in
// QEMU finds them at 10.0.2.2.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { toolEnv } from '../fetch/tool.ts';
import { ROOT } from '../places.ts';
import { until } from './wait.ts';

const START_MS = 60_000;
const LOOPBACK = '127.0.0.1';
const run = promisify(execFile);

export class Host {
  readonly place: string;
  port = 0;
  private broker: ChildProcess | undefined;
  private gateway: ChildProcess | undefined;
  private said = '';

  constructor(place: string) {
    this.place = place;
    mkdirSync(place, { recursive: true });
  }

  async start(): Promise<void> {
    this.port = await freePort();
    await this.startBroker();
    await this.startGateway();
  }

  /** The gateway's plain copy of a share. */
  copy(share: string): string {
    return join(this.place, 'gateway', 'folders', share);
  }

  async startBroker(): Promise<void> {
    const conf = join(this.place, 'mosquitto.conf');
    const user = process.getuid?.() === 0 ? 'user root\n' : '';
    const listener = `listener ${this.port} ${LOOPBACK}`;
    writeFileSync(conf, `${user}persistence false\nallow_anonymous true\n${listener}\n`);
    this.broker = this.spawn('mosquitto', ['-c', conf]);
    await until(
      'Mosquitto listens',
      () => answers(this.port),
      START_MS,
      () => this.said,
    );
  }

  async startGateway(): Promise<void> {
    this.said = '';
    const data = join(this.place, 'gateway');
    const broker = `mqtt://${LOOPBACK}:${this.port}`;
    const program = join(ROOT, 'cli', 'toastbox.mjs');
    const words = ['gateway', '--data', data, '--broker', broker, '--rescan', '10s', '--progress', 'none'];
    this.gateway = this.spawn(program, words);
    const isThere = () => this.said.includes('toastbox gateway:');
    await until('the gateway is there', isThere, START_MS, () => this.said);
  }

  stopBroker = (): Promise<void> => end(this.broker);
  stopGateway = (): Promise<void> => end(this.gateway);

  async stop(): Promise<void> {
    await this.stopGateway();
    await this.stopBroker();
  }

  /** The retained status of a board, as any MQTT client sees it. */
  async statusOf(board: string): Promise<Record<string, unknown> | undefined> {
    const topic = `toastbox/1/board/${board}/status`;
    const words = ['-h', LOOPBACK, '-p', String(this.port), '-t', topic, '-C', '1', '-W', '2'];
    try {
      const { stdout } = await run('mosquitto_sub', words);
      return JSON.parse(stdout);
    } catch {
      return undefined;
    }
  }

  private spawn(program: string, words: string[]): ChildProcess {
    const child = spawn(program, words, { env: toolEnv(), stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', error => {
      this.said += `${program}: ${error.message}\n`;
    });
    for (const stream of [child.stdout, child.stderr])
      stream!.on('data', bytes => {
        this.said = (this.said + bytes).slice(-4000);
      });
    return child;
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill();
  await exit;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, LOOPBACK);
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, LOOPBACK);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
