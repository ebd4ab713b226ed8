// What came of two changes, as a letter or two for the table in DESIGN.md. A change is known by what it does to a tree
// when it is alone: for each path, what stands there and with which permissions. It stands if all of that is so.

import { tree } from '../sim/hands.ts';
import type { Machine } from '../sim/machine.ts';

/** `PATH what` and `PATH mode` -> value. */
export type Facets = ReadonlyMap<string, string>;

const COPY = /^[^/]*(\/[^/]*)*\.conflict-[^/]*$/;

/** Of what stands in the folder; times are left out. */
export function facetsOf(machine: Machine): Facets {
  const facets = new Map<string, string>();
  for (const [path, line] of tree(machine.volume)) {
    const [kind, mode, , , bytes] = line.split(' ') as [string, string, string, string, string?];
    if (kind === 'file') facets.set(`${path} what`, `file ${bytes}`);
    else facets.set(`${path} what`, kind === 'link' ? line : kind);
    if (kind !== 'link') facets.set(`${path} mode`, mode);
  }
  return facets;
}

/** What is another after it than before; undefined: gone. */
export function effects(before: Facets, after: Facets): Map<string, string | undefined> {
  const changed = new Map<string, string | undefined>();
  for (const key of new Set([...before.keys(), ...after.keys()]))
    if (before.get(key) !== after.get(key)) changed.set(key, after.get(key));
  return changed;
}

/** Conflict copies, each directory once. */
export function copiesIn(facets: Facets): string[] {
  return [...facets.keys()]
    .filter(key => key.endsWith(' what'))
    .map(key => key.slice(0, -' what'.length))
    .filter(path => COPY.test(path));
}

export function outcome(
  end: Facets,
  first: ReadonlyMap<string, string | undefined>,
  later: ReadonlyMap<string, string | undefined>,
): string {
  const stands = (change: ReadonlyMap<string, string | undefined>) =>
    [...change].every(([key, value]) => end.get(key) === value);
  const isCopied = copiesIn(end).length > 0;
  if (stands(first)) return isCopied ? '1c' : stands(later) ? '=' : '1';
  return stands(later) ? (isCopied ? '2c' : '2') : '?';
}
