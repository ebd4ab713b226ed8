// Every bound that both ends agree on. A number here is a promise on the wire: SPEC.md repeats it, and a peer
// that goes over it is refused before memory is taken for it.

/** Protocol versions this code speaks. */
export const VERSION_MIN = 1;
export const VERSION_MAX = 1;

/** One MQTT payload, header and body. Under every broker's limit (AWS IoT: 128 KiB), small enough that a few in
 * flight fit a 64 MB board: what comes in is read in place, what goes out is its own cell (transport/client.ts). */
export const FRAME_BYTES_MAX = 32 * 1024;

/** The least frame a peer may announce: room for the largest block that does not deflate, and its header. */
export const FRAME_BYTES_MIN = 20 * 1024;

/** Room kept for a frame's header when bytes are cut into runs: the rest is body. */
export const HEADER_BYTES_KEPT = 1024;

/** CBOR arrays inside arrays in a header: message, list, item. One more would already be an attack. */
export const HEADER_DEPTH_MAX = 3;

/** Items in one list of a message. 32 KiB hold at most some 2,000 of the smallest (req, verdict, seq). */
export const ITEMS_MAX = 2048;

/** A block id and a content id: BLAKE3, cut to 16 bytes. A collision costs 2^64 hashes, a second preimage 2^128. */
export const ID_BYTES = 16;

/** A term's name: chosen by chance at each start of a gateway, and compared with a thousand others at most. */
export const TERM_BYTES = 8;

/** Terms before the newest that a gateway tells: a week of a start a day, 14 bytes each. */
export const TRAIL_MAX = 8;

/** Content-defined blocks: about 4 KiB on average, never outside these (the last one of a file may be shorter). */
export const BLOCK_BYTES_MIN = 1024;
export const BLOCK_BYTES_AIM = 4096;
export const BLOCK_BYTES_MAX = 16 * 1024;

/** Bytes of content that one run in a `blocks` or `piece` message may inflate to. */
export const RUN_BYTES_MAX = 28 * 1024;

/** Bytes of the base that one COPY of a `piece` message may name: some 50 ms of a board's flash, so that nothing else
 * waits long for it. */
export const COPY_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes of dictionary before a deflated run: zlib's window is 32 KiB, less its own 262. */
export const DICTIONARY_BYTES_MAX = 32 * 1024 - 262;

/** A recipe up to this long travels inside its offer; a longer one is asked for. */
export const RECIPE_INLINE_BYTES_MAX = 2048;

/** A file up to this long may travel whole with its facts, if it is one block. A request for it would cost more time
 * than its bytes do; a longer one gains by being asked for, since the gateway may have it. */
export const WHOLE_BYTES_MAX = 4096;

/** A path from the folder's root: bytes, parts divided by '/'. Linux takes 4,095 in one call. */
export const PATH_BYTES_MAX = 4095;

/** One part of a path: Linux's NAME_MAX. */
export const NAME_BYTES_MAX = 255;

/** A symlink's target: Linux's PATH_MAX less its NUL. */
export const TARGET_BYTES_MAX = 4095;

/** Sizes, offsets, seqs and sessions stay exact in a double. */
export const UINT_MAX = Number.MAX_SAFE_INTEGER;

/** A request number: the receiver may index by it. */
export const REQ_MAX = 0xffff_ffff;

/** Permission bits that travel. setuid, setgid and sticky do not: a peer could make a program run as its owner. */
export const MODE_MAX = 0o777;

/** Names of boards and shares: they are parts of MQTT topics and of conflict copies' names. */
export const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** A line of text meant for a person: version, reason. */
export const TEXT_BYTES_MAX = 256;
