// A change of the gateway's that comes while this board's own offer for the same path is still on its way.

import { expect, test } from 'vitest';
import { encodeFrameHeader } from '../../protocol/frame.ts';
import { Kind } from '../../protocol/messages.ts';
import { some } from '../disk/bench.ts';
import { Pair } from '../memory/pair.ts';
import { REST_MS, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';

test('overtaken: the offer is in conflict, and its file was deleted meanwhile -> what came first is applied', () => {
  const pair = new Pair();
  const { machine, time, store } = pair;
  const { volume } = machine;
  const changed = (): void => machine.hint(Buffer.from(''), Buffer.from('c'));
  volume.mkdirSync(`${ROOT}/d`);
  machine.start();
  time.runFor(REST_MS);
  pair.fate = () => [];
  volume.writeFileSync(`${ROOT}/c`, some(90_000, 1));
  changed();
  time.runFor(500);
  const [folder] = store.folders();
  const facts = { kind: Kind.SYMLINK, mode: 0, size: 0, mtime: 0, content: Buffer.from('x') };
  store.transaction(() =>
    store.commit(folder!.number, Buffer.from('c'), { ...facts, board: 'other', arrived: time.now }),
  );
  volume.unlinkSync(`${ROOT}/c`);
  changed();
  time.runFor(500);
  pair.fate = () => [1];
  const head = { is: 'head', session: machine.sync!.session, head: 2 } as const;
  pair.deliver(encodeFrameHeader(head));
  time.runFor(200_000);
  expect(volume.readlinkSync(`${ROOT}/c`)).toBe('x');
  expect(seenAt(pair)).toBe(show(pair));
});
