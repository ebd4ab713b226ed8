// What the system tests take from the registries, besides what makes an image. It is kept in .cache, or where
// BOARD_CACHE says, and so fetched once.

import { existsSync, mkdtempSync, renameSync } from 'node:fs';
import { fetchPackage, unpack } from '../../bench/npm.ts';
import { Debian } from '../../board/fetch/debian.ts';
import type { Package } from '../../board/packages/deb.ts';
import { agentPackage, gatewayPackage, nodePackage } from '../../board/packages/packages.ts';
import type { Target } from '../../board/targets.ts';

/** Two releases that follow each other, 23 MB each. */
export const TYPESCRIPT = ['5.8.2', '5.8.3'] as const;

/** A package of npm, unpacked; undefined where the registry cannot be reached. */
export async function unpackedPackage(name: string, version: string): Promise<string | undefined> {
  const tarball = await fetchPackage(name, version);
  if (tarball === undefined) return undefined;
  const folder = tarball.replace(/\.tgz$/, '');
  if (existsSync(folder)) return folder;
  const fresh = mkdtempSync(`${folder}-`);
  await unpack(tarball, fresh);
  renameSync(fresh, folder);
  return folder;
}

/** Our packages for another machine, and files of those that they need there; what their scripts need is left out. */
export async function fetchForeign(target: Target): Promise<{ packages: Package[]; debs: string[] }> {
  const packages = [nodePackage(target), await agentPackage(), await gatewayPackage(target)];
  const names = packages
    .flatMap(({ control }) => `${control.Depends ?? ''}, ${control['Pre-Depends'] ?? ''}`.split(', '))
    .map(depend => depend.split(' ')[0]!)
    .filter(name => !['', 'adduser', 'toastbox-node'].includes(name));
  return { packages, debs: new Debian(target).fetch([...new Set(names)], true) };
}
