// Compiles the bench's own AssemblyScript with the compiler that the project uses.

import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** From the repo's root; `words` are asc's options. */
export function compile(source: string, file: string, ...words: string[]): void {
  const compiler = createRequire(import.meta.url).resolve('assemblyscript/bin/asc.js');
  const done = spawnSync(process.execPath, [compiler, source, ...words, '-o', file], { cwd: ROOT });
  if (done.status !== 0) throw new Error(`asc ${source}: ${done.stderr}`);
}
