// Whether bytes go over the wire deflated. Both ends send so, and neither counts on it: `stored` says what came.

/** Deflating has to save this much: inflating costs the other end more than a few bytes do. */
const SAVED_LEAST = 16;

/** What to send of `plain`, which is `deflated` if that is worth it. */
export const smaller = (plain: Uint8Array, deflated: Uint8Array): Uint8Array =>
  deflated.length + SAVED_LEAST <= plain.length ? deflated : plain;
