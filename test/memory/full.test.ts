// Every pool filled to its end: it waits, evicts or spills as DESIGN.md's table says, the ledger shows it, nothing
// is left out and the arena stays as long as it was. (Watches: test/disk/watcher.test.ts.)

import { expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openTree } from '../../agent/arena/tree.ts';
import { squeeze } from '../../agent/disk/squeeze.ts';
import { Driver } from '../../agent/driver.ts';
import { Engine } from '../../agent/engine/engine.ts';
import { ROOT as ROOT_ID } from '../../agent/engine/keys.ts';
import { OFFERS_MAX } from '../../agent/engine/offered.ts';
import type { Offers } from '../../agent/engine/offers.ts';
import { Resting } from '../../agent/engine/resting.ts';
import { Scan } from '../../agent/engine/scan.ts';
import { Serve } from '../../agent/engine/serve.ts';
import { Hub } from '../../gateway/hub/hub.ts';
import type { HubEffect } from '../../gateway/hub/ports.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import type { MessageNamed } from '../../protocol/messages.ts';
import { ask, type Bench, openBench, patch, path, SECOND, some, stage } from '../disk/bench.ts';
import { openCore } from '../engine/core.ts';
import { OPTIONS } from '../engine/options.ts';
import { openMemoryStore } from '../gateway/memory.ts';
import { memorySystem } from '../sim/disk.ts';
import { ROOT } from '../sim/machine.ts';
import { Volume } from '../sim/volume.ts';
import { MemoryPages } from '../tree/pages.ts';
import { Pair } from './pair.ts';

const ARENA_BYTES = 2 * 1024 * 1024;
const MANY = { ...OPTIONS, fetchesMax: 64 };

function expectSameArena({ memory: { arena } }: Pair): void {
  expect(arena.memory.buffer.byteLength).toBe(ARENA_BYTES);
  expect(arena.audit()).toBe(undefined);
}

test('full: all frame cells with the link -> sending waits, told once, and goes on when they come back', () => {
  const pair = new Pair();
  pair.isFlowing = false;
  pair.machine.volume.writeFileSync(`${ROOT}/big`, some(1_000_000));
  pair.machine.start();
  pair.time.runFor(5_000);
  const [frames] = pair.memory.arena.pools();
  expect(pair.memory.arena.frameSpans()).toEqual([['link', 4]]);
  expect(frames).toMatchObject({ cells: 4, taken: 4, highWater: 4, waits: 1 });
  expect(pair.entries).toBe(0);
  pair.flow();
  pair.time.runFor(5_000);
  expect(pair.entries).toBe(1);
  expect(pair.memory.arena.frameSpans()).toEqual([['free', 4]]);
  expectSameArena(pair);
});

test('full: more new files than offers, and no answer -> the rest waits its turn, then all are there', () => {
  const pair = new Pair();
  pair.isSpeaking = false;
  const count = OFFERS_MAX + 40;
  for (let i = 0; i < count; i++) pair.machine.volume.writeFileSync(`${ROOT}/f${i}`, '');
  pair.machine.start();
  pair.time.runFor(5_000);
  expect(pair.gauge('offers')).toMatchObject({
    taken: OFFERS_MAX,
    limit: OFFERS_MAX,
    highWater: OFFERS_MAX,
    whenFull: 'waits',
    times: 1,
  });
  pair.isSpeaking = true;
  pair.time.runFor(30_000);
  expect(pair.entries).toBe(count);
  expect(pair.gauge('offers').taken).toBe(0);
  expectSameArena(pair);
});

test('full: small files went whole, and no answer -> no more than may be are offered anew at once', () => {
  const pair = new Pair();
  pair.machine.start();
  pair.time.runFor(5_000);
  pair.isSpeaking = false;
  const count = 3 * OFFERS_MAX;
  for (let i = 0; i < count; i++) {
    pair.machine.volume.writeFileSync(`${ROOT}/f${i}`, some(100, i));
    pair.machine.hint(path(''), path(`f${i}`));
  }
  pair.time.runFor(5_000);
  expect(pair.gauge('whole offers').taken).toBe(count);
  pair.time.runFor(60_000);
  expect(pair.gauge('offers')).toMatchObject({ taken: OFFERS_MAX, highWater: OFFERS_MAX });
  expect(pair.gauge('whole offers').taken).toBe(count - OFFERS_MAX);
  pair.isSpeaking = true;
  pair.time.runFor(60_000);
  expect(pair.entries).toBe(count);
  expect([pair.gauge('offers').taken, pair.gauge('whole offers').taken]).toEqual([0, 0]);
  expect(pair.gauge('offers').highWater).toBe(OFFERS_MAX);
  expectSameArena(pair);
});

