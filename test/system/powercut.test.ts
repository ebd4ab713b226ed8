// The power goes at the gateway after write 1, 2, 3 ... of its real store, while real boards work with it. The gateway
// runs under strace; what it wrote and synced, and what it told the boards, is played again up to each write. Whatever
// of the unsynced writes the disk kept: the store opens, verify finds it whole, and it holds what was told to be
// durable.

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openArena } from '../../agent/arena/arena.ts';
import { openLmdbShelves } from '../../gateway/store/lmdb.ts';
import { openStore } from '../../gateway/store/store.ts';
import { verify } from '../../gateway/verify/verify.ts';
import { decodeFrame } from '../../protocol/frame.ts';
import { FRAME_BYTES_MAX } from '../../protocol/limits.ts';
import { Verdict } from '../../protocol/messages.ts';
import { Random } from '../sim/random.ts';
import { type Cast, openCast, until } from './cast.ts';
import { type Event, images, readEvents, STRACE } from './trace.ts';

const mayTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;
const SEED = Number(process.env.SEED ?? 1);

let cast: Cast;
afterEach(() => cast?.close());

const TOPIC = /toastbox\/1\/board\/[^/]+\/down/;

/** The newest change that these bytes tell a board is durable, 0 for none: MQTT 3.1.1, section 3.3, at QoS 0. */
function toldIn(bytes: Buffer): number {
  const text = bytes.toString('latin1');
  let newest = 0;
  for (let from = 0; ; ) {
    const at = text.slice(from).search(TOPIC);
    if (at < 0) return newest;
    const topic = TOPIC.exec(text.slice(from + at))![0];
    const payload = from + at + topic.length;
    // The remaining length stands right before the topic's two bytes of length: 7 bits a byte, the last below 128.
    let start = from + at - 3;
    while (start > 0 && bytes[start - 1]! >= 0x80) start--;
    let remaining = 0;
    for (let shift = 0, byte = start; byte < from + at - 2; byte++, shift += 7)
      remaining += (bytes[byte]! & 0x7f) * 2 ** shift;
    const frame = bytes.subarray(payload, from + at - 2 + remaining);
    const decoded = decodeFrame(frame, 'down', FRAME_BYTES_MAX);
    if ('message' in decoded && decoded.message.is === 'done')
      for (const { verdict, seq } of decoded.message.items)
        if (verdict === Verdict.ACCEPTED || verdict === Verdict.SAME) newest = Math.max(newest, seq);
    from = payload;
  }
}

async function live(): Promise<void> {
  const [one, two] = [await cast.board('one'), await cast.board('two')];
  const folders = [one.folder, two.folder, cast.gateway.copy('shared')];
  const random = new Random(SEED);
  const at = (name: string) => join(one.folder, name);
  mkdirSync(at('d'));
  for (let file = 0; file < 12; file++) writeFileSync(at(`d/f${file}`), random.bytes(500));
  writeFileSync(at('large'), random.bytes(200_000));
  await cast.settle(folders);
  appendFileSync(at('large'), random.bytes(5_000));
  appendFileSync(at('d/f1'), 'more');
  await cast.settle(folders);
  renameSync(at('d'), at('e'));
  symlinkSync('large', at('link'));
  await cast.settle(folders);
  chmodSync(at('large'), 0o600);
  rmSync(at('e'), { recursive: true });
  await cast.settle(folders);
  await Promise.all([one.stop(), two.stop()]);
  writeFileSync(at('large'), random.bytes(30_000));
  writeFileSync(join(two.folder, 'large'), random.bytes(40_000));
  await one.start();
  await two.start();
  await cast.settle(folders);
}

test.skipIf(!mayTrace)(
  `powercut: after write 1, 2, 3 ... of the gateway's store (seed ${SEED}) -> whole, with all that was acknowledged`,
  async () => {
    let trace = '';
    cast = await openCast('embedded', [], ({ root, gateway }) => {
      trace = join(root, 'trace');
      gateway.through(STRACE(trace));
    });
    await live();
    await cast.gateway.stop();
    const { pid } = cast.gateway;
    const isTraced = new RegExp(`^${pid} +\\+\\+\\+ exited`, 'm');
    await until('the trace is written', () => isTraced.test(readFileSync(trace, 'latin1')));

    const events: Event[] = readEvents(
      readFileSync(trace, 'latin1'),
      join(cast.gateway.data, 'store'),
      'data.mdb',
    );
    const told: number[] = [];
    for (const event of events) {
      const newest = event.is === 'sent' ? toldIn(event.bytes) : 0;
      told.push(Math.max(newest, told.at(-1) ?? 0));
    }
    expect(told.at(-1)).toBeGreaterThan(40);

    // Until its names are durable the store counts as unfinished, and then it has what it begins with.
    const born = events.findIndex(event => event.is === 'named');
    expect(born).toBeGreaterThan(5);
    expect(told[born]).toBe(0);

    const arena = openArena({ bytes: 2 * 1024 * 1024 });
    const store = join(cast.root, 'after');
    let points = 0;
    let ends = 0;
    for (const { after, image, kept } of images(events, new Random(SEED))) {
      // What is told until the next write is told of this image.
      let last = after;
      while (events[last]?.is === 'sent') last++;
      const where = `after event ${after} of ${events.length}, ${kept} kept`;
      rmSync(store, { recursive: true, force: true });
      mkdirSync(store);
      if (image.length > 0) writeFileSync(join(store, 'data.mdb'), image);
      if (after <= born) writeFileSync(join(store, 'unfinished'), '');
      const shelves = openLmdbShelves(store);
      const damages: string[] = [];
      verify(shelves, arena, word => void (word.is === 'damage' && damages.push(word.text)));
      expect(damages, where).toEqual([]);
      const tables = openStore(shelves, { term: new Uint8Array(8).fill(1) });
      expect(tables.folder('shared')?.head ?? 0, where).toBeGreaterThanOrEqual(told[last - 1]!);
      await shelves.close();
      points++;
      ends += Number(kept === 'nothing unsynced');
    }
    console.info(`${ends} writes and syncs cut, ${points} disks, ${told.at(-1)} changes acknowledged`);
    expect(ends).toBeGreaterThan(50);
  },
);
