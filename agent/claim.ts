// One agent a folder. The control socket of a state keeps others off that state; but a folder may be given to a second
// agent, or to a gateway, with a state elsewhere. So who keeps its state outside the folder takes a second socket, in
// the folder's own `.toastbox`, that answers the same.
//
// And a state never lies in the folder itself: its catalog would be a file that changes whenever it is synced.

import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { RESERVED_NAME } from '../protocol/path.ts';
import { type Answers, type Control, openControl } from './control.ts';
import { Failure } from './failure.ts';
import { CATALOG_NAME } from './options.ts';

const NOTHING: Control = { why: undefined, close: async () => {} };

/**
 * Throws a Failure of kind `running` if somebody has the folder, of kind `usage` if the state lies in what is synced.
 * A folder that is not there, and is known to the catalog, is not claimed: what stands in its place is a mount point.
 */
export async function claimFolder(
  { folder, state }: { folder: string; state: string },
  answers: Answers,
): Promise<Control> {
  const home = join(folder, RESERVED_NAME);
  checkApart({ folder, state });
  if (realOf(state) === realOf(home)) return NOTHING;
  if (!existsSync(home) && existsSync(join(state, CATALOG_NAME))) return NOTHING;
  try {
    return await openControl(home, answers);
  } catch (error) {
    if (error instanceof Failure && error.kind === 'running') throw error;
    // Where nothing can be made in the folder nothing can be synced down either; the disk says that in its time.
    return { ...NOTHING, why: `${home} cannot be claimed (${error})` };
  }
}

/** Throws a Failure of kind `usage` if `state` is inside what is synced of `folder`. */
export function checkApart({ folder, state }: { folder: string; state: string }): void {
  const [real, top] = [realOf(state), realOf(folder)];
  const isInside = real === top || real.startsWith(top.endsWith(sep) ? top : `${top}${sep}`);
  const home = join(top, RESERVED_NAME);
  if (!isInside || real === home || real.startsWith(`${home}${sep}`)) return;
  throw new Failure(
    'usage',
    `${state} lies in ${folder}, which is synced: it would sync what it notes about itself, for ever`,
    `put it beside the folder, or into ${home}`,
  );
}

/** The real path, also of what is still to be made. */
function realOf(path: string): string {
  const whole = resolve(path);
  try {
    return realpathSync(whole);
  } catch {
    return dirname(whole) === whole ? whole : join(realOf(dirname(whole)), basename(whole));
  }
}
