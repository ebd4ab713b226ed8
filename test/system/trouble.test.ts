// Disks that fill up, folders that vanish or may not be written, files that never rest: the built commands on real
// file systems. Each time the status says so, the rest goes on, and it heals by itself, with the same processes.

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentStatus } from '../../agent/status.ts';
import { Random } from '../sim/random.ts';
import { type Board, type Cast, openCast, PROGRAM, until } from './cast.ts';
import { whyNoMounts } from './mounts.ts';
import { readTree } from './trees.ts';

const MIB = 1 << 20;
const PAGE_BYTES = 4096;

let cast: Cast;
let random: Random;
beforeEach(() => {
  random = new Random(20);
});
afterEach(() => cast?.close());

/** Waits until the status shows `pattern` as its last error. */
function untilTrouble(board: Board, pattern: RegExp): Promise<AgentStatus> {
  const text = (status: AgentStatus) => `${status.state} ${status.lastError?.text}`;
  return until(
    `${board.name} says ${pattern}`,
    async () => {
      const status = await board.status();
      return status !== undefined && pattern.test(text(status)) ? status : undefined;
    },
    { explain: async () => `${JSON.stringify(await board.status())}\n${board.output}` },
  );
}

/** Waits until the gateway's status shows `pattern` as its last error. */
const untilSaid = (pattern: RegExp) =>
  until(
    `the gateway says ${pattern}`,
    async () => pattern.test((await cast.gateway.now()).lastError?.text ?? ''),
    { explain: async () => `${JSON.stringify(await cast.gateway.status())} ${cast.gateway.output}` },
  );

/** 12 MiB, there at once: while it is written, a busy machine may take the half of it for a file that fits. */
function putLarge({ folder }: Board): void {
  const outside = join(cast.root, 'large');
  writeFileSync(outside, random.bytes(12 * MIB));
  renameSync(outside, join(folder, 'large'));
}

/** What `toastbox status` prints for a person. */
const shown = (board: Board) =>
  spawnSync(PROGRAM, ['status', '--state', board.state], { encoding: 'utf8' }).stdout;

describe.skipIf(whyNoMounts !== undefined)(`trouble: disks that fill up ${whyNoMounts ?? ''}`, () => {
  test('a file that does not fit on the board -> named, fetched once it fits, the others arrive before', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const folder = cast.mounts.tmpfs(join(cast.root, 'small'), '8m');
    const two = await cast.board('two', { folder });
    const all = [one.folder, folder, cast.gateway.copy('shared')];
    const fill = (name: string) => {
      for (let file = 0; file < 100; file++)
        writeFileSync(join(one.folder, `${name} ${file}`), random.bytes(2000));
    };
    fill('before');
    putLarge(one);
    await untilTrouble(two, /^trouble .*ENOSPC.*large/);
    expect(shown(two)).toMatch(/in trouble(.|\n)*ENOSPC \(large\)/);
    fill('after');
    await until(
      'the others arrive',
      () => existsSync(join(folder, 'before 99')) && existsSync(join(folder, 'after 99')),
    );
    await cast.settle(all, { isCompared: path => path !== 'large', isResting: false });
    const { bytes } = await two.now();
    expect(bytes.in).toBeLessThan(2 * MIB);
    cast.mounts.resize(folder, '64m');
    await cast.settle(all);
    expect((await two.now()).pid).toBe(two.pid);
  });

  test("the board's state does not fit any more -> said, nothing lost, goes on once there is room", async () => {
    cast = await openCast('mosquitto');
    const state = cast.mounts.tmpfs(join(cast.root, 'state'), '64k');
    const one = await cast.board('one', { state });
    mkdirSync(join(one.folder, 'many'));
    for (let file = 0; file < 1000; file++)
      writeFileSync(join(one.folder, 'many', `file ${file}`), `${file}`);
    await untilTrouble(one, /^trouble .*ENOSPC/);
    cast.mounts.resize(state, '64m');
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    expect((await one.now()).pid).toBe(one.pid);
  });

  /** A board, and a gateway on a disk of 8 MiB; both have one file. */
  async function openSmall() {
    cast = await openCast('mosquitto', [], ({ mounts, gateway }) => mounts.tmpfs(gateway.data, '8m'));
    const one = await cast.board('one');
    const all = [one.folder, cast.gateway.copy('shared')];
    writeFileSync(join(one.folder, 'first'), 'first');
    await cast.settle(all);
    return { data: cast.gateway.data, one, all };
  }

  test("the gateway's disk has no room for a file -> said, not sent again and again, the rest goes on", async () => {
    const { data, one, all } = await openSmall();
    putLarge(one);
    await untilSaid(/dropped large: no room .*ENOSPC/);
    for (let file = 0; file < 50; file++) writeFileSync(join(one.folder, `other ${file}`), `other ${file}`);
    rmSync(join(one.folder, 'first'));
    await cast.settle(all, { isCompared: path => path !== 'large', isResting: false });
    const { pending, bytes } = await one.now();
    expect(pending.up).toBeGreaterThan(0);
    expect(bytes.out).toBeLessThan(2 * MIB);
    expect(existsSync(join(cast.gateway.copy('shared'), 'large'))).toBe(false);
    cast.mounts.resize(data, '128m');
    await cast.settle(all);
    expect((await cast.gateway.now()).pid).toBe(cast.gateway.pid);
  });

  test("the gateway's disk is full -> said, it goes on with its sessions, a new share too once there is room", async () => {
    const { data, one, all } = await openSmall();
    const { bavail, bsize } = statfsSync(data);
    writeFileSync(join(data, 'filler'), Buffer.alloc(bavail * bsize - 16 * PAGE_BYTES));
    for (let file = 0; file < 200; file++)
      writeFileSync(join(one.folder, `file ${file}`), random.bytes(2000));
    await untilSaid(/ENOSPC/);
    const two = await cast.board('two', { share: 'other' });
    writeFileSync(join(two.folder, 'second'), 'second');
    await until('two is told', () => /no room for a new share/.test(two.output));
    expect((await one.now()).pending.up).toBeGreaterThan(0);
    rmSync(join(data, 'filler'));
    await cast.settle(all);
    await cast.settle([two.folder, cast.gateway.copy('other')]);
    const { pid } = await cast.gateway.now();
    expect(pid).toBe(cast.gateway.pid);
    // A session begins anew only where what it had been told could not be kept.
    const said = (pattern: RegExp) => cast.gateway.output.match(pattern)?.length ?? 0;
    expect(said(/one: joined shared/g)).toBeLessThanOrEqual(1 + said(/keeping changes/g));
  });
});