test('full: a directory longer than the listing buffer -> sorted through a file, every name found', () => {
  const pair = new Pair();
  const count = 1_000;
  const filler = 'n'.repeat(240);
  for (let i = 0; i < count; i++)
    pair.machine.volume.writeFileSync(`${ROOT}/${(i * 7919) % count}${filler}`, '');
  pair.machine.start();
  pair.time.runFor(60_000);
  const listing = pair.gauge('listing');
  expect(listing.limit).toBe(pair.memory.arena.listing.length);
  expect(listing).toMatchObject({ unit: 'bytes', taken: 0, whenFull: 'spills' });
  expect(listing.times).toBeGreaterThan(1);
  expect(listing.highWater).toBeGreaterThan(listing.limit * 0.9);
  expect(listing.highWater).toBeLessThanOrEqual(listing.limit);
  expect(pair.entries).toBe(count);
  expectSameArena(pair);
});

test('full: a directory that fits the listing buffer -> what its rows take is shown, nothing spills', () => {
  const pair = new Pair();
  for (let i = 0; i < 100; i++) pair.machine.volume.writeFileSync(`${ROOT}/name-${i}`, '');
  pair.machine.start();
  pair.time.runFor(10_000);
  const { taken, times, highWater } = pair.gauge('listing');
  expect([taken, times]).toEqual([0, 0]);
  // A head of 40 bytes, a name of 6 or 7 to the next 8, a place in the table.
  expect(highWater).toBe(100 * (40 + 8 + 4));
});

test('full: a page cache of 8 frames under ten thousand keys -> pages are evicted and come again, none is lost', () => {
  const arena = openArena({ bytes: ARENA_BYTES });
  const tree = openTree(arena, new MemoryPages(), 8);
  const key = (i: number) => Buffer.from(`key-${(i * 7919) % 10_000}`);
  for (let i = 0; i < 10_000; i++) {
    tree.put(key(i), Buffer.from(String(i)));
    if (i % 1_000 === 999) tree.commit();
  }
  for (let i = 0; i < 10_000; i++) expect(String(Buffer.from(tree.get(key(i))!))).toBe(String(i));
  const { frames, cached, cachedMost, dirtyMost, evictions, misses, hits, pages } = tree.stats();
  expect([frames, cached, cachedMost]).toEqual([8, 8, 8]);
  expect(dirtyMost).toBeLessThan(8);
  expect(pages).toBeGreaterThan(40);
  expect(evictions).toBeGreaterThan(10_000);
  expect(misses).toBeGreaterThan(10_000);
  expect(hits).toBeGreaterThan(0);
  const held = tree.pageSpans().reduce((sum, [, cells]) => sum + cells, 0);
  expect(held).toBe(8);
  expect(tree.audit()).toBe(undefined);
  expect(arena.memory.buffer.byteLength).toBe(ARENA_BYTES);
});

test('full: more files to fetch than slots and window -> apply waits, every file comes', () => {
  const pair = new Pair();
  const files = 150;
  const content = (i: number) => some(i % 3 === 0 ? 20_000 : 200, i + 1);
  for (let i = 0; i < files; i++) pair.machine.volume.writeFileSync(`${ROOT}/f${i}`, content(i));
  pair.machine.start();
  pair.time.runFor(60_000);
  expect(pair.entries).toBe(files);
  // A board that was lost: an empty folder, no catalog.
  pair.machine.kill();
  pair.machine.loseCatalog();
  pair.machine.volume.rmSync(ROOT, { recursive: true });
  pair.machine.volume.mkdirSync(ROOT);
  pair.machine.start();
  pair.time.runFor(60_000);
  for (let i = 0; i < files; i++)
    expect(content(i).equals(pair.machine.volume.readFileSync(`${ROOT}/f${i}`))).toBe(true);
  const fetches = pair.gauge('fetches');
  expect(fetches).toMatchObject({ taken: 0, limit: 32, highWater: 32, whenFull: 'waits' });
  expect(fetches.times).toBeGreaterThan(1);
  const window = pair.gauge('pull window');
  expect(window).toMatchObject({ unit: 'bytes', taken: 0, whenFull: 'waits' });
  expect(window.times).toBeGreaterThan(1);
  expect(window.highWater).toBeGreaterThan(window.limit / 2);
  expect(window.highWater).toBeLessThanOrEqual(window.limit);
  expectSameArena(pair);
});

