// `toastbox plan`: what an agent will take and whether it fits, in words or JSON; and the same check, in the same
// words, for an agent that is about to start.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../../agent/failure.ts';
import { freeDiskBytes, type Ram, readRam } from '../../agent/machine.ts';
import { CATALOG_NAME } from '../../agent/options.ts';
import { CATALOG_FILE_BYTES, type Misfit, type Plan, planOf } from '../../agent/plan.ts';
import { Exit, exitOf } from '../exits.ts';
import type { Invocation } from '../invocation.ts';
import { bytesText, countOf, countText } from '../screen/figures.ts';
import { Screen } from '../screen/screen.ts';
import { wrap } from '../screen/wrap.ts';
import { resolveSettings } from '../settings/resolve.ts';

/** Whose RAM it is, for the sentence that says how much there is. */
type Owner = Ram['by'] | 'asked';

const OWNERS: Readonly<Record<Owner, string>> = {
  asked: '--ram',
  machine: 'RAM and swap of this machine',
  cgroup: 'the memory limit of its cgroup',
};

export async function planCommand({ words, world, out, errors }: Invocation): Promise<Exit> {
  const { settings } = resolveSettings('plan', words, world);
  const screen = new Screen({ out, errors, progress: 'none', isQuiet: false });
  const found = settings.ram === undefined ? readRam() : undefined;
  const plan = planOf({
    arenaBytes: settings.arena,
    watches: settings.watches,
    files: settings.files,
    largestBytes: settings.largest,
    ramBytes: settings.ram ?? found?.bytes,
    diskBytes: settings.disk,
  });
  screen.say(settings.json ? JSON.stringify(plan) : planText(plan, found?.by ?? 'asked'));
  return plan.misfits.length === 0 ? Exit.FINE : exitOf(new Failure('usage', ''));
}

/** Throws the first thing for which an agent with these settings cannot fit on this machine. */
export function checkFit({
  state,
  arenaBytes,
  watches,
}: {
  state: string;
  arenaBytes: number;
  watches: number;
}): void {
  const ram = readRam();
  const { misfits } = planOf({
    arenaBytes,
    watches,
    // A catalog that is there has its room; what is new in the folder nobody knows yet.
    catalogBytes: catalogBytesIn(state),
    ramBytes: ram?.bytes,
    diskBytes: freeDiskBytes(state),
  });
  const [misfit] = misfits;
  if (misfit === undefined) return;
  const advice = [...insteadTexts(misfit), 'start it all the same with --overcommit'].join(', or ');
  // Room on a disk comes and goes, and then another start is all that it takes.
  const kind = misfit.of === 'disk' ? 'environment' : 'usage';
  throw new Failure(kind, misfitText(misfit, ram?.by ?? 'asked'), advice);
}

/** Nothing where it cannot be looked at: what is wrong there is said by the agent that starts, by its name. */
function catalogBytesIn(state: string): number | undefined {
  try {
    return statSync(join(state, CATALOG_NAME)).size;
  } catch {
    return undefined;
  }
}

export function planText(plan: Plan, by: Owner): string {
  const { ask, anonymous, heap, code, kernel, ram, disk } = plan;
  const rows: [string, string, string][] = [
    [
      'arena',
      bytesText(anonymous.arena),
      "file data and the catalog's cache; taken at the start, never grows",
    ],
    [
      'beside it',
      bytesText(anonymous.beside),
      `Node, its heap and buffers at their peak; V8 ends at ${bytesText(heap.limit)} of heap`,
    ],
    [
      'watches',
      bytesText(anonymous.watches),
      `${countText(ask.watches)} directories, what Node keeps of each`,
    ],
    ['RssAnon', bytesText(anonymous.total), 'the three together: what the kernel cannot take back'],
    [
      'RssFile',
      bytesText(code.least),
      `program code that has to stay; ${bytesText(code.usual)} where there is room`,
    ],
    ['kernel', bytesText(kernel.watches), 'inotify watches'],
    ['RAM', bytesText(ram.total), 'RssAnon, RssFile and kernel'],
  ];
  if (disk.catalog !== undefined)
    rows.push([
      'catalog',
      bytesText(disk.catalog),
      `on disk, under --state: ${CATALOG_FILE_BYTES} bytes a file of a usual name, about half after a first sync`,
    ]);
  if (disk.stage !== undefined)
    rows.push([
      'stage',
      bytesText(disk.stage),
      'on disk, in the folder: the largest file, until it takes its place',
    ]);
  const files = ask.files === undefined ? '' : `${countOf(ask.files, 'file')}, `;
  const lines = [
    `plan for ${files}arena of ${bytesText(ask.arenaBytes)}, ${countText(ask.watches)} watches`,
    ...rows.flatMap(([name, bytes, what]) =>
      wrap(what, `  ${name.padEnd(10)}${bytes.padStart(9)}   `, ' '.repeat(24)),
    ),
  ];
  for (const misfit of plan.misfits) {
    lines.push(misfitText(misfit, by));
    for (const text of insteadTexts(misfit)) lines.push(`  -> ${text}`);
  }
  if (plan.misfits.length === 0) lines.push(fitText(plan, by));
  return lines.join('\n');
}

function fitText({ ask, ram }: Plan, by: Owner): string {
  if (ask.ramBytes === undefined) return `it needs ${bytesText(ram.total)} of RAM`;
  return `it fits: ${bytesText(ram.total)} of RAM, of ${bytesText(ask.ramBytes)} (${OWNERS[by]})`;
}

function misfitText({ of, needBytes, haveBytes }: Misfit, by: Owner): string {
  const [what, whose] = {
    ram: ['of RAM', ` (${OWNERS[by]})`],
    heap: ["of JavaScript's heap for its watches", ''],
    disk: ['of disk', ' free'],
  }[of] as [string, string];
  return `it does not fit: it needs ${bytesText(needBytes)} ${what}, there are ${bytesText(haveBytes)}${whose}`;
}

function insteadTexts({ of, instead }: Misfit): string[] {
  if (of === 'disk') return ['make room'];
  return instead.map(({ arenaBytes, watches }) =>
    [
      ...(arenaBytes === undefined ? [] : [`a smaller arena: --arena ${arenaBytes / 2 ** 20}MiB`]),
      ...(watches === undefined ? [] : [`fewer watches: --watches ${watches}`]),
    ].join(' and '),
  );
}
