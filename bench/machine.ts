// What the figures were taken on: the head of every run.

import { spawnSync } from 'node:child_process';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { hasSimd } from '../agent/arena/wasm.ts';

/** The first line of a command's output that has a version in it; undefined where it is not installed. */
export function versionOf(command: string, words: readonly string[] = ['--version']): string | undefined {
  const ran = spawnSync(command, words, { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } });
  if (ran.error !== undefined) return undefined;
  return /\d+(\.\d+)+/.exec(`${ran.stdout}${ran.stderr}`)?.[0] ?? 'of unknown version';
}

const PEERS: readonly (readonly [name: string, words: readonly string[], debian: string])[] = [
  ['rsync', ['--version'], 'rsync'],
  ['unison', ['-version'], 'unison'],
  ['syncthing', ['--version'], 'syncthing'],
  ['rdiff', ['--version'], 'rdiff'],
  ['xdelta3', ['-V'], 'xdelta3'],
  ['mosquitto', ['-h'], 'mosquitto'],
];

/** Under a picture: one line of what its lines depend on. */
export function machineOfMemory(): string {
  const peers = PEERS.slice(0, 3).map(([name, words]) => `${name} ${versionOf(name, words) ?? 'not here'}`);
  const kernel = release().split('-')[0];
  return [`Linux ${kernel} ${process.arch}`, `Node ${process.versions.node}`, ...peers].join(', ');
}

export function machine(): string {
  const [first] = cpus();
  const fileSystem = spawnSync('stat', ['-f', '-c', '%T', tmpdir()]).stdout?.toString().trim() || 'unknown';
  const peers = PEERS.map(([name, words, debian]) => {
    const version = versionOf(name, words);
    return version === undefined ? `${name} not here (Debian package ${debian})` : `${name} ${version}`;
  });
  return [
    `${cpus().length} x ${first?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 20)} MiB, ` +
      `Linux ${release()} ${process.arch}, ${fileSystem} under ${tmpdir()}`,
    `Node ${process.versions.node}, ${hasSimd() ? 'SIMD' : 'no SIMD'}, load ${loadavg()[0]!.toFixed(1)} at the start`,
    peers.join(', '),
  ].join('\n');
}
