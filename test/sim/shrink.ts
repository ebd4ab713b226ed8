// Makes the script of a world that fails as short as it gets while it fails in the same way: fewer steps, fewer boards,
// no faults of frames and hints, no pauses. What is left is the story of the failure.

import { NO_FAULTS } from './network.ts';
import { NO_HINT_FAULTS, type Script, type Step } from './script.ts';
import { World } from './world.ts';

/** Worlds played at most to shrink one. */
const TRIES_MAX = 600;

export interface Played {
  script: Script;
  findings: string[];
  story: string[];
}

export async function play(script: Script): Promise<Played> {
  const world = new World(script);
  const findings = await world.run();
  return { script, findings, story: world.story };
}

/** The word that a finding begins with. */
export const kindOf = (finding: string): string => finding.slice(0, finding.indexOf(':'));

export async function shrink(failed: Played): Promise<Played> {
  const kind = kindOf(failed.findings[0] ?? '');
  let best = failed;
  let tries = 0;
  const attempt = async (change: Partial<Script>): Promise<boolean> => {
    if (tries++ >= TRIES_MAX) return false;
    const played = await play({ ...best.script, ...change });
    if (!played.findings.some(finding => kindOf(finding) === kind)) return false;
    best = played;
    return true;
  };

  await attempt({ frames: { ...NO_FAULTS, delayMs: 5 } });
  await attempt({ hints: NO_HINT_FAULTS });
  await attempt({ hasTwin: false });
  await attempt({ isCoarse: false });
  await attempt({ isSlow: false });
  await dropSteps(
    () => best.script.steps,
    steps => attempt({ steps }),
  );
  for (let boards = 1; boards < best.script.boards; boards++) if (await attempt({ boards })) break;
  await attempt({ frames: NO_FAULTS });
  for (const pauseMs of [0, 1_000]) {
    for (let index = 0; index < best.script.steps.length; index++) {
      const steps = best.script.steps.slice();
      const step = steps[index] as Step;
      if (step.pauseMs <= pauseMs) continue;
      steps[index] = { ...step, pauseMs };
      await attempt({ steps });
    }
  }
  await dropSteps(
    () => best.script.steps,
    steps => attempt({ steps }),
  );
  return best;
}

/** Leaves out parts, halves first, then ever smaller ones. */
async function dropSteps(
  current: () => readonly Step[],
  attempt: (steps: Step[]) => Promise<boolean>,
): Promise<void> {
  for (let size = current().length >> 1; size >= 1; size >>= 1) {
    let isShorter = true;
    while (isShorter) {
      isShorter = false;
      for (let from = current().length - size; from >= 0; from -= size) {
        const steps = current();
        if (await attempt([...steps.slice(0, from), ...steps.slice(from + size)])) isShorter = true;
      }
    }
  }
}
