// The one way out when an assertion fails: remember where, then stop.
//
// asc routes abort() here. The host sees a WebAssembly.RuntimeError; it finds the place in these globals and names
// it for the log. The instance must not be used any more: the process exits and its supervisor starts it again.

/** Address of the failed file's name: UTF-16LE, its length in bytes stands in the word before. 0: no trap yet. */
export let trapFile: usize = 0;
export let trapLine: u32 = 0;

export function trap(_message: string | null, file: string | null, line: u32, _column: u32): void {
  trapFile = changetype<usize>(file);
  trapLine = line;
  unreachable();
}
