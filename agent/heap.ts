// The bounds of an agent's JavaScript heap: what the launcher gives to V8 (cli/flags.ts) and plan and ledger reckon
// with.
//
// Live objects are 11 MiB whatever the folder holds, nearly all of it code; with garbage 16 to 18. So the bound of the
// old generation lies twice above what has to be there, near enough that V8 collects sooner for it, and is met by a
// leak of ours and by nothing else: then V8 ends the process, and the supervisor starts it again.

export const HEAP_OLD_MIB = 24;

/** One semi-space; the young generation has three of them at its worst. 1 MiB is the least that V8 takes on 64-bit. */
export const HEAP_YOUNG_MIB = 1;

/** What V8 calls heap_size_limit under these. */
export const HEAP_BYTES_MAX = (HEAP_OLD_MIB + 3 * HEAP_YOUNG_MIB) * 2 ** 20;