function openMemoryBench(): Bench {
  const volume = new Volume();
  volume.mkdirSync('/home/folder', { recursive: true });
  return openBench({ system: memorySystem(volume), root: '/home/folder', outside: '/home', hands: volume });
}

test('full: more staged files than are held open -> the one used least is closed, and goes on when its turn comes', () => {
  const bench = openMemoryBench();
  const count = 100;
  const of = (slot: number) => some(1_000, slot + 1);
  for (let slot = 0; slot < count; slot++) stage(bench, slot, of(slot).subarray(0, 600));
  for (let slot = 0; slot < count; slot++) patch(bench, slot, 600, of(slot).subarray(600));
  const open = bench.disk.gauges().find(({ name }) => name === 'staged files open');
  expect(open).toMatchObject({ taken: 64, limit: 64, highWater: 64, whenFull: 'evicts', times: 36 + 100 });
  const items = Array.from({ length: count }, (_, slot) => ({
    slot,
    path: path(`f${slot}`),
    mode: 0o644,
    mtime: SECOND,
    expect: undefined,
  }));
  const { items: placed } = ask(bench, { do: 'place', items }, 'placed');
  expect(placed.filter(({ trouble }) => trouble !== undefined)).toEqual([]);
  for (let slot = 0; slot < count; slot++)
    expect(of(slot).equals(bench.hands.readFileSync(`${bench.root}/f${slot}`) as Buffer)).toBe(true);
});

test('full: more changes than are kept open unsynced -> synced at once, and the next sync has no trouble', () => {
  const bench = openMemoryBench();
  for (let n = 0; n < 100; n++) ask(bench, { do: 'makeDirectory', path: path(`d${n}`), mode: 0o755 }, 'did');
  const gauge = () => bench.disk.gauges().find(({ name }) => name === 'unsynced changes')!;
  expect(gauge()).toMatchObject({ limit: 64, highWater: 64, whenFull: 'waits', times: 1 });
  expect(ask(bench, { do: 'sync' }, 'synced').trouble).toBe(undefined);
  expect(gauge().taken).toBe(0);
});

test('full: more directories in one effect than are held open -> the one used least is closed, and opened again', () => {
  const bench = openMemoryBench();
  const items = Array.from({ length: 40 }, (_, slot) => {
    bench.hands.mkdirSync(`${bench.root}/d${slot % 20}`, { recursive: true });
    stage(bench, slot, some(100, slot + 1));
    const name = path(`d${slot % 20}/f${slot}`);
    return { slot, path: name, mode: 0o644, mtime: SECOND, expect: undefined };
  });
  const { items: placed } = ask(bench, { do: 'place', items }, 'placed');
  expect(placed.filter(({ trouble }) => trouble !== undefined)).toEqual([]);
  const open = bench.disk.gauges().find(({ name }) => name === 'directories open');
  expect(open).toMatchObject({ taken: 0, limit: 16, highWater: 16, whenFull: 'evicts', times: 24 });
});

test('full: a turn of work waits and frames come -> dropped and counted, taken again when it is done', () => {
  const core = openCore(undefined, MANY);
  const options = { ...core.options };
  const engine = new Engine(options, core.catalog, core.arena, core.rules, squeeze);
  let isAnswering = true;
  const wakes: (() => void)[] = [];
  const notes: string[] = [];
  const driver: Driver = new Driver(
    engine,
    core.arena,
    {
      // More answers than one turn takes.
      disk: () => {
        if (isAnswering) for (let n = 0; n < 5_000; n++) driver.take({ is: 'tick' });
        isAnswering = false;
      },
      send: () => {},
      note: note => notes.push(note.kind === 'session' ? note.text : note.kind),
      startOver: () => {},
      stopped: () => {},
      fail: error => {
        throw error;
      },
    },
    { now: () => 1_000, wake: (at, call) => at === 0 && wakes.push(call) },
  );
  driver.take({ is: 'start' });
  const frame = Buffer.from('no frame');
  driver.takeFrame(frame, FRAME_BYTES_MAX);
  expect(notes).toEqual([]);
  expect(driver.gauge.reading()).toMatchObject({ limit: 8192, whenFull: 'drops', times: 1 });
  expect(driver.gauge.reading().highWater).toBeGreaterThan(2048);
  while (driver.gauge.reading().taken > 0) wakes.pop()?.();
  driver.takeFrame(frame, FRAME_BYTES_MAX);
  expect(notes.length).toBe(1);
  expect(driver.gauge.reading()).toMatchObject({ taken: 0, times: 1 });
});

