// A failing world made short: on a failure that is put there.

import { expect, test } from 'vitest';
import { type Step, scriptOf } from './script.ts';
import { kindOf, play, shrink } from './shrink.ts';

test('shrink: one step of a long script makes it fail -> that step is left, and the seed', async () => {
  const script = scriptOf(7);
  // No such act: the world throws when it comes to it.
  const broken = { pauseMs: 0, act: { is: 'edit', board: Number.NaN, seed: 1 } } as Step;
  const steps = [...script.steps.slice(0, 9), broken, ...script.steps.slice(9, 12)];
  const failed = await play({ ...script, steps });
  expect(failed.findings.map(kindOf)).toEqual(['thrown']);
  const short = await shrink(failed);
  expect(short.script.seed).toBe(7);
  expect(short.script.boards).toBe(1);
  expect(short.script.steps).toEqual([broken]);
  expect(short.story.length).toBeLessThan(10);
});
