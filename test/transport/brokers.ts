// Real brokers to test against, on free ports, and a cuttable wire to put before them.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../bench/counter.ts';
import { startBroker } from '../../gateway/broker.ts';

export interface TestBroker {
  port: number;
  /** Kills it without a goodbye. */
  stop(): Promise<void>;
}

export interface BrokerKind {
  name: string;
  protocol: 4 | 5;
  start(port?: number): Promise<TestBroker>;
}

export const has = (command: string): boolean => {
  try {
    execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin command -v ${command}`]);
    return true;
  } catch {
    return false;
  }
};

export const hasMosquitto = has('mosquitto');

/** Files for one test, gone after it. */
export class Files {
  readonly dir = mkdtempSync(join(tmpdir(), 'toastbox-transport-'));

  constructor() {
    chmodSync(this.dir, 0o755);
  }

  write(name: string, text: string, mode = 0o644): string {
    const path = join(this.dir, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** `config` goes after the listener's line. */
export async function startMosquitto(config = 'allow_anonymous true', port?: number): Promise<TestBroker> {
  port ??= await freePort();
  const files = new Files();
  const user = process.getuid?.() === 0 ? 'user root\n' : '';
  const path = files.write(
    'mosquitto.conf',
    `${user}persistence false\nlistener ${port} 127.0.0.1\n${config}\n`,
  );
  const child = spawn('mosquitto', ['-c', path, '-v'], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await running(child);
  return {
    port,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      files.remove();
    },
  };
}

function running(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let log = '';
    const listen = (bytes: Buffer) => {
      if (log.length < 100_000) log += bytes.toString();
      if (/mosquitto version \S+ running/.test(log)) done();
    };
    child.stdout?.on('data', listen);
    child.stderr?.on('data', listen);
    child.once('exit', () => fail(new Error(`mosquitto ended: ${log}`)));
    child.once('error', fail);
  });
}

export const EMBEDDED: BrokerKind = {
  name: 'embedded',
  protocol: 4,
  async start(port = 0) {
    const broker = await startBroker({ port });
    return { port: broker.port, stop: () => broker.close() };
  },
};

export const MOSQUITTO: BrokerKind = {
  name: 'mosquitto',
  protocol: 5,
  start: port => startMosquitto(undefined, port),
};

/** A TCP relay that can hold still what goes to the broker, and cut like a cable. */
export class Relay {
  readonly #pairs = new Set<{ near: net.Socket; far: net.Socket }>();
  readonly #server: net.Server;
  readonly #to: number;
  #isHolding = false;

  constructor(to: number) {
    this.#to = to;
    this.#server = net.createServer(near => {
      const far = net.connect(this.#to, '127.0.0.1');
      const pair = { near, far };
      this.#pairs.add(pair);
      const end = () => {
        near.destroy();
        far.destroy();
        this.#pairs.delete(pair);
      };
      for (const socket of [near, far]) socket.on('error', end).on('close', end);
      far.pipe(near);
      near.pipe(far);
      if (this.#isHolding) near.unpipe(far).pause();
    });
  }

  async open(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** Stops reading from the clients: their sockets fill up. */
  hold(): void {
    this.#isHolding = true;
    for (const { near, far } of this.#pairs) near.unpipe(far).pause();
  }

  /** Resets all connections; new ones pass freely. */
  cut(): void {
    this.#isHolding = false;
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
