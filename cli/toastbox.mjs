#!/bin/sh
//bin/sh -c :; [ "$1" = agent ] && exec node --max-semi-space-size=1 --v8-pool-size=1 "$0" "$@"; exec node "$0" "$@"
// The program `toastbox`: to a shell the line above, to Node the rest, which is plain JavaScript that any Node since
// 12 can read, so that one too old, or a checkout that was not built, gets one clear line and exit code 4.
//
// An agent runs with a young generation of 1 MiB and one helper thread of V8: 26 MB of anonymous memory instead of
// 41 after sending a file of 100 MB, for the same processor time. Neither can be set once Node runs.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_LEAST = [20, 11];

const program = fileURLToPath(import.meta.url);
const built = join(dirname(program), '..', 'dist', 'cli', 'main.js');
const [major, minor] = process.versions.node.split('.').map(Number);

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
  import(pathToFileURL(built).href)
    .then(({ main }) =>
      main({
        words: process.argv.slice(2),
        world: { env: process.env, directory: process.cwd() },
        out: process.stdout,
        errors: process.stderr,
        program,
      }),
    )
    .then(code => process.exit(code), crash);
}
