// Disks that fill up, folders that vanish or may not be written, files that never rest: the built commands on real
// file systems. Each time the status says so, the rest goes on, and it heals by itself, with the same processes.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentStatus } from '../../agent/status.ts';
import { Random } from '../sim/random.ts';
import { type Board, type Cast, openCast, PROGRAM, until } from './cast.ts';
import { whyNoMounts } from './mounts.ts';

const MIB = 1 << 20;

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
    writeFileSync(join(one.folder, 'large'), random.bytes(12 * MIB));
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

  test("the gateway's data does not fit any more -> both say so, nothing is acknowledged, goes on", async () => {
    cast = await openCast('mosquitto', [], ({ mounts, gateway }) => mounts.tmpfs(gateway.data, '6m'));
    const { data } = cast.gateway;
    const one = await cast.board('one');
    writeFileSync(join(one.folder, 'first'), 'first');
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    writeFileSync(join(one.folder, 'large'), random.bytes(12 * MIB));
    await until(
      'the gateway says so',
      async () => /ENOSPC/.test((await cast.gateway.now()).lastError?.text ?? ''),
      {
        explain: async () => `${JSON.stringify(await cast.gateway.status())} ${cast.gateway.output}`,
      },
    );
    expect((await one.now()).pending.up).toBeGreaterThan(0);
    expect(existsSync(join(cast.gateway.copy('shared'), 'large'))).toBe(false);
    cast.mounts.resize(data, '128m');
    await cast.settle([one.folder, cast.gateway.copy('shared')]);
    expect((await cast.gateway.now()).pid).toBe(cast.gateway.pid);
  });
});
