// What comes down gets its turn, and the catalog its commits, however much goes up meanwhile.

import { expect, test } from 'vitest';
import { encodeFrameHeader } from '../../protocol/frame.ts';
import { Kind } from '../../protocol/messages.ts';
import { some } from '../disk/bench.ts';
import { begin, REST_MS, seenAt, show } from './deeds.ts';
import { ROOT } from './machine.ts';

test('turns: new files go up faster than the disk syncs -> others come down all the while, commits are made', () => {
  const pair = begin();
  const { machine, time, store } = pair;
  const { volume } = machine;
  machine.syncMs = 500;
  const files = 300;
  const commits = () => machine.sync!.look()!.tree.commits;
  const [folder] = store.folders();
  for (let round = 0; round < 5; round++) {
    const before = commits();
    const name = `from elsewhere ${round}`;
    const facts = { kind: Kind.SYMLINK, mode: 0, size: 0, mtime: 0, content: Buffer.from('x') };
    store.transaction(() =>
      store.commit(folder!.number, Buffer.from(name), { ...facts, board: 'other', arrived: time.now }),
    );
    const head = { is: 'head', session: machine.sync!.session, head: store.folders()[0]!.head } as const;
    pair.deliver(encodeFrameHeader(head));
    for (let file = 0; file < files; file++) {
      volume.writeFileSync(`${ROOT}/x/${round}.${file}`, some(60, round * 10_000 + file));
      machine.hint(Buffer.from('x'), Buffer.from(`${round}.${file}`));
      time.runFor(20);
    }
    expect(volume.readlinkSync(`${ROOT}/${name}`)).toBe('x');
    expect(commits()).toBeGreaterThan(before);
  }
  time.runFor(REST_MS);
  expect(seenAt(pair)).toBe(show(pair));
});
