// For what only our own mistake can break: throws, and the process ends. What a peer, a disk or a person does wrong
// is a value (see style: errors), never this.

export function assert(holds: boolean, promise: string): asserts holds {
  if (!holds) throw new Error(`broken promise: ${promise}`);
}
