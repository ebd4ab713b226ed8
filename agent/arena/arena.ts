// The arena as TypeScript sees it: one memory that never grows, views of its regions, and the calls that work in it.
//
// File bytes are read straight into `window` or `run` (readSync takes a view) and frames are published straight out
// of their cells. No view is made per file or per block: the regions' views are made once, ids are the only bytes
// that leave by copy.
//
// An error thrown by a call (WebAssembly.RuntimeError) is a broken assertion of ours. trapPlace() names the place, for
// the log; the process must exit, its supervisor starts it again.

import { type Span, spansOf } from './regions.ts';
import { Rows } from './rows.ts';
import { type ArenaExports, arenaBounds, hasSimd, instantiate, loadModule } from './wasm.ts';

export interface ArenaOptions {
  /** The whole memory: a multiple of 64 KiB from 2 MiB to 1 GiB. */
  bytes: number;
  /** Which build; what the machine can do when left out. */
  simd?: boolean;
  /** Whether the kernel is made to give all of it now, and not page by page as it is used. */
  isTouched?: boolean;
}

/** A frame's bytes, the holder's alone until the handle is released. */
export interface FrameCell {
  readonly handle: number;
  readonly bytes: Uint8Array;
}

/** How full one kind of cell is, for the status and the memory ledger. */
export interface PoolUse {
  name: string;
  cells: number;
  cellBytes: number;
  taken: number;
  /** The most that were ever taken at once. */
  highWater: number;
  /** Times that somebody waited for one, or that one was given up for another (pages). */
  waits: number;
}

/** Who can hold a frame's cell: the engine, filling it; the link, until the kernel has its bytes. */
export type FrameTenant = 'filling' | 'link';
const FREE = 'free';
/** By their numbers in the arena; 0 is nobody's. */
const FRAME_TENANTS: readonly (FrameTenant | typeof FREE)[] = [FREE, 'filling', 'link'];

export interface Cut {
  /** Blocks found. */
  count: number;
  /** Bytes of the window that they cover; the caller moves the rest to the front and fills up behind it. */
  consumed: number;
  /** Their records, 20 bytes each, in the arena: good until the next cut. */
  records: Uint8Array;
}

/** Opens an arena, carved and sealed. Throws RangeError for a size that cannot be. */
export function openArena(options: ArenaOptions): Arena {
  const simd = options.simd ?? hasSimd();
  const module = loadModule(simd);
  const { least, most, unit } = arenaBounds(module);
  const { bytes } = options;
  if (!(bytes >= least)) {
    throw new RangeError(
      `an arena of ${bytes} bytes is too small: give it ${least} (${least / 2 ** 20} MiB) or more`,
    );
  }
  if (bytes > most) {
    throw new RangeError(`an arena of ${bytes} bytes is too large: give it ${most} (1 GiB) or less`);
  }
  if (bytes % unit !== 0) {
    const near = Math.ceil(bytes / unit) * unit;
    throw new RangeError(`an arena of ${bytes} bytes is no multiple of ${unit}: give it ${near}`);
  }
  const memory = new WebAssembly.Memory({ initial: bytes / unit, maximum: bytes / unit });
  const exports = instantiate(module, memory);
  exports.openArena();
  if (options.isTouched === true) touch(memory);
  return new Arena(memory, exports, simd);
}

/** The least arena there is: plenty for who only hashes, one block at a time. */
export const openLeastArena = (): Arena => openArena({ bytes: arenaBounds(loadModule(hasSimd())).least });

/** The least page of a kernel that Node runs on. */
const KERNEL_PAGE_BYTES = 4096;

// The kernel gives a page when it is first written to. Now, then, and not in the middle of some night's first large
// folder: what an agent takes after its start is what it takes with a million files.
function touch(memory: WebAssembly.Memory): void {
  const bytes = new Uint8Array(memory.buffer);
  for (let at = 0; at < bytes.length; at += KERNEL_PAGE_BYTES) bytes[at] = bytes[at] as number;
}

