// Our packages for boards' machines, with what they need there.

import { Debian } from '../../board/fetch/debian.ts';
import type { Package } from '../../board/packages/deb.ts';
import { agentPackage, gatewayPackage, nodePackage } from '../../board/packages/packages.ts';
import type { Target } from '../../board/targets.ts';

/** The packages, and files of those that they need there; what their scripts need is left out. */
export async function fetchForeign(target: Target): Promise<{ packages: Package[]; debs: string[] }> {
  const packages = [nodePackage(target), await agentPackage(), await gatewayPackage(target)];
  const names = packages
    .flatMap(({ control }) => `${control.Depends ?? ''}, ${control['Pre-Depends'] ?? ''}`.split(', '))
    .map(depend => depend.split(' ')[0]!)
    .filter(name => !['', 'adduser', 'toastbox-node'].includes(name));
  return { packages, debs: new Debian(target).fetch([...new Set(names)], true) };
}
