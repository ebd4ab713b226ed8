// Peak memory of four ways to hold the same metadata (bench/trace.ts), each in a process of its own:
//
//   nothing   Node and the trace itself: what the others stand on
//   arena     the catalog in the agent's default arena; what does not fit its cache lies on the disk
//   tlsf      AssemblyScript's own allocator, memory that grows
//   heap      JavaScript objects, a Map and Buffers
//
// `over live` is memory over the bytes that were allocated at once at most: 1.00 would be perfect packing.

import { fileURLToPath } from 'node:url';
import { compile } from './compile.ts';
import type { Sampler } from './memory.ts';
import { Place } from './place.ts';
import type { Replayed } from './replay.ts';
import { until } from './stand.ts';
import { mebibytes, NONE, seconds, table } from './table.ts';
import { ROUNDS } from './trace.ts';

const REPLAY = fileURLToPath(new URL('./replay.js', import.meta.url));
const LIMIT_MS = 3_600_000;
/** As an agent is started, but with a heap that may grow. */
const FLAGS = ['--max-semi-space-size=1', '--v8-pool-size=1', '--max-old-space-size=8192'];

const TLSF = ['--runtime', 'minimal', '--optimizeLevel', '3'];

const WAYS = [
  ['nothing', 'Node, the trace alone'],
  ['arena', 'toastbox: catalog in the arena'],
  ['tlsf', "AssemblyScript's TLSF"],
  ['heap', 'JS objects, Map, Buffers'],
] as const;

export async function alloc(options: { seed: number; files: number; sampler: Sampler }): Promise<string> {
  const { seed, files, sampler } = options;
  const place = new Place('alloc');
  try {
    // Away from the project's own options, which name another runtime.
    compile('trace.ts', place.path('trace.wasm'), '--baseDir', 'bench/assembly', ...TLSF);
    const results: { name: string; peak: number; replayed: Replayed }[] = [];
    for (const [way, name] of WAYS) {
      const words = [...FLAGS, REPLAY, way, `${files}`, `${seed}`, place.directory];
      const started = place.start(way, process.execPath, words);
      const row = sampler.watch('allocations', name, started.pid);
      const { child } = started;
      await until(name, LIMIT_MS, () => child.exitCode ?? child.signalCode ?? undefined);
      await sampler.end();
      if (child.exitCode !== 0) throw new Error(`${name}: ${started.log()}`);
      results.push({ name, peak: row.peak, replayed: JSON.parse(started.log()) as Replayed });
    }
    const idle = results[0]!.peak;
    const live = results[0]!.replayed.liveMost;
    const rows = results.map(({ name, peak, replayed }, index) => {
      const own = peak - idle;
      return [
        name,
        mebibytes(peak),
        index === 0 ? NONE : mebibytes(own),
        index === 0 ? NONE : (own / live).toFixed(2),
        mebibytes(replayed.held),
        replayed.held === undefined || replayed.disk !== undefined ? NONE : (replayed.held / live).toFixed(2),
        mebibytes(replayed.disk),
        seconds(replayed.ms),
      ];
    });
    return table(
      `alloc: ${files.toLocaleString('en-US')} files' metadata, ${ROUNDS} rounds in which a third changes, ` +
        `${mebibytes(live)} MiB live at most; RssAnon in MiB`,
      ['', 'peak', 'without Node', 'over live', 'wasm memory', 'over live', 'on disk', 'seconds'],
      rows,
    );
  } finally {
    await place.close();
  }
}
