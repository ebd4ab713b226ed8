#!/bin/sh
//bin/sh -c :; case "$1" in agent) export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_-65536}" MALLOC_TRIM_THRESHOLD_="${MALLOC_TRIM_THRESHOLD_-131072}"; exec node --max-old-space-size=24 --max-semi-space-size=1 --optimize-for-size --v8-pool-size=1 "$0" "$@";; gateway) exec node --min-semi-space-size=4 --max-semi-space-size=4 --heap-growing-percent=40 --v8-pool-size=1 "$0" "$@";; esac; exec node "$0" "$@"
// The program `toastbox`: to a shell the line above, to Node the rest, which is plain JavaScript that any Node since
// 12 can read, so that one too old, or a checkout that was not built, gets one clear line and exit code 4.
//
// The line starts Node within bounds: cli/flags.ts says what each is for and what it saves. Started by `node` itself,
// the program still sets what V8 takes while it runs.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';

const NODE_LEAST = [20, 11];
/** A young generation that does not grow, and collections after little growth. */
const LATE_FLAGS = {
  agent: ['--semi-space-growth-factor=1', '--optimize-for-size'],
  gateway: ['--semi-space-growth-factor=1', '--heap-growing-percent=40'],
};

const program = fileURLToPath(import.meta.url);
const built = join(dirname(program), '..', 'dist', 'cli', 'main.js');
const [major, minor] = process.versions.node.split('.').map(Number);

// The password is taken out of the environment that programs started from here, and reports of a crash, would have.
const env = { ...process.env };
delete process.env.TOASTBOX_PASSWORD;

function refuse(text) {
  console.error(`toastbox: ${text}`);
  process.exit(4);
}

function crash(error) {
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\ntoastbox: a mistake of ours, please report it:\n${stack}\n`, () => process.exit(1));
}

if (major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1])) {
  refuse(`this is Node ${process.versions.node}; it needs ${NODE_LEAST.join('.')} or newer`);
} else if (!existsSync(built)) {
  refuse('it is not built yet; run `npm run build` in the checkout');
} else {
  process.on('uncaughtException', crash);
  for (const flag of LATE_FLAGS[process.argv[2]] ?? []) setFlagsFromString(flag);
  import(pathToFileURL(built).href)
    .then(({ main }) =>
      main({
        words: process.argv.slice(2),
        world: { env, directory: process.cwd() },
        out: process.stdout,
        errors: process.stderr,
        program,
      }),
    )
    .then(code => process.exit(code), crash);
}
