import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { planOf } from '../../agent/plan.ts';
import { STUCK_MS } from '../../agent/pulse.ts';
import { Exit } from '../../cli/exits.ts';
import { read } from '../../cli/options/kinds.ts';
import { COMMANDS } from '../../cli/options/table.ts';
import { type UnitName, unitBytes, unitValue } from './unit.ts';

const UNITS: UnitName[] = ['agent', 'gateway'];

describe('unit', () => {
  test('unit: its memory -> an agent with the usual options fits, by its own plan', () => {
    const { arena, watches } = COMMANDS.agent.options;
    const arenaBytes = read('size', arena.default, {}, '') as number;
    const ramBytes = unitBytes('agent', 'MemoryMax');
    expect(planOf({ arenaBytes, watches: Number(watches.default), ramBytes }).misfits).toEqual([]);
    for (const name of UNITS)
      expect(unitBytes(name, 'MemoryHigh')).toBeLessThan(unitBytes(name, 'MemoryMax'));
  });

  test.each(UNITS)(
    'unit: %s -> by its launcher, told to systemd, within a sandbox that V8 survives',
    name => {
      expect(unitValue(name, 'ExecStart')).toBe(
        `/usr/lib/toastbox/${name}/toastbox ${name} --config %d/${name}.toml`,
      );
      expect(unitValue(name, 'ExecStartPre')).toBe(
        `+/lib/systemd/system-generators/toastbox-${name}-generator`,
      );
      expect(unitValue(name, 'RestartPreventExitStatus')).toBe(String(Exit.USAGE));
      expect([unitValue(name, 'Type'), unitValue(name, 'NotifyAccess')]).toEqual(['notify', 'all']);
      expect([unitValue(name, 'ProtectSystem'), unitValue(name, 'NoNewPrivileges')]).toEqual([
        'strict',
        'yes',
      ]);
      expect(() => unitValue(name, 'MemoryDenyWriteExecute')).toThrow();
      // What judges whether it is stuck must have its time.
      expect(unitValue(name, 'WatchdogSec')).toBe('5min');
      expect(STUCK_MS).toBeGreaterThan(5 * 60_000);
    },
  );
});

describe('generator', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'toastbox-generator-'));
    mkdirSync(join(root, 'etc/toastbox'), { recursive: true });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const SCRIPT = fileURLToPath(new URL('../../board/systemd/generator', import.meta.url));
  const run = (name: UnitName, ...words: string[]) =>
    spawnSync('sh', ['-s', '--', ...words], {
      input: readFileSync(SCRIPT, 'utf8').replaceAll('@NAME@', name),
      encoding: 'utf8',
      env: { PATH: `${root}/bin:${process.env.PATH}`, CONFIG_ROOT: root },
    });
  const generate = (name: UnitName, toml: string): string | undefined => {
    rmSync(join(root, 'run'), { recursive: true, force: true });
    writeFileSync(join(root, `etc/toastbox/${name}.toml`), toml);
    const { status, stderr } = run(name, join(root, 'run/systemd/generator'));
    expect([status, stderr]).toEqual([0, '']);
    const file = join(root, 'run/systemd/generator', `toastbox-${name}.service.d/options.conf`);
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };

  test("generator: an agent's options -> its folder may be written, by who owns it", () => {
    const toml = `# folder = "/no"\nbroker = "mqtt://x"\n\n[agent]\n  folder="${root}" # ours\nstate = "/var/lib/100%"\n`;
    const uid = process.getuid?.();
    expect(generate('agent', toml)).toBe(
      `[Unit]\nRequiresMountsFor="${root}"\nRequiresMountsFor="/var/lib/100%%"\n` +
        `[Service]\nReadWritePaths="-${root}"\nReadWritePaths="-/var/lib/100%%"\nUser=${uid}\n`,
    );
  });

  test("generator: a gateway's options -> data and copies may be written, its user stays", () => {
    expect(generate('gateway', 'data = "/a b"\nfolder = "/srv/x"\n')).toBe(
      '[Unit]\nRequiresMountsFor="/srv/x"\nRequiresMountsFor="/a b"\n' +
        '[Service]\nReadWritePaths="-/srv/x"\nReadWritePaths="-/a b"\n',
    );
  });

  test('generator: either quotes, as TOML has them -> the same', () => {
    const [one, other] = [generate('gateway', 'data = "/x"\n'), generate('gateway', "data = '/x' # ours\n")];
    expect(one).toMatch(/"-\/x"/);
    expect(other).toBe(one);
    expect(generate('gateway', 'data = "/bob\'s"\n')).toMatch(/"-\/bob's"/);
  });

  test('generator: before a start -> as told: on it goes; the owner is another: told anew, started again', () => {
    const folder = join(root, 'folder');
    const toml = `folder = "${folder}"\n`;
    const reloads = join(root, 'reloads');
    mkdirSync(join(root, 'bin'));
    const reload = (text: string) => {
      writeFileSync(join(root, 'bin/systemctl'), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      chmodSync(join(root, 'bin/systemctl'), 0o755);
    };
    // As at boot: the folder is not there yet.
    const early = generate('agent', toml);
    expect(early).not.toMatch(/User=/);
    reload(`echo "$*" >>${reloads}`);
    expect(run('agent').status).toBe(0);
    expect(existsSync(reloads)).toBe(false);
    mkdirSync(folder);
    // One that systemd does not ask, by its admin's will, does not keep the agent from starting.
    expect(run('agent').status).toBe(0);
    expect(readFileSync(reloads, 'utf8')).toBe('daemon-reload\n');
    const script = join(root, 'generator');
    writeFileSync(script, readFileSync(SCRIPT, 'utf8').replaceAll('@NAME@', 'agent'));
    reload(`sh ${script} ${root}/run/systemd/generator`);
    expect(run('agent')).toMatchObject({ status: 1, stdout: expect.stringMatching(/starts again/) });
    expect(run('agent').status).toBe(0);
    expect(generate('agent', toml)).toMatch(/User=/);
    // A gateway's options were changed, and nobody said daemon-reload.
    generate('gateway', 'folder = "/srv/x"\n');
    expect(run('gateway').status).toBe(0);
    writeFileSync(join(root, 'etc/toastbox/gateway.toml'), 'folder = "/srv/y"\n');
    writeFileSync(script, readFileSync(SCRIPT, 'utf8').replaceAll('@NAME@', 'gateway'));
    expect(run('gateway').status).toBe(1);
    expect(run('gateway').status).toBe(0);
  });

  test.each([
    ['nothing filled in', '#folder = "/srv/x"\n'],
    ['a folder that could end the line', 'folder = "/srv/\\"\\nUser=root"\n'],
    ['a folder in other quotes that could', `folder = '/srv/"\\nUser=root'\n`],
    ['quotes that are no pair', `folder = "/srv/x'\n`],
    ['a path that is none', 'folder = "srv"\n'],
    ['a table of that name', '[folder]\n'],
  ])('generator: %s -> nothing is added', (_, toml) => {
    expect(generate('agent', toml)).toBeUndefined();
  });
});
