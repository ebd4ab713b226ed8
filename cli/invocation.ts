// What a command is given: everything that it knows of the process that it runs in.

import type { Out } from './screen/screen.ts';
import type { World } from './settings/resolve.ts';

export interface Invocation {
  /** What follows the command. */
  words: readonly string[];
  world: World;
  out: Out;
  errors: Out;
  /** The file that starts this program: the demo starts it again as an agent. */
  program: string;
}
