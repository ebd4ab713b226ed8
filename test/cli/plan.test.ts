import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { readRam } from '../../agent/machine.ts';
import { ARENA_BYTES_LEAST, CATALOG_FILE_BYTES, type PlanAsk, planOf } from '../../agent/plan.ts';
import { planText } from '../../cli/commands/plan.ts';
import { Exit } from '../../cli/exits.ts';
import { main } from '../../cli/main.ts';
import { COMMANDS } from '../../cli/options/table.ts';
import { TestOut } from './out.ts';

const MIB = 2 ** 20;
const USUAL: PlanAsk = { arenaBytes: 6 * MIB, watches: 512 };
const needed = planOf(USUAL).ram.total;

const run = async (...words: string[]) => {
  const [out, errors] = [new TestOut(), new TestOut()];
  const code = await main({ words, world: { env: {}, directory: '/' }, out, errors, program: '/none' });
  return { code, out: out.text, errors: errors.text };
};

describe('plan', () => {
  test('plan: as many files as one likes -> the same memory, more disk', () => {
    const [few, many] = [10_000, 1_000_000].map(files => planOf({ ...USUAL, files }));
    expect(many!.ram).toEqual(few!.ram);
    expect(many!.disk.catalog! - few!.disk.catalog!).toBe(990_000 * CATALOG_FILE_BYTES);
  });
  test('plan: RAM to the byte, and one less -> fits, does not', () => {
    expect(planOf({ ...USUAL, ramBytes: needed }).misfits).toEqual([]);
    const [misfit] = planOf({ ...USUAL, ramBytes: needed - 1 }).misfits;
    expect(misfit).toMatchObject({ of: 'ram', needBytes: needed, haveBytes: needed - 1 });
  });
  test('plan: what it says to change -> fits then', () => {
    let advices = 0;
    for (const arenaMib of [2, 8, 64])
      for (const watches of [0, 1024, 4000])
        for (let ramMib = 34; ramMib < 120; ramMib += 3) {
          const ask = { arenaBytes: arenaMib * MIB, watches, ramBytes: ramMib * MIB };
          for (const { instead } of planOf(ask).misfits)
            for (const change of instead) {
              advices++;
              expect(planOf({ ...ask, ...change }).misfits).toEqual([]);
            }
        }
    expect(advices).toBeGreaterThan(50);
  });
  test('plan: more watches than the heap holds -> refused whatever the RAM, and how many do', () => {
    const [misfit] = planOf({ ...USUAL, watches: 1_000_000, ramBytes: 2 ** 40 }).misfits;
    expect(misfit!.of).toBe('heap');
    expect(planOf({ ...USUAL, ...misfit!.instead[0] }).misfits).toEqual([]);
  });
  test('plan: hardly any disk, and nobody says how many files -> starts with room for an empty catalog', () => {
    const misfits = (diskKib: number, catalogBytes = 0) =>
      planOf({ ...USUAL, diskBytes: diskKib * 1024, catalogBytes }).misfits.map(({ of }) => of);
    expect(misfits(63)).toEqual(['disk']);
    expect(misfits(64)).toEqual([]);
    expect(misfits(0, 100_000)).toEqual([]);
    expect(planOf({ ...USUAL, files: 1, diskBytes: 64 * 1024 }).misfits.map(({ of }) => of)).toEqual([
      'disk',
    ]);
  });
  test('plan: disk for catalog and largest file -> counted together, less what the catalog has', () => {
    const ask = { ...USUAL, files: 1000, largestBytes: 100 * MIB, diskBytes: 100 * MIB };
    expect(planOf(ask).misfits.map(({ of }) => of)).toEqual(['disk']);
    expect(planOf({ ...ask, catalogBytes: MIB }).misfits).toEqual([]);
  });
  test('plan: the least arena -> what the module says', () => {
    expect(openArena({ bytes: ARENA_BYTES_LEAST }).bytes.length).toBe(ARENA_BYTES_LEAST);
    expect(() => openArena({ bytes: ARENA_BYTES_LEAST - 65_536 })).toThrow();
    expect(COMMANDS.agent.options.arena.least).toBe(ARENA_BYTES_LEAST);
  });
});

