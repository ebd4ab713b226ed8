// What a life has not looked at it agrees on nothing about: neither before its scan comes there, nor where that failed.

import { expect, test } from 'vitest';
import { Kind } from '../../protocol/messages.ts';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt, show } from './deeds.ts';
import { failure } from './files.ts';
import { ROOT } from './machine.ts';
import type { Volume } from './volume.ts';

/** After the stage's and the root's, no directory can be listed for so long. */
function failListings({ machine, time }: Pair, ms: number): void {
  const until = time.now + ms;
  const arm = (calls: number): void => {
    const spring = (call: string): void => {
      if (time.now < until) arm(0);
      throw failure('EMFILE', call);
    };
    machine.traps.push({ calls, fits: call => call === 'opendirSync', spring });
  };
  arm(2);
}

test.each([
  ['an empty file', 'd/e', (volume: Volume) => volume.writeFileSync(`${ROOT}/d/e`, '')],
  ['a large file', 'd/e', (volume: Volume) => volume.writeFileSync(`${ROOT}/d/e`, some(90_000, 4))],
  ['a directory', 'd/e', (volume: Volume) => volume.mkdirSync(`${ROOT}/d/e`)],
  ['a symlink', 'd/e', (volume: Volume) => volume.symlinkSync('x', `${ROOT}/d/e`)],
])(
  'unlisted: %s accepted, nothing was heard of it, the power took it -> it comes back',
  (_what, name, make) => {
    const pair = new Pair();
    const { machine, time } = pair;
    const { volume } = machine;
    volume.mkdirSync(`${ROOT}/d`);
    machine.start();
    time.runFor(REST_MS);
    make(volume);
    const wanted = show(pair);
    machine.hint(Buffer.from('d'), Buffer.from('e'));
    pair.fate = () => (pair.entries < 2 ? [1] : []);
    time.runFor(15_000);
    expect(pair.entries).toBe(2);
    machine.kill();
    volume.rmSync(`${ROOT}/${name}`, { recursive: true });
    pair.fate = () => [1];
    failListings(pair, 5_000);
    machine.start();
    time.runFor(200_000);
    expect(show(pair)).toBe(wanted);
    expect(seenAt(pair)).toBe(wanted);
  },
);

/** Of the calls of opendir in a start: the stage's, the root's, the directory's. */
test.each([undefined, 0, 1, 2])(
  'unlisted: accepted, the power took it, opendir %s fails -> it comes back',
  calls => {
    const pair = new Pair();
    const { machine, time } = pair;
    const { volume } = machine;
    volume.mkdirSync(`${ROOT}/d`);
    machine.start();
    time.runFor(REST_MS);
    pair.isSpeaking = false;
    volume.writeFileSync(`${ROOT}/d/e`, '');
    machine.hint(Buffer.from('d'), Buffer.from('e'));
    time.runFor(15_000);
    expect(pair.entries).toBe(2);
    machine.kill();
    volume.unlinkSync(`${ROOT}/d/e`);
    pair.isSpeaking = true;
    const spring = (call: string): void => {
      throw failure('EMFILE', call);
    };
    if (calls !== undefined) machine.traps.push({ calls, fits: call => call === 'opendirSync', spring });
    machine.start();
    time.runFor(200_000);
    expect(machine.traps).toEqual([]);
    expect(volume.readFileSync(`${ROOT}/d/e`).length).toBe(0);
    expect(seenAt(pair)).toBe(show(pair));
  },
);

/** An earlier life's last seconds: the disk shows them, the catalog does not. */
test.each([
  ['after its scan', false],
  ['before its scan', true],
])(
  'unlisted: taken away as told, not committed, made anew just as it was; heard %s -> it stands',
  (_when, isBefore) => {
    const pair = new Pair();
    const { machine, time, store } = pair;
    const { volume } = machine;
    volume.mkdirSync(`${ROOT}/d`);
    volume.symlinkSync('x', `${ROOT}/d/e`);
    machine.start();
    time.runFor(REST_MS);
    const wanted = show(pair);
    machine.kill();
    volume.unlinkSync(`${ROOT}/d/e`);
    const [folder] = store.folders();
    const path = Buffer.from('d/e');
    const made = store.current(folder!.number, path)!;
    const by = { board: 'other', arrived: time.now };
    const gone = { kind: Kind.ABSENT, mode: 0, size: 0, mtime: 0, content: new Uint8Array(0) };
    for (const change of [gone, made])
      store.transaction(() => store.commit(folder!.number, path, { ...change, ...by }));
    if (isBefore) failListings(pair, 5_000);
    machine.start();
    time.runFor(200_000);
    expect(show(pair)).toBe(wanted);
    expect(seenAt(pair)).toBe(wanted);
  },
);

/** One that came before the trouble is read again in the next life. */
test.each(['EIO', 'ENOENT', 'ENOKEY'])(
  'unlisted: a symlink whose target cannot be read, %s, and which cannot be looked at -> tried now and then, in the end it comes',
  code => {
    const pair = new Pair();
    const { machine, time } = pair;
    machine.start();
    time.runFor(REST_MS);
    const until = time.now + 60_000;
    let calls = 0;
    const arm = (fits: (call: string) => boolean, failing: string): void => {
      const spring = (call: string): void => {
        calls++;
        if (time.now < until) arm(fits, failing);
        throw failure(failing, call);
      };
      machine.traps.push({ calls: 0, fits, spring });
    };
    machine.volume.symlinkSync('x', `${ROOT}/e`);
    arm(call => call === 'readlinkSync', code);
    machine.hint(Buffer.from(''), Buffer.from('e'));
    time.runFor(1_000);
    arm(call => call === 'lstatSync', 'EIO');
    time.runFor(60_000);
    expect(calls).toBeGreaterThan(10);
    expect(calls).toBeLessThan(100);
    time.runFor(200_000);
    expect(seenAt(pair)).toBe(show(pair));
    expect(pair.entries).toBe(1);
  },
);
