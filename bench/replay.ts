// One way to hold the trace's metadata, in a process of its own: started by bench/alloc.ts, which watches its memory.
//
//   node replay.js nothing|arena|tlsf|heap FILES SEED DIRECTORY
//
// Prints one line of JSON.

import { readFileSync, statSync } from 'node:fs';
import { openArena } from '../agent/arena/arena.ts';
import { openTree } from '../agent/arena/tree.ts';
import { openPages } from '../agent/disk/pages.ts';
import { blockKey, entryKey } from '../agent/engine/keys.ts';
import { type Replayer, replay, type Sizes } from './trace.ts';

/** The agent's default. */
const ARENA_BYTES = 8 * 2 ** 20;
const COMMIT_EVERY = 1_000;

export interface Replayed {
  liveMost: number;
  /** What the holder itself took at most: wasm memory, arena. Undefined for the JS heap. */
  held?: number;
  disk?: number;
  ms: number;
}

interface Holder extends Replayer {
  held?(): number;
  disk?(): number;
}

const nothing = (): Holder => ({ insert() {}, remove() {}, rest() {} });

interface Tlsf {
  memory: WebAssembly.Memory;
  take(bytes: number): number;
  release(at: number): void;
}

function tlsf(files: number, directory: string): Holder {
  const module = new WebAssembly.Module(readFileSync(`${directory}/trace.wasm`));
  const abort = (): never => {
    throw new Error('the allocator gave up');
  };
  const wasm = new WebAssembly.Instance(module, { env: { abort } }).exports as Tlsf;
  const held = new Uint32Array(files * 3);
  return {
    insert(slot, { path, record, blocks }) {
      held[slot * 3] = wasm.take(path);
      held[slot * 3 + 1] = wasm.take(record);
      held[slot * 3 + 2] = wasm.take(blocks);
    },
    remove(slot) {
      for (let part = slot * 3; part < slot * 3 + 3; part++) wasm.release(held[part]!);
    },
    rest() {},
    held: () => wasm.memory.buffer.byteLength,
  };
}

interface Entry {
  size: number;
  mtime: number;
  ctime: number;
  inode: number;
  mode: number;
  seq: number;
  content: Buffer;
  blocks: Buffer;
}

/** As a program in JavaScript would have it: a Map from paths to objects, ids and block lists in Buffers. */
function heap(): Holder {
  const entries = new Map<string, Entry>();
  const paths: string[] = [];
  let made = 0;
  const pathOf = (slot: number, bytes: number): string =>
    `${made++}/${slot}/`.padEnd(bytes, 'a-path-of-the-folder/');
  return {
    insert(slot, sizes) {
      // Through bytes, as readdir's names come: a string built by joining is not stored flat.
      const path = Buffer.from(pathOf(slot, sizes.path)).toString('latin1');
      paths[slot] = path;
      entries.set(path, {
        size: slot,
        mtime: 1_760_000_000_000 + slot,
        ctime: 1_760_000_000_001 + slot,
        inode: slot,
        mode: 0o644,
        seq: made,
        content: Buffer.alloc(16, 0x5a),
        blocks: Buffer.alloc(sizes.blocks, 0x5a),
      });
    },
    remove: slot => void entries.delete(paths[slot]!),
    rest() {},
  };
}

/** The catalog: path as key, record as value, block lists in pages as the agent stores them. */
function arena(directory: string): Holder {
  const file = `${directory}/catalog`;
  const memory = openArena({ bytes: ARENA_BYTES });
  const tree = openTree(memory, openPages(file));
  const bytes = new Uint8Array(tree.valueBytesMax).fill(0x5a);
  const name = new Uint8Array(255).fill(0x5a);
  let changes = 0;
  const changed = (): void => {
    if (++changes % COMMIT_EVERY === 0) tree.commit();
  };
  const keyOf = (slot: number, { path }: Sizes): Uint8Array => {
    new DataView(name.buffer).setUint32(0, slot);
    return entryKey(2 + Math.floor(slot / 250), name.subarray(0, Math.min(path, name.length)));
  };
  return {
    insert(slot, sizes) {
      tree.put(keyOf(slot, sizes), bytes.subarray(0, sizes.record));
      for (let page = 0, left = sizes.blocks; left > 0; page++, left -= bytes.length)
        tree.put(blockKey(slot + 1, page), bytes.subarray(0, Math.min(left, bytes.length)));
      changed();
    },
    remove(slot, sizes) {
      if (!tree.remove(keyOf(slot, sizes))) throw new Error(`slot ${slot} was lost`);
      for (let page = 0; page * bytes.length < sizes.blocks; page++) tree.remove(blockKey(slot + 1, page));
      changed();
    },
    rest: () => tree.commit(),
    held: () => memory.bytes.length,
    disk: () => statSync(file).size,
  };
}

const [way, files, seed, directory] = process.argv.slice(2);
const holder =
  way === 'tlsf'
    ? tlsf(Number(files), directory!)
    : way === 'heap'
      ? heap()
      : way === 'arena'
        ? arena(directory!)
        : nothing();
const begin = performance.now();
const liveMost = replay(Number(files), Number(seed), holder);
const replayed: Replayed = { liveMost, ms: performance.now() - begin };
if (holder.held !== undefined) replayed.held = holder.held();
if (holder.disk !== undefined) replayed.disk = holder.disk();
console.log(JSON.stringify(replayed));
