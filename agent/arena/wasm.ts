// Finds, picks and loads the compiled module, and says what it exports.
//
// Two builds of the same source: one with SIMD, one without. Which one runs is asked of the engine, not of the
// machine: a module of one SIMD instruction either validates or it does not. They stand in build/, or, for a program
// in one file, beside it.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A number that the module was compiled with, or one that it keeps. */
export interface Constant {
  readonly value: number;
}

/** What assembly/index.ts exports and this side uses. Offsets are byte addresses in the memory. */
export interface ArenaExports {
  // arena.ts, plan.ts
  readonly WASM_PAGE_BYTES: Constant;
  readonly ARENA_BYTES_MIN: Constant;
  readonly ARENA_BYTES_MAX: Constant;
  readonly REGION_FRAMES: Constant;
  readonly REGION_WINDOW: Constant;
  readonly REGION_RUN: Constant;
  readonly REGION_LISTING: Constant;
  readonly REGION_RECORDS: Constant;
  readonly REGION_BLOCKS: Constant;
  readonly REGION_VALUES: Constant;
  readonly REGION_SCRATCH: Constant;
  readonly REGION_HASH: Constant;
  readonly REGION_PAGES: Constant;
  readonly REGION_COUNT: Constant;
  readonly ID_BYTES: Constant;
  readonly RECORD_BYTES: Constant;
  readonly BLOCK_BYTES_MIN: Constant;
  readonly BLOCK_BYTES_MAX: Constant;
  openArena(): void;
  carve(which: number, bytes: number): number;
  seal(): void;
  regionAt(which: number): number;
  regionBytes(which: number): number;
  auditArena(): number;
  // pool.ts
  readonly POOL_FRAMES: Constant;
  readonly NO_ROOM: Constant;
  takeCell(pool: number, tenant: number): number;
  passCell(pool: number, handle: number, tenant: number): number;
  releaseCell(pool: number, handle: number): number;
  cellAt(pool: number, handle: number): number;
  poolCells(pool: number): number;
  poolCellBytes(pool: number): number;
  poolTaken(pool: number): number;
  poolHighWater(pool: number): number;
  poolWaits(pool: number): number;
  tenantOf(pool: number, index: number): number;
  auditPool(pool: number): number;
  // blake3.ts, gear.ts, cutter.ts
  readonly onceHasher: Constant;
  readonly listHasher: Constant;
  readonly digest: Constant;
  hash(at: number, bytes: number, out: number): void;
  startHash(hasher: number): void;
  updateHash(hasher: number, at: number, bytes: number): void;
  finishHash(hasher: number, out: number): void;
  blockBytes(at: number, bytes: number): number;
  beginContent(): void;
  cutWindow(filled: number, isEnd: boolean): number;
  cutConsumed(): number;
  endContent(): number;
  hashFiles(count: number): number;
  // rows.ts
  rowsSort(at: number, bytes: number, count: number): void;
  // trap.ts
  readonly trapFile: Constant;
  readonly trapLine: Constant;
}

/** (func (result v128) i32.const 0 i8x16.splat), as bytes. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0],
  ...[1, 5, 1, 96, 0, 1, 123],
  ...[3, 2, 1, 0],
  ...[10, 8, 1, 6, 0, 65, 0, 253, 15, 11],
);

/** Whether this machine's JavaScript engine runs the SIMD build. */
export function hasSimd(): boolean {
  return WebAssembly.validate(SIMD_PROBE);
}

/** Of this file, or of the one that it was bundled into. */
const here = dirname(fileURLToPath(import.meta.url));

/** The directory that our package.json stands in: above the source as well as above dist. */
export function packageRoot(): string {
  for (let directory = here; ; directory = dirname(directory)) {
    const file = join(directory, 'package.json');
    if (existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).name === 'toastbox') return directory;
    if (directory === dirname(directory)) {
      throw new Error(`no package.json of toastbox above ${here}: the installation is not whole`);
    }
  }
}

const modules = new Map<boolean, WebAssembly.Module>();

/** The compiled module, read once per process. */
export function loadModule(simd: boolean): WebAssembly.Module {
  let module = modules.get(simd);
  if (module === undefined) {
    const name = simd ? 'toastbox.simd.wasm' : 'toastbox.plain.wasm';
    const beside = join(here, name);
    const file = existsSync(beside) ? beside : join(packageRoot(), 'build', name);
    if (!existsSync(file)) throw new Error(`${file} is missing: build it with \`npm run build:wasm\``);
    module = new WebAssembly.Module(readFileSync(file));
    modules.set(simd, module);
  }
  return module;
}

/** An instance over this memory, nothing carved yet. */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): ArenaExports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as ArenaExports;
}

interface Bounds {
  least: number;
  most: number;
  unit: number;
}

const bounds = new WeakMap<WebAssembly.Module, Bounds>();

/** The module's bounds for an arena: asked once, of an instance in the least memory that its data needs. */
export function arenaBounds(module: WebAssembly.Module): Bounds {
  let known = bounds.get(module);
  if (known === undefined) {
    const { ARENA_BYTES_MIN, ARENA_BYTES_MAX, WASM_PAGE_BYTES } = instantiate(
      module,
      new WebAssembly.Memory({ initial: 1, maximum: 1 }),
    );
    known = { least: ARENA_BYTES_MIN.value, most: ARENA_BYTES_MAX.value, unit: WASM_PAGE_BYTES.value };
    bounds.set(module, known);
  }
  return known;
}
