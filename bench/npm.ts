// Packages from npm, kept in .cache/ so that a second run needs no network.

import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CACHE = fileURLToPath(new URL('../../.cache/', import.meta.url));
const FETCH_MS = 120_000;
const run = promisify(execFile);

/** The package's tarball; undefined where the registry cannot be reached. */
export async function fetchPackage(name: string, version: string): Promise<string | undefined> {
  const file = join(CACHE, `${name}-${version}.tgz`);
  if (existsSync(file)) return file;
  mkdirSync(CACHE, { recursive: true });
  try {
    await run('npm', ['pack', '--silent', '--pack-destination', CACHE, `${name}@${version}`], {
      timeout: FETCH_MS,
    });
  } catch {
    return undefined;
  }
  return existsSync(file) ? file : undefined;
}

/** Unpacks into `folder` as tar does: with the times that npm packs, the same for every file of every version. */
export async function unpack(tarball: string, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1', '--no-same-owner']);
}
