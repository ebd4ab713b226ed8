// Installs and builds when something changed since the last time: what `npm start` and `npm test` run first.
// Needs Node and npm, nothing else. Says nothing and takes 0.1 to 0.24 s when there is nothing to do; touches no
// network then. Written for any Node since 12, so that one too old is told so.
//
// Installed means: every package that package-lock.json names stands in node_modules in that version, as npm's own
// record there says (by content, not by time: a copied node_modules will do). Built means: every product is newer
// than every source, and the last build did not fail half way.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NODE_LEAST = [20, 11];
/** Exit code of the command line for a machine that is in the way (cli/exits.ts). */
const EXIT_MACHINE = 4;
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const SOURCES = [
  'assembly',
  'protocol',
  'transport',
  'agent',
  'gateway',
  'cli',
  'board',
  'bench',
  'asconfig.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'package.json',
  'package-lock.json',
];
const PRODUCTS = ['build/toastbox.simd.wasm', 'build/toastbox.plain.wasm', 'dist/cli/main.js'];
/** Stands while a build is under way, and after one that failed. */
const UNFINISHED = join(root, 'build', 'unfinished');

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1])) return;
  console.error(`toastbox: this is Node ${process.versions.node}; it needs ${NODE_LEAST.join('.')} or newer`);
  process.exit(EXIT_MACHINE);
}

function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const { packages: wanted } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const { packages: present } = JSON.parse(readFileSync(record, 'utf8'));
  return Object.keys(wanted).every(path => {
    if (path === '') return true;
    // What is optional may be for another machine.
    if (present[path] === undefined)
      return wanted[path].optional === true || wanted[path].devOptional === true;
    return (
      present[path].version === wanted[path].version && present[path].integrity === wanted[path].integrity
    );
  });
}

function newest(paths) {
  return paths.reduce((time, path) => {
    const full = join(root, path);
    if (!existsSync(full)) return time;
    const stat = statSync(full);
    const inside = stat.isDirectory() ? newest(readdirSync(full).map(name => join(path, name))) : 0;
    return Math.max(time, stat.mtimeMs, inside);
  }, 0);
}

function isBuilt() {
  if (existsSync(UNFINISHED) || !PRODUCTS.every(path => existsSync(join(root, path)))) return false;
  return Math.min(...PRODUCTS.map(path => statSync(join(root, path)).mtimeMs)) >= newest(SOURCES);
}

/** Runs npm, showing what it prints only if it fails. */
function npm(words) {
  const done = spawnSync('npm', words, { cwd: root, encoding: 'utf8', maxBuffer: 2 ** 28 });
  if (done.status === 0) return;
  const what = done.error ? `${done.error.message}\n` : `${done.stdout}${done.stderr}`;
  process.stderr.write(`${what}\ntoastbox: npm ${words.join(' ')} failed; what it said stands above\n`);
  process.exit(1);
}

checkNode();
if (!isInstalled()) {
  console.error('toastbox: installing packages, once; about a minute');
  // Not `npm ci`: it refuses a lock file that does not name every other platform's optional packages, and one made
  // behind a registry without them does not. This takes the versions and hashes of the lock file just as well.
  npm(['install', '--no-save', '--loglevel=error', '--no-progress']);
}
if (!isBuilt()) {
  console.error('toastbox: building');
  mkdirSync(dirname(UNFINISHED), { recursive: true });
  writeFileSync(UNFINISHED, '');
  npm(['run', '--silent', 'build']);
  rmSync(UNFINISHED);
}
