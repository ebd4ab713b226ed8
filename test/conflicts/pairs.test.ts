// Every two changes, made on two boards that are apart, joined one after the other. The table in DESIGN.md says what
// comes of each; a cell that is not so fails, and the failure shows the row as it is.

import { describe, expect, test } from 'vitest';
import { cut } from '../gateway/world.ts';
import { readText } from '../tidy/repo.ts';
import { bytesOf, CHANGES, makeBase, type Side, type UserChange } from './changes.ts';
import { Group, openTrio } from './group.ts';
import { copiesIn, effects, type Facets, facetsOf, outcome } from './outcome.ts';

/** `| letter | name | cells ... |`, as DESIGN.md has it under its heading. */
const ROWS = new Map(
  [...readText('DESIGN.md').matchAll(/^\| ([a-z]) \| (.*?) \|(.*)\|$/gm)].map(match => [match[1]!, match[0]]),
);
const letterOf = (change: UserChange) => String.fromCharCode(97 + CHANGES.indexOf(change));

function alone(change: UserChange, side: Side): Map<string, string | undefined> {
  const [machine] = new Group(['alone']).machines;
  makeBase(machine!.volume);
  const before = facetsOf(machine!);
  change.make(machine!.volume, side);
  return effects(before, facetsOf(machine!));
}

const writtenBy = (change: ReadonlyMap<string, string | undefined>): string[] =>
  [...change].flatMap(([key, value]) => (key.endsWith(' what') && value !== undefined ? [value] : []));

interface End {
  group: Group;
  facets: Facets;
}

/** `first` is with the gateway and on every board before `later` is heard of. */
function play(first: UserChange, later: UserChange, laterSide: Side = 'B'): End {
  const { group, copy, a, b } = openTrio();
  group.part(a);
  group.part(b);
  first.make(a.volume, 'A');
  later.make(b.volume, laterSide);
  group.look();
  group.join(a);
  group.rest();
  group.join(b);
  group.rest();

  const facets = facetsOf(copy);
  for (const machine of [a, b]) expect(facetsOf(machine), `${machine.name} beside copy`).toEqual(facets);
  const { head } = group;
  group.look();
  group.rest();
  expect(group.head, 'changes after everything had come to rest').toBe(head);
  expect(b.sync!.look()!.engine.counters.conflicts).toBe(copiesIn(facets).length);
  for (const machine of [copy, a]) expect(machine.sync!.look()!.engine.counters.conflicts).toBe(0);
  // All of them list what stands there.
  for (const machine of [copy, a, b]) {
    const listed = machine.sync!.look()!.engine.conflictCopies.map(path => Buffer.from(path).toString());
    expect(listed.sort()).toEqual(copiesIn(facets).sort());
  }
  return { group, facets };
}

describe.each(CHANGES)('conflict: $name first', first => {
  test('then each other change -> as DESIGN.md has it, equal trees, at rest, nothing lost', () => {
    const firstDid = alone(first, 'A');
    const cells = CHANGES.map(later => {
      const name = `${first.name}, then ${later.name}`;
      const laterDid = alone(later, 'B');
      const { group, facets } = play(first, later);
      // Neither had seen the other's: whatever both wrote is still in front of them.
      const shown = new Set(facets.values());
      for (const written of [...writtenBy(firstDid), ...writtenBy(laterDid)])
        if (written !== 'directory') expect(shown, name).toContain(written);
      // What both had before may be gone from the tree, not from the history.
      for (const path of ['d/f', 'd/g']) {
        const bytes = bytesOf('base', path);
        const isShown = shown.has(`file ${bytes.toString('base64')}`);
        expect(isShown || group.hasReplaced(path, cut(bytes).id), `${name}: ${path}`).toBe(true);
      }
      // Each change once, each copy once, permissions merged once: nothing goes to and fro.
      const copied = [...facets.keys()].filter(key => /\.conflict-.* what$/.test(key)).length;
      expect(group.head - 3, name).toBeLessThanOrEqual(firstDid.size + laterDid.size + copied + 1);
      return outcome(facets, firstDid, laterDid);
    });
    const row = `| ${letterOf(first)} | ${first.name} | ${cells.join(' | ')} |`;
    expect(row).toBe(ROWS.get(letterOf(first)));
  });

  test('then the same elsewhere -> no conflict', () => {
    const { facets } = play(first, first, 'A');
    expect(copiesIn(facets)).toEqual([]);
    for (const [key, value] of alone(first, 'A')) expect(facets.get(key), key).toBe(value);
  });
});
