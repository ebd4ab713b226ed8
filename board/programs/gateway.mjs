// The program as a gateway's machine has it: all commands. Bundled into one file, with two beside it that run as a
// thread and as a process of their own.
import { begin } from '../../cli/begin.mjs';
import { main } from '../../cli/main.ts';

begin(process.argv[1], async () => ({ main }));
