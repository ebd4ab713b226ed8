// A trace of what a sync program allocates for its metadata, as in the Dropbox story: for each file a path, a record
// and a block list, of sizes that differ by four orders; growth to so many files, then rounds in which a third of them
// goes and others come, each round with longer paths and more blocks than the one before. What fitted into the holes
// of one round does not fit into those of the next.
//
//   path     24 to 215 bytes, longer from round to round
//   record   96 bytes
//   blocks   20 bytes each: most files have 1 to 4, a few have 500
//
// Who replays it keeps what it allocated until it is told to give it back. The sizes follow from slot, life and seed,
// so the trace itself takes two bytes a file.

const RECORD_BYTES = 96;
const BLOCK_BYTES = 20;
export const ROUNDS = 10;
/** Of every so many files one goes in a round. */
const SHARE = 3;

export interface Sizes {
  path: number;
  record: number;
  blocks: number;
}

export interface Replayer {
  insert(slot: number, sizes: Sizes): void;
  remove(slot: number, sizes: Sizes): void;
  /** After growth and after each round, for what is done now and then. */
  rest(): void;
}

function mixed(a: number, b: number, c: number): number {
  let word = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b) ^ Math.imul(c + 1, 0xc2b2ae35);
  word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
  return (word ^ (word >>> 16)) >>> 0;
}

/** `life`: which of the slot's files in turn. */
function sizesOf(seed: number, slot: number, life: number, into: Sizes): Sizes {
  const word = mixed(seed, slot, life);
  into.path = 24 + (word % 128) + life * 7;
  into.record = RECORD_BYTES;
  const chance = (word >>> 8) % 1000;
  const spread = (word >>> 18) & 0x3fff;
  const blocks = chance < 800 ? 1 + (spread % 4) : chance < 990 ? 4 + (spread % 60) : 64 + (spread % 436);
  into.blocks = BLOCK_BYTES * (blocks + life);
  return into;
}

/** The most bytes that were allocated at once: what no allocator can go below. */
export function replay(files: number, seed: number, replayer: Replayer): number {
  const lives = new Uint16Array(files);
  const sizes: Sizes = { path: 0, record: 0, blocks: 0 };
  let live = 0;
  let most = 0;
  const count = (by: 1 | -1): void => {
    live += by * (sizes.path + sizes.record + sizes.blocks);
    if (live > most) most = live;
  };
  for (let slot = 0; slot < files; slot++) {
    replayer.insert(slot, sizesOf(seed, slot, 0, sizes));
    count(1);
  }
  replayer.rest();
  for (let round = 1; round <= ROUNDS; round++) {
    for (let slot = 0; slot < files; slot++) {
      if (mixed(seed, slot, -round) % SHARE !== 0) continue;
      replayer.remove(slot, sizesOf(seed, slot, lives[slot]!, sizes));
      count(-1);
    }
    for (let slot = 0; slot < files; slot++) {
      if (mixed(seed, slot, -round) % SHARE !== 0) continue;
      lives[slot]!++;
      replayer.insert(slot, sizesOf(seed, slot, lives[slot]!, sizes));
      count(1);
    }
    replayer.rest();
  }
  return most;
}
