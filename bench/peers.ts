// What others make of the same work on the same machine: rsync, through its daemon on loopback, and xdelta3.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, Counter, freePort } from './counter.ts';
import type { Sampler } from './memory.ts';
import type { Place } from './place.ts';
import { until } from './stand.ts';

const DAEMON_MS = 5_000;

export function has(command: string): boolean {
  return spawnSync(command, ['--version'], { stdio: 'ignore' }).error === undefined;
}

export const hasFsync = (): boolean => spawnSync('rsync', ['--help']).stdout.toString().includes('--fsync');

/** rsync's daemon on one directory, behind a counter. */
export class Rsync {
  readonly #place: Place;
  #counter: Counter | undefined;
  #url = '';
  /** The same without the counter between. */
  #direct = '';

  constructor(place: Place) {
    this.#place = place;
  }

  /** Serves `folder`, readable and writable. */
  async open(folder: string): Promise<void> {
    const port = await freePort();
    const config = this.#place.path('rsyncd.conf');
    const owner = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
    writeFileSync(config, `use chroot = no\n${owner}[bench]\npath = ${folder}\nread only = no\n`);
    const daemon = this.#place.start('rsyncd', 'rsync', [
      ...['--daemon', '--no-detach', `--port=${port}`, '--address=127.0.0.1'],
      ...[`--config=${config}`, `--log-file=${this.#place.path('rsyncd.txt')}`],
    ]);
    await until('the rsync daemon', DAEMON_MS, () => {
      if (daemon.child.exitCode !== null) throw new Error(`rsync: ${daemon.log()}`);
      return answers(port);
    });
    this.#counter = new Counter(port);
    this.#url = `rsync://127.0.0.1:${await this.#counter.open()}/bench/`;
    this.#direct = `rsync://127.0.0.1:${port}/bench/`;
  }
  /** Bytes both ways for bringing the folder served to what `from` holds. */
  async push(options: readonly string[], from: string): Promise<number> {
    return this.#counted(() => this.#run([...options, `${from}/`, this.#url]));
  }

  /** Bytes both ways for bringing `to` to what the folder served holds. */
  async pull(options: readonly string[], to: string): Promise<number> {
    return this.#counted(() => this.#run([...options, this.#url, `${to}/`]));
  }

  /** Milliseconds of the whole process for the same, with no counter between. */
  async time(
    way: 'push' | 'pull',
    options: readonly string[],
    folder: string,
    watch?: { work: string; sampler: Sampler },
  ): Promise<number> {
    const begin = performance.now();
    const words = way === 'push' ? [`${folder}/`, this.#direct] : [this.#direct, `${folder}/`];
    await this.#run([...options, ...words], watch);
    return performance.now() - begin;
  }

  async #counted(run: () => Promise<void>): Promise<number> {
    const counter = this.#counter!;
    const before = counter.total;
    await run();
    return counter.total - before;
  }

  async #run(words: readonly string[], watch?: { work: string; sampler: Sampler }): Promise<void> {
    const started = this.#place.start('rsync', 'rsync', words);
    watch?.sampler.watch(watch.work, 'rsync, this end', started.pid);
    const { child } = started;
    if (child.exitCode === null) await new Promise(resolve => child.once('exit', resolve));
    if (child.exitCode !== 0) throw new Error(`rsync ${words.join(' ')}: ${started.log()}`);
  }

  close(): void {
    this.#counter?.close();
  }
}

const filesUnder = (folder: string): string[] =>
  (readdirSync(folder, { recursive: true }) as string[]).filter(path =>
    statSync(join(folder, path)).isFile(),
  );

/** Bytes of xdelta3's patches for every file that is not at its place unchanged, which both versions make. */
export function xdelta(place: Place, before: string, after: string): number | undefined {
  if (!has('xdelta3')) return undefined;
  const patch = place.path('patch');
  let bytes = 0;
  for (const path of filesUnder(after)) {
    const [old, file] = [join(before, path), join(after, path)];
    const hasOld = existsSync(old);
    if (hasOld && readFileSync(old).equals(readFileSync(file))) continue;
    const made = spawnSync('xdelta3', [
      '-9',
      '-f',
      '-e',
      '-q',
      ...(hasOld ? ['-B', '67108864', '-s', old] : []),
      file,
      patch,
    ]);
    if (made.status !== 0) throw new Error(`xdelta3: ${made.stderr}`);
    bytes += statSync(patch).size;
  }
  rmSync(patch, { force: true });
  return bytes;
}
