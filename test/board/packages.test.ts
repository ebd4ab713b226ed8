import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../agent/version.ts';
import { buildDeb } from '../../board/packages/deb.ts';
import { strip } from '../../board/packages/elf.ts';
import { agentPackage } from '../../board/packages/packages.ts';
import { ROOT } from '../../board/places.ts';

let place: string;
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'toastbox-packages-'));
});
afterAll(() => rmSync(place, { recursive: true }));

const lines = (command: string, ...words: string[]): string[] => {
  const { status, stdout, stderr } = spawnSync(command, words, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return stdout.trim().split('\n');
};

describe('packages', () => {
  test('strip: the Node that runs this -> runs, and is no longer', () => {
    const node = readFileSync(process.execPath);
    const stripped = strip(node);
    expect(stripped.length).toBeLessThanOrEqual(node.length);
    const file = join(place, 'node');
    writeFileSync(file, stripped);
    chmodSync(file, 0o755);
    expect(lines(file, '-p', '1 + 1')).toEqual(['2']);
    expect(() => strip(node.subarray(0, 10_000))).toThrow('cut short');
    expect(() => strip(Buffer.from('#!/bin/sh'))).toThrow('no little-endian ELF');
  });

  test("packages: the agent's, built twice -> the same bytes, root's, of the release's time", async () => {
    const [one, other] = [join(place, 'one'), join(place, 'other')];
    const first = buildDeb(await agentPackage(), one);
    process.umask(0o077);
    const second = buildDeb(await agentPackage(), other);
    process.umask(0o022);
    expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
    const listed = lines('dpkg-deb', '--contents', first);
    expect(listed.filter(line => !/ root\/root .* 2026-11-01 00:00 /.test(line))).toEqual([]);
    const modes = listed.map(line => [line.split(' ')[0], line.split(' ').at(-1)]);
    expect(modes).toContainEqual(['-rw-------', './etc/toastbox/agent.toml']);
    expect(modes).toContainEqual(['-rwxr-xr-x', './usr/lib/toastbox/agent/toastbox']);
    expect(modes).toContainEqual(['drwxr-xr-x', './usr/lib/toastbox/']);
  });

  test('packages: built again from the same -> not built; of another version -> another file that says so', async () => {
    const first = buildDeb(await agentPackage(), place);
    const { mtimeMs } = statSync(first);
    expect(buildDeb(await agentPackage(), place)).toBe(first);
    expect(statSync(first).mtimeMs).toBe(mtimeMs);
    const next = buildDeb(await agentPackage('9.9.9'), place);
    const fields = (deb: string) => lines('dpkg-deb', '--field', deb, 'Version', 'Architecture', 'Depends');
    expect(fields(first)[0]).toBe(`Version: ${VERSION}`);
    expect(fields(next)).toEqual([
      'Version: 9.9.9',
      'Architecture: all',
      'Depends: adduser, toastbox-node (>= 20.11) | nodejs (>= 20.11)',
    ]);
    lines('dpkg-deb', '--extract', next, join(place, 'root'));
    expect(lines(join(place, 'root/usr/lib/toastbox/agent/toastbox'), '--version')).toEqual([
      'toastbox 9.9.9',
    ]);
  });
});

describe('scripts', () => {
  /** Plays a script of a package, its absolute places moved under a directory; what it asks of systemd is written to
   * `asked` there. */
  const play = (root: string, name: string, script: string, ...words: string[]) => {
    for (const program of ['deb-systemd-helper', 'deb-systemd-invoke', 'systemctl']) {
      tree(root, `bin/${program}`);
      writeFileSync(
        join(root, 'bin', program),
        `#!/bin/sh\necho "\${0##*/} $*" >>${root}/asked\n! [ -e ${root}/fails ]\n`,
      );
      chmodSync(join(root, 'bin', program), 0o755);
    }
    const text = readFileSync(join(ROOT, 'board/packages', script), 'utf8')
      .replaceAll('@NAME@', name)
      .replaceAll(/(?<=[ =])\/(?=(var|etc|run|lib)\/)/g, `${root}/`);
    const { status, stdout, stderr } = spawnSync('sh', ['-s', '--', ...words], {
      input: text,
      encoding: 'utf8',
      env: { PATH: `${root}/bin:${process.env.PATH}` },
    });
    expect([status, stderr]).toEqual([0, '']);
    return stdout;
  };
  const tree = (root: string, ...files: string[]) => {
    for (const file of files) {
      mkdirSync(join(root, file, '..'), { recursive: true });
      writeFileSync(join(root, file), file);
    }
  };
  const data = 'var/lib/toastbox-gateway';

  test('postrm: purged, plain copies in the data -> they stay, the store goes, what is left is said', () => {
    const root = join(place, 'copies');
    tree(root, `${data}/store/data.mdb`, `${data}/.hidden`, `${data}/folders/board-7/first`);
    expect(play(root, 'gateway', 'postrm', 'purge')).toBe(
      `toastbox-gateway: left as it is: ${join(root, data, 'folders')}\n`,
    );
    expect(readdirSync(join(root, data), { recursive: true }).sort()).toEqual([
      'folders',
      'folders/board-7',
      'folders/board-7/first',
    ]);
    expect(play(root, 'gateway', 'postrm', 'purge')).toMatch(/left/);
  });

  test('postrm: purged without plain copies in the data -> nothing is left; removed -> all stays', () => {
    const root = join(place, 'none');
    tree(root, `${data}/store/data.mdb`);
    mkdirSync(join(root, data, 'folders'));
    expect(play(root, 'gateway', 'postrm', 'remove')).toBe('');
    expect(readdirSync(join(root, data))).toEqual(['folders', 'store']);
    for (let time = 0; time < 2; time++) expect(play(root, 'gateway', 'postrm', 'purge')).toBe('');
    expect(readdirSync(join(root, 'var/lib'))).toEqual([]);
  });

  test("node's postinst: upgraded where systemd runs -> what is installed and runs is started again", () => {
    const root = join(place, 'upgraded');
    tree(root, 'lib/systemd/system/toastbox-agent.service');
    const asked = (...words: string[]) => {
      rmSync(join(root, 'asked'), { force: true });
      expect(play(root, 'node', 'node-postinst', ...words)).toBe('');
      return existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8') : '';
    };
    expect(asked('configure', '20.11.0')).toBe('');
    mkdirSync(join(root, 'run/systemd/system'), { recursive: true });
    expect(asked('configure', '20.11.0')).toBe('deb-systemd-invoke try-restart toastbox-agent.service\n');
    for (const words of [['configure', ''], ['configure'], ['abort-upgrade', '20.11.0']])
      expect(asked(...words)).toBe('');
    // What does not start is not for Node's package to fail of.
    tree(root, 'lib/systemd/system/toastbox-gateway.service', 'fails');
    expect(asked('configure', '20.11.0').trim().split('\n')).toHaveLength(2);
  });
});
