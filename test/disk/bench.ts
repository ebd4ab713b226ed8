// What the disk's tests stand on: a Disk whose turns the test runs, and the events it told.

import { type Arena, openArena } from '../../agent/arena/arena.ts';
import { Disk, type DiskOptions } from '../../agent/disk/carry.ts';
import type { Scheduler } from '../../agent/disk/schedule.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import type { System } from '../../agent/disk/system.ts';
import type { Effect, Event, Path, Stat } from '../../agent/engine/ports.ts';
import type { Volume } from '../sim/volume.ts';

const FRESH = '00112233445566778899aabbccddeeff';
/** In the names of what is staged. */
export const LIFE = FRESH.slice(0, 8);

/** Calls that wait for the test to run them, in the order they were asked for. */
export class Turns implements Scheduler {
  readonly #jobs: (() => void)[] = [];
  /** What was asked to wait, in milliseconds. */
  readonly waits: number[] = [];
  now: () => number;

  constructor(now: () => number = Date.now) {
    this.now = now;
  }

  soon(job: () => void): void {
    this.#jobs.push(job);
  }

  later(job: () => void, ms: number): void {
    this.waits.push(ms);
    this.#jobs.push(job);
  }

  /** Runs one turn; false when nothing waits. */
  step(): boolean {
    const job = this.#jobs.shift();
    job?.();
    return job !== undefined;
  }
}

type Answer<N extends Event['is']> = Extract<Event, { is: N }>;

export const path = (text: string): Path => Buffer.from(text, 'latin1');
export const utf8 = (text: string): Path => Buffer.from(text, 'utf8');
export const ARENA_BYTES = 2 * 1024 * 1024;
/** In microseconds. */
export const SECOND = 1_000_000;

/** Seeded bytes that do not deflate. */
export const some = (count: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(count);
  for (let i = 0, state = seed; i < count; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
};

/** A person's hands on the folder, outside of the agent. Places are absolute. */
export type Hands = Pick<
  Volume,
  | 'writeFileSync'
  | 'readFileSync'
  | 'appendFileSync'
  | 'mkdirSync'
  | 'rmSync'
  | 'unlinkSync'
  | 'symlinkSync'
  | 'readlinkSync'
  | 'renameSync'
  | 'existsSync'
  | 'chmodSync'
  | 'truncateSync'
  | 'utimesSync'
  | 'readdirSync'
  | 'lstatSync'
>;

export interface Bench {
  disk: Disk;
  system: System;
  root: string;
  /** A directory beside the folder. */
  outside: string;
  hands: Hands;
  turns: Turns;
  arena: Arena;
  events: Event[];
  troubles: string[];
}

export interface Ground {
  system: System;
  root: string;
  outside: string;
  hands: Hands;
}

export function openBench(ground: Ground, options: Partial<DiskOptions> = {}, turns = new Turns()): Bench {
  const arena = openArena({ bytes: ARENA_BYTES });
  const events: Event[] = [];
  const troubles: string[] = [];
  const disk = new Disk({
    system: ground.system,
    scheduler: turns,
    arena,
    squeeze,
    root: ground.root,
    marker: { expect: undefined, fresh: FRESH },
    tell: event => events.push(event),
    onTrouble: (_, code, doing) => troubles.push(`${code} ${doing}`),
    ...options,
  });
  disk.checkRoot();
  return { ...ground, disk, turns, arena, events, troubles };
}

/** Carries an effect out and runs turns until it is answered. */
export function ask<N extends Event['is']>(bench: Bench, effect: Effect, answer: N): Answer<N> {
  bench.disk.carry(effect);
  for (;;) {
    const at = bench.events.findIndex(event => event.is === answer);
    if (at >= 0) return bench.events.splice(at, 1)[0] as Answer<N>;
    if (!bench.turns.step()) throw new Error(`'${effect.do}' was not answered by '${answer}'`);
  }
}

export const look = (bench: Bench, at: Path): Stat | undefined =>
  ask(bench, { do: 'look', path: at }, 'looked').stat;

export function mustLook(bench: Bench, at: Path): Stat {
  const stat = look(bench, at);
  if (stat === undefined) throw new Error(`nothing at ${Buffer.from(at).toString()}`);
  return stat;
}

export interface Listing {
  names: string[];
  stats: Stat[];
  batches: number;
  trouble: string | undefined;
}

export function list(bench: Bench, dir: Path): Listing {
  const listing: Listing = { names: [], stats: [], batches: 0, trouble: undefined };
  let answer = ask(bench, { do: 'list', dir }, 'listed');
  for (;;) {
    listing.batches++;
    for (let index = 0; index < (answer.rows?.count ?? 0); index++) {
      const { name, stat } = answer.rows!.at(index);
      listing.names.push(Buffer.from(name).toString('latin1'));
      listing.stats.push(stat);
    }
    if (answer.isEnd || answer.trouble !== undefined) {
      listing.trouble = answer.trouble?.code;
      return listing;
    }
    answer = ask(bench, { do: 'more' }, 'listed');
  }
}

/** Stages bytes in a slot. */
export function stage(bench: Bench, slot: number, bytes: Uint8Array): void {
  const started = ask(bench, { do: 'stage', slot, bytes: bytes.length, into: undefined }, 'wrote');
  if (started.trouble !== undefined) throw new Error(started.trouble.code);
  const wrote = patch(bench, slot, 0, bytes);
  if (wrote !== undefined) throw new Error(wrote);
}

export function patch(bench: Bench, slot: number, offset: number, bytes: Uint8Array): string | undefined {
  const dictionary = { from: undefined, tail: 0 };
  const effect: Effect = {
    do: 'patch',
    slot,
    offset,
    length: bytes.length,
    stored: bytes,
    dictionary,
  };
  return ask(bench, effect, 'wrote').trouble?.code;
}

/** Examines a file: its records and the answer. */
export function examine(
  bench: Bench,
  at: Path,
  staged?: number,
): Answer<'examined'> & { records: Uint8Array } {
  const examined = ask(bench, { do: 'examine', path: at, staged }, 'examined');
  const cuts = bench.events.filter(event => event.is === 'cut');
  for (const cut of cuts) bench.events.splice(bench.events.indexOf(cut), 1);
  return { ...examined, records: Buffer.concat(cuts.map(({ records }) => records)) };
}

/** The suites' short words for what they do with the bench of the test under way. */
export function shorthands(current: () => Bench) {
  const at = (text: string): string => `${current().root}/${text}`;
  return {
    at,
    write: (text: string, bytes: string | Buffer): void => current().hands.writeFileSync(at(text), bytes),
    content: (text: string): string => current().hands.readFileSync(at(text)).toString(),
    doing: (effect: Effect): Answer<'did'> => ask(current(), effect, 'did'),
    place: (slot: number, text: string, expect: Stat | undefined, mode = 0o644, mtime = SECOND) =>
      ask(current(), { do: 'place', items: [{ slot, path: path(text), mode, mtime, expect }] }, 'placed')
        .items[0],
  };
}
