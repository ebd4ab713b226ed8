// Nothing on the JavaScript side grows with the folder: heap and external memory of the real agent on a real file
// system, after a forced collection, over N files and over 10 N, all the way through a first scan and sync up and a
// first sync down. LONG=1 for ten times as many.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { realPorts } from '../../agent/main.ts';
import { Sync } from '../../agent/sync.ts';
import { changesOf, contentOf, directoryOf, Endless, pathOf } from './endless.ts';

const isLong = process.env.LONG === '1';
const FEW = isLong ? 20_000 : 2_000;
const MANY = 10 * FEW;
const WITHIN_MS = isLong ? 600_000 : 120_000;
/** So few that both fill them. */
const WATCHES = 8;
const FETCHES_MAX = 256;
/** For what V8 compiled meanwhile and Node keeps: it was 0.6 MiB, and 1.03 on a busy machine. An object a file in a
 * map is 2 MiB at 18,000 files; eight bytes a file are seen with LONG=1. */
const NOISE_BYTES = 1.25 * 1024 * 1024;
/** Looks at the heap in the course of a sync. */
const LOOKS = 12;

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

let home: string;
beforeAll(() => {
  home = fs.mkdtempSync(join(fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'toastbox-flat-'));
});
afterAll(() => fs.rmSync(home, { recursive: true }));

function heldBytes(): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Held {
  most: number;
  /** At the end, with nothing under way. */
  last: number;
}

let lives = 0;

/** Syncs a folder until the gateway's head is settled there: what the process held on the way. */
async function live(folder: string, gateway: Endless, changes: number): Promise<Held> {
  const state = join(home, `state ${++lives}`);
  fs.mkdirSync(state);
  let most = 0;
  let looks = 0;
  let end: (held: Held) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const ended = new Promise<Held>((done, failed) => {
    end = done;
    fail = failed;
  });
  const sync: Sync = new Sync(
    {
      folder,
      board: 'flat',
      share: 'shared',
      software: 'test',
      arenaBytes: 2 * 1024 * 1024,
      rescanSeconds: 3600,
      fetchesMax: FETCHES_MAX,
      windowFrames: 4,
    },
    {
      ...realPorts(state, WATCHES),
      openLink: (_session, handlers) => gateway.openLink(handlers),
      onNote: note => note.kind === 'trouble' && fail(new Error(`${note.doing}: ${note.code}`)),
      onLog: (_level, text) => fail(new Error(text)),
      onFail: fail,
    },
  );
  gateway.onProgress = progress => {
    if (progress >= (changes * (looks + 1)) / (LOOKS + 1)) {
      looks++;
      most = Math.max(most, heldBytes());
    }
    const engine = sync.look()?.engine;
    if (engine?.settled === changes && engine.pendingUp + engine.pendingDown === 0) {
      gateway.onProgress = () => {};
      const last = heldBytes();
      end({ most: Math.max(most, last), last });
    }
  };
  sync.start();
  try {
    return await ended;
  } finally {
    const { gauges } = sync.lookAtMemory()!;
    await sync.stop();
    for (const { name, highWater, limit } of gauges) expect(highWater, name).toBeLessThanOrEqual(limit);
    expect(looks).toBeGreaterThan(LOOKS / 2);
  }
}

async function up(files: number): Promise<Held> {
  const folder = join(home, `up ${files}`);
  for (let n = 0; n < files; n++) {
    if (n % 100 === 0) fs.mkdirSync(join(folder, directoryOf(n)), { recursive: true });
    fs.writeFileSync(join(folder, pathOf(n)), contentOf(n));
  }
  const held = await live(folder, new Endless(0), changesOf(files));
  fs.rmSync(folder, { recursive: true });
  return held;
}

async function down(files: number): Promise<Held> {
  const folder = join(home, `down ${files}`);
  fs.mkdirSync(folder);
  const held = await live(folder, new Endless(changesOf(files)), changesOf(files));
  for (let n = 0; n < files; n++)
    if (!contentOf(n).equals(fs.readFileSync(join(folder, pathOf(n)))))
      throw new Error(`file ${n} is another`);
  fs.rmSync(folder, { recursive: true });
  return held;
}

test.each([
  ['scan and sync up', up],
  ['sync down', down],
])(
  `flat: first %s of ${FEW} and of ${MANY} files -> what the process holds is the same`,
  async (what, act) => {
    await act(FEW); // compiled and warm
    const few = await act(FEW);
    const many = await act(MANY);
    const kib = (bytes: number) => Math.round(bytes / 1024);
    console.info(
      `${what}: ${kib(few.most)} KiB at most with ${FEW} files, ${kib(many.most)} with ${MANY}; ` +
        `at the end ${kib(few.last)} and ${kib(many.last)}`,
    );
    expect(many.most - few.most).toBeLessThan(NOISE_BYTES);
    expect(many.last - few.last).toBeLessThan(NOISE_BYTES);
  },
  WITHIN_MS,
);