describe.skipIf(whyNoMounts !== undefined)(`trouble: what may not be written ${whyNoMounts ?? ''}`, () => {
  test('a read-only folder -> said, changes made there still go up, what came down arrives when it may', async () => {
    cast = await openCast('mosquitto');
    const origin = join(cast.root, 'origin');
    mkdirSync(origin);
    const folder = cast.mounts.bind(origin, join(cast.root, 'folder'));
    const one = await cast.board('one', { folder, state: join(cast.root, 'state') });
    const copy = cast.gateway.copy('shared');
    writeFileSync(join(folder, 'both'), 'both');
    await cast.settle([folder, copy]);
    cast.mounts.permit(folder, 'ro');
    writeFileSync(join(copy, 'down'), 'down');
    mkdirSync(join(copy, 'directory'));
    rmSync(join(copy, 'both'));
    await untilTrouble(one, /^trouble .*EROFS/);
    writeFileSync(join(origin, 'up'), 'up');
    await until('the change made there goes up', () => existsSync(join(copy, 'up')));
    cast.mounts.permit(folder, 'rw');
    expect([...(await cast.settle([folder, copy])).keys()]).toEqual(['directory', 'down', 'up']);
    expect((await one.now()).pid).toBe(one.pid);
  });

  test('a subdirectory mounted on itself, read-only -> named, no part of the folder, the rest goes on', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const copy = cast.gateway.copy('shared');
    mkdirSync(join(one.folder, 'sub'));
    await cast.settle([one.folder, copy]);
    const sub = cast.mounts.bind(join(one.folder, 'sub'), join(one.folder, 'sub'));
    cast.mounts.permit(sub, 'ro');
    writeFileSync(join(copy, 'sub', 'file'), 'in sub');
    await untilTrouble(one, /^trouble .*EXDEV \(sub\/file\)/);
    writeFileSync(join(copy, 'beside'), 'beside');
    await until('the rest goes on', () => existsSync(join(one.folder, 'beside')));
    cast.mounts.unmount(sub);
    await cast.settle([one.folder, copy]);
  });
});

