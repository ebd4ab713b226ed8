#!/bin/sh
//bin/sh -c :; case "$1" in agent) export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-65536}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-131072}"; exec node --max-old-space-size=20 --max-semi-space-size=1 --optimize-for-size --v8-pool-size=1 --expose-gc --max-optimized-bytecode-size=4000 --max-inlined-bytecode-size-cumulative=100 "$0" "$@";; gateway) export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX-1}"; exec node --min-semi-space-size=4 --max-semi-space-size=4 --heap-growing-percent=40 --v8-pool-size=1 "$0" "$@";; esac; exec node "$0" "$@"
// The program `toastbox`: to a shell the line above, to Node the rest, which is plain JavaScript that any Node since
// 12 can read, so that one too old, or a checkout that was not built, gets one clear line and exit code 4.
//
// The line starts Node within bounds: cli/flags.ts says what each is for and what it saves. Started by `node` itself,
// the program still sets what V8 takes while it runs.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { begin, refuse } from './begin.mjs';

const program = fileURLToPath(import.meta.url);
const built = join(dirname(program), '..', 'dist', 'cli', 'main.js');

begin(program, () => {
  if (!existsSync(built)) refuse('it is not built yet; run `npm run build` in the checkout');
  return import(pathToFileURL(built).href);
});
