// The promise of the arena: one memory, carved once, never longer.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openArena, trapPlace } from '../../agent/arena/arena.ts';
import { regionsOf } from '../../agent/arena/regions.ts';
import { hasSimd, instantiate, loadModule, packageRoot } from '../../agent/arena/wasm.ts';
import * as limits from '../../protocol/limits.ts';
import { readText } from '../tidy/repo.ts';
import { randomBytes } from './seeded.ts';

const MIB = 2 ** 20;
const builds = [
  { build: 'simd', simd: true },
  { build: 'plain', simd: false },
];

describe.each(builds)('memory ($build)', ({ build, simd }) => {
  it('memory: the text of the module -> no memory.grow in it', () => {
    const wasm = join(packageRoot(), 'build', `toastbox.${build}.wasm`);
    const wat = join(packageRoot(), 'build', `toastbox.${build}.wat`);
    expect(existsSync(wat), 'the build emits the module as text too').toBe(true);
    // One run of asc writes both: a text from another day would prove nothing.
    expect(Math.abs(statSync(wasm).mtimeMs - statSync(wat).mtimeMs)).toBeLessThan(10_000);
    const text = readFileSync(wat, 'utf8');
    expect(text).toContain('(import "env" "memory" (memory');
    expect(text).toContain('memory.size');
    expect(text).not.toContain('memory.grow');
  });

  it('memory: the module -> SIMD instructions in one build, none in the other', () => {
    const text = readFileSync(join(packageRoot(), 'build', `toastbox.${build}.wat`), 'utf8');
    expect(/i32x4\.add/.test(text)).toBe(simd);
    expect(/v128/.test(text)).toBe(simd);
  });

  it('memory: exports of the module -> those that the host has types for, no more', () => {
    const namesOf = (file: string, name: string): string[] => {
      const [, body] = readText(`agent/arena/${file}`).split(`export interface ${name} {`);
      return [...body!.split('\n}')[0]!.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(match => match[1]!);
    };
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
    const known = [...namesOf('wasm.ts', 'ArenaExports'), ...namesOf('tree-exports.ts', 'TreeExports')];
    expect(Object.keys(instantiate(loadModule(simd), memory)).sort()).toEqual(known.sort());
  });

  it.each([2, 8, 64])('memory: one module in %i MiB -> works, as long at the end as at the start', mib => {
    const arena = openArena({ bytes: mib * MIB, simd });
    const { buffer } = arena.memory;
    const bytes = randomBytes(mib, arena.window.length);
    for (let round = 0; round < 3; round++) {
      arena.beginContent();
      arena.window.set(bytes);
      expect(arena.cut(bytes.length, true).consumed).toBe(bytes.length);
      arena.endContent();
      while (arena.takeFrame() !== undefined);
    }
    expect(arena.memory.buffer).toBe(buffer);
    expect(arena.bytes.length).toBe(mib * MIB);
    expect(arena.audit()).toBe(undefined);
    expect(() => (arena.memory as unknown as { grow(pages: number): number }).grow(1)).toThrow(RangeError);
  });

  it('memory: writing to every byte that the views give -> nothing of the module is hit', () => {
    const arena = openArena({ bytes: 2 * MIB, simd });
    const before = arena.contentIdOf([arena.blockId(Uint8Array.of(1, 2, 3))]);
    for (const view of [arena.window, arena.run, arena.listing, arena.records]) view.fill(0xff);
    for (let frame = arena.takeFrame(); frame !== undefined; frame = arena.takeFrame())
      frame.bytes.fill(0xff);
    const pages = arena.exports.REGION_PAGES.value;
    const from = arena.exports.regionAt(pages);
    arena.bytes.fill(0xff, from, from + arena.exports.regionBytes(pages));
    expect(arena.audit()).toBe(undefined);
    expect(arena.contentIdOf([arena.blockId(Uint8Array.of(1, 2, 3))])).toEqual(before);
  });

  it('memory: carving or sealing after the seal -> traps, and the place is known', () => {
    const arena = openArena({ bytes: 2 * MIB, simd });
    expect(trapPlace(arena)).toBe(undefined);
    expect(() => arena.exports.carve(arena.exports.REGION_PAGES.value, 64)).toThrow(WebAssembly.RuntimeError);
    expect(trapPlace(arena)).toMatch(/^assertion failed at assembly\/arena\.ts:\d+$/);
    expect(() => arena.exports.seal()).toThrow(WebAssembly.RuntimeError);
    expect(() => arena.exports.openArena()).toThrow(WebAssembly.RuntimeError);
  });

  it('memory: a memory under the least in the module itself -> traps instead of carving', () => {
    const memory = new WebAssembly.Memory({ initial: 31, maximum: 31 });
    expect(() => instantiate(loadModule(simd), memory).openArena()).toThrow(WebAssembly.RuntimeError);
  });

  it('memory: a broken free list or a moved region -> the audit says so', () => {
    const arena = openArena({ bytes: 2 * MIB, simd });
    const { exports } = arena;
    const region = exports.REGION_FRAMES.value;
    const end = exports.regionAt(region) + exports.regionBytes(region);
    // The last cell's facts are the region's last 8 bytes: its generation, then the next free cell.
    new DataView(arena.memory.buffer).setUint32(end - 4, 0, true);
    expect(arena.audit()).toMatch(/^frames: invariant 2 /);
  });
});

it.each([2, 8, 64])(
  'memory: the regions of %i MiB -> all that were carved, next to each other, to the end',
  mib => {
    const arena = openArena({ bytes: mib * MIB });
    const regions = regionsOf(arena);
    expect(regions.length).toBe(arena.exports.REGION_COUNT.value + 1);
    expect(new Set(regions.map(({ name }) => name)).size).toBe(regions.length);
    let end = 0;
    for (const { at, bytes } of regions) {
      expect(bytes).toBeGreaterThan(0);
      expect(at - end).toBeGreaterThanOrEqual(0);
      expect(at - end).toBeLessThan(64);
      end = at + bytes;
    }
    expect(mib * MIB - end).toBeGreaterThanOrEqual(0);
    expect(mib * MIB - end).toBeLessThan(4096);
  },
);

it('memory: sizes that cannot be -> a RangeError that says what to give instead', () => {
  expect(() => openArena({ bytes: MIB })).toThrow(
    new RangeError('an arena of 1048576 bytes is too small: give it 2097152 (2 MiB) or more'),
  );
  expect(() => openArena({ bytes: Number.NaN })).toThrow(RangeError);
  expect(() => openArena({ bytes: 0 })).toThrow(RangeError);
  expect(() => openArena({ bytes: 2 * MIB + 1 })).toThrow(/no multiple of 65536: give it 2162688$/);
  expect(() => openArena({ bytes: 2 ** 30 + 65536 })).toThrow(
    /too large: give it 1073741824 \(1 GiB\) or less$/,
  );
});

it('memory: the build that is picked by itself -> the one this machine can run', () => {
  expect(openArena({ bytes: 2 * MIB }).simd).toBe(hasSimd());
});

it('memory: numbers that stand on both sides of the border -> are the same', () => {
  const arena = openArena({ bytes: 2 * MIB });
  const { exports } = arena;
  expect(exports.BLOCK_BYTES_MIN.value).toBe(limits.BLOCK_BYTES_MIN);
  expect(exports.BLOCK_BYTES_MAX.value).toBe(limits.BLOCK_BYTES_MAX);
  expect(exports.ID_BYTES.value).toBe(limits.ID_BYTES);
  expect(arena.frameBytes).toBe(limits.FRAME_BYTES_MAX);
  expect(arena.run.length).toBeGreaterThanOrEqual(limits.DICTIONARY_BYTES_MAX + limits.RUN_BYTES_MAX);
});
