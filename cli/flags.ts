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
//   --max-old-space-size=24             31 / 28    V8 collects sooner as it comes near
//
// for 5 to 45 % more processor time, on a busy machine. --max-old-space-size=14 gives 28 / 24 for twice the time. No
// gain, or less than what one run differs from the next: --single-threaded, --single-threaded-gc,
// --heap-growing-percent=10, --liftoff-only, MALLOC_ARENA_MAX=1, UV_THREADPOOL_SIZE=1.
//
// Of these, what V8 reads while it runs is also set by the program itself (LATE_FLAGS in cli/toastbox.mjs), for
// whoever starts `node cli/toastbox.mjs agent`: 35 / 33 then, and no bound for the old generation, which cannot be
// set once Node runs.

import { HEAP_OLD_MIB, HEAP_YOUNG_MIB } from '../agent/heap.ts';

export const AGENT_NODE_FLAGS: readonly string[] = [
  `--max-old-space-size=${HEAP_OLD_MIB}`,
  `--max-semi-space-size=${HEAP_YOUNG_MIB}`,
  '--optimize-for-size',
  '--v8-pool-size=1',
];

/** A gateway has room for a larger young generation: with 2 MiB of it a tenth of its time went into collecting what
 * would soon have died; one helper thread of V8, because two take the processor from the thread of the plain copies.
 * LATE_FLAGS hold for it too, however it is started: 66 to 73 MiB of RssAnon after it took in 12,000 files of 400
 * bytes, where 108 to 129 were left without, for 4 to 24 % more processor time. */
export const GATEWAY_NODE_FLAGS: readonly string[] = [
  '--min-semi-space-size=4',
  '--max-semi-space-size=8',
  '--v8-pool-size=1',
];

/** For glibc and an agent: blocks from 64 KiB on are mapped by themselves and go back when they are freed, and so
 * does what is free at the heap's top from 128 KiB on. Once given, glibc no longer raises them by itself, to 32 MiB. */
export const MALLOC_ENV = { MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_TRIM_THRESHOLD_: '131072' } as const;
