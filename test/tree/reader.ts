// Reads a catalog's file by SPEC.md alone, without the module: what another program would be.
import { xxh64 } from './xxh64.ts';

const PAGE = 4096;

export class Reader {
  readonly #pages: readonly Uint8Array[];
  readonly generation: bigint;
  readonly entries: [string, string][] = [];
  readonly #root: DataView;

  constructor(pages: readonly Uint8Array[]) {
    this.#pages = pages;
    const roots = [0, 1].map(slot => this.#rootIn(slot)).filter(root => root !== undefined);
    roots.sort((a, b) => Number(b.getBigUint64(8, true) - a.getBigUint64(8, true)));
    const root = roots[0];
    if (root === undefined) throw new Error('no root');
    this.#root = root;
    this.generation = root.getBigUint64(8, true);
    const height = root.getUint32(24, true);
    if (height > 0) this.#walk(root.getUint32(16, true), root.getUint32(20, true), height - 1);
    if (BigInt(this.entries.length) !== root.getBigUint64(32, true)) throw new Error('entry count');
  }

  /** State of a page by the maps: 0 free, 1 used, 2 and 3 freed lately. */
  stateOf(page: number): number {
    const map = Math.floor(page / 16256);
    const at = 64 + 8 * map;
    const slot = this.#root.getUint16(at + 6, true) >> 14;
    const bytes = this.#page(map * 16256 + slot + (map === 0 ? 2 : 0), this.#root.getUint32(at, true));
    if (bytes[12] !== 3) throw new Error('no map');
    const index = page % 16256;
    return (bytes[32 + (index >> 2)]! >> ((index & 3) * 2)) & 3;
  }

  #rootIn(slot: number): DataView | undefined {
    const bytes = this.#pages[slot];
    if (bytes === undefined || Buffer.from(bytes.subarray(0, 4)).toString() !== 'TBXC') return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE);
    const body = bytes.subarray(0, 4080);
    for (const seed of [0, 1])
      if (view.getBigUint64(4080 + 8 * seed, true) !== xxh64(body, BigInt(seed))) return undefined;
    return view.getUint32(4, true) === 1 && view.getUint32(44, true) === PAGE ? view : undefined;
  }

  #page(number: number, generation: number): Uint8Array {
    const bytes = this.#pages[number]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE);
    if (view.getBigUint64(0, true) !== xxh64(bytes.subarray(8), 0n)) throw new Error(`sum of page ${number}`);
    if (view.getUint32(8, true) !== number) throw new Error(`number of page ${number}`);
    if (view.getUint32(16, true) !== generation) throw new Error(`generation of page ${number}`);
    return bytes;
  }

  #walk(number: number, generation: number, level: number): void {
    const bytes = this.#page(number, generation);
    const view = new DataView(bytes.buffer, bytes.byteOffset, PAGE);
    if (bytes[12] !== (level === 0 ? 1 : 2)) throw new Error(`kind of page ${number}`);
    const prefix = Buffer.from(bytes.subarray(PAGE - view.getUint16(24, true)));
    if (level > 0) this.#walk(view.getUint32(32, true), view.getUint32(36, true), level - 1);
    for (let index = 0; index < view.getUint16(14, true); index++) {
      const cell = view.getUint16(40 + 2 * index, true);
      const both = bytes[cell]! | (bytes[cell + 1]! << 8) | (bytes[cell + 2]! << 16);
      const value = cell + 3 + (both & 0xfff);
      if (level > 0) {
        this.#walk(view.getUint32(value, true), view.getUint32(value + 4, true), level - 1);
      } else {
        const key = Buffer.concat([prefix, bytes.subarray(cell + 3, value)]);
        const content = Buffer.from(bytes.subarray(value, value + (both >> 12)));
        this.entries.push([key.toString('hex'), content.toString('hex')]);
      }
    }
  }
}
