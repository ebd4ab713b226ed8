// The first steps of every program that runs commands: the checkout's (toastbox.mjs) and the bundled ones
// (board/programs). Plain JavaScript that any Node since 12 can read, so that one too old gets one clear line.
import { setFlagsFromString } from 'node:v8';

const NODE_LEAST = [20, 11];
/** Exit code of the command line for a machine that is in the way (exits.ts). */
const EXIT_MACHINE = 4;
/** A young generation that does not grow, collections after little growth, a compiler within bounds (flags.ts). */
const LATE_FLAGS = {
  agent: [
    '--semi-space-growth-factor=1',
    '--optimize-for-size',
    '--max-optimized-bytecode-size=4000',
    '--max-inlined-bytecode-size-cumulative=100',
  ],
  gateway: ['--semi-space-growth-factor=1', '--heap-growing-percent=40'],
};

/** A service that was told to end does not wait longer than this for whoever reads its log. */
const SERVICE_DRAIN_MS = 1000;

export function refuse(text) {
  console.error(`toastbox: ${text}`);
  process.exit(EXIT_MACHINE);
}

function crash(error) {
  const stack = error instanceof Error ? error.stack : String(error);
  process.stderr.write(`\ntoastbox: a mistake of ours, please report it:\n${stack}\n`, () => process.exit(1));
}

/** Ends once what was written is out: a full pipe takes the rest when its reader does, and exit() would drop it. */
function end(code, isService) {
  const exit = () => process.exit(code);
  if (isService) setTimeout(exit, SERVICE_DRAIN_MS);
  process.stdout.write('', () => process.stderr.write('', exit));
}

/** Runs the command line of `program`, a file's path, by the `main` that `load` brings, and ends with its exit code. */
export function begin(program, load) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1]))
    refuse(`this is Node ${process.versions.node}; it needs ${NODE_LEAST.join('.')} or newer`);
  // The password is taken out of the environment that programs started from here, and reports of a crash, would have.
  const env = { ...process.env };
  delete process.env.TOASTBOX_PASSWORD;
  process.on('uncaughtException', crash);
  // Whoever read is gone (`toastbox history ... | head`): there is nobody to tell.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const words = process.argv.slice(2);
  for (const flag of LATE_FLAGS[words[0]] || []) setFlagsFromString(flag);
  const world = { env, directory: process.cwd() };
  load()
    .then(({ main }) => main({ words, world, out: process.stdout, errors: process.stderr, program }))
    .then(code => end(code, words[0] in LATE_FLAGS), crash);
}