test('full: more needs than may wait -> dropped and counted, the gateway asks again', () => {
  const core = openCore(undefined, MANY);
  const serve = new Serve(core, undefined as unknown as Offers);
  serve.onNeed(
    Array.from({ length: 300 }, (_, req) => ({ req, what: 1, ordinal: 0, count: 1, dictionary: 0 })),
  );
  const needs = core.gauges.find(({ name }) => name === 'needs')!.reading();
  expect(needs).toMatchObject({ taken: 256, limit: 256, highWater: 256, whenFull: 'drops', times: 44 });
});

test('full: more looks and listings wanted than may wait -> dropped and counted, a full scan instead', () => {
  const core = openCore(undefined, MANY);
  const scan = new Scan(core);
  expect(scan.isRunning).toBe(false);
  for (let n = 0; n < 300; n++) scan.wantLook({ parent: ROOT_ID, name: Buffer.from(`f${n}`) });
  expect(scan.isRunning).toBe(true);
  for (let n = 0; n < 1030; n++) scan.wantDirectory(n + 2);
  const of = (name: string) => core.gauges.find(gauge => gauge.name === name)!.reading();
  expect(of('looks wanted')).toMatchObject({ taken: 256, limit: 256, whenFull: 'drops', times: 44 });
  expect(of('listings wanted')).toMatchObject({ taken: 1024, limit: 1024, whenFull: 'drops', times: 6 });
});

test('full: more places rest than are kept -> all wait until the youngest has rested, then go on', () => {
  const core = openCore(undefined, MANY);
  const resting = new Resting(core, 'resting', 64);
  const place = (n: number) => ({ parent: ROOT_ID, name: Buffer.from(`f${n}`) });
  core.now = 1_000;
  for (let n = 0; n < 64; n++) resting.rest(place(n), 100);
  expect(resting.has(place(70))).toBe(false);
  resting.rest(place(64), 500);
  expect(core.gauges[0]!.reading()).toMatchObject({ taken: 64, limit: 64, highWater: 64, times: 1 });
  expect(resting.has(place(70))).toBe(true);
  core.now = 1_500;
  expect([0, 64, 70].map(n => resting.has(place(n)))).toEqual([false, false, false]);
});

test('full: a session more than the hub serves -> refused with the reason, counted; those there go on', () => {
  const store = openMemoryStore();
  const hub = new Hub({
    store,
    hasher: openArena({ bytes: ARENA_BYTES }),
    squeeze,
    newFolderId: () => new Uint8Array(16).fill(1),
    sharesMax: 64,
    frameBytesMax: FRAME_BYTES_MAX,
  });
  const hello = (board: string): HubEffect[] => {
    const facts = {
      session: 1,
      versionMin: 1,
      versionMax: 1,
      share: 's',
      position: 0,
      window: 4,
      software: 't',
      ahead: 0,
    };
    const message = {
      is: 'hello',
      ...facts,
      folder: new Uint8Array(0),
      frameBytesMax: FRAME_BYTES_MAX,
      term: new Uint8Array(0),
      aheadTerm: new Uint8Array(0),
      trail: [],
    } satisfies MessageNamed<'hello'>;
    store.transaction(() => hub.take({ is: 'message', board, message, body: new Uint8Array(0) }, 1));
    return hub.drain();
  };
  const answer = (effects: HubEffect[]) => effects.find(effect => effect.do === 'send')?.message;
  for (let n = 0; n < 4096; n++) hello(`b${n}`);
  expect(answer(hello('b4096'))).toMatchObject({
    is: 'refuse',
    reason: expect.stringContaining('4096 boards'),
  });
  expect(answer(hello('b0'))).toMatchObject({ is: 'welcome' });
  // The plain copies come on top.
  expect(answer(hello('@s'))).toMatchObject({ is: 'welcome' });
  expect(hub.gauges()[0]).toMatchObject({
    name: 'sessions',
    taken: 4096,
    limit: 4096,
    whenFull: 'refuses',
    times: 1,
  });
});
