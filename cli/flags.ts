// How Node is started for the two that run for long: V8's bounds and malloc's. The second line of cli/toastbox.mjs
// says the same to a shell, for whoever starts the program; who starts Node itself (the demo) takes it from here; a
// test holds them together.
//
// An agent's RssAnon at its peak in MiB, sending / receiving 10,000 files of 1 KB, with each line and those above:
//
//   Node as it comes                    71 / 68
//   --max-semi-space-size, pool size    41 / 56    a young generation of 1 MiB, one helper thread of V8
//   --optimize-for-size                 34 / 32    V8 collects after 2 MiB of growth, not after 8
//   malloc's thresholds                 32 / 31    what was freed goes back
//   --max-old-space-size                           V8 collects sooner as it comes near
//   bounds for the optimizing compiler             what it compiles, it builds a graph of, some MiB of malloc's
//
// for 5 to 45 % more processor time, on a busy machine. The last two, measured with 10,000 files of 120 bytes since a
// board has an MQTT client of its own; beside the peak the processor seconds of sending and receiving:
//
//   --max-old-space-size=24             34 / 35   1.7 + 3.1
//   18                                  31 / 32   1.5 + 3.6
//   16                                  30 / 31   1.6 + 3.0
//   12                                  29 / 29   2.3 + 4.2
//   16, the compiler within bounds      29 / 29   1.4 + 2.6
//   16, no such compiler (--no-opt)     28 / 28   1.6 + 2.4, but 15 % more to send 30,000
//
// 16 did not last through ten minutes of random edits with 2,200 watches (agent/heap.ts), so it is 20.
//
// No gain, or less than what one run differs from the next: --single-threaded, --single-threaded-gc,
// --v8-pool-size=0, --heap-growing-percent=10, --liftoff-only, --max-lazy with --no-sparkplug, MALLOC_ARENA_MAX=1,
// UV_THREADPOOL_SIZE=1.
//
// Of these, what V8 reads while it runs is also set by the program itself (LATE_FLAGS in cli/begin.mjs), for
// whoever starts `node cli/toastbox.mjs agent`: 35 / 36 then, and no bound for the old generation, which
// cannot be set once Node runs.

import { HEAP_OLD_MIB, HEAP_YOUNG_MIB } from '../agent/heap.ts';

export const AGENT_NODE_FLAGS: readonly string[] = [
  `--max-old-space-size=${HEAP_OLD_MIB}`,
  `--max-semi-space-size=${HEAP_YOUNG_MIB}`,
  '--optimize-for-size',
  '--v8-pool-size=1',
  // For agent/sweep.ts.
  '--expose-gc',
  // No function above 4 KB of bytecode is optimized (60 as it comes), and less is inlined into one (920): the largest
  // are those that run once for each event, and what they call is optimized by itself.
  '--max-optimized-bytecode-size=4000',
  '--max-inlined-bytecode-size-cumulative=100',
];

/**
 * A gateway has room for a larger young generation, in both its threads: with 1 MiB a first sync of small files filled
 * it every 26 files in the thread of the plain copies. --optimize-for-size would cut that thread's to 1 MiB, whatever
 * else is asked for, so what keeps the old generation small here is another flag: collected after 40 % of growth.
 * RssAnon at the peak of a first sync of 20,000 files of 120 bytes and processor time a file, gateway with its copy:
 *
 *   optimize-for-size, 8 MiB    95 MiB   990 us
 *   4 MiB alone                119 MiB   783 us
 *   4 MiB, growing by 40 %      92 MiB   814 us
 *
 * One helper thread of V8, because two take the processor from the thread of the plain copies.
 */
export const GATEWAY_NODE_FLAGS: readonly string[] = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=4',
  '--heap-growing-percent=40',
  '--v8-pool-size=1',
];

/** For glibc and an agent: blocks from 64 KiB on are mapped by themselves and go back when they are freed, and so
 * does what is free at the heap's top from 128 KiB on. Once given, glibc no longer raises them by itself, to 32 MiB. */
export const AGENT_MALLOC_ENV = {
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '131072',
} as const;

/** For glibc and a gateway: one heap for all its threads. Each would have its own, with holes of its own: 99 MiB of
 * RssAnon at the peak of a first sync of 60,000 files, 92 so, for no more processor time. */
export const GATEWAY_MALLOC_ENV = { MALLOC_ARENA_MAX: '1' } as const;