describe('plan: the command', () => {
  test('plan: fits -> exit 0, each part named', async () => {
    const { code, out } = await run('plan', '--files', '1000000', '--ram', '64MiB', '--largest', '200MiB');
    expect(code).toBe(Exit.FINE);
    for (const name of ['arena', 'RssAnon', 'RssFile', 'kernel', 'catalog', 'stage', 'it fits: '])
      expect(out).toContain(name);
  });
  test('plan: does not fit -> exit 2, and what to change', async () => {
    const { code, out } = await run('plan', '--files', '10', '--ram', '44MiB');
    expect(code).toBe(Exit.USAGE);
    expect(out).toContain('it does not fit: it needs 45.6 MiB of RAM, there are 44 MiB (--ram)');
    expect(out).toContain('-> a smaller arena: --arena 4MiB');
  });
  test('plan: --json -> the plan as one line', async () => {
    const { out } = await run('plan', '--files', '10', '--ram', '64MiB', '--json');
    const plan = planOf({ ...USUAL, files: 10, ramBytes: 64 * MIB });
    expect(out).toBe(`${JSON.stringify(plan)}\n`);
  });
  test('agent: more watches than fit -> refused in the words of the plan, exit 2', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'toastbox-plan-'));
    const words = ['--folder', folder, '--broker', 'mqtt://h', '--name', 'n', '--watches', '500000'];
    const { code, errors } = await run('agent', ...words);
    rmSync(folder, { recursive: true });
    expect(code).toBe(Exit.USAGE);
    const said = planText(planOf({ ...USUAL, watches: 500_000 }), 'machine')
      .split('\n')
      .at(-2)!;
    expect(errors).toContain(said);
    expect(errors).toContain('start it all the same with --overcommit');
  });
});

describe('agent: a folder or state that cannot be used', () => {
  test('agent: a file in its place, or above it -> said of which, exit 4', async () => {
    const place = mkdtempSync(join(tmpdir(), 'toastbox-plan-'));
    const file = join(place, 'file');
    writeFileSync(file, '');
    const folder = join(place, 'folder');
    mkdirSync(folder);
    const words = ['--broker', 'mqtt://h', '--name', 'n'];
    for (const [at, state, said] of [
      [file, [], `${file} is not a directory`],
      [join(file, 'in'), [], `the folder ${join(file, 'in')} cannot be used: it is not a directory`],
      [folder, ['--state', file], `cannot make ${file}: something else stands there`],
    ] as const) {
      const { code, errors } = await run('agent', '--folder', at, ...state, ...words);
      expect(errors).toContain(`toastbox: ${said}\n`);
      expect(code).toBe(Exit.ENVIRONMENT);
    }
    rmSync(place, { recursive: true });
  });
});

describe('machine: RAM', () => {
  const meminfo = 'MemTotal:       65536 kB\nMemFree: 1 kB\nSwapTotal:      1024 kB\n';
  const readFrom = (files: Record<string, string>) =>
    readRam(path => {
      const text = { '/proc/meminfo': meminfo, ...files }[path];
      if (text === undefined) throw new Error(`ENOENT ${path}`);
      return text;
    });
  const MACHINE = { bytes: (65_536 + 1024) * 1024, by: 'machine' };

  test('machine: no cgroup, none with a limit, or one with more -> RAM and swap', () => {
    expect(readFrom({})).toEqual(MACHINE);
    const at = { '/proc/self/cgroup': '0::/a/b\n' };
    expect(readFrom({ ...at, '/sys/fs/cgroup/a/b/memory.max': 'max\n' })).toEqual(MACHINE);
    expect(readFrom({ ...at, '/sys/fs/cgroup/a/memory.max': '99999999999\n' })).toEqual(MACHINE);
  });
  test('machine: version 2, limits on the way up -> the least of them', () => {
    const files = {
      '/proc/self/cgroup': '0::/system.slice/toastbox.service\n',
      '/sys/fs/cgroup/system.slice/toastbox.service/memory.max': '60000000\n',
      '/sys/fs/cgroup/system.slice/memory.max': '50000000\n',
    };
    expect(readFrom(files)).toEqual({ bytes: 50_000_000, by: 'cgroup' });
  });
  test('machine: version 1, in a container that sees its own root -> its limit', () => {
    const files = {
      '/proc/self/cgroup': '5:cpu:/docker/x\n4:memory:/docker/x\n0::/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '33554432\n',
    };
    expect(readFrom(files)).toEqual({ bytes: 33_554_432, by: 'cgroup' });
  });
  test('machine: version 1 without a limit -> RAM and swap', () => {
    const files = {
      '/proc/self/cgroup': '4:memory:/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    };
    expect(readFrom(files)).toEqual(MACHINE);
  });
  test('machine: this one -> something', () => {
    expect(readRam()!.bytes).toBeGreaterThan(32 * MIB);
  });
});
