// A temporary directory and the processes that work in it: both gone when it closes, however the run ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STOP_MS = 10_000;
const open = new Set<Place>();

export interface Started {
  name: string;
  pid: number;
  child: ChildProcess;
  /** What it has printed so far. */
  log(): string;
}

export class Place {
  readonly directory: string;
  readonly #started: Started[] = [];

  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), `toastbox-bench-${name}-`));
    open.add(this);
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }

  /** An empty directory; one that is there is emptied. */
  folder(...parts: string[]): string {
    const folder = this.path(...parts);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  start(name: string, command: string, words: readonly string[]): Started {
    const file = this.path(`${name}.log`);
    const handle = openSync(file, 'w');
    const child = spawn(command, words, {
      stdio: ['ignore', handle, handle],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    closeSync(handle);
    child.on('error', () => {});
    const started = { name, pid: child.pid ?? 0, child, log: () => readFileSync(file, 'utf8') };
    this.#started.push(started);
    return started;
  }

  /** Ends one process: asked first, killed when it does not go. */
  async stop({ child }: Started): Promise<void> {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    for (const started of this.#started.splice(0).reverse()) await this.stop(started);
    this.#remove();
  }

  /** At once, for a run that is broken off. */
  drop(): void {
    for (const { child } of this.#started) child.kill('SIGKILL');
    this.#remove();
  }

  #remove(): void {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 });
    open.delete(this);
  }
}

export function dropPlaces(): void {
  for (const place of open) place.drop();
}
