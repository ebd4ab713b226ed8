// A machine with a clean Debian 12 and real systemd, as a container of systemd-nspawn: its own processes, network
// (nothing but loopback) and mounts, this machine's kernel. Its root is made from Debian's packages once, by
// mmdebstrap, and kept as a tar where board keeps its downloads. Only root may do that, and not everywhere: `whyNot`
// says what is in the way.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mirrors } from '../../board/fetch/debian.ts';
import { cachePlace } from '../../board/places.ts';
import { until } from './cast.ts';

const TOOLS = ['mmdebstrap', 'systemd-nspawn', 'nsenter', 'dpkg-deb'];
/** What dpkg would ask for when our packages come. */
const INCLUDE = 'systemd,systemd-sysv,adduser,libstdc++6';

export const whyNot: string | undefined = (() => {
  if (process.getuid?.() !== 0) return 'only root may start a container';
  if (spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status !== 0)
    return 'no namespaces may be made here';
  const missing = TOOLS.filter(tool => spawnSync('which', [tool]).status !== 0);
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
})();

function must(command: string, ...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${status}\n${stdout}${stderr}`);
  return stdout;
}

/** The root of such a machine, made the first time: a minute. */
export function rootTar(): string {
  const file = join(cachePlace('root'), 'bookworm-amd64.tar');
  if (existsSync(file)) return file;
  const made = `${file}.${process.pid}`;
  const [[uri, suite]] = mirrors() as [[string, string]];
  must(
    'mmdebstrap',
    '--quiet',
    '--variant=essential',
    `--include=${INCLUDE}`,
    '--format=tar',
    suite,
    made,
    uri,
  );
  renameSync(made, file);
  return file;
}

export class DebianMachine {
  readonly root: string;
  readonly #container: ChildProcess;
  #said = '';
  #leader = '';

  private constructor() {
    this.root = mkdtempSync(join(tmpdir(), 'toastbox-debian-'));
    must('tar', '-xf', rootTar(), '-C', this.root, '--exclude=./dev/*', '--numeric-owner');
    mkdirSync(join(this.root, 'debs'));
    this.#container = spawn(
      'systemd-nspawn',
      [
        ...['--quiet', '--boot', '--register=no', '--keep-unit', '--private-network', '--console=pipe'],
        '-D',
        this.root,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.#container.stdout!, this.#container.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
  }

  /** One that has booted. */
  static async boot(): Promise<DebianMachine> {
    const machine = new DebianMachine();
    const { pid } = machine.#container;
    await until(
      'systemd to be up',
      () => {
        if (machine.#container.exitCode !== null) throw new Error(`systemd-nspawn ended: ${machine.#said}`);
        machine.#leader = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]!;
        return (
          machine.#leader !== '' && machine.try('systemctl', 'is-system-running').stdout.trim() === 'running'
        );
      },
      { explain: () => `${machine.#said}\n${machine.try('systemctl', '--failed', '--no-pager').stdout}` },
    );
    return machine;
  }

  /** A path in it, from outside. */
  path(inside: string): string {
    return join(this.root, inside);
  }

  /** Runs a command in it. */
  try(...words: string[]): { status: number | null; stdout: string; stderr: string } {
    // Its processes live in its namespaces; its files are read through its own root, which has /run and /proc in it.
    return spawnSync('nsenter', ['--target', this.#leader, '--all', '--', ...words], { encoding: 'utf8' });
  }

  /** The same; must end well. */
  run(...words: string[]): string {
    const { status, stdout, stderr } = this.try(...words);
    if (status !== 0) throw new Error(`${words.join(' ')}: ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Properties of a unit, as `systemctl show` has them. */
  unit(name: string): Record<string, string> {
    const lines = this.run('systemctl', 'show', name).trim().split('\n');
    return Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }

  journal(unit: string): string {
    return this.run('journalctl', '--no-pager', '--output=cat', '--unit', unit);
  }

  async close(): Promise<void> {
    const ended = new Promise(resolve => this.#container.once('exit', resolve));
    if (this.#container.exitCode === null) {
      // Its init, with which systemd-nspawn ends as well; the other way round it would stay behind.
      if (this.#leader !== '') process.kill(Number(this.#leader), 'SIGKILL');
      else this.#container.kill('SIGKILL');
      await ended;
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}
