// What is done with bytes that are names, ids and keys.

export const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Between the parts of a path. */
export const SLASH = 0x2f;

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && Buffer.compare(a, b) === 0;

/** Bytes of their own, whoever they come from: a Buffer's slice() is a view of what others go on writing to. */
export const copyOf = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

/** As a key of a Map: each character a byte. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
