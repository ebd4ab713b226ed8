// Plays a board's script on this machine: its absolute places moved under a directory, and the programs that a test
// gives it in its path. Of its constants, which stand in a line each, a test may set some.

import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../board/places.ts';

export const SCRIPTS = join(ROOT, 'board', 'root', 'lib', 'board');
/** Some scripts run for ever: long before this, a program that a test gives them ends them. */
const PLAY_MS = 10_000;
const FOLDERS = ['run/board', 'data/board', 'boot', 'sys/class/net', 'proc', 'dev', 'etc/board'];

export function play(
  place: string,
  script: string,
  programs: Readonly<Record<string, string>>,
  words: readonly string[] = [],
  constants: Readonly<Record<string, number>> = {},
): string {
  const bin = join(place, 'bin');
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
  for (const name of FOLDERS) mkdirSync(join(place, name), { recursive: true });
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const set = Object.entries(constants).reduce(
    (text, [name, value]) => text.replace(new RegExp(`^${name}=\\d+$`, 'm'), `${name}=${value}`),
    readFileSync(join(SCRIPTS, script), 'utf8'),
  );
  const moved = set
    .replaceAll(/(?<![\w.])\/(run|data|boot|sys|proc|etc|dev(?=\/(?:watchdog|console)))\//g, `${place}/$1/`)
    .replaceAll(/(?<![\w.])\/(sbin|usr\/sbin|lib\/board)\//g, `${bin}/`);
  const { stdout, stderr } = spawnSync('sh', ['-c', moved, script, ...words], {
    encoding: 'utf8',
    env: { PATH: `${bin}:${process.env.PATH}` },
    timeout: PLAY_MS,
  });
  return stdout + stderr;
}
