// Files with times that the wire or the catalog cannot hold: they travel all the same, and come to rest.

import { expect, test } from 'vitest';
import { TIME_MAX, TIME_MIN } from '../../agent/engine/ports.ts';
import { Kind } from '../../protocol/messages.ts';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS } from './deeds.ts';
import { ROOT } from './machine.ts';

const seconds = (year: number) => Date.UTC(year, 0) / 1000;
const mtime = ({ machine }: Pair, name: string) => machine.volume.lstatSync(`${ROOT}/${name}`).mtimeMs * 1000;
const engine = ({ machine }: Pair) => machine.sync!.look()!.engine;
/** A rescan is due every ten minutes. */
const RESCAN_MS = 700_000;
const RESTING = { link: 'live', pendingUp: 0, pendingDown: 0 };

test.each([
  [1800, TIME_MIN],
  [2110, TIME_MAX],
  [2200, TIME_MAX],
  [2400, TIME_MAX],
])(
  'times: files of %i -> at the other board they are of the nearest year that travels, at rest',
  (year, told) => {
    const source = new Pair();
    const { volume } = source.machine;
    for (const [name, bytes] of Object.entries({ small: 100, large: 50_000 })) {
      volume.writeFileSync(`${ROOT}/${name}`, some(bytes, 1));
      volume.utimesSync(`${ROOT}/${name}`, 0, seconds(year));
    }
    source.machine.start();
    source.time.runFor(REST_MS);
    expect(engine(source)).toMatchObject({ ...RESTING, counters: { sentFiles: 2 } });
    const { readFiles } = engine(source).counters;
    source.time.runFor(RESCAN_MS);
    expect(engine(source)).toMatchObject({ ...RESTING, counters: { readFiles, sentFiles: 2 } });
    const board = new Pair(source.store);
    board.machine.start();
    board.time.runFor(REST_MS);
    for (const name of ['small', 'large']) expect(mtime(board, name)).toBe(told);
    expect(engine(board)).toMatchObject({ ...RESTING, counters: { readFiles: 0, sentFiles: 0 } });
  },
);

test.each([
  ['a file', Kind.FILE],
  ['a symlink', Kind.SYMLINK],
])(
  'times: %s that the gateway has of 2200, and then touched of 2250 -> is taken, and comes to rest',
  (_what, kind) => {
    const source = new Pair();
    const { volume } = source.machine;
    if (kind === Kind.FILE) volume.writeFileSync(`${ROOT}/old`, some(100, 1));
    else volume.symlinkSync('x', `${ROOT}/old`);
    source.machine.start();
    source.time.runFor(REST_MS);
    source.machine.kill();
    const { store } = source;
    const board = new Pair(store);
    const [folder] = store.folders();
    const path = Buffer.from('old');
    for (const year of [2200, 2250]) {
      const version = { ...store.current(folder!.number, path)!, mtime: seconds(year) * 1e6, board: 'other' };
      store.transaction(() => store.commit(folder!.number, path, { ...version, arrived: board.time.now }));
      board.machine.start();
      board.time.runFor(REST_MS);
      expect(engine(board)).toMatchObject(RESTING);
      expect(store.current(folder!.number, path)?.mtime).toBe(TIME_MAX);
      board.machine.kill();
    }
  },
);
