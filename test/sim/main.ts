// npm run sim -- [--seeds N] [--from N] [--seed N] [--kinds A,B] [--twice] [--jobs N] [--report FILE]
//
// Plays simulated worlds. Says how many, what was injected, and of each seed that fails its story, shrunk, with the
// command that plays it again. --seed plays one, and tells all of it. --kinds: only these kinds of faults (script.ts
// has them). --twice: each world again, which has to go the same way. --report writes a summary as scripts/sum.mjs
// reads it. Exit code 1 if any world failed.

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { KIND_NAMES, type Script, scriptOf } from './script.ts';
import { kindOf, type Played, play, shrink } from './shrink.ts';
import type { Range, Told } from './worker.ts';

/** Failures that are shrunk and told; of more only the seeds. */
const TOLD_MAX = 3;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '0' },
    seed: { type: 'string' },
    jobs: { type: 'string', default: String(availableParallelism()) },
    kinds: { type: 'string' },
    twice: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
});

const kinds = values.kinds?.split(',');
for (const kind of kinds ?? [])
  if (!KIND_NAMES.includes(kind)) throw new Error(`no kind ${kind}; there are ${KIND_NAMES.join(', ')}`);

function headOf({ seed, boards, hasTwin, frames, hints, steps }: Script): string {
  const frameText = `frames lost ${frames.lost}, doubled ${frames.doubled}, up to ${frames.delayMs} ms late`;
  const hintText = `hints lost ${hints.lost}, doubled ${hints.doubled}, up to ${hints.lateMs} ms late`;
  const twin = hasTwin ? ', two of one name' : '';
  return `seed ${seed}: ${boards} boards${twin}, ${steps.length} steps; ${frameText}; ${hintText}`;
}

async function tell(failed: Played): Promise<void> {
  const { script, findings, story } = await shrink(failed);
  console.log(`\nFAILED ${headOf(script)}`);
  for (const line of story) console.log(`  ${line}`);
  for (const finding of findings) console.log(`  => ${finding}`);
  const only = values.kinds === undefined ? '' : ` --kinds ${values.kinds}`;
  console.log(`replay: npm run sim -- --seed ${script.seed}${only}`);
}

async function playOne(seed: number): Promise<boolean> {
  const played = await play(scriptOf(seed, kinds));
  console.log(headOf(played.script));
  for (const line of played.story) console.log(`  ${line}`);
  for (const finding of played.findings) console.log(`  => ${finding}`);
  console.log(played.findings.length === 0 ? 'all held' : 'shrinking ...');
  if (played.findings.length > 0) await tell(played);
  return played.findings.length === 0;
}

function playRange(range: Range, onTold: (told: Told) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: range });
    worker.on('message', onTold);
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
}

async function playMany(from: number, count: number, jobs: number): Promise<boolean> {
  const began = performance.now();
  const totals = new Map<string, number>();
  const failed: Told[] = [];
  let played = 0;
  const onTold = (told: Told): void => {
    played++;
    for (const [what, times] of told.counts) totals.set(what, (totals.get(what) ?? 0) + times);
    if (told.findings.length === 0) return;
    failed.push(told);
    console.log(`seed ${told.seed} failed: ${told.findings[0]?.split('\n')[0]}`);
  };
  const ranges = Array.from({ length: jobs }, (_, job) => ({
    first: from + job,
    step: jobs,
    end: from + count,
    kinds,
    isTwice: values.twice,
  }));
  await Promise.all(ranges.map(range => playRange(range, onTold)));
  for (const { seed } of failed.sort((a, b) => a.seed - b.seed).slice(0, TOLD_MAX))
    await tell(await play(scriptOf(seed, kinds)));
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`\n${played} worlds in ${seconds} s, ${failed.length} failed; injected:`);
  for (const [what, times] of [...totals].sort((a, b) => b[1] - a[1])) console.log(`  ${times} ${what}`);
  const failures = new Map<string, number>();
  for (const { findings } of failed) {
    const kind = kindOf(findings[0] ?? '');
    failures.set(kind, (failures.get(kind) ?? 0) + 1);
  }
  for (const [kind, times] of failures) console.log(`failed as ${kind}: ${times}`);
  if (values.report !== undefined) {
    const report = {
      numTotalTests: count,
      numPassedTests: played - failed.length,
      numFailedTests: count - played + failed.length,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [],
    };
    writeFileSync(values.report, JSON.stringify(report));
  }
  return failed.length === 0 && played === count;
}

const isFine =
  values.seed === undefined
    ? await playMany(Number(values.from), Number(values.seeds), Number(values.jobs))
    : await playOne(Number(values.seed));
process.exit(isFine ? 0 : 1);
