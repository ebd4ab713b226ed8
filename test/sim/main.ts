// npm run sim -- --help says what it does; words.ts has it.

import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { exitOf, failureOf } from '../../cli/exits.ts';
import { type Script, scriptOf } from './script.ts';
import { kindOf, type Played, play, shrink } from './shrink.ts';
import { HELP, type Words, wordsOf } from './words.ts';
import type { Range, Told } from './worker.ts';

/** Failures that are shrunk and told; of more only the seeds. */
const TOLD_MAX = 3;

function headOf({ seed, boards, hasTwin, isCoarse, isSlow, frames, hints, steps }: Script): string {
  const frameText = `frames lost ${frames.lost}, doubled ${frames.doubled}, up to ${frames.delayMs} ms late`;
  const hintText = `hints lost ${hints.lost}, doubled ${hints.doubled}, up to ${hints.lateMs} ms late`;
  const twin = hasTwin ? ', two of one name' : '';
  const coarse = isCoarse ? ', the first with whole seconds' : '';
  const slow = isSlow ? ', slow' : '';
  return `seed ${seed}: ${boards} boards${twin}${coarse}${slow}, ${steps.length} steps; ${frameText}; ${hintText}`;
}

async function tell(failed: Played, kinds: Words['kinds']): Promise<void> {
  const { script, findings, story } = await shrink(failed);
  console.log(`\nFAILED ${headOf(script)}`);
  for (const line of story) console.log(`  ${line}`);
  for (const finding of findings) console.log(`  => ${finding}`);
  const only = kinds === undefined ? '' : ` --kinds ${kinds}`;
  console.log(`replay: npm run sim -- --seed ${script.seed}${only}`);
}

async function playOne(seed: number, kinds: Words['kinds']): Promise<boolean> {
  const played = await play(scriptOf(seed, kinds));
  console.log(headOf(played.script));
  for (const line of played.story) console.log(`  ${line}`);
  for (const finding of played.findings) console.log(`  => ${finding}`);
  console.log(played.findings.length === 0 ? 'all held' : 'shrinking ...');
  if (played.findings.length > 0) await tell(played, kinds);
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

async function playMany({ from, seeds, jobs, kinds, isTwice, report: file }: Words): Promise<boolean> {
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
    end: from + seeds,
    kinds,
    isTwice,
  }));
  await Promise.all(ranges.map(range => playRange(range, onTold)));
  for (const { seed } of failed.sort((a, b) => a.seed - b.seed).slice(0, TOLD_MAX))
    await tell(await play(scriptOf(seed, kinds)), kinds);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`\n${played} worlds in ${seconds} s, ${failed.length} failed; injected:`);
  for (const [what, times] of [...totals].sort((a, b) => b[1] - a[1])) console.log(`  ${times} ${what}`);
  const failures = new Map<string, number>();
  for (const { findings } of failed) {
    const kind = kindOf(findings[0] ?? '');
    failures.set(kind, (failures.get(kind) ?? 0) + 1);
  }
  for (const [kind, times] of failures) console.log(`failed as ${kind}: ${times}`);
  if (file !== undefined) {
    const report = {
      numTotalTests: seeds,
      numPassedTests: played - failed.length,
      numFailedTests: seeds - played + failed.length,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: [],
    };
    writeFileSync(file, JSON.stringify(report));
  }
  return failed.length === 0 && played === seeds;
}

try {
  const words = wordsOf(process.argv.slice(2));
  if (words.isHelp) console.log(HELP);
  else {
    const isFine = words.seed === undefined ? await playMany(words) : await playOne(words.seed, words.kinds);
    process.exitCode = isFine ? 0 : 1;
  }
} catch (error) {
  const failure = failureOf(error);
  console.error(`sim: ${failure.message}`);
  if (failure.advice !== undefined) console.error(`  ${failure.advice}`);
  if (failure.kind === 'runtime' && failure.cause instanceof Error) console.error(failure.cause.stack);
  process.exitCode = exitOf(failure);
}
