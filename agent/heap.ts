// The bounds of an agent's JavaScript heap: what the launcher gives to V8 (cli/flags.ts) and plan and ledger reckon
// with.
//
// Live objects are 7 MiB at rest whatever the folder holds, nearly all of it code; half a MiB more over TLS, two over a
// WebSocket; at work, with garbage, 12 to 13, and 15 in ten minutes of random edits with 2,200 watches, in which 16 for
// the old generation were not enough. So its bound lies well above what has to be there, near enough that V8 collects
// sooner for it (cli/flags.ts has what nearer and farther cost), and is met by a leak of ours and by nothing else: then
// V8 ends the process, and the supervisor starts it again.

export const HEAP_OLD_MIB = 20;
/**
 * Where Node is of 32 bits, and a pointer half as long. With 8,000 files each way the heap's total was 11.9 MiB at
 * most under 16 and 10.4 under 12, for 6 % more processor time (armv7's program, run by qemu-user).
 */
export const HEAP_OLD_MIB_NARROW = 12;

/** One semi-space; the young generation has three of them at its worst. 1 MiB is the least that V8 takes on 64-bit. */
export const HEAP_YOUNG_MIB = 1;

/** What V8 calls heap_size_limit under these. */
export const HEAP_BYTES_MAX = (HEAP_OLD_MIB + 3 * HEAP_YOUNG_MIB) * 2 ** 20;
