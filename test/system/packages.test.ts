// The packages on a clean Debian with real systemd: installed, filled in, watched, upgraded, taken back, removed,
// purged, and a file synced before and after. One machine goes through it all, as a user's would.

import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../agent/version.ts';
import { buildDeb } from '../../board/packages/deb.ts';
import { agentPackage, gatewayPackage, nodePackage } from '../../board/packages/packages.ts';
import { PAGE_BYTES } from '../tree/pages.ts';
import { reseal } from '../tree/reseal.ts';
import { until } from './cast.ts';
import { DebianMachine, whyNot } from './debian.ts';

const NEXT = `${VERSION}.99`;
const STATE = '/var/lib/toastbox-agent';
const [AGENT, GATEWAY] = ['toastbox-agent.service', 'toastbox-gateway.service'];
/** Where the catalog says its format's version, in both its roots (SPEC.md). */
const VERSION_AT = 4;

if (whyNot !== undefined) console.warn(`packages: skipped, ${whyNot}`);

let machine: DebianMachine;
let debs: Record<'node' | 'agent' | 'gateway' | 'nextAgent' | 'nextGateway', string>;
let place: string;

describe.skipIf(whyNot !== undefined)(`packages ${whyNot ?? ''}`, () => {
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'toastbox-debs-'));
    debs = {
      node: buildDeb(nodePackage('amd64'), place, 'none'),
      agent: buildDeb(await agentPackage(), place, 'none'),
      gateway: buildDeb(await gatewayPackage('amd64'), place, 'none'),
      nextAgent: buildDeb(await agentPackage(NEXT), place, 'none'),
      nextGateway: buildDeb(await gatewayPackage('amd64', NEXT), place, 'none'),
    };
    machine = await DebianMachine.boot();
  }, 600_000);
  afterAll(async () => {
    await machine?.close();
    rmSync(place, { recursive: true, force: true });
  });

  const install = (...files: string[]) => {
    for (const file of files) copyFileSync(file, machine.path(`debs/${file.split('/').at(-1)}`));
    machine.run('dpkg', '--install', ...files.map(file => `/debs/${file.split('/').at(-1)}`));
  };
  const isActive = (unit: string) => machine.unit(unit).ActiveState === 'active';
  const status = () => JSON.parse(machine.run('toastbox', 'status', '--state', STATE, '--json'));
  /** A file put into the board's folder comes to the gateway's plain copy. */
  const syncs = async (name: string) => {
    writeFileSync(machine.path(`srv/photos/${name}`), `${name}, of a board`);
    const copy = machine.path(`srv/toastbox/board-7/${name}`);
    await until(`${name} at the gateway`, () => readFileSync(copy, 'utf8') === `${name}, of a board`, {
      explain: () => machine.journal(AGENT) + machine.journal(GATEWAY),
    });
    // The other way round, as the gateway's user may write there.
    machine.run(
      'setpriv',
      '--reuid=toastbox-gateway',
      '--clear-groups',
      'sh',
      '-c',
      `echo down >/srv/toastbox/board-7/${name}.down`,
    );
    await until(`${name}.down on the board`, () => existsSync(machine.path(`srv/photos/${name}.down`)));
  };

  test('packages: installed -> the gateway runs, the agent waits to be filled in', async () => {
    install(debs.node, debs.gateway, debs.agent);
    expect(isActive(GATEWAY)).toBe(true);
    const agent = machine.unit(AGENT);
    expect([agent.ActiveState, agent.Result, agent.UnitFileState]).toEqual([
      'inactive',
      'exec-condition',
      'enabled',
    ]);
    expect(machine.try('systemctl', 'is-system-running').stdout.trim()).toBe('running');
    expect(machine.run('toastbox', '--version').trim()).toBe(`toastbox ${VERSION}`);
    expect(machine.run('dpkg', '--verify')).toBe('');
  });

  test("packages: the gateway's users, by the words in its options -> root writes them, the gateway reads them", async () => {
    const options = machine.path('etc/toastbox/gateway.toml');
    const text = readFileSync(options, 'utf8');
    const words = [...text.matchAll(/^# {3}(.*\/etc\/toastbox\/users.*)$/gm)].map(([, line]) => line!);
    expect(words).toHaveLength(2);
    for (const line of words) machine.run('sh', '-c', line);
    writeFileSync(options, text.replace(/^#(listen|users)/gm, '$1'));
    machine.run('systemctl', 'restart', GATEWAY);
    expect([isActive(GATEWAY), machine.unit(GATEWAY).NRestarts]).toEqual([true, '0']);
    const { MainPID } = machine.unit(GATEWAY);
    machine.run('toastbox', 'user', '--users', '/etc/toastbox/users', '--add', 'board-8');
    expect(machine.run('stat', '-c', '%a %U %G', '/etc/toastbox/users').trim()).toBe(
      '640 root toastbox-gateway',
    );
    machine.run('systemctl', 'restart', GATEWAY);
    expect(machine.unit(GATEWAY)).toMatchObject({ ActiveState: 'active', NRestarts: '0' });
    expect(machine.unit(GATEWAY).MainPID).not.toBe(MainPID);
    rmSync(machine.path('etc/toastbox/users'));
    writeFileSync(options, text);
    machine.run('systemctl', 'restart', GATEWAY);
  });

  test('packages: filled in -> runs as who owns the folder, within its bounds, and syncs both ways', async () => {
    machine.run('adduser', '--quiet', '--system', '--group', 'pi');
    machine.run('install', '-d', '-o', 'pi', '-g', 'pi', '/srv/photos');
    const options = machine.path('etc/toastbox/agent.toml');
    writeFileSync(
      options,
      `${readFileSync(options, 'utf8')}\nbroker = "mqtt://127.0.0.1:1883"\nfolder = "/srv/photos"\nname = "board-7"\n`,
    );
    machine.run('systemctl', 'daemon-reload');
    machine.run('systemctl', 'restart', AGENT);
    const agent = machine.unit(AGENT);
    expect([agent.ActiveState, agent.SubState]).toEqual(['active', 'running']);
    expect(agent.StatusText).toMatch(/^board-7: /);
    expect(agent.User).toBe(machine.run('id', '-u', 'pi').trim());
    expect([agent.MemoryHigh, agent.MemoryMax].map(Number)).toEqual([56 * 2 ** 20, 64 * 2 ** 20]);
    const process = machine.run('cat', `/proc/${agent.MainPID}/status`);
    expect(process).toMatch(/^NoNewPrivs:\t1$/m);
    expect(process).toMatch(/^Seccomp:\t2$/m);
    expect(process).toMatch(/^CapBnd:\t0+$/m);
    // What it sees of the machine: its folder and its state may be written, nothing else.
    const mount = (path: string) =>
      machine.run('nsenter', '-t', agent.MainPID!, '-m', 'findmnt', '-no', 'OPTIONS', '-T', path);
    for (const path of ['/usr', '/etc', '/var/lib', '/srv', '/home']) expect(mount(path)).toMatch(/^ro,/);
    for (const path of ['/srv/photos', STATE]) expect(mount(path)).toMatch(/^rw,/);
    await syncs('first');
    const { uid, gid } = JSON.parse(
      machine.run('stat', '-c', '{"uid":%u,"gid":%g}', '/srv/photos/first.down'),
    );
    expect([uid, gid].map(String)).toEqual([
      machine.run('id', '-u', 'pi').trim(),
      machine.run('id', '-g', 'pi').trim(),
    ]);
  });

  test('packages: the folder on a disk of its own, at boot -> mounted first, then by who owns it there', async () => {
    machine.run('systemctl', 'stop', AGENT);
    machine.run('mv', '/srv/photos', '/srv/disk');
    machine.run('mkdir', '/srv/photos');
    writeFileSync(machine.path('etc/fstab'), '/srv/disk /srv/photos none bind,nofail 0 0\n');
    // Generators see what they see at boot: nothing is mounted, the mount point is root's.
    machine.run('systemctl', 'daemon-reload');
    expect(machine.unit(AGENT).User).toBe('0');
    machine.try('systemctl', 'start', AGENT);
    await until('the agent to run', () => isActive(AGENT), { explain: () => machine.journal(AGENT) });
    expect(machine.journal(AGENT)).toMatch(/the folder's owner or the options are others than systemd knew/);
    const { MainPID, User } = machine.unit(AGENT);
    const pi = machine.run('id', '-u', 'pi').trim();
    expect([User, machine.run('stat', '-c', '%u', `/proc/${MainPID}`).trim()]).toEqual([pi, pi]);
    expect(machine.run('findmnt', '-no', 'TARGET', '-T', '/srv/photos/first').trim()).toBe('/srv/photos');
    // Nothing was done as root before.
    expect(readdirSync(machine.path('srv/photos'))).toEqual([]);
    expect(machine.run('stat', '-c', '%u', `${STATE}/catalog`).trim()).toBe(pi);
    machine.run('systemctl', 'stop', AGENT, 'srv-photos.mount');
    rmSync(machine.path('etc/fstab'));
    machine.run('rmdir', '/srv/photos');
    machine.run('mv', '/srv/disk', '/srv/photos');
    machine.run('systemctl', 'daemon-reload');
    machine.run('systemctl', 'start', AGENT);
    await syncs('mounted');
  });

  test('packages: the folder belongs to a number without a name -> said, and it runs once there is one', async () => {
    const owner = (who: string) => machine.run('chown', '-R', who, '/srv/photos');
    machine.run('systemctl', 'stop', AGENT);
    owner('4321');
    machine.try('systemctl', 'start', AGENT);
    const explain = () => machine.journal(AGENT);
    await until('it is said', () => /belongs to 4321/.test(machine.journal(AGENT)), { explain });
    machine.run('useradd', '--uid', '4321', 'late');
    await until('the agent to run', () => isActive(AGENT), { explain });
    expect(machine.unit(AGENT).User).toBe('4321');
    await syncs('named');
    machine.run('systemctl', 'stop', AGENT);
    owner('pi');
    machine.run('userdel', 'late');
    machine.run('systemctl', 'daemon-reload');
    machine.run('systemctl', 'start', AGENT);
    await syncs('back');
  });

  test("packages: the gateway's folder changed without a word to systemd -> it writes there, one start later", async () => {
    const options = machine.path('etc/toastbox/gateway.toml');
    const text = readFileSync(options, 'utf8');
    const explain = () => machine.journal(GATEWAY);
    const move = async (from: string, to: string, toml: string) => {
      machine.run('systemctl', 'stop', GATEWAY);
      machine.run('mv', from, to);
      writeFileSync(options, toml);
      expect(machine.try('systemctl', 'start', GATEWAY).status).not.toBe(0);
      await until('the gateway to run', () => isActive(GATEWAY), { explain });
    };
    await move('/srv/toastbox', '/srv/elsewhere', text.replace('"/srv/toastbox"', '"/srv/elsewhere"'));
    writeFileSync(machine.path('srv/photos/moved'), 'moved');
    const copy = machine.path('srv/elsewhere/board-7/moved');
    await until('a copy there', () => existsSync(copy), { explain });
    await move('/srv/elsewhere', '/srv/toastbox', text);
    await syncs('returned');
  });

  test('packages: the agent hangs -> systemd ends it, starts it again, and it goes on', async () => {
    const drop = `/run/systemd/system/${AGENT}.d`;
    machine.run('mkdir', '-p', drop);
    machine.run('sh', '-c', `printf '[Service]\\nWatchdogSec=3s\\nRestartSec=100ms\\n' >${drop}/short.conf`);
    machine.run('systemctl', 'daemon-reload');
    machine.run('systemctl', 'restart', AGENT);
    const { MainPID } = machine.unit(AGENT);
    machine.run('sh', '-c', `kill -STOP ${MainPID}`);
    await until('another process', () => {
      const agent = machine.unit(AGENT);
      return agent.ActiveState === 'active' && agent.MainPID !== MainPID && agent.NRestarts === '1';
    });
    expect(machine.journal(AGENT)).toMatch(/Watchdog timeout/);
    machine.run('rm', '-r', drop);
    machine.run('systemctl', 'daemon-reload');
    await syncs('watched');
  });

  test("packages: Node alone upgraded -> agent and gateway run by the new one, not by a deleted file's", async () => {
    const before = [AGENT, GATEWAY].map(unit => machine.unit(unit).MainPID);
    install(debs.node);
    for (const [at, unit] of [AGENT, GATEWAY].entries()) {
      const { ActiveState, MainPID } = machine.unit(unit);
      expect([ActiveState, before.includes(MainPID)]).toEqual(['active', false]);
      expect(machine.run('readlink', `/proc/${MainPID}/exe`).trim()).toBe('/usr/lib/toastbox/node');
      expect(before[at]).not.toBe('0');
    }
    await syncs('by-the-new');
  });

  test('packages: all upgraded at once -> the new program, options and catalog kept, no file read again', async () => {
    const options = readFileSync(machine.path('etc/toastbox/agent.toml'), 'utf8');
    const before = { agent: machine.unit(AGENT).MainPID, gateway: machine.unit(GATEWAY).MainPID };
    install(debs.nextGateway, debs.nextAgent, debs.node);
    expect([isActive(AGENT), isActive(GATEWAY)]).toEqual([true, true]);
    expect(machine.unit(AGENT).MainPID).not.toBe(before.agent);
    expect(machine.unit(GATEWAY).MainPID).not.toBe(before.gateway);
    expect(readFileSync(machine.path('etc/toastbox/agent.toml'), 'utf8')).toBe(options);
    await until('a scan', () => status().scan.lastFinishedAt !== undefined);
    expect(status()).toMatchObject({ version: NEXT, conflicts: 0, scan: { read: 0 } });
    await syncs('upgraded');
  });

  test('packages: an agent older than its catalog -> refused in words, the catalog left alone', async () => {
    machine.run('systemctl', 'stop', AGENT);
    const file = machine.path(`${STATE}/catalog`);
    const kept = readFileSync(file);
    const newer = Buffer.from(kept);
    for (const page of [0, 1]) {
      const root = newer.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      root[VERSION_AT]!++;
      reseal(root);
    }
    writeFileSync(file, newer);
    install(debs.agent);
    await until('a refusal', () => /newer version/.test(machine.journal(AGENT)));
    expect(machine.journal(AGENT)).toMatch(/update toastbox, or choose another --state/);
    expect(isActive(AGENT)).toBe(false);
    expect(readFileSync(file).equals(newer)).toBe(true);
    expect(readdirSync(machine.path(STATE)).filter(name => name.startsWith('catalog.'))).toEqual([]);
    writeFileSync(file, kept);
    machine.run('systemctl', 'restart', AGENT);
    await syncs('gone-back');
  });

  test('packages: removed -> nothing runs, options and state stay; purged -> these go, folders stay', () => {
    machine.run('dpkg', '--remove', 'toastbox-agent', 'toastbox-gateway');
    expect(machine.run('sh', '-c', 'cat /proc/[0-9]*/comm')).not.toMatch(/^node$/m);
    expect(machine.try('toastbox', '--version').status).not.toBe(0);
    for (const path of [`${STATE}/catalog`, 'var/lib/toastbox-gateway/store', 'etc/toastbox/agent.toml'])
      expect(existsSync(machine.path(path))).toBe(true);

    machine.run('dpkg', '--purge', 'toastbox-agent', 'toastbox-gateway', 'toastbox-node');
    for (const path of [STATE, 'var/lib/toastbox-gateway', 'etc/toastbox', 'usr/lib/toastbox'])
      expect(existsSync(machine.path(path))).toBe(false);
    for (const path of ['srv/photos/first', 'srv/photos/first.down', 'srv/toastbox/board-7/first'])
      expect(existsSync(machine.path(path))).toBe(true);
    expect(machine.run('dpkg', '--list')).not.toMatch(/toastbox/);
    const left = machine.run(
      'find',
      '/etc',
      '/usr',
      '/var',
      '-name',
      '*toastbox*',
      '-not',
      '-path',
      '/var/log/*',
    );
    expect(left.trim()).toBe('');
    expect(machine.try('systemctl', 'is-system-running').stdout.trim()).toBe('running');
  });
});