describe('trouble: a folder that vanishes and returns', () => {
  test('renamed away and back -> said, nothing deleted, what was edited meanwhile syncs', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one', { state: join(cast.root, 'state') });
    const copy = cast.gateway.copy('shared');
    mkdirSync(join(one.folder, 'sub'));
    for (const name of ['kept', 'sub/edited', 'removed']) writeFileSync(join(one.folder, name), name);
    const before = await cast.settle([one.folder, copy]);
    const away = join(cast.root, 'away');
    renameSync(one.folder, away);
    const { scan, progress } = await untilTrouble(one, /^trouble opening the folder: ENOENT/);
    expect({ isScanning: scan.running, progress }).toEqual({ isScanning: false, progress: undefined });
    expect(shown(one)).not.toContain('100%');
    expect(readTree(copy)).toEqual(before);
    writeFileSync(join(away, 'sub', 'edited'), 'edited while away');
    writeFileSync(join(away, 'new'), 'made while away');
    rmSync(join(away, 'removed'));
    writeFileSync(join(copy, 'from there'), 'made at the gateway');
    renameSync(away, one.folder);
    const tree = await cast.settle([one.folder, copy]);
    expect([...tree.keys()]).toEqual(['from there', 'kept', 'new', 'sub', 'sub/edited']);
    expect(readFileSync(join(copy, 'sub', 'edited'), 'utf8')).toBe('edited while away');
    const { pid, conflicts, state } = await one.now();
    expect({ pid, conflicts, state }).toEqual({ pid: one.pid, conflicts: 0, state: 'idle' });
  });

  test.skipIf(whyNoMounts !== undefined)(
    `a disk pulled from under folder and state ${whyNoMounts ?? ''} -> the retained status says so, nothing deleted`,
    async () => {
      cast = await openCast('mosquitto');
      const origin = join(cast.root, 'origin');
      mkdirSync(origin);
      const folder = cast.mounts.bind(origin, join(cast.root, 'folder'));
      const one = await cast.board('one', { folder });
      const copy = cast.gateway.copy('shared');
      writeFileSync(join(folder, 'kept'), 'kept');
      const before = await cast.settle([folder, copy]);
      cast.mounts.unmount(folder);
      const words = ['-p', `${cast.port}`, '-t', 'toastbox/1/board/one/status', '-C', '1', '-W', '5'];
      const retained = () =>
        JSON.parse(spawnSync('mosquitto_sub', words, { encoding: 'utf8' }).stdout || '{}');
      await until('the retained status says so', () => {
        const { phase, lastError } = retained();
        return phase === 'trouble' && /opening the folder: CHANGED/.test(lastError);
      });
      const status = spawnSync(PROGRAM, ['status', '--folder', folder], { encoding: 'utf8' });
      expect({ code: status.status, text: status.stderr }).toMatchObject({
        code: 3,
        text: expect.stringMatching(/nothing is running/),
      });
      expect(readTree(copy)).toEqual(before);
      expect(existsSync(join(folder, '.toastbox'))).toBe(false);
      writeFileSync(join(origin, 'new'), 'made while away');
      cast.mounts.bind(origin, folder);
      expect([...(await cast.settle([folder, copy])).keys()]).toEqual(['kept', 'new']);
      expect((await one.now()).pid).toBe(one.pid);
    },
  );
});

describe('trouble: files that do not rest', () => {
  test('one that grows and one that is written over without end -> the others go on, all equal once they rest', async () => {
    cast = await openCast('mosquitto');
    const one = await cast.board('one');
    const copy = cast.gateway.copy('shared');
    const database = openSync(join(one.folder, 'database'), 'w');
    writeSync(database, random.bytes(8 * MIB));
    const writer = setInterval(() => {
      appendFileSync(join(one.folder, 'log'), random.bytes(1000));
      writeSync(database, random.bytes(100), 0, 100, random.below(8 * MIB - 100));
      writeFileSync(join(one.folder, 'cut off'), random.bytes(300_000));
    }, 5);
    try {
      await untilTrouble(one, /reading a file: CHANGED \(database\)/);
      for (let file = 0; file < 50; file++)
        writeFileSync(join(one.folder, `other ${file}`), random.bytes(5000));
      await until(
        'the others arrive',
        () => existsSync(join(copy, 'other 49')) && existsSync(join(copy, 'log')),
      );
    } finally {
      clearInterval(writer);
      closeSync(database);
    }
    expect((await cast.settle([one.folder, copy])).size).toBe(53);
    expect(one.output).not.toContain('refuses');
  });
});

test('trouble: a catalog with a flipped bit in each page -> set aside, the folder is read again, all equal', async () => {
  cast = await openCast('mosquitto');
  const one = await cast.board('one');
  const copy = cast.gateway.copy('shared');
  for (let file = 0; file < 100; file++) writeFileSync(join(one.folder, `file ${file}`), `${file}`);
  const before = await cast.settle([one.folder, copy]);
  await one.stop();
  const catalog = readFileSync(join(one.state, 'catalog'));
  // The two roots stay whole: damage must be noticed wherever it is.
  for (let at = 2 * PAGE_BYTES; at < catalog.length; at += PAGE_BYTES) catalog[at + 100]! ^= 1;
  writeFileSync(join(one.state, 'catalog'), catalog);
  await one.start();
  expect(await cast.settle([one.folder, copy])).toEqual(before);
  expect(one.output).toMatch(/set aside|kept as/);
});
