// A path that is not what was recorded is left to the scan for a moment. Without that, a directory of waiting files
// that had become a symlink was read again and again, as fast as the disk could refuse, and nothing else had its turn.

import { expect, test } from 'vitest';
import type { Core } from '../../agent/engine/core.ts';
import { Examine } from '../../agent/engine/examine.ts';
import type { Place } from '../../agent/engine/keys.ts';
import type { Effect } from '../../agent/engine/ports.ts';

const place = (name: string): Place => ({ parent: 1, name: Buffer.from(name) });
const NOTHING = new Uint8Array(0);

function openExamine() {
  const effects: Effect[] = [];
  const core = {
    now: 1000,
    isPaused: false,
    isLocalMarked: false,
    counters: { readFiles: 0 },
    catalog: { get: () => ({ local: {} }) },
    writer: { begin: () => {}, end: () => 0, single: () => NOTHING },
    emit: (effect: Effect) => effects.push(effect),
    gauge: () => ({ met: () => {}, grew: () => {} }),
    trouble: () => {},
    wake: () => {},
  };
  return { core, effects, examine: new Examine(core as unknown as Core) };
}

test.each(['REFUSED', 'ENOENT', 'ENOTDIR', 'CHANGED'])(
  'doubt: reading a file says %s -> looked at once, and not read again before that had its time',
  code => {
    const { core, effects, examine } = openExamine();
    const doubted: string[] = [];
    examine.onGone = ({ name }) => doubted.push(Buffer.from(name).toString());
    const answer = { before: undefined, after: undefined, content: NOTHING, bytes: 0, trouble: { code } };
    expect(examine.local(place('file'), Buffer.from('n/file'), 10)).toBe(true);
    examine.onExamined({ is: 'examined', ...answer });
    expect(doubted).toEqual(['file']);
    for (let i = 0; i < 1000; i++)
      expect(examine.local(place('file'), Buffer.from('n/file'), 10)).toBe(false);
    expect(effects).toHaveLength(1);
    expect(examine.local(place('other'), Buffer.from('n/other'), 10)).toBe(true);
    examine.onExamined({ is: 'examined', ...answer });
    core.now += 250;
    examine.tick();
    expect(core.isLocalMarked).toBe(true);
    expect(examine.local(place('file'), Buffer.from('n/file'), 10)).toBe(true);
  },
);
