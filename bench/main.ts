// Figures to judge toastbox by, each beside a peer's, taken on this machine in this run.
//
//   npm run bench                  all parts, six to eight minutes
//   npm run bench -- wire cut      only these
//   npm run bench -- --quick       all parts, smaller, under two minutes
//
// Parts run one after the other, for they would disturb each other. Memory is sampled in all of them; its table is
// the last. Whatever is made stands in a temporary directory and is removed, also when the run is broken off.

import { parseArgs } from 'node:util';
import { cut } from './cut.ts';
import { first } from './first.ts';
import { latency } from './latency.ts';
import { Sampler } from './memory.ts';
import { dropPlaces } from './place.ts';
import { wire } from './wire.ts';

const PARTS = ['wire', 'first', 'latency', 'memory', 'cut'] as const;
type Part = (typeof PARTS)[number];

const USAGE = `usage: npm run bench -- [${PARTS.join('|')} ...] [--quick] [--seed N] [--files N] [--mebibytes N]

  wire       bytes on the wire for a change, beside rsync -z and xdelta3
  first      first sync of many small files and of one big file, beside rsync -a
  latency    one change until durable at the gateway
  memory     anonymous memory in the parts that run; alone: in those of first
  cut        cut and hash, beside rdiff signature and sha256sum; --file FILE for a file of yours

  --quick    smaller inputs
  --files    small files for first        [10000, quick 1000]
  --mebibytes  the big file for first     [1024, quick 64]
  --seed     of everything made           [1]`;

const { values, positionals } = parse();
if (values.help) {
  console.log(USAGE);
  process.exit(0);
}
const wrong = positionals.find(word => !PARTS.includes(word as Part));
if (wrong !== undefined) usage(`no part is called ${wrong}`);

const seed = whole('seed', values.seed, 1);
const isQuick = values.quick;
const files = whole('files', values.files, isQuick ? 1_000 : 10_000);
const bytes = whole('mebibytes', values.mebibytes, isQuick ? 64 : 1024) * 2 ** 20;

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
const runs: Record<Part, () => Promise<string> | string> = {
  wire: () => wire({ seed, isQuick, sampler }),
  first: () => first({ seed, files, bytes, sampler }),
  latency: () => latency({ seed, changes: isQuick ? 50 : 200, sampler }),
  memory: () => sampler.table(),
  cut: () => cut({ seed, bytes: (isQuick ? 64 : 256) * 2 ** 20, rounds: isQuick ? 3 : 5, file: values.file }),
};

const asked: Part[] = positionals.length === 0 ? [...PARTS] : (positionals as Part[]);
const hasRun = asked.some(part => part !== 'memory' && part !== 'cut');
if (asked.includes('memory') && !hasRun) asked.push('first');
const inOrder = [...PARTS.filter(part => part !== 'memory' && asked.includes(part))] as Part[];
if (inOrder.some(part => part !== 'cut')) inOrder.push('memory');

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
