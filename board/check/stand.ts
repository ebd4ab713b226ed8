// A board on the stand: its card, its power, and what it tells. A scenario turns power on and off, changes files on
// either side and waits until both are equal; memory is looked at all the while.

import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Failure } from '../../agent/failure.ts';
import { APART_MS, REST_MS } from '../../agent/sweep.ts';
import { Console } from '../boot/console.ts';
import { type Board, HOST_ADDRESS, makeCard, putOnCard, startQemu } from '../boot/machine.ts';
import { Host } from './host.ts';
import { digestHere, digestWords } from './tree.ts';
import { until } from './wait.ts';

/** Generous: what fails by these hangs. Software emulation on a busy machine is ten times slower than on an idle. */
const BOOT_MS = 300_000;
const SETTLE_MS = 600_000;
export const FOLDER = '/data/folder';
/** Says the most anonymous memory of any agent so far: what is resident, and what is compressed in the board's swap. */
const WATCHER =
  'most=0; while sleep 2; do for p in $(pidof node); do sum=0; while read -r key value rest; do ' +
  'case $key in RssAnon: | VmSwap:) sum=$((sum + value)) ;; esac; done </proc/$p/status; ' +
  '[ $sum -le $most ] || { most=$sum; echo $most >/run/board/most; }; done; done 2>/dev/null';

/** What is anonymous counts with what of it lies in swap: it would be resident without. */
export interface Memory {
  rssAnonKiB: number;
  rssAnonMostKiB: number;
  swappedKiB: number;
  rssFileKiB: number;
  threads: number;
}

export interface StandOptions {
  word: string;
  ramMib: number;
  image: string;
  place: string;
  cardBytes: number;
  onText(text: string): void;
}

export class Stand {
  readonly options: StandOptions;
  readonly host: Host;
  readonly card: string;
  private console: Console | undefined;
  /** The most of any life so far. */
  private mostKiB = 0;
  /** Times that the kernel killed something for memory. */
  kills = 0;
  private readonly troubles = new Set<string>();
  private troublesTaken = 0;

  constructor(options: StandOptions) {
    this.options = options;
    rmSync(options.place, { recursive: true, force: true });
    mkdirSync(options.place, { recursive: true });
    this.host = new Host(join(options.place, 'host'));
    this.card = join(options.place, 'card');
  }

  /** A fresh card with these lines in its settings, and a host to talk to. */
  async open(lines: readonly string[] = []): Promise<void> {
    await this.host.start();
    makeCard(this.options.image, this.card, this.options.cardBytes);
    this.settings([`broker = "${this.broker}"`, `name = "${this.name}"`, 'rescan = "30s"', ...lines]);
  }

  get name(): string {
    return this.options.word;
  }

  get broker(): string {
    return `mqtt://${HOST_ADDRESS}:${this.host.port}`;
  }

  /** The gateway's plain copy. */
  get copy(): string {
    return this.host.copy(this.name);
  }

  settings(lines: readonly string[]): void {
    putOnCard(this.card, 'toastbox.toml', lines.map(line => `${line}\n`).join(''));
  }

  /**
   * Turns power on; a board that has it loses it first, for two machines on one card would destroy it. `isShell`:
   * waits for the shell too. Seconds until it was there.
   */
  async power(more: Partial<Board> = {}, isShell = true): Promise<number> {
    if (this.console !== undefined) await this.cut();
    const start = performance.now();
    const { word, ramMib } = this.options;
    const qemu = startQemu({ word, ramMib, card: this.card, isEndedByReboot: true, ...more }, 'pipe');
    this.console = new Console(qemu, this.options.onText);
    if (isShell) {
      await this.console.open(BOOT_MS);
      this.console.type(`(${WATCHER}) </dev/null >/dev/null 2>&1 &`);
    }
    return (performance.now() - start) / 1000;
  }

  /** Power is on, and the board is at the gateway. */
  async on(): Promise<void> {
    if (this.console === undefined || this.console.isEnded) await this.power();
    await this.joined();
  }

  get board(): Console {
    if (this.console === undefined) throw new Failure('runtime', 'the board has no power');
    return this.console;
  }

  /** Power goes, at this instant. */
  async cut(): Promise<void> {
    this.countKills();
    await this.board.cut();
  }

  /** Waits until the board has rebooted, which ends this machine; false if it did not. */
  async reboots(withinMs: number): Promise<boolean> {
    const { process, isEnded } = this.board;
    if (isEnded) return process.signalCode === null;
    const timer = setTimeout(() => process.kill('SIGKILL'), withinMs);
    await once(process, 'exit');
    clearTimeout(timer);
    return process.signalCode === null;
  }

  async run(command: string, withinMs?: number): Promise<string> {
    const { code, text } = await this.board.run(command, withinMs);
    if (code !== 0) throw new Failure('runtime', `on the board: ${command}: exit ${code}: ${text}`);
    return text;
  }

  joined = (): Promise<unknown> =>
    until('the board has joined', () => existsSync(this.copy), BOOT_MS, this.explain);

  /** Both sides are equal, and the board says that it rests. The digest of either. */
  async settle(withinMs = SETTLE_MS): Promise<string> {
    let [here, there] = ['', ''];
    await until(
      'both sides are equal and at rest',
      async () => {
        const status = await this.host.statusOf(this.name);
        if (status?.lastError !== undefined) this.troubles.add(`${status.lastErrorAt}: ${status.lastError}`);
        if (status?.phase !== 'idle' || status.pendingUp !== 0 || status.pendingDown !== 0) return false;
        here = digestHere(this.copy);
        there = (await this.board.run(digestWords(FOLDER), withinMs)).text;
        return here === there;
      },
      withinMs,
      () => `here ${here}, there ${there}\n${this.explain()}`,
    );
    await this.memory();
    return here;
  }

  /** The agent has nothing to do for so long that it has collected its garbage. */
  async rest(): Promise<void> {
    await pause(APART_MS + REST_MS);
  }

  async memory(): Promise<Memory> {
    this.countKills();
    const text = await this.run('cat /proc/$(pidof node)/status; echo Most: $(cat /run/board/most)');
    const number = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
    const rssAnonKiB = number('RssAnon') + number('VmSwap');
    this.mostKiB = Math.max(this.mostKiB, number('Most'), rssAnonKiB);
    return {
      rssAnonKiB,
      rssAnonMostKiB: this.mostKiB,
      swappedKiB: number('VmSwap'),
      rssFileKiB: number('RssFile'),
      threads: number('Threads'),
    };
  }

  /** What the board complained of in its status since the last call. */
  takeTroubles(): string[] {
    const taken = [...this.troubles].slice(this.troublesTaken);
    this.troublesTaken = this.troubles.size;
    return taken;
  }

  async close(): Promise<void> {
    await this.console?.cut();
    await this.host.stop();
    for (const name of ['card', 'card.boot', 'host'])
      rmSync(join(this.options.place, name), { recursive: true, force: true });
  }

  private countKills(): void {
    const found = this.console?.said.match(/Out of memory: Killed|oom-kill:|oom_reaper/g)?.length ?? 0;
    this.kills = Math.max(this.kills, found);
  }

  private explain = (): string => this.console?.said.slice(-1500) ?? '';
}
