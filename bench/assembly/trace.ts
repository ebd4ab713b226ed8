// AssemblyScript's own allocator (TLSF, of its `minimal` runtime) for the trace of allocations: compiled by
// bench/alloc.ts, ships with nothing.

/** Every byte is written, as it would be by whoever wanted it. */
export function take(bytes: usize): usize {
  const at = heap.alloc(bytes);
  memory.fill(at, 0x5a, bytes);
  return at;
}

export function release(at: usize): void {
  heap.free(at);
}
