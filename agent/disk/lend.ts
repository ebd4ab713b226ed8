// Leave to change a directory that is read-only for its owner too, lent for one call.
//
//   r-x  --lend-->  -wx, sticky  --the call-->  r-x
//
// Go's modules and whatever else went through `chmod -R a-w` has such directories. An agent that is not root may change
// nothing in them, though it is to make them as they are elsewhere.
//
// A kill or a power cut may come between, and then nobody but the directory itself can say that its mode is not the
// user's. So the lent mode does: nobody has a directory that is sticky, and for its owner to write but not to read.
// Whoever looks at one is told the mode that it has in truth (stat.ts), and whoever opens or lists one gives it that
// back. One chmod makes it, so no record has to be synced before. What it costs: for the moment of one call other
// programs of the owner's cannot list the directory.
//
// Not lent: what is another user's; what its owner may not read or enter, since no scan sees what is in it; and what
// gives its group to what is made in it.

import type { Place, RawStats, System } from './system.ts';
import { codeOf } from './trouble.ts';

const TYPE_MASK = 0o170000;
const TYPE_DIRECTORY = 0o040000;
const PERMISSIONS = 0o7777;
const OWNER = 0o700;
const READ_ONLY = 0o500;
const STICKY = 0o1000;
const SETGID = 0o2000;
const LENT = 0o1300;

/** Whether these are a directory's permissions while they are lent, or after a life that ended just then. */
export const isLent = (mode: number): boolean =>
  (mode & TYPE_MASK) === TYPE_DIRECTORY && (mode & (STICKY | OWNER)) === LENT;

/** The kernel takes the setgid bit away with a chmod by who is not in the directory's group. */
const isLendable = (mode: number): boolean => (mode & (SETGID | OWNER)) === READ_ONLY;

/** The permissions that are a lent directory's own. */
export const ownMode = (mode: number): number => (mode & PERMISSIONS & ~LENT) | READ_ONLY;

/** Does what changes names in the directory; if its owner may not, with leave to. */
export function lend<T>(system: System, directory: number, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) !== 'EACCES') throw error;
    const { mode } = system.fstatSync(directory);
    if (!isLendable(mode)) throw error;
    const lent = (mode & PERMISSIONS & ~OWNER) | LENT;
    if (!hasChanged(system, directory, lent)) throw error;
    try {
      return act();
    } finally {
      giveBack(system, directory, mode & PERMISSIONS);
    }
  }
}

/** Throws EACCES where lend() would not be asked (`mayLend`) or could not help, as far as the mode tells. */
export function refuseClosed(system: System, directory: number, mayLend: boolean): void {
  try {
    system.accessSync(system.self(directory), system.flags.CHANGES);
  } catch (error) {
    const canLend = mayLend && isLendable(system.fstatSync(directory).mode);
    if (codeOf(error) !== 'EACCES' || !canLend) throw error;
  }
}

/** Opens what is lent, to give it back its own permissions. False where that was not what was in the way. */
export function openToGiveBack(system: System, place: Place): boolean {
  const { DIRECTORY, NOFOLLOW, PATH } = system.flags;
  const fd = system.openSync(place, PATH | DIRECTORY | NOFOLLOW);
  try {
    return giveBack(system, fd);
  } finally {
    system.closeSync(fd);
  }
}

/** Where a user set other permissions meanwhile, these stay. */
export function giveBack(system: System, directory: number, own?: number): boolean {
  let stats: RawStats;
  try {
    stats = system.fstatSync(directory);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false; // the next listing does it
  }
  return isLent(stats.mode) && hasChanged(system, directory, own ?? ownMode(stats.mode));
}

function hasChanged(system: System, directory: number, mode: number): boolean {
  try {
    system.chmodSync(system.self(directory), mode);
    return true;
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return false;
  }
}
