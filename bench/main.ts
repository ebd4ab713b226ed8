// Figures to judge toastbox by, each beside a peer's, taken on this machine in this run.
//
//   npm run bench                  all parts at their usual size: half an hour
//   npm run bench -- wire cut      only these
//   npm run bench -- --quick       all parts, small: some minutes
//   npm run bench -- million --full    a million files
//
// Parts run one after the other, for they would disturb each other. Memory is sampled in all of them; its table is
// the last. Whatever is made stands in a temporary directory and is removed, also when the run is broken off.

import { parseArgs } from 'node:util';
import { alloc } from './alloc.ts';
import { catalog } from './catalog.ts';
import { cut } from './cut.ts';
import { drawAgain, files } from './files.ts';
import { first } from './first.ts';
import { latency } from './latency.ts';
import { loops } from './loops.ts';
import { machine } from './machine.ts';
import { Sampler } from './memory.ts';
import { million } from './million.ts';
import { dropPlaces } from './place.ts';
import { scan } from './scan.ts';
import { wire } from './wire.ts';
import { writes } from './writes.ts';

const PARTS = [
  ...['wire', 'first', 'latency', 'files', 'scan', 'million', 'writes'],
  ...['catalog', 'alloc', 'memory', 'cut', 'loops'],
] as const;
type Part = (typeof PARTS)[number];
/** Parts in which no process of ours is watched. */
const ALONE = new Set<Part>(['memory', 'cut', 'loops', 'catalog', 'writes']);

const USAGE = `usage: npm run bench -- [PART ...] [--quick | --full] [--seed N] [--files N] [--mebibytes N]

  wire       bytes on the wire for a change, beside rsync -z and xdelta3
  first      first sync of many small files and of one big file, beside rsync -a
  latency    one change until durable at the gateway
  files      memory over the number of files, beside Syncthing, Unison and rsync
             --save: into docs/memory.json and docs/memory.svg; --draw: only draw that again; --ours, --peers: only
             these
  scan       unchanged files looked through after a restart, beside find and rsync -n
  million    first sync of very many files, end to end, beside rsync -a
  writes     bytes written to the board's disk for one small change
  catalog    the catalog's tree, beside LMDB
  alloc      a trace of metadata allocations: arena, AssemblyScript's TLSF, JS heap
  memory     anonymous memory in the parts that run; alone: in those of first
  cut        cut and hash, beside rdiff signature and sha256sum; --file FILE for a file of yours
  loops      the inner loops in JavaScript and in wasm

  --quick    smaller inputs               --full     those of the project's aims: a million files
  --files N  as many small files in first, files, scan, million, catalog and alloc
  --mebibytes N  the big file of first
  --seed N   of everything made           [1]`;

const { values, positionals } = parse();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const wrong = positionals.find(word => !PARTS.includes(word as Part));
if (wrong !== undefined) usage(`no part is called ${wrong}`);

if (values.draw) {
  console.log(drawAgain());
  process.exit(0);
}
if (values.quick && values.full) usage('--quick and --full rule each other out');
const size = values.quick ? 0 : values.full ? 2 : 1;
/** Of three sizes the one that was asked for. */
const sized = (quick: number, usual: number, full: number): number => [quick, usual, full][size]!;

const seed = whole('seed', values.seed, 1);
const filesOr = (quick: number, usual: number, full: number): number =>
  whole('files', values.files, sized(quick, usual, full));
const bytes = whole('mebibytes', values.mebibytes, sized(64, 1024, 1024)) * 2 ** 20;
const crowd = filesOr(2_000, 100_000, 1_000_000);
const counts =
  values.files === undefined
    ? [
        [500, 2_000],
        [10_000, 100_000],
        [10_000, 100_000, 1_000_000],
      ][size]!
    : [crowd];

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    dropPlaces();
    process.exit(code);
  });
}

const sampler = new Sampler();
if (values.ours && values.peers) usage('--ours and --peers rule each other out');
const only = values.ours ? 'ours' : values.peers ? 'peers' : undefined;
const runs: Record<Part, () => Promise<string> | string> = {
  wire: () => wire({ seed, isQuick: values.quick, sampler }),
  first: () => first({ seed, files: filesOr(1_000, 10_000, 10_000), bytes, sampler }),
  latency: () => latency({ seed, changes: sized(50, 200, 1_000), sampler }),
  files: () => files({ seed, counts, sampler, isSaved: values.save, only }),
  scan: () => scan({ seed, files: crowd, sampler }),
  million: () => million({ seed, files: crowd, sampler }),
  writes: () => writes({ seed, files: sized(500, 10_000, 100_000), changes: sized(5, 30, 100) }),
  catalog: () => catalog({ seed, files: filesOr(20_000, 200_000, 1_000_000), commitEvery: 1_000 }),
  alloc: () => alloc({ seed, files: filesOr(10_000, 100_000, 1_000_000), sampler }),
  memory: () => sampler.table(),
  cut: () => cut({ seed, bytes: sized(64, 256, 256) * 2 ** 20, rounds: sized(3, 5, 10), file: values.file }),
  loops: () => loops({ seed, rounds: sized(20, 60, 100) }),
};

const asked: Part[] = positionals.length === 0 ? [...PARTS] : (positionals as Part[]);
if (asked.includes('memory') && asked.every(part => ALONE.has(part))) asked.push('first');
const inOrder = PARTS.filter(part => part !== 'memory' && asked.includes(part));
if (inOrder.some(part => !ALONE.has(part))) inOrder.push('memory');

console.log(machine());
const failed: Part[] = [];
const begin = Date.now();
for (const part of inOrder) {
  try {
    console.log(await runs[part]());
  } catch (error) {
    failed.push(part);
    console.error(`\n${part}: ${error instanceof Error ? error.stack : error}`);
  }
}
console.log(
  `${Math.round((Date.now() - begin) / 1000)} s${failed.length === 0 ? '' : `, failed: ${failed.join(', ')}`}`,
);
process.exit(failed.length === 0 ? 0 : 1);

function parse() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        save: { type: 'boolean', default: false },
        ours: { type: 'boolean', default: false },
        peers: { type: 'boolean', default: false },
        draw: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
        seed: { type: 'string' },
        files: { type: 'string' },
        mebibytes: { type: 'string' },
        file: { type: 'string' },
      },
    });
  } catch (error) {
    return usage((error as Error).message);
  }
}

function whole(name: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) return usage(`--${name} takes a whole number above 0`);
  return value;
}

function usage(why: string): never {
  console.error(`${why}\n\n${USAGE}`);
  process.exit(2);
}
