// Installs and builds when something changed since the last time: what `npm start` and `npm test` run first.
// Needs Node and npm, nothing else. Quiet when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const NODE_LEAST = [20, 11];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < NODE_LEAST[0] || (major === NODE_LEAST[0] && minor < NODE_LEAST[1])) {
  console.error(
    `toastbox: this is Node ${process.versions.node}; it needs ${NODE_LEAST.join('.')} or newer. Install one and try again.`,
  );
  process.exit(1);
}

const newest = paths =>
  paths.reduce((time, path) => {
    const full = join(root, path);
    if (!existsSync(full)) return time;
    const stat = statSync(full);
    if (!stat.isDirectory()) return Math.max(time, stat.mtimeMs);
    const inside = readdirSync(full).map(name => join(path, name));
    return Math.max(time, newest(inside));
  }, 0);

const run = (command, ...words) => {
  const done = spawnSync(command, words, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (done.status === 0) return;
  console.error(`toastbox: \`${command} ${words.join(' ')}\` failed; what it said stands above.`);
  process.exit(done.status ?? 1);
};

const installed = join(root, 'node_modules', '.package-lock.json');
if (!existsSync(installed) || statSync(installed).mtimeMs < newest(['package-lock.json'])) {
  console.error('toastbox: installing (npm ci)');
  run('npm', 'ci', '--silent');
}

const SOURCES = ['assembly', 'protocol', 'transport', 'agent', 'gateway', 'cli', 'bench', 'asconfig.json', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];
const BUILT = ['build/toastbox.simd.wasm', 'build/toastbox.plain.wasm', 'dist/cli/main.js'];
const built = BUILT.map(path => (existsSync(join(root, path)) ? statSync(join(root, path)).mtimeMs : 0));
if (Math.min(...built) < newest(SOURCES)) {
  console.error('toastbox: building');
  run('npm', 'run', '--silent', 'build');
}