/** The sentence that names the assertion a trap came from, if there was one. */
export function trapPlace(arena: Arena): string | undefined {
  const at = arena.exports.trapFile.value;
  if (at === 0) return undefined;
  const bytes = new DataView(arena.memory.buffer).getUint32(at - 4, true);
  const file = Buffer.from(arena.memory.buffer, at, bytes).toString('utf16le');
  return `assertion failed at ${file}:${arena.exports.trapLine.value}`;
}

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly exports: ArenaExports;
  readonly simd: boolean;
  /** All of it. */
  readonly bytes: Uint8Array;
  /** File bytes on their way through cut(). */
  readonly window: Uint8Array;
  /** A dictionary with a run of file bytes behind it. */
  readonly run: Uint8Array;
  /** Names and stats of the directory being read. */
  readonly listing: Uint8Array;
  readonly rows: Rows;
  /** Where cut() leaves records. */
  readonly records: Uint8Array;
  readonly frameBytes: number;

  readonly #cells = new Map<number, Uint8Array>();
  readonly #outside: Uint8Array;
  readonly #digest: Uint8Array;
  readonly #pool: number;

  constructor(memory: WebAssembly.Memory, exports: ArenaExports, simd: boolean) {
    this.memory = memory;
    this.exports = exports;
    this.simd = simd;
    this.bytes = new Uint8Array(memory.buffer);
    const view = (region: { value: number }): Uint8Array =>
      new Uint8Array(memory.buffer, exports.regionAt(region.value), exports.regionBytes(region.value));
    this.window = view(exports.REGION_WINDOW);
    this.run = view(exports.REGION_RUN);
    this.listing = view(exports.REGION_LISTING);
    this.rows = new Rows(this.listing, exports.rowsSort);
    this.records = view(exports.REGION_RECORDS);
    this.#outside = view(exports.REGION_HASH);
    this.#digest = new Uint8Array(memory.buffer, exports.digest.value, exports.ID_BYTES.value);
    this.#pool = exports.POOL_FRAMES.value;
    this.frameBytes = exports.poolCellBytes(this.#pool);
  }

  /** Undefined when every frame is taken: wait until one comes back. */
  takeFrame(): FrameCell | undefined {
    const handle = this.exports.takeCell(this.#pool, FRAME_TENANTS.indexOf('filling'));
    return handle === this.exports.NO_ROOM.value ? undefined : { handle, bytes: this.frame(handle) };
  }

  /** The link has it from now on. A handle that is not taken is a mistake of ours. */
  passFrame(handle: number): void {
    if (this.exports.passCell(this.#pool, handle, FRAME_TENANTS.indexOf('link')) === 0)
      throw new Error(`frame handle ${handle} is not taken`);
  }

  /** Who holds which frames, in their order. */
  frameSpans(): Span[] {
    const { exports } = this;
    const tenantOf = (index: number) => FRAME_TENANTS[exports.tenantOf(this.#pool, index)] ?? FREE;
    return spansOf(exports.poolCells(this.#pool), tenantOf);
  }

  /** False when the handle is stale, released already or was never given. */
  releaseFrame(handle: number): boolean {
    return this.exports.releaseCell(this.#pool, handle) !== 0;
  }

  /** The bytes of a taken frame. A handle that is not taken is a mistake of ours. */
  frame(handle: number): Uint8Array {
    const at = this.exports.cellAt(this.#pool, handle);
    if (at === 0) throw new Error(`frame handle ${handle} is not taken`);
    let cell = this.#cells.get(at);
    if (cell === undefined) {
      cell = new Uint8Array(this.memory.buffer, at, this.frameBytes);
      this.#cells.set(at, cell);
    }
    return cell;
  }

  /** The block id of these bytes, 16 fresh ones. Bytes in the arena are hashed where they lie. */
  blockId(bytes: Uint8Array): Uint8Array {
    const { exports } = this;
    const hasher = exports.onceHasher.value;
    exports.startHash(hasher);
    this.#feed(hasher, bytes);
    exports.finishHash(hasher, exports.digest.value);
    return this.#digest.slice();
  }

  beginContent(): void {
    this.exports.beginContent();
  }

  /** Cuts and hashes the first `filled` bytes of the window. */
  cut(filled: number, isEnd: boolean): Cut {
    const { exports } = this;
    const count = exports.cutWindow(filled, isEnd);
    const records = this.records.subarray(0, count * exports.RECORD_BYTES.value);
    return { count, consumed: exports.cutConsumed(), records };
  }

  /** The content id of all that was cut since beginContent(), 16 fresh bytes. */
  endContent(): Uint8Array {
    this.exports.endContent();
    return this.#digest.slice();
  }

  /** How many contents hashFiles() takes at once. */
  get filesMax(): number {
    return Math.floor(this.records.length / this.exports.RECORD_BYTES.value);
  }

  /** Whether the cutter leaves `length` bytes of the window in one block. */
  isOneBlock(offset: number, length: number): boolean {
    const { exports } = this;
    return (
      length <= exports.BLOCK_BYTES_MIN.value ||
      exports.blockBytes(this.window.byteOffset + offset, length) === length
    );
  }

  /** Records and content ids of contents of one block each that lie in the window one after the other, as copies. */
  hashFiles(lengths: readonly number[]): { records: Uint8Array; contents: Uint8Array } {
    const { exports, records } = this;
    const view = new DataView(records.buffer, records.byteOffset, records.length);
    const recordBytes = exports.RECORD_BYTES.value;
    lengths.forEach((length, index) => {
      view.setUint32(index * recordBytes, length, true);
    });
    const at = exports.hashFiles(lengths.length);
    return {
      records: records.slice(0, lengths.length * recordBytes),
      contents: this.bytes.slice(at, at + lengths.length * exports.ID_BYTES.value),
    };
  }

  /**
   * The content id of a kept list of records, in pieces of any size. It may run while a content is being cut; the
   * iterable must not call contentIdOf itself.
   */
  contentIdOf(records: Iterable<Uint8Array>): Uint8Array {
    const { exports } = this;
    const hasher = exports.listHasher.value;
    exports.startHash(hasher);
    for (const piece of records) this.#feed(hasher, piece);
    exports.finishHash(hasher, exports.digest.value);
    return this.#digest.slice();
  }

  /** The content id of a content that is one block, or empty. It may run while another is being cut. */
  wholeContentId(bytes: Uint8Array): Uint8Array {
    if (bytes.length === 0) return this.blockId(bytes);
    const record = new Uint8Array(this.exports.RECORD_BYTES.value);
    new DataView(record.buffer).setUint32(0, bytes.length, true);
    record.set(this.blockId(bytes), 4);
    return this.blockId(record);
  }

  pools(): PoolUse[] {
    const { exports } = this;
    return [
      {
        name: 'frames',
        cells: exports.poolCells(this.#pool),
        cellBytes: this.frameBytes,
        taken: exports.poolTaken(this.#pool),
        highWater: exports.poolHighWater(this.#pool),
        waits: exports.poolWaits(this.#pool),
      },
    ];
  }

  /** The first invariant that does not hold, or undefined. */
  audit(): string | undefined {
    if (this.bytes.length === 0 || this.bytes.length !== this.memory.buffer.byteLength) {
      return 'the memory changed its length';
    }
    const broken = this.exports.auditArena();
    if (broken !== 0) return `arena: invariant ${broken} of assembly/arena.ts does not hold`;
    const brokenPool = this.exports.auditPool(this.#pool);
    if (brokenPool !== 0) return `frames: invariant ${brokenPool} of assembly/pool.ts does not hold`;
    return undefined;
  }

  #feed(hasher: number, bytes: Uint8Array): void {
    const { exports } = this;
    if (bytes.buffer === this.memory.buffer) {
      exports.updateHash(hasher, bytes.byteOffset, bytes.length);
      return;
    }
    for (let offset = 0; offset < bytes.length; offset += this.#outside.length) {
      const piece = bytes.subarray(offset, offset + this.#outside.length);
      this.#outside.set(piece);
      exports.updateHash(hasher, this.#outside.byteOffset, piece.length);
    }
  }
}
