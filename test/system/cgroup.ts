// A memory cgroup of a test's own, version 2 or 1, whichever is mounted: so much memory, no swap. What a process
// in it reads from files counts too, if no other cgroup has read it before.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** The kernel lets go of a cgroup a moment after its last process. */
const REMOVE_TRIES = 100;

interface Version {
  root: string;
  limit: string;
  /** The limit of memory and swap together, or of swap. Not there where the kernel has no swap accounting. */
  swap: string;
  swapBytes: (bytes: number) => number;
  /** Has a line `oom_kill COUNT`. */
  events: string;
  peak: string;
}

const VERSIONS: readonly Version[] = [
  {
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    swap: 'memory.swap.max',
    swapBytes: () => 0,
    events: 'memory.events',
    peak: 'memory.peak',
  },
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    swap: 'memory.memsw.limit_in_bytes',
    swapBytes: bytes => bytes,
    events: 'memory.oom_control',
    peak: 'memory.max_usage_in_bytes',
  },
];

let count = 0;

export class MemoryCgroup {
  readonly #directory: string;
  readonly #version: Version;

  private constructor(directory: string, version: Version) {
    this.#directory = directory;
    this.#version = version;
  }

  /** One with this limit, or why there is none to be had. */
  static make(bytes: number): MemoryCgroup | string {
    let why = 'no memory cgroup is mounted';
    for (const version of VERSIONS) {
      const directory = join(version.root, `toastbox-test-${process.pid}-${++count}`);
      try {
        mkdirSync(directory);
      } catch (error) {
        why = `${version.root}: ${(error as NodeJS.ErrnoException).code}`;
        continue;
      }
      if (existsSync(join(directory, version.limit))) {
        writeFileSync(join(directory, version.limit), String(bytes));
        const swap = join(directory, version.swap);
        if (existsSync(swap)) writeFileSync(swap, String(version.swapBytes(bytes)));
        return new MemoryCgroup(directory, version);
      }
      rmdirSync(directory);
    }
    return why;
  }

  /** A process that writes its id into this file is in the cgroup, and its children. */
  get door(): string {
    return join(this.#directory, 'cgroup.procs');
  }

  get oomKills(): number {
    return Number(/^oom_kill (\d+)$/m.exec(this.#read(this.#version.events))?.[1]);
  }

  /** The most that was ever charged, page cache included; 0 where the kernel does not say. */
  get peakBytes(): number {
    return existsSync(join(this.#directory, this.#version.peak)) ? Number(this.#read(this.#version.peak)) : 0;
  }

  async remove(): Promise<void> {
    for (let tries = 0; ; tries++) {
      try {
        return rmdirSync(this.#directory);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries === REMOVE_TRIES) throw error;
        await pause(50);
      }
    }
  }

  #read(file: string): string {
    return readFileSync(join(this.#directory, file), 'latin1');
  }
}
